#!/usr/bin/python3
"""Sessions that rest: known after 30 idle days, also across a restart; swept after session_days; clocks that jump.

The collector's wall clock is moved with libfaketime (Debian: faketime); where that is missing the test is skipped, and
says so. Waiting goes by the monotonic clock, which is left alone."""
import glob
import os
import time

from jejak import BIN, Collector, Session, Skipped, batch, check, event, expect, main, now_ms, read_log, status

DAY_MS = 24 * 3600 * 1000


def faked(days):
    """An environment in which the wall clock is so many days ahead."""
    library = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
    if not library:
        raise Skipped("no libfaketime (apt-get install faketime)")
    with open(os.path.join(BIN, "jejak-collector"), "rb") as program:
        if b"libasan.so" in program.read():
            raise Skipped("AddressSanitizer and libfaketime do not go together")
    return {"LD_PRELOAD": library[0], "FAKETIME": f"{days:+d}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def start(home, days, *arguments):
    collector = Collector(home, *arguments, env=faked(days))
    date = time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86400))
    if f"ts={date}" not in collector.log():
        raise Skipped(f"libfaketime does not move this program's clock: {collector.log()}")
    return collector


def thirty_days(home, _chance):
    collector = Collector(home)
    session = Session(collector.ingest)
    first, second = [event("first")], [event("second")]
    expect(session.ask(batch(session.id, 1, first)), status="ok")
    expect(session.ask(batch(session.id, 2, second, acked=1)), status="ok")  # its answer is taken as lost
    collector.stop()
    collector = start(home, 30)
    time.sleep(2.2)  # sweeps come with the timer
    check(status(home)["sessions"] == 1, "a session of 30 days was swept")
    later = Session(collector.ingest, session=session.id)
    expect(later.ask(batch(session.id, 2, second, acked=1)), status="duplicate")
    expect(later.ask(batch(session.id, 2, first, acked=1)), status="refused", code="conflict")
    expect(later.ask(batch(session.id, 4, first, acked=2)), status="gap", expected=3)
    third = [event("third", time_ms=now_ms() + 30 * DAY_MS)]
    expect(later.ask(batch(session.id, 3, third, acked=2)), status="ok", accepted=1)
    check([one["content"] for one in read_log(home)[0]] == ["first", "second", "third"], "stored")
    collector.stop()
    collector = start(home, 60)  # 30 days after that
    time.sleep(1.2)
    expect(Session(collector.ingest).ask(batch(session.id, 3, third, acked=2)), status="duplicate")
    collector.stop()


def swept(home, _chance):
    collector = Collector(home)
    sessions = [Session(collector.ingest) for _ in range(3)]
    for session in sessions:
        expect(session.publish(event()), status="ok")
    collector.stop()
    collector = start(home, 32)
    until = time.monotonic() + 10
    while status(home)["sessions"] and time.monotonic() < until:
        time.sleep(0.05)
    check(status(home)["sessions"] == 0, "sessions of 32 idle days are kept (session_days = 31)")
    collector.stop()
    collector = Collector(home)
    check(status(home)["sessions"] == 0, "they came back with a restart")
    unknown = Session(collector.ingest, session=sessions[0].id, seq=1)
    expect(unknown.publish(event()), status="ok")
    collector.stop()


def make_room(home, _chance):
    """At max_sessions the old ones make room at once."""
    collector = Collector(home)
    expect(Session(collector.ingest).publish(event()), status="ok")
    collector.stop()
    collector = start(home, 32, "--set", "max_sessions=1", "--set", "session_days=30")
    expect(Session(collector.ingest).publish(event()), status="ok")
    expect(Session(collector.ingest).publish(event()), status="busy")
    collector.stop()


def clock_set_back(home, _chance):
    """A clock that goes back a year: everything is taken as before, but for events from the future."""
    collector = Collector(home)
    session = Session(collector.ingest)
    expect(session.publish(event("now")), status="ok")
    collector.stop()
    collector = start(home, -365)
    then = now_ms() - 365 * DAY_MS
    again = Session(collector.ingest, session=session.id, seq=1)
    expect(again.publish(event("then", time_ms=then), event("future")), status="ok", accepted=1, rejected=[[1, "time_future"]])
    collector.stop()
    collector = Collector(home)
    forth = Session(collector.ingest, session=session.id, seq=2)
    expect(forth.publish(event("after")), status="ok")
    check([one["content"] for one in read_log(home)[0]] == ["now", "then", "after"], "stored")
    collector.stop()


if __name__ == "__main__":
    main(thirty_days, swept, make_room, clock_set_back)
