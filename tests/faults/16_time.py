#!/usr/bin/python3
"""Frozen for 30 s (SIGSTOP): the collector, then a publisher and the aggregator; the clock jumps a day on and back under load, and
passes the second 2^31 (2038-01-19) and the year 2106: nothing is lost or doubled, nothing hangs, and what is out of time is
answered `time_future`, as the protocol has it.

Control: a client that takes a frozen collector for a lost one and begins new sessions stores twice."""
import json
import os
import re
import signal
import time

import fault
import idle
import jejak
from fault import BIN, History, Load, promise, restarted
from jejak import Session, check, event, run

DAY_S = 86400
WELL_S = 10.0
ENDS = ((2 ** 31, "2038-01-01", "2039-01-01"), (2 ** 32, "2106-01-01", "2107-01-01"))  # s, and a period around it


def frozen(trial, process, seconds, meanwhile):
    process.send_signal(signal.SIGSTOP)
    try:
        meanwhile(seconds)
    finally:
        process.send_signal(signal.SIGCONT)


# ---- frozen ----

def freeze_collector(trial, seconds):
    """Under full load. -> how long until everything is settled after it goes on, and the events."""
    home = trial.home()
    collector = restarted(home)
    load, history = Load(trial, collector.ingest), History(collector.ingest, trial.chance)
    history.pump(1)
    frozen(trial, collector.process, seconds, history.pump)
    if trial.control:
        history.forget_sessions()
        history.reconnect()
    thawed = time.monotonic()
    history.finish(WELL_S)
    took_s = time.monotonic() - thawed
    history.pump(0.5)
    load.hush()
    history.finish()
    if trial.control:
        return history.compare(fault.read(home))
    loaded, stored = load.end(), fault.read(home)
    events = history.compare(stored)
    promise(stored.events == events + loaded, lambda: f"{stored.events} stored, {events + loaded} acknowledged")
    fault.settle_status(home)
    history.close()
    collector.stop()
    return took_s, stored.events


def folded(home):
    done = run("jejak-aggregator", "fold", "--home", home.path)
    check(done.returncode == 0, done.stderr.decode())
    return int(re.search(r"offset ([0-9,]+)", done.stdout.decode()).group(1).replace(",", ""))


def freeze_publisher_and_aggregator(trial, seconds):
    """Others are served meanwhile."""
    home = trial.home()
    collector = restarted(home)
    history = History(collector.ingest, trial.chance)
    with open(os.path.join(trial.dir, "follow.log"), "wb") as log:
        follow = trial.start(os.path.join(BIN, "jejak-aggregator"), "follow", "--home", home.path, "--set", "fold_ms=100",
                             stdout=log, stderr=log)
    loader = Load(trial, collector.ingest, publishers=1)
    history.pump(1)
    before = history.settled()

    def meanwhile(seconds):
        frozen(trial, follow, seconds, history.pump)

    frozen(trial, loader.loaders[0], seconds, meanwhile)
    promise(history.settled() - before > 20 * seconds, "others are not served while a publisher is frozen")
    history.finish(WELL_S)
    loaded, stored = loader.end(), fault.read(home)
    events = history.compare(stored)
    promise(stored.events == events + loaded, lambda: f"{stored.events} stored, {events + loaded} acknowledged")
    offset = folded(home)
    promise(offset == stored.events, lambda: f"folded up to {offset} of {stored.events}")
    follow.terminate()
    promise(follow.wait(30) == 0, "the aggregator did not end well")
    history.close()
    collector.stop()
    return stored.events


# ---- clocks ----

class Clock:
    """The wall clock of the programs that are started with its `env`. Its file lies in the home: they may read nothing else."""

    def __init__(self, home):
        self.path = home / "clock"
        self.env = {key: value for key, value in idle.faked(0).items() if key != "FAKETIME"}
        self.env.update(FAKETIME_TIMESTAMP_FILE=self.path, FAKETIME_NO_CACHE="1")
        self.ahead_s = 0
        self.set(0)

    def set(self, ahead_s):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(f"{ahead_s:+.3f}\n")
        os.replace(self.path + ".new", self.path)
        self.ahead_s = ahead_s

    def still_env(self):
        """For programs during whose life it does not jump: reading the file at every look costs much."""
        env = {key: value for key, value in self.env.items() if key not in ("FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE")}
        return {**env, "FAKETIME": f"{self.ahead_s:+.3f}"}

    def now_ms(self):
        return int((time.time() + self.ahead_s) * 1000)


