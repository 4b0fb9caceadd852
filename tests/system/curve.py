#!/usr/bin/python3
"""CURVE on every socket off ipc: who is listed gets through, who is not gets nothing, and revocation bites at once."""
import os
import time

import msgpack
import zmq

from jejak import (Collector, Fetcher, Publisher, Session, batch, check, ctl, event, expect, free_port, main, pair_of,
                   read_log, run, start_fails, status)

SILENCE_MS = 700


def curve_collector(home, *arguments):
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    return Collector(home, *arguments, plain=False, ingest=endpoint)


def stranger(home):
    public, secret = zmq.curve_keypair()
    return pair_of(home, "lms")[0], public, secret


def listed_and_unlisted(home, _chance):
    made = run("jejakctl", "publisher", "add", "lms", "--home", home.path)
    check(made.returncode == 0, made.stderr.decode())
    collector = curve_collector(home)  # listed before the first start
    session = Session(collector.ingest, keys=pair_of(home, "lms"))
    expect(session.publish(event()), status="ok")

    before = status(home)
    unlisted = Session(collector.ingest, keys=stranger(home))
    check(unlisted.publish(event(), wait_ms=SILENCE_MS) is None, "an unlisted key was answered")
    plain = Session(collector.ingest)
    check(plain.publish(event(), wait_ms=SILENCE_MS) is None, "a client without CURVE was answered")
    server, public, secret = pair_of(home, "lms")
    wrong_server = Session(collector.ingest, keys=(zmq.curve_keypair()[0], public, secret))
    check(wrong_server.publish(event(), wait_ms=SILENCE_MS) is None, "a client of another server was answered")
    after = status(home)
    check(after["handshakes_refused"] > before["handshakes_refused"], "a refused handshake was not counted")
    check(after["batches"] == before["batches"], "an unlisted key's message reached the decoder")
    check(server != public, "the server's key is the publisher's")
    events = read_log(home)[0]
    check([one["publisher"] for one in events] == ["lms"], events)
    expect(session.publish(event()), status="ok")
    collector.stop()


def revoked_while_open(home, _chance):
    collector = curve_collector(home)
    ctl(home, "publisher", "add", "lms")
    ctl(home, "publisher", "add", "other")
    session, other = (Session(collector.ingest, keys=pair_of(home, name)) for name in ("lms", "other"))
    expect(session.publish(event()), status="ok")
    expect(other.publish(event()), status="ok")
    check("lms" in ctl(home, "publisher", "list"), "not on the list")
    before = status(home)
    ctl(home, "publisher", "remove", "lms")
    check("lms" not in ctl(home, "publisher", "list"), "still on the list")
    for _ in range(3):
        check(session.publish(event(), wait_ms=SILENCE_MS) is None, "a revoked key was answered")
    after = status(home)
    check(after["messages_unlisted"] == before["messages_unlisted"] + 3, "messages of a revoked key are not counted")
    check(after["batches"] == before["batches"], "a revoked key's message reached the decoder")
    expect(other.publish(event()), status="ok")

    # another key under the same name: the session goes on with it, and never with the old one
    old = pair_of(home, "lms")
    new_folder = home / "new-keys"
    ctl(home, "publisher", "add", "lms", "--out", new_folder)
    check(session.publish(event(), wait_ms=SILENCE_MS) is None, "the old key was answered under the new one's name")
    again = Session(collector.ingest, keys=old)
    check(again.publish(event(), wait_ms=SILENCE_MS) is None, "the old key came in again")
    renewed = Session(collector.ingest, keys=pair_of(home, "lms", new_folder), session=session.id, seq=1)
    expect(renewed.publish(event("after")), status="ok")
    expect(renewed.ask(batch(session.id, 1, [event()], acked=0)), status="refused", code="conflict")
    check(len(read_log(home)[0]) == 4, "something of a refused key was stored")
    check(oct(os.stat(f"{new_folder}/lms.secret").st_mode & 0o777) == "0o600", "the secret's mode")
    collector.stop()


