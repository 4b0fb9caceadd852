#!/usr/bin/python3
"""The n-th write to a write-ahead log (of the event log or of the vault) is torn and the process dead, for each n of the first
500: the collector opens unaided, and nothing acknowledged is lost or stored twice.

Control: the write is dropped and said to be done, and the process is killed later."""
import time
from concurrent.futures import ThreadPoolExecutor

import fault
from fault import Collector, Disk, History, promise, restarted

AT_ONCE = 4  # collectors: most of their time they wait for the disk


def publish_until_dead(history, collector, disk, trap):
    """One small batch after the other, each with its answer; where the write was only said to be done, five more."""
    stream, more = history.streams[0], 5
    while more > 0:
        if stream.made % 3 == 2:
            stream.make_new(1)
        else:
            stream.make()
        stream.send(stream.made, stream.sockets[-1])
        while stream.unsettled and collector.process.poll() is None:
            stream.sockets[-1].socket.poll(10)
            history.receive()
        if collector.process.poll() is not None:
            return
        more -= trap and disk.hits > 0
    collector.kill()


def torn_at(trial, made, nth, chance):
    home, disk = fault.copied(trial, made), Disk(trial)
    disk.arm(fault.LIE if trial.control else fault.TEAR, fault.WRITE, nth, chance.randrange(256))
    collector = Collector(home, env=disk.env, wait=False)
    history = History(collector.ingest, chance, sessions=1)
    publish_until_dead(history, collector, disk, trial.control)
    promise(disk.hits == 1, f"write {nth} was not hit: the collector ended by itself")
    restarted(home)
    history.compare(fault.read(home))
    history.reconnect()
    history.finish()
    events = history.compare(fault.read(home))
    fault.settle_status(home)
    history.close()
    trial.forget(home)
    return events


def prove(trial):
    made, started = fault.template(trial), time.monotonic()
    which = range(1, 501) if not trial.quick else sorted({1, 2, 3, *(trial.chance.randrange(4, 500) for _ in range(27))})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        events = sum(pool.map(lambda nth: torn_at(trial, made, nth, trial.chance_of(nth)), which))
    trial.say(f"{(time.monotonic() - started) / len(which):.2f} s a write")
    return f"{len(which)} torn writes: each time it opened unaided, none of {events:,} events lost or doubled"


if __name__ == "__main__":
    fault.main(prove)
