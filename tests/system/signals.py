#!/usr/bin/python3
"""TERM drains and answers what it stored; HUP reads keys and limits again; one home has one collector."""
import os
import signal
import time

import zmq

from jejak import (Collector, Publisher, Session, batch, check, ctl, event, expect, free_port, main, pair_of, read_log,
                   start_fails, status)


def term_under_load(home, chance):
    """What is in the log after TERM was answered, but for what the socket lost with the process; nothing twice."""
    sent = answered = stored = 0
    for _ in range(6):
        collector = Collector(home)
        sessions = [Session(collector.ingest) for _ in range(3)]
        settled = {session.id: set() for session in sessions}
        until = time.monotonic() + chance.uniform(0.02, 0.2)
        while time.monotonic() < until:
            for session in sessions:
                while session.seq - len(settled[session.id]) < 50:
                    session.seq += 1
                    sent += 1
                    session.send(batch(session.id, session.seq, [event(f"{session.id.hex()}/{session.seq}")]))
                while (answer := session.receive(0)) is not None:
                    settled[session.id].add(expect(answer, status="ok")["seq"])
        collector.stop()
        for session in sessions:
            while (answer := session.receive(100)) is not None:
                if answer["status"] == "ok":
                    settled[session.id].add(answer["seq"])
            session.close()
        collector = Collector(home)
        contents = [one["content"] for one in read_log(home)[0]]
        collector.stop()
        check(len(set(contents)) == len(contents), "stored twice")
        for session in sessions:
            there = {int(c.split("/")[1]) for c in contents if c.startswith(session.id.hex())}
            check(settled[session.id] <= there, "answered ok and not stored")
            check(there == set(range(1, len(there) + 1)), "stored with a hole")
            check(there == settled[session.id], lambda: f"stored and not answered: {sorted(there - settled[session.id])}")
            answered, stored = answered + len(settled[session.id]), stored + len(there)
    print(f"        {sent} batches sent, {stored} stored, {answered} answered")
    check(answered > 100, "too little was under way")


def int_stops_too(home, _chance):
    collector = Collector(home)
    expect(Session(collector.ingest).publish(event()), status="ok")
    collector.signal(signal.SIGINT)
    check(collector.wait() == 0, "SIGINT is a clean end")
    check("msg=stopped" in collector.log(), collector.log())


def hup_reloads(home, _chance):
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    config = home / "jejak.conf"
    collector = Collector(home, plain=False, ingest=endpoint)
    ctl(home, "publisher", "add", "lms")
    keys = pair_of(home, "lms")
    sessions = [Session(endpoint, keys=keys) for _ in range(2)]
    expect(sessions[0].publish(event()), status="ok")
    with open(config, "w", encoding="ascii") as file:
        file.write("max_sessions = 1\nretry_ms = 123\nlog_format = json\nretention_days = 10\n")
    reloads = collector.log().count("read again")
    collector.signal(signal.SIGHUP)
    collector.wait_for('"msg":"keys and limits were read again"')
    expect(sessions[1].publish(event()), status="busy", retry_ms=123)
    old = event(time_ms=int(time.time() * 1000) - 11 * 86400000)
    expect(sessions[0].publish(old), status="ok", accepted=0, rejected=[[0, "time_expired"]])

    # what is wrong in the file changes nothing, and is said
    with open(config, "w", encoding="ascii") as file:
        file.write("max_sessions = many\n")
    collector.signal(signal.SIGHUP)
    collector.wait_for("not all keys and limits could be read again")
    check("jejak.conf:1" in collector.log(), collector.log())
    expect(sessions[1].publish(event()), status="busy", retry_ms=123)

    # a key that was removed by hand is gone with HUP
    os.unlink(config)
    os.unlink(home / "keys/publishers/lms.public")
    collector.signal(signal.SIGHUP)
    collector.wait_for("publishers=0")
    check(sessions[0].publish(event(), wait_ms=500) is None, "a removed key was answered")
    check(collector.log().count("read again") > reloads, "not reloaded")
    collector.stop()


def hup_changes_the_size_of_segments(home, chance):
    collector = Collector(home)
    session = Session(collector.ingest)
    noise = lambda: [event(f"{chance.randbytes(30).hex()}") for _ in range(8000)]
    for _ in range(3):
        expect(session.publish(*noise()), status="ok")
    check(status(home)["segments"] == 1, "segments of a megabyte where a gigabyte is configured")
    with open(home / "jejak.conf", "w", encoding="ascii") as file:
        file.write("segment_bytes = 1048576\n")
    collector.signal(signal.SIGHUP)
    collector.wait_for("read again")
    expect(session.publish(event()), status="ok")
    check(status(home)["segments"] == 2, "the segment was not closed at its new size")
    collector.stop()


def one_home_one_collector(home, _chance):
    collector = Collector(home)
    session = Session(collector.ingest)
    expect(session.publish(event()), status="ok")
    start_fails(home, ingest=f"ipc://{home.path}/run/other.sock", code=75, says="another program has it open")
    expect(session.publish(event()), status="ok")
    check(len(read_log(home)[0]) == 2, "the log of the first is not whole")
    expect(session.publish(event()), status="ok")
    collector.stop()


def stops_while_a_client_does_not_read(home, _chance):
    """A client that sends and never reads neither stops the others nor the stop."""
    collector = Collector(home)
    deaf = Publisher(collector.ingest)
    deaf.socket.rcvhwm = 1
    for _ in range(20000):
        try:
            deaf.socket.send(b"\xc1", zmq.DONTWAIT)
        except zmq.Again:
            break
    session = Session(collector.ingest)
    expect(session.publish(event()), status="ok")
    started = time.monotonic()
    collector.stop()
    check(time.monotonic() - started < 10, "the stop took long")


if __name__ == "__main__":
    main(term_under_load, int_stops_too, hup_reloads, hup_changes_the_size_of_segments, one_home_one_collector,
         stops_while_a_client_does_not_read)
