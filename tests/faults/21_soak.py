#!/usr/bin/python3
"""A steady load for half an hour over CURVE, and something killed at random all the time. In the first half it is the collector,
the aggregator that follows it, or the clients; in the second half only clients, so that both programs get old. Memory and
descriptors stay flat: within the second half, and from start to start, however long the history has grown. In the end each
event that was acknowledged is stored once, the aggregator has folded all of it, and `jejakctl verify` finds nothing.

Control: the collector loses a little memory and now and then a descriptor at its syncs."""
import contextlib
import os
import statistics
import threading
import time

import fault
import jejak
from fault import BIN, Disk, History, Load, promise, restarted
from jejak import check, ctl, pair_of, run

MINUTES = 30
RATE = 6000            # events a second of bench-load: the busiest hour of a million learners (docs/PERFORMANCE.md, "Sizing")
CACHE_BYTES = 8 << 20  # of the aggregator's cells: full after some minutes, or it would go on growing up to its bound all the time
OWN_PER_S = 6          # turns a second in which each session of ours publishes a few batches
KILL_S = (3.0, 20.0)   # between two kills
SAMPLE_S = 0.5
SETTLED_S = 60         # so old is a process before its memory is looked at: buffers and caches are full by then
GROWTH, SLACK_FILES = 1.05, 4
TABLES_MAX = 2 * 32  # EVENTLOG_OPEN_FILES + VAULT_OPEN_FILES; the aggregator's cells stay far below
SLACK_MB, YOUNG_SLACK_MB = 6, 30  # a quick run ends before the buffers are full


class Watched:
    """A program that is started again and again, and what its memory and its descriptors were at what age."""

    def __init__(self, start, slack_mb):
        self.start, self.slack_mb, self.lives, self.most_tables = start, slack_mb, [], 0
        self.renew()

    def renew(self):
        self.process, self.born = self.start(), time.monotonic()
        self.lives.append([])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def sample(self):
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
                own_kb = next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
            files, tables = self.descriptors()
        except (OSError, StopIteration):
            return  # just killed
        self.lives[-1].append((time.monotonic() - self.born, own_kb / 1024, files))
        self.most_tables = max(self.most_tables, tables)

    def descriptors(self):
        """Those of table files, which a store keeps open up to a bound of its own, are counted apart."""
        folder, names = f"/proc/{self.process.pid}/fd", []
        for descriptor in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                names.append(os.readlink(os.path.join(folder, descriptor)))
        tables = sum(name.endswith(".sst") for name in names)
        return len(names) - tables, tables

    def flat(self, name, settled_s):
        """The last life in itself. -> its memory at its end, in MiB."""
        grown = [one for one in self.lives[-1] if one[0] > settled_s]
        check(len(grown) >= 12, f"{name}: only {len(grown)} samples")
        third = len(grown) // 3
        (first_mb, first_files), (last_mb, last_files) = [
            (statistics.median(mb for _, mb, _ in part), statistics.median(files for _, _, files in part))
            for part in (grown[:third], grown[-third:])]
        promise(last_mb <= first_mb * GROWTH + self.slack_mb, f"{name}: {first_mb:.1f} MiB have become {last_mb:.1f}")
        promise(last_files <= first_files + SLACK_FILES, f"{name}: {first_files:.0f} descriptors have become {last_files:.0f}")
        promise(self.most_tables <= TABLES_MAX, f"{name}: {self.most_tables} table files are open")
        return last_mb, last_files, self.most_tables

    def flat_over_starts(self, name, age_s):
        """From life to life, each at the same age."""
        at_age = [next((mb for age, mb, _ in life if age >= age_s), None) for life in self.lives]
        at_age = [mb for mb in at_age if mb is not None]
        third = len(at_age) // 3
        if third > 1:
            first, last = statistics.median(at_age[:third]), statistics.median(at_age[-third:])
            promise(last <= first * GROWTH + self.slack_mb, f"{name}, {age_s} s old: {first:.1f} MiB have become {last:.1f}")


class Sampler(threading.Thread):
    def __init__(self, watched):
        super().__init__(daemon=True)
        self.watched, self.over = watched, threading.Event()

    def run(self):
        while not self.over.wait(SAMPLE_S):
            for one in self.watched:
                one.sample()


