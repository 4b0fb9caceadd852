#!/usr/bin/python3
"""A full disk, on a small tmpfs as home: `busy`, nothing lost, nothing twice, and on it goes when there is space again.

Needs the right to mount; where that is missing the test is skipped, and says so."""
import errno
import os
import subprocess
import time

from jejak import Collector, Session, Skipped, batch, check, event, expect, main, read_log, status

PADDING = [event("pad/" + "x" * 60, f"learner-{i}") for i in range(2000)]


class Mounted:
    """A tmpfs over the home folder, smaller than what RocksDB would set aside for its write-ahead log: full is full. What
    is stored fills it for good, so freeing gives back a piece of a reserve too."""

    def __init__(self, home, megabytes=16, reserves=4):
        self.home, self.reserves = home, reserves
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes + 4 * reserves}m,mode=0700", "tmpfs", home.path],
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise Skipped(f"no tmpfs can be mounted here: {done.stderr.decode().strip()}")
        for i in range(reserves):
            with open(home / f"reserve-{i}", "wb") as file:
                file.write(bytes(4 << 20))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for collector in self.home.collectors:
            collector.kill()
        subprocess.run(["umount", "-l", self.home.path], check=False)

    def fill(self, leave=0):
        try:
            with open(self.home / "filler", "wb", buffering=0) as file:
                while file.write(bytes(65536)) == 65536:
                    pass
        except OSError as error:
            check(error.errno == errno.ENOSPC, str(error))
        if leave and os.path.exists(self.home / "filler"):
            os.truncate(self.home / "filler", max(0, os.path.getsize(self.home / "filler") - leave))

    def free(self):
        if os.path.exists(self.home / "filler"):
            os.unlink(self.home / "filler")
        self.reserves -= 1
        os.unlink(self.home / f"reserve-{self.reserves}")


def publish_until(session, wanted, acknowledged, seconds=30, padding=False):
    """Batch after batch until an answer has this status; resends what was busy."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        seq = session.seq + 1
        events = session.kept.setdefault(seq, [event(f"b/{session.id.hex()}/{seq}"), *(PADDING if padding else [])])
        answer = session.ask(batch(session.id, seq, events, acked=session.seq))
        check(answer["status"] in ("ok", "duplicate", "busy"), answer)
        if answer["status"] != "busy":
            acknowledged.add(f"b/{session.id.hex()}/{seq}")
            session.seq += 1
        if answer["status"] == wanted or (wanted == "ok" and answer["status"] == "duplicate"):
            return answer
        if answer["status"] == "busy":
            time.sleep(0.05)
    raise AssertionError(f"never answered {wanted} within {seconds} s")


def verify(home, acknowledged):
    stored = [one["content"] for one in read_log(home)[0] if one["content"].startswith("b/")]
    check(len(stored) == len(set(stored)), "stored twice")
    check(acknowledged <= set(stored), lambda: f"acknowledged and lost: {sorted(acknowledged - set(stored))[:5]}")


def new_session(collector):
    session = Session(collector.ingest)
    session.kept = {}
    return session


def busy_while_full(home, _chance):
    with Mounted(home) as disk:
        collector = Collector(home)
        sessions = [new_session(collector) for _ in range(2)]
        acknowledged = set()
        for leave in (0, 20000, 300000):
            for session in sessions:
                for _ in range(3):
                    publish_until(session, "ok", acknowledged)
            disk.fill(leave)
            answer = publish_until(sessions[0], "busy", acknowledged, padding=True)
            expect(answer, retry_ms=500)
            time.sleep(1.5)  # it tries to open the store again meanwhile
            expect(publish_until(sessions[1], "busy", acknowledged, padding=True), status="busy")
            check(collector.process.poll() is None, "it ended")
            check(status(home)["groups_failed"] > 0, "no failure is counted")
            disk.free()
            for session in sessions:
                publish_until(session, "ok", acknowledged)
            check(status(home)["store"] == "open", "the store is not open")
            verify(home, acknowledged)
        check("the store failed" in collector.log() and "No space left" in collector.log(), "the log does not say why")
        check("the store is open again" in collector.log(), "the log does not say that it is well again")
        check(len(collector.log().splitlines()) < 200, "the log is flooded")
        collector.stop()
        collector = Collector(home)
        verify(home, acknowledged)
        collector.stop()


def killed_while_full(home, _chance):
    with Mounted(home) as disk:
        collector = Collector(home)
        session, acknowledged = new_session(collector), set()
        for _ in range(5):
            publish_until(session, "ok", acknowledged)
        disk.fill()
        publish_until(session, "busy", acknowledged, padding=True)
        collector.kill()
        collector = Collector(home, wait=False)
        code = None
        try:
            code = collector.wait(3)
        except subprocess.TimeoutExpired:
            collector.kill()  # it runs, and will be busy
        check(code in (None, 74), lambda: f"exit code {code}: {collector.log()}")
        check(code is None or "No space left" in collector.log(), collector.log())
        disk.free()
        collector = Collector(home)
        publish_until(session, "ok", acknowledged)
        verify(home, acknowledged)
        collector.stop()


def stopped_while_full(home, _chance):
    with Mounted(home) as disk:
        collector = Collector(home)
        session, acknowledged = new_session(collector), set()
        publish_until(session, "ok", acknowledged)
        disk.fill()
        publish_until(session, "busy", acknowledged, padding=True)
        collector.stop()
        disk.free()
        collector = Collector(home)
        publish_until(session, "ok", acknowledged)
        verify(home, acknowledged)
        collector.stop()


if __name__ == "__main__":
    main(busy_while_full, killed_while_full, stopped_while_full)
