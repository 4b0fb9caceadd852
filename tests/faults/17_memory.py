#!/usr/bin/python3
"""Memory that cannot be had. The n-th allocation of our own code fails (alloc_shim.c), for n over the whole life of each program:
first starts, starts, ingest, commit, answers, reading and the end of a collector; folding, reporting and following of an
aggregator; a frontend with a spool; jejak-publish. Each time the program goes on, or ends with a sentence and a code with which
a service manager starts it again (71, 74, 75); never of a signal; and after all of it each event is there exactly once, and
each report is the one before.

Then collector and aggregator in a memory cgroup of 256 MB under the load of many learners and publishers, and in one that gets
too small for them: what is killed starts again, and the log and its figures are those of a recount. Where no cgroup can be made
this part is not run, and said so. A frontend that gets no memory for a while stands still, in memory and descriptors too, and then
sends all that it took.

Control: the failed allocation answers with a pointer that nobody may use, as if nobody looked: the collector dies of a signal."""
import contextlib
import glob
import json
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import tarfile
import tempfile
import time

import fault
import jejak
from fault import BIN, Broken, Collector, History, Load, promise, restarted

SHIM = os.path.join(BIN, "../tests/libjejak_alloc_fault.so")
TAKER = os.path.join(BIN, "../tests/taker")
COUNT, FAIL, WILD = range(3)
AGAIN = {71, 74, 75}  # a service manager starts it again (scripts/systemd/)
EACH, SOME, START_S, END_S = 100, 200, 20, 30
STARVED = 20000  # events
OWN_FILES = 152  # that a collector needs beside its connections (docs/RELIABILITY.md)
FULL_MB, SMALL_MB = 256, 16
FOLD = ("--set", "fold_events=250000")  # by default 4 million wait in memory


# ---- the n-th allocation ----

class Order:
    """What is to become of the n-th allocation of the programs that are started with its `env`."""

    def __init__(self, trial):
        fault.check(os.path.exists(SHIM), f"{SHIM} is not built")
        path = tempfile.mkstemp(prefix="order-", dir=trial.dir)[1]
        with open(path, "r+b") as file:
            file.write(bytes(64))
            file.flush()
            self.memory = mmap.mmap(file.fileno(), 64)
        self.env = {"LD_PRELOAD": SHIM, "JEJAK_ALLOC": path}

    def arm(self, mode, nth=0, lasting=False):
        struct.pack_into("<IIQQQQ", self.memory, 0, mode, lasting, 0, nth, 0, 0)

    def from_now_on(self):
        """Every one of a program that runs already."""
        self.arm(FAIL, 1, lasting=True)

    def heal(self):
        struct.pack_into("<I", self.memory, 0, COUNT)

    counted = property(lambda self: struct.unpack_from("<Q", self.memory, 8)[0])
    failed = property(lambda self: struct.unpack_from("<Q", self.memory, 24)[0])
    where = property(lambda self: hex(struct.unpack_from("<Q", self.memory, 32)[0]))


def numbers(trial, total, each, some):
    """Every n of the first, and some of those behind."""
    rest = range(each + 1, total + 1)
    return [*range(1, min(each, total) + 1), *sorted(trial.chance.sample(rest, min(some, len(rest))))]


class Tally:
    """How the programs ended."""

    def __init__(self):
        self.tries = self.failed = self.ended = 0

    def judge(self, order, what, code, said, fine=(0,)):
        """Fine, or ended with a sentence and a code that has it started again."""
        self.tries += 1
        self.failed += order.failed > 0
        what = f"{what}, asked for at {order.where}"
        if code in fine:
            return
        self.ended += 1
        promise(code >= 0, lambda: f"{what}: died of signal {-code}: {said[-300:]}")
        promise(order.failed > 0, lambda: f"{what}: ended with {code}, and nothing failed: {said[-300:]}")
        promise(code in AGAIN, lambda: f"{what}: ended with {code}: {said[-300:]}")
        promise(len((said.splitlines() or [""])[-1]) > 20, lambda: f"{what}: ended with {code} without a reason: {said[-300:]}")


