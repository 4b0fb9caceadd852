#!/usr/bin/python3
"""A publisher written from docs/PROTOCOL.md alone, with ZeroMQ and msgpack and nothing of this project.

    client.py --to ENDPOINT [--server-key FILE --key FILE]

    --to ENDPOINT        the collector's ingest endpoint
    --server-key FILE    the collector's public key (one line of Z85); with --key: CURVE
    --key FILE           this publisher's secret key (one line of Z85)

Plays through what the page promises: a DEALER and a REQ, resends after a lost answer, gaps, refusals and the codes of
rejected events. Exits 0 when every answer is as the page says, 1 with the first one that is not.
"""
import argparse
import secrets
import sys
import time

import msgpack
import zmq

ANSWER_MS = 10000  # no answer for 10 s counts as a lost connection
SILENCE_MS = 1000  # how long nothing is waited for
KINDS_OF_ANSWER = ("ok", "duplicate", "gap", "busy", "refused")


class Wrong(Exception):
    """The collector did not do what the page says."""


def check(condition, what, answer=None):
    if not condition:
        raise Wrong(f"{what}: {answer}" if answer is not None else what)


def now_ms():
    return int(time.time() * 1000)


def event(kind="open", learner="siswa-7", content="modul-1/topik-2", *value, at=None):
    return [kind, now_ms() if at is None else at, learner, content, *value]


class Link:
    """A connection to the collector: a DEALER or a REQ, plain or with CURVE."""

    def __init__(self, context, options, kind=zmq.DEALER, secret=None):
        self.socket = context.socket(kind)
        self.socket.linger = 0
        if options.server_key:
            secret = secret or read_key(options.key)
            self.socket.curve_serverkey = read_key(options.server_key)
            self.socket.curve_secretkey = secret
            self.socket.curve_publickey = zmq.curve_public(secret)
        self.socket.connect(options.to)

    def send(self, *parts):
        self.socket.send_multipart(parts)

    def receive(self, wait_ms=ANSWER_MS):
        """The next answer; None where none comes."""
        if not self.socket.poll(wait_ms):
            return None
        parts = self.socket.recv_multipart()
        check(len(parts) == 1, "an answer of one part", parts)
        answer = msgpack.unpackb(parts[0])
        check(isinstance(answer, dict), "an answer is a map", answer)
        check(answer.get("v") == 1 and answer.get("status") in KINDS_OF_ANSWER, "v and status", answer)
        return answer

    def close(self):
        self.socket.close()


def read_key(path):
    with open(path, "rb") as file:
        return file.read().strip()


class Session:
    """One ordered stream of batches over one link; renewed links keep the session."""

    def __init__(self, link):
        self.link = link
        self.id = secrets.token_bytes(16)
        self.settled = 0

    def batch(self, seq, events, **extra):
        fields = {"v": 1, "session": self.id, "seq": seq, "acked": self.settled, "sent": now_ms(), "events": events}
        return msgpack.packb({**fields, **extra}, use_bin_type=True)

    def ask(self, seq, events, **extra):
        """Sends, waits for the answer, and again for as long as the collector is busy."""
        while True:
            self.link.send(self.batch(seq, events, **extra))
            answer = self.link.receive()
            check(answer is not None, f"seq {seq} was not answered")
            if answer["status"] != "busy":
                return answer
            check(answer.get("retry_ms", 0) > 0, "busy tells when to come again", answer)
            time.sleep(answer["retry_ms"] / 1000)

    def publish(self, events):
        """The ordinary case: the next seq, to be taken whole."""
        seq = self.settled + 1
        answer = self.ask(seq, events)
        self.expect(answer, "ok", seq)
        check(answer["accepted"] == len(events) and answer["rejected_total"] == 0, "all accepted", answer)
        check("rejected" not in answer, "nothing is listed", answer)
        self.settled = seq

    def expect(self, answer, status, seq):
        check(answer["status"] == status, f"{status} for seq {seq}", answer)
        check(answer.get("session") == self.id and answer.get("seq") == seq, "session and seq as sent", answer)


# ---- what the page promises ----

def publishes_every_kind(session):
    session.publish([event("open"), event("dwell", "siswa-7", "modul-1", 30000), event("favorite"), event("unfavorite"),
                     event("progress", "siswa-7", "modul-1/topik-2/bagian-3", 60),
                     event("cohort", "Siti \u00c9. \U0001f9d1", "kelas-7a")])


def resends_after_a_lost_answer(session, renew):
    """The answer came and is forgotten; over a new socket the batch is sent again, and after it the next."""
    events, seq = [event(), event("dwell", "siswa-8", "modul-2", 15000)], session.settled + 1
    session.expect(session.ask(seq, events), "ok", seq)
    session.link = renew()
    session.expect(session.ask(seq, events), "duplicate", seq)
    session.settled = seq
    session.publish([event()])


def answers_in_order(session):
    first, count = session.settled + 1, 20
    for seq in range(first, first + count):
        session.link.send(session.batch(seq, [event()]))
    for seq in range(first, first + count):
        session.expect(session.link.receive() or {"status": "none"}, "ok", seq)
    session.settled = first + count - 1


