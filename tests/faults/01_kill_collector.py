#!/usr/bin/python3
"""kill -9 of the collector at random points under full load: every acknowledged event is stored exactly once.

bench-load keeps it busy and counts; four sessions of our own remember each batch, resend over old and new connections and are
compared with the log. Control: a client that goes on in a new session with what was not answered stores twice."""
import time

import fault
from fault import Collector, History, Load, promise, restarted


def die_while_starting(home, chance):
    """Dies again before it is ready."""
    collector = Collector(home, wait=False)
    time.sleep(chance.uniform(0, 0.1))
    collector.kill()


def die_at_first(trial, kills):
    """Homes in which the first start of all dies, again and again: the next one makes what is missing."""
    for _ in range(kills):
        home = trial.home()
        for _ in range(trial.chance.randrange(1, 4)):
            die_while_starting(home, trial.chance)
        collector = restarted(home)
        promise(fault.read(home).events == 0, "events in an empty store")
        collector.stop()
        trial.forget(home)


def kill_and_start(trial, home, history, load):
    """Kills the last collector and starts another. -> how many were killed."""
    kills = 1
    home.collectors[-1].kill()
    if trial.control:
        history.forget_sessions()
    while trial.chance.random() < 0.2:
        die_while_starting(home, trial.chance)
        kills += 1
    restarted(home, wait=trial.chance.random() < 0.5)
    history.reconnect()
    load.renew()
    return kills


def prove(trial):
    die_at_first(trial, trial.count(60, 8))
    home, wanted, kills = trial.home(), trial.count(100, 10), 0
    load = Load(trial, restarted(home).ingest)
    history = History(home.collectors[0].ingest, trial.chance)
    while kills < wanted:
        history.pump(trial.chance.uniform(0.05, 0.6))
        kills += kill_and_start(trial, home, history, load)
    home.collectors[-1].wait_for("msg=ready")
    history.finish()
    load.hush()
    if trial.control:
        return history.compare(fault.read(home))
    loaded = load.end()
    stored = fault.read(home)
    ours = history.compare(stored)
    promise(stored.events == ours + loaded, lambda: f"{stored.events} events stored, {ours + loaded} acknowledged")
    fault.settle_status(home)
    history.close()
    home.collectors[-1].stop()
    return f"{kills} kills and {trial.count(60, 8)} of first starts, {stored.events:,} events acknowledged, each stored once"


if __name__ == "__main__":
    fault.main(prove)
