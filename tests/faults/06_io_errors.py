#!/usr/bin/python3
"""The n-th fdatasync or write fails (EIO, half of it and EIO, all of it and EIO, short, EINTR), n = 1 to 100 for each kind:
no answer `ok` to what was on its way, the store opens again by itself, nothing is lost or doubled, nothing aborts.

A collector for each kind, which lives through all its faults; then it is killed, started and compared. Every tenth fault lasts
for a while: no answer `ok` at all meanwhile. Control: the write is dropped and said to be done."""
import errno
import threading
import time

import fault
from fault import Broken, Disk, History, promise, restarted

HEALED_S = 10
LASTS_S = 1.2
COMMIT = ".log| /watermark|"  # what a commit goes through: both write-ahead logs and the watermark
# name, what is done, to which calls, errno, files, must it be seen?
KINDS = [
    ("EIO on fdatasync", fault.ERROR, fault.SYNC, errno.EIO, COMMIT, True),
    ("EIO after fdatasync", fault.DONE_ERROR, fault.SYNC, errno.EIO, COMMIT, True),
    ("EIO on write", fault.ERROR, fault.WRITE, errno.EIO, COMMIT, True),
    ("half a write, then EIO", fault.HALF_ERROR, fault.WRITE, errno.EIO, COMMIT, True),
    ("EIO on any file of the data", fault.ERROR, fault.WRITE | fault.SYNC, errno.EIO, "/data/", False),
    ("short write", fault.SHORT, fault.WRITE, 0, "/data/", False),
    ("EINTR on write", fault.ERROR, fault.WRITE, errno.EINTR, "/data/", False),
]


class Line:
    """One collector with its disk and its client, and all faults of one kind, one after the other."""

    def __init__(self, trial, made, kind):
        self.trial, self.kind = trial, kind
        self.name, self.action, self.calls, self.number, names, self.seen = kind
        self.home, self.disk = fault.copied(trial, made), Disk(trial, names)
        self.collector = restarted(self.home, "--set", "retry_ms=50", env=self.disk.env)
        self.history = History(self.collector.ingest, trial.chance, sessions=1)
        self.stream = self.history.streams[0]
        self.slowest_s = 0

    def ask(self):
        return self.history.ask(self.collector)

    def until_hit(self):
        until = time.monotonic() + 30
        while self.disk.hits == 0:
            promise(time.monotonic() < until, f"{self.name}: not hit within 30 s")
            status = self.ask()
        if self.seen:
            promise(status not in ("ok", "duplicate"), f"{self.name}: answered {status} although its commit failed")

    def until_healed(self, seconds):
        healed, until = time.monotonic(), time.monotonic() + seconds
        while self.stream.unsettled:
            promise(time.monotonic() < until, f"{self.name}: not well within {seconds} s after it was healed")
            if self.ask() == "busy":
                time.sleep(0.02)
        self.slowest_s = max(self.slowest_s, time.monotonic() - healed)

    def strike(self, nth):
        lasting = self.seen and nth % 10 == 0
        self.disk.arm(self.action, self.calls, nth, self.number, lasting)
        self.until_hit()
        if lasting:
            until = time.monotonic() + LASTS_S
            while time.monotonic() < until:
                status = self.ask()
                promise(status not in ("ok", "duplicate"), f"{self.name}: answered {status} while nothing can be stored")
                time.sleep(0.05)
        elif not self.seen and self.stream.unsettled:  # what opens the store again meets an error as well
            self.disk.arm(self.action, self.calls, 1 + nth % 20, self.number)
        if lasting:
            self.disk.heal()
        self.until_healed(HEALED_S)
        self.disk.heal()

    def settle(self):
        """Killed, started on a whole disk and compared."""
        self.collector.kill()
        restarted(self.home)
        self.history.compare(fault.read(self.home))
        self.history.reconnect()
        self.history.finish()
        events = self.history.compare(fault.read(self.home))
        fault.settle_status(self.home)
        self.history.close()
        return events


def run_line(line, which, results):
    try:
        for nth in which:
            line.strike(nth)
        results[line.name] = line.settle()
    except Exception as error:  # judged by the main thread
        results[line.name] = error


def prove(trial):
    made = fault.template(trial)
    kinds = [("a write that is made up", fault.LIE, fault.WRITE, 0, COMMIT, True)] if trial.control else KINDS
    which = range(1, 101) if not trial.quick else [1, 2, 3, 5, 10, 50]
    lines, results = [Line(trial, made, kind) for kind in kinds], {}
    threads = [threading.Thread(target=run_line, args=(line, which, results)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [result for result in results.values() if isinstance(result, Exception)]
    for error in sorted(errors, key=lambda one: isinstance(one, Broken)):
        raise error
    slowest_s = max(line.slowest_s for line in lines)
    return (f"{len(lines)} kinds, {len(which)} faults of each: {sum(results.values()):,} events stored once, none acknowledged "
            f"in vain, well again after {slowest_s:.1f} s at most")


if __name__ == "__main__":
    fault.main(prove)
