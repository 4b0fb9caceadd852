#!/usr/bin/python3
"""Every answer of the protocol over real sockets: DEALER, REQ and drop-off; in order, whatever is in flight."""
import os
import secrets
import subprocess
import sys

import msgpack
import zmq

from jejak import (Collector, Publisher, Session, batch, check, event, expect, main, now_ms, read_log, status)

DAY_MS = 24 * 3600 * 1000


def dealer_and_req(home, _chance):
    collector = Collector(home)
    dealer, req = Session(collector.ingest), Publisher(collector.ingest, kind=zmq.REQ)
    expect(dealer.publish(event()), v=1, status="ok", session=dealer.id, seq=1, accepted=1, rejected_total=0)
    session = secrets.token_bytes(16)
    expect(req.ask(batch(session, 1, [event()])), status="ok", session=session, seq=1)
    expect(req.ask(batch(session, 2, [event()], acked=1)), status="ok", seq=2)
    # by hand: the delimiter comes back
    dealer.socket.send_multipart([b"", batch(session, 3, [event()], acked=2)])
    check(dealer.socket.poll(10000), "no answer to a batch with a delimiter")
    empty, answer = dealer.socket.recv_multipart()
    check(empty == b"", "the delimiter did not come back")
    expect(msgpack.unpackb(answer), status="ok", seq=3)
    collector.stop()


def every_status(home, _chance):
    collector = Collector(home)
    one, first, second = Session(collector.ingest), [event("a")], [event("b")]
    ask = lambda seq, events, **more: one.ask(batch(one.id, seq, events, **more))
    expect(ask(2, second), status="gap", seq=2, expected=1)
    expect(ask(1, first), status="ok", accepted=1)
    expect(ask(1, first), status="duplicate", seq=1)
    expect(ask(1, first, acked=0, sent=now_ms()), status="duplicate")
    expect(ask(1, second), status="refused", code="conflict")
    expect(ask(3, second, acked=1), status="gap", expected=2)
    expect(ask(2, [], acked=1), status="refused", code="malformed", seq=2)
    expect(ask(2, [], acked=1), status="refused", code="malformed", seq=2)
    expect(ask(2, second, acked=1), status="refused", code="conflict")
    expect(ask(4, [], acked=2), status="gap", expected=3)
    expect(one.ask(msgpack.packb({"v": 2, "session": one.id, "seq": 3, "events": second})), status="refused", code="version",
           versions=[1], session=one.id, seq=3)
    expect(ask(3, second, acked=2), status="ok")
    check(not status(home)["sessions_rolled_back"], "an alarm where nothing was rolled back")
    expect(ask(9, first, acked=7), status="gap", expected=8)
    check(status(home)["sessions_rolled_back"] == 1, "no alarm although acknowledged batches are missing")
    check("level=alarm" in collector.log(), "no alarm in the log")
    expect(ask(8, first, acked=7), status="ok")
    for junk in (b"", b"\xc1", b"\x80", b"\x93\x01\x02\x03", b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff" * 100,
                 b"\x91" * 100000, os.urandom(500)):
        answer = expect(one.ask(junk), status="refused", code="malformed")
        check(answer["detail"] and "session" not in answer and "seq" not in answer, answer)
    unknown = secrets.token_bytes(16)
    expect(one.ask(batch(unknown, 6, first, acked=6)), status="duplicate")
    expect(one.ask(batch(unknown, 8, first, acked=6)), status="gap", expected=7)
    expect(one.ask(batch(unknown, 7, first, acked=6)), status="ok")
    collector.stop()


def every_code(home, _chance):
    collector = Collector(home)
    now = now_ms()
    bad = {
        "shape": [["open", now, "ana"], ["open", now, "ana", "m", 1], ["dwell", now, "ana", "m"], 7, {}, []],
        "kind": [["Open", now, "ana", "m"], [1, now, "ana", "m"]],
        "time_invalid": [["open", -1, "ana", "m"], ["open", str(now), "ana", "m"], ["open", 2**63, "ana", "m"]],
        "time_future": [["open", now + 301000, "ana", "m"]],
        "time_expired": [["open", now - 1827 * DAY_MS, "ana", "m"], ["open", 0, "ana", "m"]],
        "learner": [["open", now, bad, "m"] for bad in ("", "a" * 129, 42, None, "a\n", "\x7f", "\u0085")],
        "content": [["open", now, "ana", bad] for bad in ("", "a/b/c/d", "/a", "a/", "a//b", "a b", "ä", "x" * 65, 1)]
        + [["cohort", now, "ana", "a/b"]],
        "value": [["dwell", now, "ana", "m", bad] for bad in (0, 86400001, -1, 1.5, "1", None)]
        + [["progress", now, "ana", "m", 101]],
    }
    good = [event(), event("a/b/c", "a" * 128), event("-", kind="cohort"), event(kind="dwell", value=86400000),
            event(kind="progress", value=0), event(kind="progress", value=100), event(kind="favorite"),
            event(kind="unfavorite"), event(time_ms=now + 290000), event(time_ms=now - 1825 * DAY_MS), event(learner="ä😀")]
    events, expected = list(good), []
    for code, wrong in bad.items():
        expected += [[len(events) + i, code] for i in range(len(wrong))]
        events += wrong
    session = Session(collector.ingest)
    answer = expect(session.publish(*events), status="ok", accepted=len(good), rejected_total=len(expected))
    check(answer["rejected"] == expected, lambda: f"{answer['rejected']} is not {expected}")
    many = expect(session.publish(*([7] * 250)), status="ok", accepted=0, rejected_total=250)
    check(many["rejected"] == [[i, "shape"] for i in range(100)], "not the first hundred")
    counted = status(home)
    check(counted["rejected_shape"] == len(bad["shape"]) + 250, counted)
    check(counted["events"] == len(good), counted)
    check(len(read_log(home)[0]) == len(good), "the log does not hold the good ones")
    collector.stop()


