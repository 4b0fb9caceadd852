#!/usr/bin/python3
"""Crash images from one run: the home lies on ext4 in an image, the image is a file on xfs, and while the collector is under
load the image is cloned again and again, each clone what a crash at that moment would have left on the disk. Every clone
is mounted (ext4 replays its journal), and the collector opens in it unaided; what was acknowledged before the clone is there,
once.

Control: the collector's fdatasync and fsync do nothing, so that the clones lack what was acknowledged."""
import fcntl
import os
import time

import fault
from fault import Disc, Disk, History, restarted

CLONE = 0x40049409  # the ioctl FICLONE


class Images:
    """The one run, and the clones of its disk with what was acknowledged when each was made."""

    def __init__(self, trial):
        self.trial, self.home, self.disk = trial, trial.home(), Disk(trial, "/data/")
        self.shelf = Disc(trial, "xfs", 2048)
        self.disc = Disc(trial, "ext4", 128, image=os.path.join(self.shelf.path, "home.img"), at=self.home.path)
        self.clones = []

    def clone(self, history):
        acknowledged = history.acknowledged()
        path = os.path.join(self.shelf.path, f"clone-{len(self.clones)}.img")
        with open(self.disc.image, "rb") as source, open(path, "wb") as target:
            fcntl.ioctl(target.fileno(), CLONE, source.fileno())
        self.clones.append((path, acknowledged))

    def run(self, count):
        ingest = f"ipc://{self.trial.dir}/run.sock"
        collector = restarted(self.home, ingest=ingest, env=self.disk.env)
        history = History(ingest, self.trial.chance, sessions=3)
        if self.trial.control:
            os.sync()
            self.disk.arm(fault.LIE, fault.SYNC, lasting=True)
        for _ in range(count):
            for stream in history.streams:  # a few batches, so that the last image can still be read in a moment
                stream.make()
                stream.send(stream.made, stream.sockets[-1])
            history.pump(self.trial.chance.uniform(0, 0.01), publish=False)
            self.clone(history)
        history.finish()
        collector.kill()
        self.disc.unmount()
        return history

    def open_clone(self, history, path, acknowledged):
        disc = Disc(self.trial, "ext4", 0, image=path, at=self.home.path)
        try:
            collector = restarted(self.home, ingest=f"ipc://{self.trial.dir}/clone.sock")
            events = history.compare(fault.read(self.home), acknowledged)
            collector.kill()
        finally:
            for one in self.home.collectors:
                one.kill()
            disc.close()
            os.unlink(path)
        return events


def prove(trial):
    images = Images(trial)
    history, started = images.run(trial.count(500, 30)), time.monotonic()
    events = [images.open_clone(history, path, acknowledged) for path, acknowledged in images.clones]
    trial.say(f"{(time.monotonic() - started) / len(events):.2f} s an image")
    return f"{len(events)} images of one run, of up to {max(events):,} events: all opened unaided, none lost or doubled"


if __name__ == "__main__":
    fault.main(prove)