def run(order, *command):
    """(code, what it said on standard error, its output)"""
    done = subprocess.run([os.path.join(BIN, command[0]), *command[1:]], capture_output=True, timeout=END_S, check=False,
                          env={**os.environ, **(order.env if order else {})}, stdin=subprocess.DEVNULL)
    return done.returncode, done.stderr.decode(errors="replace"), done.stdout.decode(errors="replace")


# ---- collector ----

def wait_ready(collector):
    """False: it ended."""
    until = time.monotonic() + START_S
    while "msg=ready" not in collector.log():
        if collector.process.poll() is not None:
            return False
        promise(time.monotonic() < until, lambda: f"neither serves nor ends: {collector.log()[-300:]}")
        time.sleep(0.002)
    return True


def use(collector, history):
    """Some batches, learners never seen, a status, some records; until the collector has done it, or has ended."""
    stream = history.streams[0]
    history.reconnect()
    stream.make_new(8)
    stream.send(stream.made, stream.sockets[-1])
    goal, until = history.settled() + 12, time.monotonic() + 5
    while history.settled() < goal and collector.process.poll() is None and time.monotonic() < until:
        history.pump(0.005)
    if collector.process.poll() is None:
        jejak.run("jejakctl", "status", "--home", collector.home.path)
        fetcher = jejak.Fetcher(f"ipc://{collector.home.path}/run/reader.sock")
        fetcher.request(timeout_ms=300, max_bytes=4096)
        fetcher.publisher.close()


def one_life(home, history, order):
    """From a start to an orderly end, or its own. -> (code, what it said)"""
    collector = Collector(home, env=order.env, wait=False)
    if wait_ready(collector):
        use(collector, history)
        if collector.process.poll() is None:
            collector.signal(signal.SIGTERM)
    code = collector.wait(END_S)
    said = collector.log()
    os.unlink(collector.log_path)
    home.collectors.remove(collector)
    return code, said


def collectors(trial, tally):
    """Lives of one collector, one after the other. -> events, and how many allocations a life has"""
    home, order = trial.home(), Order(trial)
    restarted(home).stop()
    history = History(f"ipc://{home.path}/run/ingest.sock", trial.chance, sessions=2)
    order.arm(COUNT)
    code, said = one_life(home, history, order)
    fault.check(code == 0, said[-300:])
    total = order.counted
    for n in numbers(trial, total, trial.count(EACH, 6), trial.count(SOME, 18)):
        order.arm(WILD if trial.control else FAIL, n, lasting=trial.chance.random() < 0.3)
        tally.judge(order, f"collector, allocation {n}", *one_life(home, history, order))
    collector = restarted(home)
    history.reconnect()
    history.finish()
    events = history.compare(fault.read(home))
    fault.settle_status(home)
    history.close()
    collector.stop()
    code, said, _ = run(None, "jejakctl", "verify", "--home", home.path)
    promise(code == 0, lambda: f"verify: {said[-300:]}")
    trial.forget(home)
    return events, total


def first_starts(trial, tally):
    """Each in a home of its own; the next start is well."""
    order, home = Order(trial), trial.home()
    order.arm(COUNT)
    Collector(home, env=order.env).stop()
    total = order.counted
    trial.forget(home)
    for n in trial.chance.sample(range(1, total + 1), trial.count(50, 5)):
        home = trial.home()
        order.arm(FAIL, n)
        collector = Collector(home, env=order.env, wait=False)
        if wait_ready(collector):
            collector.signal(signal.SIGTERM)
        tally.judge(order, f"first start, allocation {n}", collector.wait(END_S), collector.log())
        restarted(home).stop()
        trial.forget(home)


# ---- aggregator ----

REPORT = ("--from", "2026-10-01", "--to", "2026-12-01", "--k", "10", "--level", "topic", "--format", "json")


