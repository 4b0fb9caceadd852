"""What the programs of the fault suite share: the frame of a row, the history that the client keeps, the load, the faults.

A row of the table is one program, NN_name.py: a function prove(trial) that returns its figure in words, and main(prove).

    NN_name.py [--seed N] [--quick] [--control] [--dir FOLDER]

prove() raises Broken where a promise of docs/RELIABILITY.md does not hold. With --control the defence is switched off, or a
trap is built in (trial.control says so): then Broken must be raised, and the program fails where it is not. Skipped says that
this machine cannot run the row. The last line on standard output is

    NN<TAB>name<TAB>figure in words<TAB>ok|FAILED|NOT RUN

and the exit code 0, 1 or 77. scripts/test-faults runs them all.
"""
import argparse
import contextlib
import errno
import faulthandler
import fcntl
import itertools
import json
import mmap
import os
import random
import re
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system"))
if not os.environ.get("JEJAK_BIN"):
    os.environ["JEJAK_BIN"] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/ci/bin")

import jejak  # noqa: E402
import restart  # noqa: E402
from jejak import BIN, Collector, Failed, Skipped, check  # noqa: E402

LIMIT_S, QUICK_LIMIT_S, GRACE_S, LATE = 600, 150, 45, 0.7
SHIM = os.path.join(BIN, "../tests/libjejak_fault.so")


class Broken(Failed):
    """A promise that does not hold; what a control must end in."""


def promise(condition, text):
    if not condition:
        raise Broken(text() if callable(text) else text)


@contextlib.contextmanager
def as_promised(text=lambda: ""):
    """A check of the system tests that fails in here is a promise that does not hold."""
    try:
        yield
    except Failed as failed:
        raise Broken(f"{failed} {text()}") from failed


# ---- a row ----

class Trial:
    """One run of a row: its dice, its scratch folder, how much is to be done, and whether the trap is set."""

    def __init__(self, options, number, name):
        self.seed, self.quick, self.control = options.seed, options.quick or options.control, options.control
        self.number, self.name = number, name
        self.chance = random.Random(f"{self.seed} {number} {self.control}")
        self.dir = tempfile.mkdtemp(prefix=f"jjk{number}-", dir=options.dir)
        self.homes, self.processes, self.cleanups, self.started = [], [], [], time.monotonic()

    def chance_of(self, what):
        """Dice of its own, for a thread."""
        return random.Random(f"{self.seed} {self.number} {what}")

    def late(self):
        """Most of its time is over: a row that may say how far it came should end now."""
        return time.monotonic() - self.started > LATE * (QUICK_LIMIT_S if self.quick else LIMIT_S)

    def count(self, full, quick):
        return quick if self.quick else full

    def home(self, under=None):
        home = jejak.Home(under=under or self.dir)
        self.homes.append(home)
        return home

    def forget(self, home):
        """Done with it: what it holds goes now."""
        self.homes.remove(home)
        logs = [collector.log_path for collector in home.collectors]
        home.remove()
        for path in logs:
            os.unlink(path)

    def start(self, program, *arguments, **options):
        """A process that ends with the trial at the latest."""
        process = subprocess.Popen([program, *arguments], **{"stdin": subprocess.DEVNULL, **options})
        self.processes.append(process)
        return process

    def at_end(self, function, *arguments):
        """Called at the end of the trial, the last one first, whatever happened."""
        self.cleanups.append((function, arguments))

    def say(self, text):
        print(f"  {text}", flush=True)

    def logs(self):
        """The last lines of the last collectors."""
        for collector in [one for home in self.homes for one in home.collectors][-2:]:
            print("".join(f"  | {line}\n" for line in collector.log().splitlines()[-15:]), flush=True)

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for home in self.homes:
            for one in home.collectors:
                one.kill()
        for function, arguments in reversed(self.cleanups):
            function(*arguments)
        shutil.rmtree(self.dir, ignore_errors=True)


def parse():
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--quick", action="store_true", help="a part of it, in seconds")
    parser.add_argument("--control", action="store_true", help="the defence off: must be seen to fail")
    parser.add_argument("--dir", default=None, help="scratch folder (default: the system's)")
    return parser.parse_args()


def judged(prove, trial):
    """(figure, verdict) of one run."""
    try:
        figure = prove(trial)
    except Skipped as why:
        return str(why), "NOT RUN"
    except Broken as broken:
        text = " ".join(str(broken).split())[:300]
        if not trial.control:
            trial.logs()
        return text, "ok" if trial.control else "FAILED"
    except Exception as error:  # the trial itself went wrong: that is no finding
        traceback.print_exc(file=sys.stdout)
        trial.logs()
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}", "FAILED"
    return (f"not seen: {figure}", "FAILED") if trial.control else (figure, "ok")