def goes_on_after_a_gap(session):
    expected = session.settled + 1
    answer = session.ask(expected + 5, [event()])
    session.expect(answer, "gap", expected + 5)
    check(answer["expected"] == expected, f"seq {expected} is expected", answer)
    session.publish([event()])


def learns_each_code(session):
    bad = [("shape", ["open", now_ms(), "siswa-7"]), ("shape", event("open", "a", "m", 5)), ("shape", event("dwell", "a", "m")),
           ("shape", None), ("kind", event("close")), ("kind", event(7)), ("time_invalid", event(at=-1)),
           ("time_invalid", event(at="now")), ("time_future", event(at=now_ms() + 3600000)), ("time_expired", event(at=1)),
           ("learner", event("open", 42)), ("learner", event("open", "")), ("learner", event("open", "x" * 129)),
           ("learner", event("open", "a\n")), ("content", event("open", "a", "m//t")), ("content", event("open", "a", "1/2/3/4")),
           ("content", event("cohort", "a", "g/h")), ("value", event("dwell", "a", "m", 0)),
           ("value", event("progress", "a", "m", 101))]
    seq = session.settled + 1
    answer = session.ask(seq, [event(), *[wrong for _, wrong in bad], event()])
    session.expect(answer, "ok", seq)
    check(answer["accepted"] == 2 and answer["rejected_total"] == len(bad), "two of them are good", answer)
    check(answer["rejected"] == [[1 + i, code] for i, (code, _) in enumerate(bad)], "each with its code", answer)
    session.settled = seq


def lists_100_of_many(session):
    seq = session.settled + 1
    answer = session.ask(seq, [None] * 150)
    session.expect(answer, "ok", seq)
    check(answer["accepted"] == 0 and answer["rejected_total"] == 150 and len(answer["rejected"]) == 100, "100 of 150", answer)
    session.settled = seq


def sets_a_malformed_batch_aside(session):
    seq = session.settled + 1
    answer = session.ask(seq, [event()], colour="red")
    session.expect(answer, "refused", seq)
    check(answer["code"] == "malformed" and answer["detail"], "malformed, and why", answer)
    session.settled = seq  # it can never be stored: it is settled, and blocks nobody
    session.publish([event()])
    session.link.send(b"no msgpack \xc1")
    answer = session.link.receive() or {}
    check(answer.get("code") == "malformed" and "seq" not in answer and "session" not in answer, "unnamed", answer)


def is_told_of_a_conflict(session):
    answer = session.ask(session.settled, [event("open", "another learner")])
    session.expect(answer, "refused", session.settled)
    check(answer["code"] == "conflict" and answer["detail"], "conflict", answer)


def is_told_the_versions(session):
    seq = session.settled + 1
    answer = session.ask(seq, [event()], v=2)
    session.expect(answer, "refused", seq)
    check(answer["code"] == "version" and 1 in answer["versions"] and answer["detail"], "version", answer)
    session.publish([event()])  # by this collector as version 1: the seq was kept


def goes_on_after_acked(session):
    """A session that this collector never met: it goes on where the publisher says."""
    session.settled = 41
    session.publish([event()])
    answer = session.ask(41, [event()])
    session.expect(answer, "duplicate", 41)


def sends_misshapen_messages(session):
    for parts in ([b"x", session.batch(session.settled + 1, [event()])], [session.batch(session.settled + 1, [event()]), b""]):
        session.link.send(*parts)
        answer = session.link.receive() or {}
        check(answer.get("status") == "refused" and answer.get("code") == "malformed", "one part, no other shape", answer)


def is_not_heard_unlisted(context, options):
    _, stranger = zmq.curve_keypair()
    link = Link(context, options, secret=stranger)
    session = Session(link)
    link.send(session.batch(1, [event()]))
    check(link.receive(SILENCE_MS) is None, "an unlisted key is answered nothing")
    link.close()


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True)
    parser.add_argument("--server-key")
    parser.add_argument("--key")
    options = parser.parse_args(arguments)
    if bool(options.server_key) != bool(options.key):
        parser.error("--server-key and --key go together")
    return options


def run(context, options):
    links = []

    def link(kind=zmq.DEALER):
        links.append(Link(context, options, kind))
        return links[-1]

    def step(promise, *arguments):
        promise(*arguments)
        print("as promised:", promise.__name__.replace("_", " "))

    try:
        session = Session(link())
        step(publishes_every_kind, session)
        step(resends_after_a_lost_answer, session, link)
        for promise in (answers_in_order, goes_on_after_a_gap, learns_each_code, lists_100_of_many, is_told_of_a_conflict,
                        sets_a_malformed_batch_aside, is_told_the_versions, sends_misshapen_messages):
            step(promise, session)
        step(goes_on_after_acked, Session(link()))
        step(publishes_every_kind, Session(link(zmq.REQ)))
        if options.server_key:
            step(is_not_heard_unlisted, context, options)
    finally:
        for each in links:
            each.close()


def main():
    options, context = parse(sys.argv[1:]), zmq.Context()
    try:
        run(context, options)
    except Wrong as wrong:
        sys.exit(f"not as promised: {wrong}")
    finally:
        context.term()
    print("every answer was as docs/PROTOCOL.md says")


if __name__ == "__main__":
    main()