class Soak:
    def __init__(self, trial):
        self.trial, self.home, self.kills = trial, trial.home(), {"collector": 0, "aggregator": 0, "clients": 0}
        ctl(self.home, "publisher", "add", "lms")
        self.endpoint = f"tcp://127.0.0.1:{jejak.free_port()}"
        self.disk = Disk(trial, "/data/") if trial.control else None
        slack_mb = trial.count(SLACK_MB, YOUNG_SLACK_MB)
        self.collector = Watched(self.start_collector, slack_mb)
        self.aggregator = Watched(self.start_aggregator, slack_mb)
        self.sampler = Sampler([self.collector, self.aggregator])
        self.sampler.start()
        trial.at_end(self.sampler.over.set)
        self.load = Load(trial, self.endpoint, "--home", self.home.path, "--name", "lms", "--rate", str(RATE), "--batch", "200")
        self.history = History(self.endpoint, trial.chance, sessions=3, keys=pair_of(self.home, "lms"))
        if trial.control:
            self.disk.arm(fault.LEAK, fault.SYNC, number=32, lasting=True)

    def start_collector(self):
        return restarted(self.home, ingest=self.endpoint, plain=False, env=self.disk.env if self.disk else None).process

    def start_aggregator(self):
        with open(os.path.join(self.trial.dir, "follow.log"), "ab") as log:
            return self.trial.start(os.path.join(BIN, "jejak-aggregator"), "follow", "--home", self.home.path,
                                    "--set", f"cells_cache_bytes={CACHE_BYTES}", stdout=log, stderr=log)

    def live(self, seconds):
        """The sessions go on at an even pace."""
        until, turn = time.monotonic() + seconds, 0.0
        while time.monotonic() < until:
            if time.monotonic() >= turn:
                turn = time.monotonic() + 1 / OWN_PER_S
                for stream in self.history.streams:
                    stream.publish()
            self.history.receive()
            time.sleep(0.005)

    def kill(self, who):
        self.kills[who] += 1
        if who == "clients":
            self.load.renew()
        else:
            watched = {"collector": self.collector, "aggregator": self.aggregator}[who]
            watched.kill()
            watched.renew()
        if who != "aggregator":
            self.history.reconnect()

    def half(self, seconds, victims):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pause_s = self.trial.chance.uniform(*KILL_S) * min(1, seconds / 60)
            self.live(min(pause_s, max(0.1, until - time.monotonic())))
            self.kill(self.trial.chance.choice(victims))

    def settle(self):
        """-> events acknowledged, by bench-load and by the sessions."""
        self.load.hush()
        self.history.finish()
        loaded = self.load.end()
        self.sampler.over.set()
        self.sampler.join()
        return loaded

    def compare(self, loaded):
        folded = run("jejak-aggregator", "fold", "--home", self.home.path, timeout=300)
        check(folded.returncode == 0, folded.stderr.decode())
        stored = fault.read(self.home, keys=None)
        events = self.history.compare(stored)
        promise(stored.events == events + loaded, lambda: f"{stored.events} stored, {events + loaded} acknowledged")
        promise(f"offset {stored.events:,}" in folded.stdout.decode(), lambda: f"folded: {folded.stdout.decode()}")
        fault.settle_status(self.home)
        verified = run("jejakctl", "verify", "--home", self.home.path, timeout=300)
        promise(verified.returncode == 0, lambda: f"verify: {verified.stdout.decode()[-300:]}")
        return stored.events


def prove(trial):
    half_s = trial.count(MINUTES * 30, 12)
    settled_s = min(SETTLED_S, half_s / 4)
    soak = Soak(trial)
    soak.half(half_s, ["collector", "aggregator", "clients"])
    soak.kill("collector")
    soak.kill("aggregator")
    soak.half(half_s, ["clients"])
    loaded = soak.settle()
    old = [watched.flat(name, settled_s) for name, watched in (("collector", soak.collector), ("aggregator", soak.aggregator))]
    soak.collector.flat_over_starts("collector", 5)
    soak.aggregator.flat_over_starts("aggregator", 5)
    events = soak.compare(loaded)
    soak.history.close()
    kills = ", ".join(f"{count} times the {who}" for who, count in soak.kills.items())
    return (f"{2 * half_s / 60:.1f} minutes, {events:,} events stored once; killed {kills}; in the end collector {old[0][0]:.0f} MB "
            f"and {old[0][1]:.0f} descriptors beside {old[0][2]} table files, aggregator {old[1][0]:.0f} MB and {old[1][1]:.0f} beside "
            f"{old[1][2]}; verify clean")


if __name__ == "__main__":
    fault.main(prove, limit_s=MINUTES * 60 + 600)