def ask(session, time_ms, accepted):
    """One event of this time, taken or told to be of the future."""
    name = f"e/{session.seq}"
    answer = session.publish(event(name, f"learner-{session.seq % 20}", time_ms=time_ms))
    promise(answer is not None and answer["status"] == "ok" and answer["accepted"] == accepted, lambda: f"{answer}")
    promise(accepted or answer["rejected"] == [[0, "time_future"]], lambda: f"{answer}")
    return [(name, time_ms)] if accepted else []


def jump_often(trial, jumps):
    """A day on, a day back, while sessions publish in the true time: what is a day ahead of the clock is told so."""
    home = trial.home()
    clock = Clock(home)
    collector = restarted(home, env=clock.env)
    session, kept = Session(collector.ingest), []
    for i in range(jumps):
        clock.set(trial.chance.choice([-DAY_S, 0, DAY_S]))
        for _ in range(3):
            kept += ask(session, jejak.now_ms(), clock.ahead_s >= 0)
            kept += ask(session, clock.now_ms(), True)
        if i % 10 == 9:
            collector.kill()
            collector = restarted(home, env=clock.env)
            session.close()
            session = Session(collector.ingest, session=session.id, seq=session.seq)
    compare(home, kept)
    collector.stop()
    return len(kept)


def pass_the_end(trial, end_s, first, last):
    """Publishes across a second, restarts on both sides of it and later; the report from `first` to `last` counts all."""
    home, kept = trial.home(), []
    clock = Clock(home)
    for moment_s in (end_s - 2, end_s + 30 * DAY_S):
        clock.set(moment_s - time.time())
        collector = restarted(home, env=clock.env)
        session = Session(collector.ingest)
        until = time.monotonic() + 4
        while time.monotonic() < until:
            kept += ask(session, clock.now_ms(), True)
            time.sleep(0.02)
        ask(session, clock.now_ms() + DAY_S * 1000, False)
        compare(home, kept)
        session.close()
        collector.stop()
    promise(kept[0][1] < end_s * 1000 < kept[-1][1], "the second was not passed")
    promise(opens_of(home, clock, first, last) == len(kept), f"the report does not count {len(kept)} opens")
    return len(kept)


def opens_of(home, clock, first, end):
    """What the aggregator counts in this period."""
    def ask_for(*command):
        done = run("jejak-aggregator", *command, "--home", home.path, "--set", "k=5", env=clock.still_env())
        check(done.returncode == 0, done.stderr.decode())
        return done.stdout

    ask_for("fold")
    report = json.loads(ask_for("report", "--from", first, "--to", end, "--k", "5", "--format", "json"))
    return sum(row["opens"] for row in report["rows"])


def compare(home, kept):
    stored = [(one["content"], one["time"]) for one in jejak.read_log(home)[0]]
    promise(sorted(stored) == sorted(kept), lambda: f"lost {sorted(set(kept) - set(stored))[:3]}, "
            f"too many {sorted(set(stored) - set(kept))[:3]}")


def prove(trial):
    seconds = trial.count(30, 4)
    if trial.control:
        freeze_collector(trial, 2)
        return "a client that renumbers stores once"
    took_s, events = freeze_collector(trial, seconds)
    events += freeze_publisher_and_aggregator(trial, seconds)
    jumped = jump_often(trial, trial.count(60, 12))
    late = sum(pass_the_end(trial, *end) for end in ENDS)
    return (f"collector, publisher and aggregator frozen for {seconds} s: settled {took_s:.1f} s after, {events:,} events once; "
            f"{jumped} events over jumps of a day, {late} over 2038 and 2106: times as the protocol has them")


if __name__ == "__main__":
    fault.main(prove)
