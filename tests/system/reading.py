#!/usr/bin/python3
"""The reader socket while the log grows: waiting, small and large answers, many small blocks, many learners, restarts."""
import threading
import time

from jejak import Collector, Fetcher, Session, check, decode_block, event, expect, main, read_log


def follow(fetcher, contents, **how):
    answer, records = fetcher.fetch(**how)
    for record in records:
        contents += [one["content"] for one in decode_block(record)[1]]
    check(answer["next"] <= answer["durable"], lambda: f"what was sent is not durable: {answer}")
    return records


def waits_and_wakes(home, _chance):
    collector = Collector(home)
    session, fetcher, contents = Session(collector.ingest), Fetcher(f"ipc://{home.path}/run/reader.sock"), []
    started = time.monotonic()
    check(not follow(fetcher, contents, wait_ms=300), "records of an empty log")
    check(0.2 < time.monotonic() - started < 5, "it did not wait as asked")
    request = Fetcher(f"ipc://{home.path}/run/reader.sock")
    request.log, request.epoch = fetcher.log, fetcher.epoch
    got = {}
    thread = threading.Thread(target=lambda: got.update(answer=request.fetch(wait_ms=20000), at=time.monotonic()))
    thread.start()
    time.sleep(0.3)
    published = time.monotonic()
    expect(session.publish(event("woken")), status="ok")
    thread.join(20)
    check(len(got["answer"][1]) == 1 and got["at"] - published < 1, "a waiting reader was not woken")
    collector.stop()


def many_small_blocks(home, _chance):
    """Thousands of blocks of one event: each answer is bounded, and every tool can read it."""
    collector = Collector(home)
    session = Session(collector.ingest)
    for i in range(4200):
        expect(session.publish(event(f"m/{i}")), status="ok")
    fetcher, contents, most = Fetcher(f"ipc://{home.path}/run/reader.sock"), [], 0
    while len(contents) < 4200:
        most = max(most, len(follow(fetcher, contents, max_bytes=8 << 20)))
    check(contents == [f"m/{i}" for i in range(4200)], "events missing or out of order")
    check(most < 4096, f"an answer of {most} records: jejakctl and others take 4096 parts")
    contents, fetcher = [], Fetcher(f"ipc://{home.path}/run/reader.sock")
    for _ in range(5):
        check(len(follow(fetcher, contents, max_bytes=0)) == 1, "one record is always sent, and no more than asked")
    collector.stop()


def follows_through_restarts(home, chance):
    """A reader that goes on over kills sees each event once and never one that is taken back."""
    contents, sent = [], 0
    fetcher = Fetcher(f"ipc://{home.path}/run/reader.sock")
    for round_number in range(5):
        collector = Collector(home)
        session = Session(collector.ingest)
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            session.publish(*[event(f"r{round_number}/{sent + i}", f"l{chance.randrange(500)}") for i in range(20)])
            sent += 20
            follow(fetcher, contents, wait_ms=0, max_bytes=chance.choice([1, 5000, 1 << 20]))
        collector.kill()
        fetcher.publisher.close()
        fetcher.publisher = Fetcher(f"ipc://{home.path}/run/reader.sock").publisher
    collector = Collector(home)
    while follow(fetcher, contents):
        pass
    events, lids = read_log(home)
    check(contents == [one["content"] for one in events], "the follower saw another log")
    check(fetcher.lids == lids, "the follower knows other learners")
    collector.stop()


if __name__ == "__main__":
    main(waits_and_wakes, many_small_blocks, follows_through_restarts)
