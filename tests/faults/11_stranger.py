#!/usr/bin/python3
"""Strangers: a key that is not listed, no key, the key of another role, a listed public key without its secret, another's session,
another's routing id. No byte of theirs reaches the decoder, and a publisher beside them is answered throughout.

Control: the stranger's key is listed: what it sends must be seen."""
import secrets

import fault
import zmq
from fault import Collector, promise
from jejak import Publisher, Session, batch, check, ctl, event, expect, free_port, pair_of, read_log, run, status

SILENCE_MS = 700


class Scene:
    def __init__(self, trial):
        self.trial, self.home, self.endpoint = trial, trial.home(), f"tcp://127.0.0.1:{free_port()}"
        for name in ("lms", "other"):
            ctl(self.home, "publisher", "add", name)
        for role in ("reader", "admin"):
            check(run("jejakctl", "keys", "make", role, role, "--home", self.home.path).returncode == 0, f"no key for a {role}")
        self.collector = Collector(self.home, plain=False, ingest=self.endpoint)
        self.keys = {name: pair_of(self.home, name) for name in ("lms", "other", "reader", "admin")}
        self.server = self.keys["lms"][0]
        self.lms, self.other = (Session(self.endpoint, keys=self.keys[name]) for name in ("lms", "other"))
        self.stored = self.forged = 0
        self.goes_on()

    def goes_on(self):
        for session in (self.lms, self.other):
            answer = session.publish(event(), wait_ms=5000)
            promise(answer and answer["status"] == "ok", f"a publisher is disturbed: {answer}")
            self.stored += 1

    def unheard(self, what, keys, routing_id=None):
        """Whoever has these keys sends batches of every kind, and nothing of them is looked at."""
        before = status(self.home)
        client = Publisher(self.endpoint, keys=keys) if routing_id is None else named(self.endpoint, keys, routing_id)
        for message in (batch(self.lms.id, self.lms.seq + 1, [event("forged")], acked=self.lms.seq),
                        batch(secrets.token_bytes(16), 1, [event("forged")]), b"", secrets.token_bytes(3000)):
            client.socket.send(message)
        heard = client.socket.poll(SILENCE_MS)
        after = status(self.home)
        client.close()
        promise(not heard, f"{what} was answered")
        promise(after["batches"] == before["batches"], f"{what}: {after['batches'] - before['batches']} batches reached the decoder")
        self.goes_on()


def named(endpoint, keys, routing_id):
    client = Publisher.__new__(Publisher)
    client.socket = zmq.Context.instance().socket(zmq.DEALER)
    client.socket.linger, client.socket.routing_id = 0, routing_id
    if keys:
        client.socket.curve_serverkey, client.socket.curve_publickey, client.socket.curve_secretkey = keys
    client.socket.connect(endpoint)
    return client


def forged_session(scene):
    """A listed publisher with the session of another: a session of its own, as all hangs on the key's name."""
    stolen = Session(scene.endpoint, keys=scene.keys["other"], session=scene.lms.id, seq=scene.forged)
    expect(stolen.publish(event(), wait_ms=5000), status="ok")
    scene.forged += 1
    scene.stored += 1
    scene.goes_on()
    stolen.close()


def same_routing_id(scene):
    """The second one under a name is not let at the first one's answers, nor does the first one lose them."""
    first = named(scene.endpoint, scene.keys["lms"], b"frontend-1")
    session = secrets.token_bytes(16)
    for seq in range(1, 6):
        second = named(scene.endpoint, scene.keys["other"], b"frontend-1")
        first.socket.send(batch(session, seq, [event()], acked=seq - 1))
        answer = first.receive(5000)
        promise(answer and answer["status"] == "ok", f"the first one under its routing id is not answered: {answer}")
        second.socket.send(batch(secrets.token_bytes(16), 1, [event("second")]))
        answer = second.receive(100)
        promise(answer is None or answer["status"] == "ok", f"the second one had the first one's answer: {answer}")
        promise(answer is None, "two connections have one routing id")
        second.close()
        scene.stored += 1
    first.close()
    scene.goes_on()


def prove(trial):
    scene, rounds = Scene(trial), trial.count(5, 1)
    public, secret = zmq.curve_keypair()
    if trial.control:
        with open(scene.home / "keys/publishers/stranger.public", "w", encoding="ascii") as file:
            file.write(public.decode() + "\n")
        scene.collector.signal(1)
        scene.collector.wait_for("read again")
    for _ in range(rounds):
        scene.unheard("a key that is not listed", (scene.server, public, secret))
        scene.unheard("a client without a key", None)
        scene.unheard("a reader", scene.keys["reader"])
        scene.unheard("an administrator", scene.keys["admin"])
        scene.unheard("a listed public key with another secret", (scene.server, scene.keys["lms"][1], secret))
        scene.unheard("a client of another server", (zmq.curve_keypair()[0], *scene.keys["lms"][1:]))
        scene.unheard("a stranger under a routing id", (scene.server, public, secret), routing_id=b"frontend-1")
        forged_session(scene)
        same_routing_id(scene)
    events = read_log(scene.home)[0]
    promise(len(events) == scene.stored, f"{len(events)} events are stored, {scene.stored} were acknowledged")
    promise({one["publisher"] for one in events} == {"lms", "other"}, "somebody else stored something")
    refused = status(scene.home)["handshakes_refused"]
    promise(refused > 0, "no handshake was refused")
    scene.collector.stop()
    return f"{7 * rounds} strangers sent: 0 batches reached the decoder; {scene.stored} batches of publishers beside them, all answered"


if __name__ == "__main__":
    fault.main(prove)