def answers_in_flight_when_revoked(home, _chance):
    """A revocation under load: what is sent after it is never stored."""
    collector = curve_collector(home)
    ctl(home, "publisher", "add", "lms")
    session = Session(collector.ingest, keys=pair_of(home, "lms"))
    for seq in range(1, 65):
        session.send(batch(session.id, seq, [event(f"before/{seq}")]))
    expect(session.receive(), status="ok")
    ctl(home, "publisher", "remove", "lms")
    while session.receive(SILENCE_MS) is not None:
        pass
    stored = status(home)["offset"]
    for seq in range(65, 70):
        session.send(batch(session.id, seq, [event("after")]))
    check(session.receive(SILENCE_MS) is None, "a revoked key was answered")
    time.sleep(0.1)
    check(status(home)["offset"] == stored, "a revoked key's events were stored")
    collector.stop()


def ask_control(endpoint, keys, op="status"):
    socket = Publisher(endpoint, keys=keys)
    answer = socket.ask(msgpack.packb({"v": 1, "op": op}), wait_ms=SILENCE_MS)
    socket.close()
    return answer


def roles_over_tcp(home, _chance):
    reader, control = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
    for role in ("publisher", "reader", "admin"):
        done = run("jejakctl", "keys", "make", role, role, "--home", home.path)
        check(done.returncode == 0, done.stderr.decode())
    collector = Collector(home, "--reader", reader, "--control", control, plain=False,
                          ingest=f"tcp://127.0.0.1:{free_port()}")
    keys = {role: pair_of(home, role) for role in ("publisher", "reader", "admin")}
    session = Session(collector.ingest, keys=keys["publisher"])
    expect(session.publish(event()), status="ok")
    check(len(read_log(home, reader, keys["reader"])[0]) == 1, "the reader does not read")
    expect(ask_control(control, keys["admin"]), status="ok", publishers=1)
    for role in ("publisher", "admin"):
        check(Fetcher(reader, keys[role]).request(timeout_ms=SILENCE_MS)[0] is None, f"a {role} read the log")
    check(Fetcher(reader).request(timeout_ms=SILENCE_MS)[0] is None, "a client without a key read the log")
    for role in ("publisher", "reader", None):
        check(ask_control(control, keys.get(role)) is None, f"{role} was answered on the control socket")
    for role in ("reader", "admin"):
        refused = Session(collector.ingest, keys=keys[role])
        check(refused.publish(event(), wait_ms=SILENCE_MS) is None, f"a {role} published")
    # taken off the list while a connection is open
    open_reader = Fetcher(reader, keys["reader"])
    open_reader.fetch()
    os.unlink(home / "keys/readers/reader.public")
    expect(ask_control(control, keys["admin"], "reload"), status="ok")
    check(open_reader.request(timeout_ms=SILENCE_MS)[0] is None, "a removed reader read on")
    check(len([1 for _ in range(2) if ask_control(control, keys["admin"])]) == 2, "the admin is not served")
    collector.stop()


def no_zap_no_entry(home, _chance):
    """A list that is empty lets nobody in."""
    collector = curve_collector(home)
    keys = (open(home / "keys/server.public", "rb").read().strip(), *zmq.curve_keypair())
    check(Session(collector.ingest, keys=keys).publish(event(), wait_ms=SILENCE_MS) is None, "somebody got in")
    check(status(home)["batches"] == 0, "something reached the decoder")
    collector.stop()


def plain_stays_local(home, _chance):
    for endpoint in ("tcp://0.0.0.0:0", "tcp://*:0", "tcp://192.0.2.1:7411", "tcp://[::]:0"):
        start_fails(home, ingest=endpoint, code=78, says=["ingest", endpoint, "without CURVE", "loopback or ipc only"])
    start_fails(home, "--set", "dropoff=tcp://0.0.0.0:0", code=78, says=["dropoff", "without CURVE"])
    collector = Collector(home, ingest="tcp://127.0.0.1:*")
    collector.stop()


if __name__ == "__main__":
    main(listed_and_unlisted, revoked_while_open, answers_in_flight_when_revoked, roles_over_tcp, no_zap_no_entry,
         plain_stays_local)
