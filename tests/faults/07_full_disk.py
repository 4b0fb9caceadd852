#!/usr/bin/python3
"""A full disk, on a small tmpfs and on ext4: `busy` within a second, nothing lost or doubled, and well again by itself within
10 s of space coming back: filled under load, right after a start (the memtable is empty), and before the start.

A start on a full disk may end with exit code 74 and say why; then the next start must do. Control: writes that find no space
are said to be done."""
import time

import fault
from fault import Collector, Disc, Disk, History, promise, restarted

BUSY_S, WELL_S = 1.0, 10.0
PADDED = 500  # events in a batch that is to fill the disk


class Case:
    """One home on one small disc, filled and freed again and again."""

    def __init__(self, trial, kind, megabytes):
        self.trial, self.home = trial, trial.home()
        self.disc = Disc(trial, kind, megabytes, at=self.home.path)
        self.disk = Disk(trial)
        self.collector = restarted(self.home, env=self.disk.env)
        self.history = History(self.collector.ingest, trial.chance, sessions=1)
        self.slow_busy_s = self.slow_well_s = 0
        self.refused_starts = 0

    def until_busy(self):
        """Fills up until it says so; each answer within the bound."""
        until, status = time.monotonic() + 30, None
        while status != "busy":
            asked = time.monotonic()
            status = self.history.ask(self.collector, 2 * BUSY_S, big=PADDED)
            took_s = time.monotonic() - asked
            promise(took_s <= BUSY_S, f"an answer took {took_s:.1f} s on a full {self.disc.kind}")
            promise(time.monotonic() < until, f"a full {self.disc.kind} takes everything")
            self.slow_busy_s = max(self.slow_busy_s, took_s)
            if self.trial.control and self.disk.hits > 20:
                return

    def until_well(self):
        freed = time.monotonic()
        while self.history.streams[0].unsettled:
            promise(time.monotonic() - freed <= WELL_S, f"not well {WELL_S} s after there is space again")
            if self.history.ask(self.collector) == "busy":
                time.sleep(0.05)
        self.slow_well_s = max(self.slow_well_s, time.monotonic() - freed)

    def fill(self):
        self.disc.fill()
        if self.trial.control:
            self.disk.arm(fault.LIE, fault.WRITE, lasting=True)

    def under_load(self):
        for _ in range(5):
            self.history.ask(self.collector)
        self.fill()
        self.until_busy()
        if self.trial.chance.random() < 0.5:
            time.sleep(1.5)  # it tries to open the store again meanwhile
        self.disc.free()
        self.until_well()

    def restart(self, kill):
        if kill:
            self.collector.kill()
        else:
            self.collector.stop()
        self.history.reconnect()

    def empty_memtable(self, kill):
        """Nothing was written since the start."""
        self.restart(kill)
        self.collector = restarted(self.home, env=self.disk.env)
        self.fill()
        self.until_busy()
        time.sleep(self.trial.chance.uniform(0, 1.5))
        self.disc.free()
        self.until_well()

    def at_start(self, kill):
        self.restart(kill)
        self.fill()
        self.collector = Collector(self.home, env=self.disk.env, wait=False)
        until = time.monotonic() + 5
        while "msg=ready" not in self.collector.log() and self.collector.process.poll() is None:
            promise(time.monotonic() < until, "a start on a full disk neither serves nor ends")
            time.sleep(0.01)
        code = self.collector.process.poll()
        if code is None:
            self.until_busy()
            self.disc.free()
            return self.until_well()
        self.refused_starts += 1
        promise(code == 74 and "No space left" in self.collector.log(), f"exit code {code}: {self.collector.log()[-300:]}")
        self.disc.free()
        self.collector = restarted(self.home, env=self.disk.env)
        return self.until_well()

    def compare(self):
        """Killed, and read back by a collector that knows of no trap."""
        self.disk.heal()
        self.restart(kill=True)
        self.collector = restarted(self.home, env=self.disk.env)
        events = self.history.compare(fault.read(self.home))
        fault.settle_status(self.home)
        promise(len(self.collector.log().splitlines()) < 500, "the log is flooded")
        return events


def prove(trial):
    rounds, cases = trial.count(8, 1), []
    for kind, megabytes in (("tmpfs", 32), ("ext4", 64)):
        case = Case(trial, kind, megabytes)
        cases.append(case)
        case.events = 0
        for i in range(rounds):
            kill = trial.chance.random() < 0.5
            for step in (case.under_load, lambda: case.empty_memtable(kill), lambda: case.at_start(kill)):
                step()
                case.compare() if trial.control else None
        case.events = case.compare()
        case.history.close()
        case.collector.stop()
    return (f"{6 * rounds} times full: busy within {max(case.slow_busy_s for case in cases):.2f} s, well "
            f"{max(case.slow_well_s for case in cases):.1f} s after there is space at most; "
            f"{sum(case.refused_starts for case in cases)} of {2 * rounds} starts on a full disk ended with 74; "
            f"{sum(case.events for case in cases):,} events, none lost or doubled")


if __name__ == "__main__":
    fault.main(prove)
