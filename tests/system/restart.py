#!/usr/bin/python3
"""Exactly once, whatever dies when: kill -9 under load, resends over old and new connections, and the whole log read back.

Every event says in its content which session, batch and place it is of, and in its value which learner; so the log, read
through the reader socket with a decoder of its own, tells what was stored twice, lost, reordered or mixed up. The last
tests break the client or the log on purpose: the check must see it.
"""
import secrets
import shutil
import time


from jejak import Collector, Failed, Publisher, batch, check, event, main, read_log, status

IN_FLIGHT = 64
LEARNERS = 300
RESEND_S = 1


class Stream:
    """A publisher's session that keeps batches until they are settled, and resends as PROTOCOL.md says."""

    def __init__(self, number, endpoint, chance, keys=None):
        self.number, self.endpoint, self.chance, self.keys = number, endpoint, chance, keys
        self.id = secrets.token_bytes(16)
        self.sockets = [Publisher(endpoint, keys=keys)]
        self.made = self.acked = 0
        self.unsettled = {}  # seq -> events, in order
        self.settled = set()
        self.moved = time.monotonic()
        self.gap_from = None

    def make(self):
        self.made += 1
        count = self.chance.choice([1, 1, 3, 3, 20, 60])
        learners = [self.chance.randrange(LEARNERS) for _ in range(count)]
        self.unsettled[self.made] = [event(f"s{self.number}/b{self.made}/e{i}", f"learner-{learner}", "dwell", learner + 1)
                                     for i, learner in enumerate(learners)]

    def make_new(self, count):
        """A batch of learners that nobody ever saw."""
        self.made += 1
        self.unsettled[self.made] = [
            event(f"s{self.number}/b{self.made}/e{i}", f"new-{self.number}-{self.made}-{i}", "dwell",
                  1 + LEARNERS + (self.number * 1000 + self.made) * 100 + i) for i in range(count)]

    def send(self, seq, socket):
        socket.send(batch(self.id, seq, self.unsettled[seq], acked=self.acked))

    def publish(self):
        """A few batches more, where there is room."""
        for _ in range(self.chance.randrange(1, 8)):
            if len(self.unsettled) < IN_FLIGHT:
                self.make()
                self.send(self.made, self.sockets[-1])

    def resend(self, from_seq=0):
        for seq in list(self.unsettled):
            if seq >= from_seq:
                self.send(seq, self.sockets[-1])
        self.moved = time.monotonic()

    def reconnect(self):
        """A new socket; the old one stays for a while, and what waits in it arrives when it may, perhaps later."""
        old = self.sockets[-1]
        self.sockets.append(Publisher(self.endpoint, keys=self.keys))
        if self.chance.random() < 0.5:
            for seq in self.chance.sample(list(self.unsettled), len(self.unsettled) // 2):
                self.send(seq, old)
        self.resend()
        if self.chance.random() < 0.5:
            for seq in self.chance.sample(list(self.unsettled), len(self.unsettled) // 3):
                self.send(seq, old)
        while len(self.sockets) > 3:
            self.sockets.pop(0).close()

    def settle(self, seq):
        if self.unsettled.pop(seq, None) is None:
            return
        self.settled.add(seq)
        self.moved, self.gap_from = time.monotonic(), None
        while self.acked + 1 in self.settled:
            self.acked += 1

    def take(self, answer):
        check(answer["session"] == self.id, lambda: f"the answer of another session: {answer}")
        if answer["status"] in ("ok", "duplicate"):
            check(answer["seq"] <= self.made, lambda: f"an answer to what was never sent: {answer}")
            self.settle(answer["seq"])
        elif answer["status"] == "gap" and answer["expected"] <= self.acked and len(self.sockets) > 1:
            pass  # told over one connection before what came over the other: to a batch whose `acked` was less then
        elif answer["status"] == "gap" and self.gap_from != answer["expected"]:
            self.gap_from = answer["expected"]
            check(self.gap_from > self.acked, lambda: f"it expects what it acknowledged: {answer}")
            self.resend(self.gap_from)
        elif answer["status"] == "refused":
            raise Failed(f"session {self.number}: {answer}")

    def receive(self):
        for socket in self.sockets:
            while (answer := socket.receive(0)) is not None:
                self.take(answer)
        if self.unsettled and time.monotonic() - self.moved > RESEND_S:
            self.miss()

    def miss(self):
        """No answer for RESEND_S."""
        self.resend()

    def close(self):
        for socket in self.sockets:
            socket.close()


def pump(streams, seconds, publish=True):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for stream in streams:
            if publish:
                stream.publish()
            stream.receive()
        time.sleep(0.001)


def finish(streams, seconds=60):
    until = time.monotonic() + seconds
    while any(stream.unsettled for stream in streams):
        check(time.monotonic() < until, lambda: f"unsettled: {[list(s.unsettled)[:5] for s in streams]}")
        pump(streams, 0.01, publish=False)


def verify(events, lids, acknowledged):
    """acknowledged: session number -> set of settled seqs, each whole. Raises what is wrong with the log."""
    seen, last, people, numbers = set(), {}, {}, {}
    batches = {}
    for one in events:
        session, seq, place = (int(part[1:]) for part in one["content"].split("/"))
        check((session, seq, place) not in seen, f"stored twice: {one}")
        seen.add((session, seq, place))
        check(last.get(session, (0, 0)) < (seq, place), f"out of order: {one} after {last.get(session)}")
        last[session] = (seq, place)
        batches.setdefault(session, set()).add(seq)
        learner = one["value"] - 1
        check(people.setdefault(one["learner"], learner) == learner, f"two learners under one number: {one}")
        check(numbers.setdefault(learner, one["learner"]) == one["learner"], f"two numbers for one learner: {one}")
    for session, seqs in acknowledged.items():
        lost = seqs - batches.get(session, set())
        check(not lost, f"session {session}: acknowledged and not stored: {sorted(lost)[:10]}")
    check(len(lids) >= len(people), "numbers without a lid")
    return seen


def acknowledged_by(streams):
    return {stream.number: set(stream.settled) for stream in streams}


def whole(seen, streams, sizes):
    """Every batch of which anything is stored is stored whole."""
    for stream in streams:
        for seq, size in sizes[stream.number].items():
            stored = sum((stream.number, seq, i) in seen for i in range(size))
            check(stored in (0, size), f"half a batch: session {stream.number} seq {seq}: {stored} of {size}")


def remember_sizes(streams, sizes):
    for stream in streams:
        for seq, events in stream.unsettled.items():
            sizes.setdefault(stream.number, {})[seq] = len(events)


def kill_under_load(home, chance):
    collector = Collector(home)
    streams = [Stream(number, collector.ingest, chance) for number in range(4)]
    sizes = {}
    for round_number in range(20):
        pump(streams, chance.uniform(0, 0.15))
        remember_sizes(streams, sizes)
        collector.kill()
        if chance.random() < 0.5:  # what is sent to a dead collector waits in the socket
            for stream in streams:
                stream.publish()
        while chance.random() < 0.3:  # it dies again while it starts
            collector = Collector(home, wait=False)
            time.sleep(chance.uniform(0, 0.1))
            collector.kill()
        collector = Collector(home, wait=chance.random() < 0.5)
        for stream in streams:
            stream.reconnect()
        if round_number % 5 == 4:
            collector.wait_for("msg=ready")
            finish(streams)
    collector.wait_for("msg=ready")
    pump(streams, 0.2)
    remember_sizes(streams, sizes)
    collector.kill()  # and nothing is sent again: what was not acknowledged may be there, once
    collector = Collector(home)
    events, lids = read_log(home)
    seen = verify(events, lids, acknowledged_by(streams))
    whole(seen, streams, sizes)
    print(f"        {len(events)} events, {sum(len(s.settled) for s in streams)} batches acknowledged, "
          f"{sum(len(s.unsettled) for s in streams)} not")
    check(len(events) > 2000, "too few events to mean anything")
    check(not status(home)["sessions_rolled_back"], "an alarm although nothing was rolled back")
    # everything else is settled now, and is a duplicate where it was stored
    for stream in streams:
        stream.reconnect()
    finish(streams)
    verify(*read_log(home), acknowledged_by(streams))
    for stream in streams:
        stream.close()
    collector.stop()


def later_before_earlier(home, chance):
    """A collector that lost its memory of a session takes nothing out of order, however the batches arrive."""
    for _ in range(5):
        collector = Collector(home)
        stream = Stream(secrets.randbelow(1 << 30), collector.ingest, chance)
        for _ in range(8):
            stream.make()
        order = list(stream.unsettled)
        chance.shuffle(order)
        for seq in order:
            stream.send(seq, stream.sockets[0])
        time.sleep(0.05)
        collector.kill()
        collector = Collector(home)
        for seq in reversed(order):
            stream.send(seq, stream.sockets[0])
        stream.reconnect()
        finish([stream])
        verify(*read_log(home), acknowledged_by([stream]))
        stream.close()
        collector.stop()


def kill_while_parked(home, chance):
    """Batches whose learners are being met die with the collector as if they had never come, and are taken when resent."""
    collector = Collector(home)
    streams = [Stream(number, collector.ingest, chance) for number in range(4)]
    sizes, lost = {}, 0
    for _ in range(8):
        for stream in streams:
            for _ in range(6):
                stream.make_new(80)
                stream.send(stream.made, stream.sockets[-1])
            stream.make()  # of known learners, behind those that wait
            stream.send(stream.made, stream.sockets[-1])
        remember_sizes(streams, sizes)
        pump(streams, chance.uniform(0.01, 0.15), publish=False)
        parked = status(home)["batches_parked"]
        collector.kill()
        check(parked > 0, "nothing was parked")
        collector = Collector(home)
        seen = verify(*read_log(home), acknowledged_by(streams))
        whole(seen, streams, sizes)
        sent = {stream.number: stream.settled | set(stream.unsettled) for stream in streams}
        lost += sum((number, seq, 0) not in seen for number, seqs in sent.items() for seq in seqs)
        for stream in streams:
            stream.reconnect()
        finish(streams)
    print(f"        {lost} batches were parked when it died")
    check(lost > 0, "the collector never died with a parked batch: nothing was tested")
    events, lids = read_log(home)
    whole(verify(events, lids, acknowledged_by(streams)), streams, sizes)
    check(len(lids) == len({one["learner"] for one in events}), "learners without an event, or two numbers for one")
    must_fail(events, lids, {0: streams[0].settled | {streams[0].made + 1}}, "a parked batch that was answered and is gone")
    for stream in streams:
        stream.close()
    collector.stop()


def stop_while_parked(home, chance):
    """An orderly stop answers what is parked: busy, nothing stored."""
    collector = Collector(home)
    stream = Stream(0, collector.ingest, chance)
    for _ in range(10):
        stream.make_new(80)
        stream.send(stream.made, stream.sockets[0])
    while not status(home)["batches_parked"]:
        time.sleep(0.001)
    collector.stop()
    answers = []
    while (answer := stream.sockets[0].receive(1000)) is not None:
        answers.append((answer["status"], answer["seq"]))
    check([seq for _, seq in answers] == list(range(1, len(answers) + 1)), answers)
    turned = [seq for status_name, seq in answers if status_name == "busy"]
    check(turned and turned == list(range(turned[0], len(answers) + 1)), answers)
    for seq in range(1, turned[0]):
        stream.settle(seq)
    collector = Collector(home)
    stream.reconnect()
    finish([stream])
    verify(*read_log(home), acknowledged_by([stream]))
    stream.close()
    collector.stop()


def rolled_back_disk(home, chance):
    """Acknowledged data that is gone is noticed: refused at the start, and an alarm once the loss is accepted."""
    collector = Collector(home)
    stream = Stream(1, collector.ingest, chance)
    pump([stream], 0.1)
    finish([stream])
    collector.stop()
    shutil.copytree(home / "data", home.path + ".old")
    try:
        collector = Collector(home)
        stream.reconnect()
        pump([stream], 0.1)
        finish([stream])
        collector.stop()
        for store in ("log", "vault"):
            shutil.rmtree(home / f"data/{store}")
            shutil.copytree(f"{home.path}.old/{store}", home / f"data/{store}")
    finally:
        shutil.rmtree(home.path + ".old")
    refused = Collector(home, wait=False)
    check(refused.wait() == 65 and "--accept-loss" in refused.log() and "were acknowledged" in refused.log(), refused.log())
    collector = Collector(home, "--accept-loss")
    stream.reconnect()
    pump([stream], 0.1)
    finish([stream])
    check(status(home)["sessions_rolled_back"] == 1, "no alarm, or more than one")
    check(status(home)["epoch"] == 2, "the epoch was not renewed")
    collector.stop()
    collector = Collector(home)
    verify(*read_log(home), {})
    collector.stop()
    stream.close()


# ---- the checks are seen to fail ----

def must_fail(events, lids, acknowledged, what):
    try:
        verify(events, lids, acknowledged)
    except Failed:
        return
    raise AssertionError(f"the check does not see {what}")


def control_log(home, chance):
    collector = Collector(home)
    streams = [Stream(number, collector.ingest, chance) for number in range(2)]
    pump(streams, 0.3)
    finish(streams)
    events, lids = read_log(home)
    acknowledged = acknowledged_by(streams)
    verify(events, lids, acknowledged)
    at = chance.randrange(1, len(events) - 1)
    must_fail(events[:at] + events[at - 1:], lids, acknowledged, "an event that is there twice")
    lost = acknowledged[0] and {0: acknowledged[0] | {10 ** 6}}
    must_fail(events, lids, lost, "an acknowledged batch that is not there")
    mine = [i for i, one in enumerate(events) if one["content"].startswith("s0/")]
    swapped = list(events)
    swapped[mine[0]], swapped[mine[-1]] = swapped[mine[-1]], swapped[mine[0]]
    must_fail(swapped, lids, acknowledged, "events in another order")
    mixed = [dict(one) for one in events]
    mixed[at]["learner"] = mixed[at]["learner"] + 1
    must_fail(mixed, lids, acknowledged, "a learner under another's number")
    for stream in streams:
        stream.close()
    collector.stop()


def control_client(home, chance):
    """A client that makes a new session of what was not answered stores twice: seen."""
    collector = Collector(home)
    stream = Stream(0, collector.ingest, chance)
    for _ in range(5):
        stream.make()
        stream.send(stream.made, stream.sockets[0])
    stored = sum(len(events) for events in stream.unsettled.values())
    while status(home)["offset"] < stored:
        time.sleep(0.01)
    collector.kill()
    collector = Collector(home)
    stream.id = secrets.token_bytes(16)
    stream.sockets.pop().close()
    stream.sockets.append(Publisher(collector.ingest))
    stream.resend()
    finish([stream])
    must_fail(*read_log(home), acknowledged_by([stream]), "a client that renumbers")
    stream.close()
    collector.stop()


if __name__ == "__main__":
    main(kill_under_load, kill_while_parked, stop_while_parked, later_before_earlier, rolled_back_disk, control_log, control_client)
