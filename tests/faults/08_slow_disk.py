#!/usr/bin/python3
"""A disk that writes 1 MB a second, and one whose syncs take 200 ms more, under full load: memory stays within its bound, answers
come late, none is lost.

Memory is the collector's greatest resident size above what the same load takes on a whole disk. Control: the disk drops what is
written and says it is done."""
import time

import fault
from fault import Disk, History, Load, promise, restarted

MEMORY_MB = 64.0  # the bound on what a slow disk may cost: a group, its block and what waits in ZeroMQ
SLOW = (("1 MB/s", {"bytes_per_s": 1 << 20}), ("200 ms a sync", {"sync_delay_ms": 200}))


def greatest_mb(process):
    """The greatest resident size so far."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def run_on(trial, seconds, slow, trap=False):
    """-> greatest size in MB, events, slowest settlement in s."""
    home, disk = trial.home(), Disk(trial)
    collector = restarted(home, env=disk.env)
    disk.slow(**slow)
    if trap:
        disk.arm(fault.LIE, fault.WRITE, 200, lasting=True)
    load, history = Load(trial, collector.ingest, publishers=8), History(collector.ingest, trial.chance)
    history.pump(seconds)
    size_mb = greatest_mb(collector.process)
    load.hush()
    waited = time.monotonic()
    history.finish(120)
    waited_s = time.monotonic() - waited
    loaded = 0 if trap else load.end()
    disk.slow()
    collector.kill()
    restarted(home)
    stored = fault.read(home)
    events = history.compare(stored)
    promise(trap or stored.events == events + loaded, lambda: f"{stored.events} stored, {events + loaded} acknowledged")
    fault.settle_status(home)
    history.close()
    home.collectors[-1].stop()
    return size_mb, stored.events, waited_s


def prove(trial):
    seconds = trial.count(40, 4)
    if trial.control:
        run_on(trial, 2, {}, trap=True)
        return "what the disk dropped is not missed"
    whole_mb, _, _ = run_on(trial, seconds / 2, {})
    told = []
    for name, slow in SLOW:
        size_mb, events, waited_s = run_on(trial, seconds, slow)
        promise(events > 0, f"nothing is stored with {name}")
        promise(size_mb <= whole_mb + MEMORY_MB, f"{name}: {size_mb:.0f} MB, {whole_mb:.0f} on a whole disk")
        told.append(f"{name}: {events:,} events stored once, {size_mb:.0f} MB, the last answer after {waited_s:.1f} s")
    return f"{'; '.join(told)} ({whole_mb:.0f} MB on a whole disk)"


if __name__ == "__main__":
    fault.main(prove)