def misshapen(home, _chance):
    collector = Collector(home)
    session = Session(collector.ingest)
    good = batch(session.id, 1, [event()])
    for parts in ([good, good], [b"", good, good], [b"", b"", good], [good, b""], [b"x", good]):
        session.socket.send_multipart(parts)
        check(session.socket.poll(10000), lambda: f"no answer to {len(parts)} parts")
        expect(msgpack.unpackb(session.socket.recv_multipart()[-1]), status="refused", code="malformed")
    check(status(home)["messages_misshapen"] == 5, "not counted")
    expect(session.ask(good), status="ok")
    check(len(read_log(home)[0]) == 1, "something misshapen was stored")
    collector.stop()


def drop_off(home, _chance):
    endpoint = f"ipc://{home.path}/run/dropoff.sock"
    collector = Collector(home, "--set", f"dropoff={endpoint}")
    push = Publisher(endpoint, kind=zmq.PUSH)
    make = lambda name: batch(secrets.token_bytes(16), 1, [event(name), 7])
    push.socket.send(make("plain"))
    push.socket.send_multipart([b"", make("delimiter")])
    push.socket.send_multipart([b"x", make("misshapen")])
    push.socket.send_multipart([make("misshapen"), make("misshapen")])
    push.socket.send(b"\xc1")
    push.socket.send(make("last"))
    session = Session(collector.ingest)
    for _ in range(200):
        session.publish(event("other"))
        contents = [one["content"] for one in read_log(home)[0]]
        if "last" in contents:
            break
    check([c for c in contents if c != "other"] == ["plain", "delimiter", "last"], contents)
    counted = status(home)
    check(counted["messages_misshapen"] == 2 and counted["dropoff_dropped"] == 1, counted)
    check(counted["sessions"] == 1, "drop-off makes no session")
    collector.stop()


def in_order(home, chance):
    """A session's answers come in the order of its batches; what is no batch belongs to none, and is answered too."""
    collector = Collector(home)
    for round_number in range(10):
        session, expected, misshapen = Session(collector.ingest), [], 0
        for seq in range(1, 22):  # with what comes between, at most 64 in flight
            learner = f"l{round_number}/{seq}" if chance.random() < 0.3 else "l0"  # never seen: parked meanwhile
            events = [event(f"r{round_number}/{seq}", learner=learner)] * chance.choice([1, 1, 1, 300])
            session.send(batch(session.id, seq, events))
            expected.append(("ok", seq))
            for _ in range(chance.randrange(3)):
                status_name, other = chance.choice([("gap", seq + 9), ("refused", None), ("conflict", seq)])
                if status_name == "refused":
                    session.send(b"\xc1")
                    misshapen += 1
                else:
                    session.send(batch(session.id, other, [event("z")]))
                    expected.append((status_name, other))
        at = 0
        while at < len(expected) or misshapen > 0:
            answer = session.receive()
            check(answer is not None, f"answer {at} did not come, and {misshapen} of what is malformed")
            if answer.get("code") == "malformed":
                check(misshapen > 0, f"{answer} to nothing")
                misshapen -= 1
                continue
            got = answer["code"] if answer.get("code") == "conflict" else answer["status"]
            check(at < len(expected) and (got, answer.get("seq")) == expected[at], lambda: f"answer {at} is {answer}")
            at += 1
        session.close()
    collector.stop()


def bounds(home, _chance):
    collector = Collector(home, "--set", "max_sessions=3", "--set", "max_new_learners=10", "--set", "retry_ms=77")
    sessions = [Session(collector.ingest) for _ in range(4)]
    for session in sessions[:3]:
        expect(session.publish(event(learner="l0")), status="ok")
    expect(sessions[3].publish(event(learner="l0")), status="busy", retry_ms=77, seq=1)
    expect(sessions[0].publish(*[event(learner=f"l{i}") for i in range(10)]), status="ok")
    expect(sessions[0].publish(event(learner="l3"), event(learner="l10")), status="busy")
    expect(sessions[0].publish(event(learner="l3"), event(learner="l9")), status="ok")
    check(len(read_log(home)[1]) == 10, "more learners than were let in")
    collector.stop()


def vectors(home, _chance):
    collector = Collector(home)
    replay = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vectors/replay.py")
    done = subprocess.run([sys.executable, replay, collector.ingest], capture_output=True, timeout=120, check=False)
    check(done.returncode == 0, done.stdout.decode() + done.stderr.decode())
    collector.stop()


if __name__ == "__main__":
    main(dealer_and_req, every_status, every_code, misshapen, drop_off, in_order, bounds, vectors)
