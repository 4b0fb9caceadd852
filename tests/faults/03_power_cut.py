#!/usr/bin/python3
"""The power goes while the collector is under load: ext4 and xfs in an image over a loop device are shut down without their
journal being written, so that whatever was not synced is gone; then mounted again, as after a crash. Nothing acknowledged is
lost or stored twice, and the collector opens unaided.

The history is taken before the cut. Control: fdatasync and fsync do nothing."""
import os

import fault
from fault import Disc, Disk, History, Load, restarted

LOOK_EVERY = 25  # cuts: reading millions of events back takes longer than a cut
RATE = 20000      # events a second of bench-load: what was stored is read back event by event in the end
LOAD_EVERY = 4   # cuts: a new bench-load, as one whose batches were all on their way waits 10 s


class Case:
    """One home on one file system that loses its power again and again."""

    def __init__(self, trial, kind, megabytes):
        self.trial, self.kind, self.home, self.disk = trial, kind, trial.home(), Disk(trial, "/data/")
        self.disc = Disc(trial, kind, megabytes, at=self.home.path)
        self.ingest = f"ipc://{trial.dir}/{kind}.sock"  # the folder of a socket must outlive the mount
        self.start()
        if trial.control:
            os.sync()  # what the first start made stays
            self.disk.arm(fault.LIE, fault.SYNC, lasting=True)
        self.load = Load(trial, self.ingest, "--plain", "--rate", str(RATE), publishers=1)
        self.history = History(self.ingest, trial.chance, sessions=3)

    def start(self):
        self.collector = restarted(self.home, ingest=self.ingest, env=self.disk.env if self.trial.control else None)

    def cut(self):
        """-> the batches that were acknowledged when it was dark."""
        self.history.pump(self.trial.chance.uniform(0.05, 0.4))
        acknowledged = self.history.acknowledged()
        self.disc.cut()
        self.collector.kill()
        self.disc.unmount()
        self.disc.mount()
        self.start()
        return acknowledged

    def go_on(self, loaded):
        self.history.reconnect()
        if loaded:
            self.load.renew()

    def compare(self):
        loaded = self.load.end()
        stored = fault.read(self.home)
        events = self.history.compare(stored)
        fault.promise(stored.events == events + loaded, lambda: f"{stored.events} stored, {events + loaded} acknowledged")
        fault.settle_status(self.home)
        self.history.close()
        self.collector.stop()
        return stored.events


def prove(trial):
    wanted, cuts = trial.count(100, 6), 0
    cases = [Case(trial, "ext4", 1024), Case(trial, "xfs", 1024)]
    while cuts < wanted and not trial.late():
        for case in cases:
            acknowledged = case.cut()
            if cuts % LOOK_EVERY == LOOK_EVERY - 1 or trial.control:
                case.history.compare(fault.read(case.home), acknowledged)
            case.go_on(cuts % LOAD_EVERY == 0)
        cuts += 1
    for case in cases:
        case.load.hush()
        case.history.finish()
    events = sum(case.compare() for case in cases)
    return f"{cuts} of {wanted} cuts on ext4 and as many on xfs: {events:,} events acknowledged, each stored once"


if __name__ == "__main__":
    fault.main(prove)