class Course:
    """The home of tests/fixtures: a log of every kind of event, its cells, and the report over them."""

    def __init__(self, trial):
        self.trial, self.home = trial, trial.home()
        shutil.rmtree(self.home.path)
        with tempfile.TemporaryDirectory(dir=trial.dir) as folder, \
                tarfile.open(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/*.tar.xz"))[0]) as tar:
            tar.extractall(folder)
            shutil.move(os.path.join(folder, "home"), self.home.path)
        self.order = Order(trial)
        self.well("fold")
        self.golden = self.report()

    def well(self, command, *rest):
        code, said, out = run(None, "jejak-aggregator", command, "--home", self.home.path, *rest)
        promise(code == 0, lambda: f"{command} ended with {code}: {said[-300:]}")
        return out

    def report(self):
        return self.well("report", *REPORT)

    def count(self, command, *rest):
        self.order.arm(COUNT)
        code, said, _ = run(self.order, "jejak-aggregator", command, "--home", self.home.path, *rest)
        fault.check(code == 0, said)
        return self.order.counted

    def same(self, what):
        promise(self.report() == self.golden, f"{what}: another report")

    def fail(self, tally, command, *rest):
        """The same command, again and again; what it prints is what it should, or nothing."""
        total = self.count(command, *rest)
        most = 4 if command == "rebuild" else 1
        for n in numbers(self.trial, total, self.trial.count(EACH * most // 4, 2 * most), self.trial.count(SOME // 5, 3 * most)):
            self.order.arm(FAIL, n, lasting=self.trial.chance.random() < 0.3)
            code, said, out = run(self.order, "jejak-aggregator", command, "--home", self.home.path, *rest)
            tally.judge(self.order, f"{command}, allocation {n}", code, said)
            if command == "report":
                promise(code != 0 or out == self.golden, f"report, allocation {n}: another report")
            elif command != "verify":
                self.well("fold")
                self.same(f"{command}, allocation {n}")
        return total


class Follower:
    """`follow` beside which its home is asked for reports."""

    def __init__(self, course):
        self.course, self.said = course, os.path.join(course.trial.dir, "follow.log")

    def life(self, env):
        """-> (code, what it said); the reports that came out are the right ones."""
        with open(self.said, "wb") as log:
            process = self.course.trial.start(os.path.join(BIN, "jejak-aggregator"), "follow", "--home", self.course.home.path,
                                              "--set", "fold_ms=50", stdout=log, stderr=log, env={**os.environ, **env})
        until = time.monotonic() + 0.5
        while time.monotonic() < until and process.poll() is None and "sock" not in " ".join(os.listdir(self.course.home / "run")):
            time.sleep(0.005)
        for _ in range(2):
            code, out = self.ask(process)
            promise(code != 0 or out == self.course.golden, "a follower tells another report")
        process.send_signal(signal.SIGTERM)
        code = process.wait(END_S)
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self.course.home / "run"):
                os.unlink(os.path.join(self.course.home / "run", name))
        with open(self.said, encoding="utf-8", errors="replace") as log:
            return code, log.read()

    def ask(self, follower):
        """A report; whoever asks a follower that is gone would wait for long."""
        with tempfile.TemporaryFile(dir=self.course.trial.dir) as out:
            asker = self.course.trial.start(os.path.join(BIN, "jejak-aggregator"), "report", "--home", self.course.home.path, *REPORT,
                                            stdout=out, stderr=subprocess.DEVNULL)
            until = time.monotonic() + END_S
            while asker.poll() is None:
                promise(time.monotonic() < until, "a follower gives no answer")
                if follower.poll() is not None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        asker.wait(0.3)
                    asker.kill()
                time.sleep(0.002)
            out.seek(0)
            return asker.wait(), out.read().decode()

    def fail(self, tally):
        order = self.course.order
        order.arm(COUNT)
        code, said = self.life(order.env)
        fault.check(code in (0, -signal.SIGTERM), f"{code} {said}")
        for n in numbers(self.course.trial, order.counted, 0, self.course.trial.count(50, 4)):
            order.arm(FAIL, n)
            code, said = self.life(order.env)
            tally.judge(order, f"follow, allocation {n}", code, said, (0, -signal.SIGTERM))  # it may not have come to its handler
        self.course.same("after following")


# ---- publishers ----

def rss_and_files(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        rss_kb = int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))
    return rss_kb, len(os.listdir(f"/proc/{pid}/fd"))


def starved(trial, collector, order, spool):
    """A frontend that gets no memory for a while stands still, in memory and descriptors too, and then sends all it took."""
    order.arm(COUNT)
    process = trial.start(TAKER, collector.ingest, spool, "1", str(STARVED), stdout=subprocess.DEVNULL,
                          env={**os.environ, **order.env})
    while order.counted < 40 and process.poll() is None:
        time.sleep(0.001)
    order.from_now_on()
    time.sleep(0.5)
    first, refused = rss_and_files(process.pid), order.failed
    time.sleep(trial.count(4, 1))
    last = rss_and_files(process.pid)
    promise(process.poll() is None, lambda: f"a frontend without memory ended with {process.returncode}")
    promise(order.failed > refused > 0, "a frontend without memory asked for none: nothing was tried")
    promise(last[1] == first[1] and last[0] < first[0] + 1024, lambda: f"a frontend without memory grows: {first} KB, files; {last}")
    order.heal()
    promise(process.wait(END_S) == 0, lambda: f"a frontend that has memory again ended with {process.returncode}")


def frontends(trial, tally):
    """A frontend with a spool: taken is stored, once."""
    home, order, spool = trial.home(), Order(trial), os.path.join(trial.dir, "spool")
    collector, taken, unsure, following = restarted(home), set(), set(), 1

    def life(env, count):
        nonlocal following
        with tempfile.TemporaryFile(dir=trial.dir) as told, tempfile.TemporaryFile(dir=trial.dir) as said:
            process = trial.start(TAKER, collector.ingest, spool, str(following), str(count), stdout=told, stderr=said,
                                  env={**os.environ, **env})
            code = process.wait(END_S)
            told.seek(0)
            said.seek(0)
            data, text = told.read(), said.read().decode(errors="replace")
        taken.update(struct.unpack(f"<{len(data) // 8}Q", data[:len(data) // 8 * 8]))
        following = max(taken, default=following - 1) + 2
        unsure.add(following - 1)
        return code, text

    starved(trial, collector, order, spool)
    following = STARVED + 2
    taken.update(range(1, STARVED + 1))
    order.arm(COUNT)
    code, said = life(order.env, 60)
    fault.check(code == 0, said)
    for n in numbers(trial, order.counted, trial.count(EACH, 5), trial.count(SOME // 4, 10)):
        if code == 0:  # all of it is settled: the next one makes folder and key again
            shutil.rmtree(spool, ignore_errors=True)
        order.arm(FAIL, n)
        code, said = life(order.env, 60)
        promise(code in (0, 1), lambda: f"frontend, allocation {n}, asked for at {order.where}: ended with {code}: {said[-300:]}")
        tally.judge(order, f"frontend, allocation {n}", 71 if code == 1 else code, said)  # 1: it was told, and says so
    code, said = life({}, 5)
    promise(code == 0, lambda: f"the last frontend ended with {code}: {said}")
    with fault.as_promised():
        seen = fault.restart.verify(fault.read(home).ours, fault.read(home).lids, {0: taken})
    strangers = {number for _, number, _ in seen} - taken - unsure
    promise(not strangers, lambda: f"stored, and never taken: {sorted(strangers)[:5]}")
    collector.stop()
    trial.forget(home)
    return len(seen)


def files_published(trial, tally):
    """jejak-publish --resume: after whatever befell it the next run ends the work, once."""
    home, order = trial.home(), Order(trial)
    collector, lines = restarted(home), 60

    def publish(number, env_order):
        path = os.path.join(trial.dir, f"part-{number}.csv")
        if not os.path.exists(path):
            with open(path, "w", encoding="utf-8") as file:
                file.write("time,learner,content,kind,value\n")
                file.writelines(f"{1760000000000 + i},learner-{i % 9},f{number}/l{i},open,\n" for i in range(lines))
        return run(env_order, "jejak-publish", "--plain", "--to", collector.ingest, "--resume", f"{path}.pos", "--batch", "20", path)

    order.arm(COUNT)
    code, said, _ = publish(0, order)
    fault.check(code == 0, said)
    tried = numbers(trial, order.counted, 0, trial.count(60, 4))
    for i, n in enumerate(tried, 1):
        order.arm(FAIL, n)  # the one: where it lasts it waits, as starved() has it
        code, said, _ = publish(i, order)
        tally.judge(order, f"jejak-publish, allocation {n}", code, said)
        code, said, _ = publish(i, None)
        promise(code == 0, lambda: f"jejak-publish ended with {code} after its allocation {n} had failed: {said[-300:]}")
    stored = sorted(one["content"] for one in jejak.read_log(home)[0])
    promise(stored == sorted(f"f{number}/l{i}" for number in range(len(tried) + 1) for i in range(lines)), "not each line once")
    collector.stop()
    trial.forget(home)


# ---- a cgroup ----

class Group:
    """A memory cgroup of our own, of version 1 or 2; its end is the trial's."""

    def __init__(self, trial, megabytes):
        one, two = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
        self.old = os.path.isdir(one)
        self.path = f"{one if self.old else two}/jejak-fault-{os.getpid()}-{len(trial.cleanups)}"
        try:
            os.mkdir(self.path)
            trial.at_end(self.remove)
            self.limit(megabytes)
        except OSError as error:
            raise jejak.Skipped(f"no memory cgroup can be made: {error}") from error
        self.prefix = ["sh", "-c", f'echo $$ >{self.path}/cgroup.procs && exec "$@"', "sh"]

    def limit(self, megabytes):
        with open(os.path.join(self.path, "memory.limit_in_bytes" if self.old else "memory.max"), "w", encoding="ascii") as file:
            file.write(str(megabytes << 20))

    def squeeze(self, megabytes):
        """This limit, or the least one that version 1 takes: it must come down to what is in use."""
        while megabytes < FULL_MB:
            with contextlib.suppress(OSError):
                self.limit(megabytes)
                return
            megabytes += 2

    def peak_mb(self):
        with open(os.path.join(self.path, "memory.max_usage_in_bytes" if self.old else "memory.peak"), encoding="ascii") as file:
            return int(file.read()) >> 20

    def remove(self):
        for _ in range(100):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)


class Keeper:
    """A collector in a cgroup that is started again when it is killed, as a service manager does."""

    def __init__(self, home, group):
        self.home, self.group, self.kills = home, group, 0
        self.collector = Collector(home, prefix=group.prefix)

    def look(self):
        """Started again if it is gone; so often as it takes."""
        code = self.collector.process.poll()
        while code is not None:
            promise(code == -signal.SIGKILL or code in AGAIN, lambda: f"ended with {code}: {self.collector.log()[-300:]}")
            self.kills += 1
            self.collector = Collector(self.home, prefix=self.group.prefix, wait=False)
            code = None if wait_ready(self.collector) else self.collector.process.poll()
            if self.kills % 5 == 4:
                self.group.limit(FULL_MB)  # else it would never come to its end

    def rss_and_files(self):
        rss_kb, files = rss_and_files(self.collector.process.pid)
        return rss_kb // 1024, files


def in_a_group(trial, megabytes, seconds):
    """Under load, killed or not: exactly once, and the figures are those of cells folded without a bound. -> what came of it"""
    home, group = trial.home(), Group(trial, FULL_MB)
    keeper = Keeper(home, group)
    load = Load(trial, keeper.collector.ingest, "--plain", "--learners", "30000", "--rate", "100000", publishers=16)
    history, marks, began = History(keeper.collector.ingest, trial.chance, sessions=2), [], time.monotonic()
    while time.monotonic() - began < seconds:
        history.pump(0.01)  # each of its events is a section of its own, as no course has them
        time.sleep(0.2)
        keeper.look()
        with contextlib.suppress(AttributeError, OSError):  # killed since
            marks.append(keeper.rss_and_files())
        if len(marks) == 8:
            group.squeeze(megabytes)
    load.hush()
    group.limit(FULL_MB)
    until = time.monotonic() + 60
    while any(stream.unsettled for stream in history.streams):
        promise(time.monotonic() < until, "not settled within 60 s")
        keeper.look()
        history.pump(0.1, publish=False)
    loaded, stored = load.end(), fault.read(home)
    events = history.compare(stored)
    promise(stored.events == events + loaded, lambda: f"{stored.events} stored, {events + loaded} acknowledged")
    fault.settle_status(home)
    history.close()
    keeper.collector.stop()
    folded = same_figures(home, group)
    peak_mb = group.peak_mb()
    trial.forget(home)
    return keeper.kills, stored.events, peak_mb, marks, folded


def same_figures(home, group):
    """Folded and reported in the group, then without it: the same report, of as many opens as the log has events of them."""
    texts = []
    for prefix in (group.prefix, []):
        shutil.rmtree(home / "data/cells", ignore_errors=True)
        for command in (["fold", *FOLD], ["report", "--format", "json"]):
            done = subprocess.run([*prefix, os.path.join(BIN, "jejak-aggregator"), *command, "--home", home.path],
                                  capture_output=True, timeout=120, check=False)
            promise(done.returncode == 0, lambda: f"{command} in {bool(prefix)}: {done.returncode}: {done.stderr.decode()[-300:]}")
        texts.append(done.stdout)
    promise(texts[0] == texts[1], "another report where memory is bounded")
    return json.loads(texts[0])["watermark"]["offset"]


def bounded(trial):
    """What came of the cgroups, in words."""
    try:
        kills, events, peak_mb, marks, _ = in_a_group(trial, FULL_MB, trial.count(25, 3))
    except jejak.Skipped as why:
        return f"{FULL_MB} MB not run: {why}"
    most_files = max(files for _, files in marks)
    promise(most_files <= OWN_FILES + 18, lambda: f"{most_files} descriptors for 18 connections: {marks}")
    text = f"{FULL_MB} MB: {kills} kills, {events:,} events once, peak {peak_mb} MB, {max(rss for rss, _ in marks)} MB and {most_files} descriptors its own"
    if trial.quick:
        return text
    kills, events, _, _, _ = in_a_group(trial, SMALL_MB, 15)
    promise(kills > 0, "squeezed, and nobody was killed: nothing was tried")
    return f"{text}; squeezed to what it had: killed {kills} times, {events:,} events once"


def prove(trial):
    tally = Tally()
    events, total = collectors(trial, tally)
    if trial.control:
        return f"{events} events once"
    trial.say(f"collector: {total} allocations a life, {tally.tries} lives, {tally.ended} ended early")
    first_starts(trial, tally)
    course = Course(trial)
    for command, *rest in (("rebuild",), ("fold",), ("report", *REPORT), ("verify",)):
        trial.say(f"{command}: {course.fail(tally, command, *rest)} allocations")
    Follower(course).fail(tally)
    trial.say(f"{tally.tries} tries, {tally.ended} ended early")
    events += frontends(trial, tally)
    files_published(trial, tally)
    text = bounded(trial)
    return (f"{tally.failed} times an allocation failed in collector, aggregator, frontend or jejak-publish: {tally.ended} ended with "
            f"a reason, 0 crashed; {events:,} events once, every report the same; {text}")


if __name__ == "__main__":
    fault.main(prove)