def out_of_time(*_):
    raise TimeoutError("out of time")


def main(prove, limit_s=LIMIT_S):
    options = parse()
    number, name = re.fullmatch(r"(\d\d)_(\w+)\.py", os.path.basename(sys.argv[0])).groups()
    name = name.replace("_", " ")
    limit_s = QUICK_LIMIT_S if options.quick or options.control else limit_s
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(limit_s)
    faulthandler.dump_traceback_later(limit_s + GRACE_S, exit=True)
    print(f"seed: --seed {options.seed}{' --control' if options.control else ''} programs: {BIN}", flush=True)
    trial, started = Trial(options, number, name), time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell, and then in every child
    try:
        figure, verdict = judged(prove, trial)
    finally:
        signal.alarm(0)
        trial.end()
    print(f"  {time.monotonic() - started:.1f} s")
    print(f"{number}\t{name}\t{figure}\t{verdict}", flush=True)
    sys.exit({"ok": 0, "FAILED": 1, "NOT RUN": jejak.SKIPPED}[verdict])


# ---- the history that the client keeps ----

class Stream(restart.Stream):
    """A session that remembers what was in each batch it ever made."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.sizes = {}
        self.heard = None  # (status, seq) of the last answer

    def take(self, answer):
        super().take(answer)
        self.heard = (answer["status"], answer["seq"])

    def make(self):
        super().make()
        self.sizes[self.made] = len(self.unsettled[self.made])

    def make_new(self, count):
        super().make_new(count)
        self.sizes[self.made] = count

    def make_big(self, count):
        """A batch of known learners that takes room on a disk."""
        self.made += 1
        self.sizes[self.made] = count
        learners = [self.chance.randrange(restart.LEARNERS) for _ in range(count)]
        self.unsettled[self.made] = [jejak.event(f"s{self.number}/b{self.made}/e{i:060d}", f"learner-{learner}", "dwell", learner + 1)
                                     for i, learner in enumerate(learners)]


class Stored:
    """The log as it was read: events in all, those of the history in order, lids."""

    def __init__(self):
        self.events, self.ours, self.lids = 0, [], []


OURS = re.compile(r"s\d+/b\d+/e\d+")


def take_block(record, stored):
    """An event block: counted whole, of its events only those of a history decoded."""
    header = jejak.decode_header(record)
    promise(header["first"] == stored.events, lambda: f"offset {header['first']} follows {stored.events - 1}")
    promise(header["kind"] == 1, "a record that nobody asked for")
    stored.events += header["events"]
    columns, count = jejak.split_columns(record, header), header["events"]
    paths = jejak.dictionary(columns[0][2])
    ours = {i for i, path in enumerate(paths) if OURS.fullmatch(path)}
    if not ours:
        return
    contents = jejak.planes(columns[5][2], count, columns[5][1])
    learners = jejak.planes(columns[4][2], count, columns[4][1])
    valued = [jejak.KINDS[kind] in jejak.VALUED for kind in columns[3][2]]
    values = jejak.planes(columns[7][2], sum(valued), columns[7][1])
    before = list(itertools.accumulate(valued, initial=0))
    stored.ours += [{"content": paths[contents[i]], "learner": learners[i], "value": values[before[i]] if valued[i] else 0,
                     "offset": header["first"] + i} for i in range(count) if contents[i] in ours]


def read(home, endpoint=None, keys=None):
    """The whole log through the reader socket, with the decoder of tests/system."""
    fetcher, stored = jejak.Fetcher(endpoint or f"ipc://{home.path}/run/reader.sock", keys), Stored()
    while True:
        answer, records = fetcher.fetch(max_bytes=1 << 24)
        for record in records:
            take_block(record, stored)
        if fetcher.offset >= answer["durable"] and not records and not answer["learners"]:
            break
    fetcher.publisher.close()
    stored.lids = fetcher.lids
    promise(stored.events == fetcher.offset, "events are missing at the end")
    promise(len(set(stored.lids)) == len(stored.lids), "two learner numbers have one lid")
    return stored


class History:
    """Sessions that publish, resend as PROTOCOL.md says and remember what was answered; compare() is the judge."""

    def __init__(self, endpoint, chance, sessions=4, keys=None):
        self.streams = [Stream(number, endpoint, chance, keys=keys) for number in range(sessions)]

    def pump(self, seconds, publish=True):
        with as_promised():
            restart.pump(self.streams, seconds, publish)

    def receive(self):
        """What answers there are."""
        with as_promised():
            for stream in self.streams:
                stream.receive()

    def ask(self, collector, wait_s=1.0, big=0):
        """The first session's open batch, or a new one, sent alone: its answer's status, None where none comes in time."""
        stream = self.streams[0]
        if not stream.unsettled:
            if big:
                stream.make_big(big)
            elif stream.made % 3:
                stream.make()
            else:
                stream.make_new(1)
        stream.heard = None
        stream.send(stream.made, stream.sockets[-1])
        until = time.monotonic() + wait_s
        while stream.heard is None and time.monotonic() < until:
            stream.sockets[-1].socket.poll(10)
            self.receive()
            code = collector.process.poll()
            promise(code is None, lambda: f"the collector ended with {code}: {collector.log()[-300:]}")
        return stream.heard and stream.heard[0]

    def finish(self, seconds=60):
        """Until everything is settled."""
        until = time.monotonic() + seconds
        while any(stream.unsettled for stream in self.streams):
            promise(time.monotonic() < until, lambda: f"not settled within {seconds} s: "
                    f"{[list(stream.unsettled)[:5] for stream in self.streams]}")
            self.pump(0.01, publish=False)

    def reconnect(self):
        for stream in self.streams:
            stream.reconnect()

    def point_to(self, endpoint):
        for stream in self.streams:
            stream.endpoint = endpoint

    def forget_sessions(self):
        """A trap: what was not answered goes on in new sessions, as no publisher may."""
        for stream in self.streams:
            stream.id = secrets.token_bytes(16)
            stream.acked = min(stream.unsettled, default=stream.made + 1) - 1
            while stream.sockets:
                stream.sockets.pop().close()
            stream.sockets.append(jejak.Publisher(stream.endpoint, keys=stream.keys))

    def acknowledged(self):
        return {stream.number: set(stream.settled) for stream in self.streams}

    def settled(self):
        return sum(len(stream.settled) for stream in self.streams)

    def compare(self, stored, acknowledged=None):
        """Each acknowledged batch is there, nothing twice, in order, whole, under its learner. -> events of the history."""
        with as_promised():
            seen = restart.verify(stored.ours, stored.lids, self.acknowledged() if acknowledged is None else acknowledged)
            restart.whole(seen, self.streams, {stream.number: stream.sizes for stream in self.streams})
        return len(seen)

    def close(self):
        for stream in self.streams:
            stream.close()


# ---- load ----

class Load:
    """bench-load, as fast as the collector takes it. After renew() another one loads it, and the one before ends what it
    has on the way; end() is how many events were acknowledged in all."""

    def __init__(self, trial, endpoint, *options, publishers=2):
        self.trial, self.loaders, self.hushed = trial, [], 0
        self.command = [os.path.join(BIN, "bench-load"), "--to", endpoint, "--publishers", str(publishers), "--learners", "2000",
                        "--distinct", "10000", "--batch", "50", "--duration", "3600", "--warm-up", "0", "--patience", "90",
                        "--json", *(options or ["--plain"])]
        self.renew()

    def renew(self):
        self.hush()
        self.loaders.append(self.trial.start(*self.command, "--seed", str(len(self.loaders) + 1), stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE))

    def hush(self):
        """Nothing new from now on."""
        for loader in self.loaders[self.hushed:]:
            loader.send_signal(signal.SIGINT)
        self.hushed = len(self.loaders)

    def end(self):
        self.hush()
        total = 0
        for loader in self.loaders:
            out, errors = loader.communicate(timeout=120)
            promise(loader.returncode in (0, -signal.SIGINT), f"bench-load ended with {loader.returncode}: {errors.decode()}")
            if loader.returncode == 0:  # else it was told to end before it had begun
                total += json.loads(out)["events"]
        return total


# ---- faults ----

SHUTDOWN, WITHOUT_LOG = 0x8004587d, 2  # the ioctl of XFS_IOC_GOINGDOWN, which ext4 knows too
NONE, ERROR, SHORT, HALF_ERROR, DONE_ERROR, TEAR, LIE, LEAK = range(8)
WRITE, SYNC = 1, 2
WAL = ".log|"  # the write-ahead logs of log and vault


class Disk:
    """A disk that fails on command, for the programs that are started with its `env` (shim.c has the other end)."""

    def __init__(self, trial, names=WAL):
        check(os.path.exists(SHIM), f"{SHIM} is not built")
        path = tempfile.mkstemp(prefix="disk-", dir=trial.dir)[1]
        with open(path, "r+b") as file:
            file.write(bytes(128) + names.encode().ljust(128, b"\0"))
            file.flush()
            self.memory = mmap.mmap(file.fileno(), 256)
        self.env = {"LD_PRELOAD": SHIM, "JEJAK_FAULT": path}

    def _get(self, kind, at):
        return struct.unpack_from(kind, self.memory, at)[0]

    def arm(self, action, calls, nth=1, number=errno.EIO, lasting=False):
        """The n-th such call from now on fails; `number` is the errno; for TEAR how many 256ths are written, for LEAK how many
        KiB are lost."""
        self.heal()
        struct.pack_into("<IiIiI", self.memory, 4, calls, nth, lasting, number, 0)
        struct.pack_into("<q", self.memory, 24, 0)
        struct.pack_into("<I", self.memory, 0, action)

    def heal(self):
        struct.pack_into("<I", self.memory, 0, NONE)

    def slow(self, sync_delay_ms=0, bytes_per_s=0):
        struct.pack_into("<QQ", self.memory, 32, sync_delay_ms, bytes_per_s)

    hits = property(lambda self: self._get("<I", 20))
    hit_at = property(lambda self: self._get("<q", 24) / 1e9)
    writes = property(lambda self: self._get("<Q", 48))
    syncs = property(lambda self: self._get("<Q", 56))


def restarted(home, *arguments, **options):
    """A collector that must start unaided."""
    with as_promised(lambda: f"does not start unaided: {home.collectors[-1].log()[-300:]}"):
        return Collector(home, *arguments, **options)


class Disc:
    """A small file system of our own: tmpfs, or ext4 or xfs in an image that is mounted over a loop device."""

    def __init__(self, trial, kind, megabytes, image=None, at=None):
        needs_root("mounting")
        needs_programs("mount", *([] if kind == "tmpfs" else [f"mkfs.{kind}", "losetup"]))
        self.trial, self.kind = trial, kind
        self.path = at or tempfile.mkdtemp(prefix="d-", dir=trial.dir)
        self.image = image or self.path + ".img"
        if kind != "tmpfs" and not os.path.exists(self.image):
            with open(self.image, "wb") as file:
                file.truncate(megabytes << 20)
            make = ["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0", self.image] if kind == "ext4" else \
                ["mkfs.xfs", "-q", "-f", self.image]
            subprocess.run(make, check=True, capture_output=True)
        self.device = None if kind == "tmpfs" else self.attach()
        self.size = f"size={megabytes}m,"
        trial.at_end(self.close)
        self.mount()

    def attach(self):
        done = subprocess.run(["losetup", "--find", "--show", self.image], capture_output=True, check=False)
        if done.returncode != 0:
            raise Skipped(f"no loop device: {done.stderr.decode().strip()}")
        return done.stdout.decode().strip()

    def close(self):
        self.unmount()
        if self.device:
            subprocess.run(["losetup", "-d", self.device], check=True)
        self.device = None

    def mount(self):
        what = ["-t", "tmpfs", "-o", f"{self.size}mode=0700", "tmpfs"] if self.kind == "tmpfs" else \
            ["-t", self.kind, self.device]
        done = subprocess.run(["mount", *what, self.path], capture_output=True, check=False)
        if done.returncode != 0:
            raise Skipped(f"no {self.kind} can be mounted here: {done.stderr.decode().strip()}")
        os.chmod(self.path, 0o700)

    def unmount(self):
        with open("/proc/mounts", encoding="utf-8") as mounts:  # the folder itself cannot be looked at after a cut
            mounted = any(line.split()[1] == self.path for line in mounts)
        if mounted:
            subprocess.run(["umount", self.path], check=True)

    def cut(self):
        """The power is gone: nothing that is in memory gets to the disk from now on. Ends in mount() after unmount()."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", WITHOUT_LOG))
        finally:
            os.close(folder)

    def fill(self):
        """To the last byte."""
        with open(os.path.join(self.path, "filler"), "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        os.fsync(file.fileno())

    def free(self):
        os.unlink(os.path.join(self.path, "filler"))


def needs_root(what):
    if os.geteuid() != 0:
        raise Skipped(f"{what} takes root")


def needs_programs(*names):
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [name for name in names if not shutil.which(name, path=path)]
    if missing:
        raise Skipped(f"not installed: {', '.join(missing)} (scripts/setup --test)")


def template(trial):
    """A home that was started and stopped once, to be copied."""
    home = trial.home()
    Collector(home).stop()
    return home


def copied(trial, template_home):
    home = trial.home()
    os.rmdir(home.path)
    shutil.copytree(template_home.path, home.path, ignore=shutil.ignore_patterns("*.sock"))
    return home


def settle_status(home, *names):
    """Counters of the collector; it must not have found a session that went back in time."""
    told = jejak.status(home)
    promise(not told["sessions_rolled_back"], "a session went back in time")
    return [told[name] for name in names]
