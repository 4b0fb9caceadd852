#!/usr/bin/python3
"""Bytes of every file of a small store flipped, files cut short, emptied and deleted, folders put back to an earlier day: each
time the collector refuses by name, or what it serves is what was stored and the rest is named as lost; it knows each session
and each learner, or says that it cannot tell; and the aggregator's report is the one before, or refused by name, or says
what is missing. Silently wrong: never.

Not every byte, but every so many, so that each file and each kind of block is met: the figure says how many.

Control: log, vault and watermark put back together, and no publisher that would tell: events are missing, and nobody says so."""
import os
import shutil
import time

import fault
import jejak
from fault import Collector, promise

BATCHES, EVENTS, START_S = 24, 6, 20
REFUSALS = {65, 66, 74, 75, 78}


class Original:
    """A small home with table files and a write-ahead log, its cells, and what they hold."""

    def __init__(self, trial):
        self.trial, self.home = trial, trial.home()
        self.session = self.sent = None
        self.early = os.path.join(trial.dir, "early")
        for part in range(2):
            collector = Collector(self.home)
            self.publish(collector, part)
            if part == 0:
                collector.stop()
                self.fold()
                shutil.copytree(self.home / "data", self.early)
            else:
                self.events, self.lids = read(self.home)
                collector.kill()
        self.fold()
        code, self.report = report(self.home.path)
        fault.check(code == 0, self.report)

    def publish(self, collector, part):
        first = part * BATCHES // 2
        publisher = jejak.Session(collector.ingest, session=self.session, seq=first)
        self.session = publisher.id
        for number in range(first, first + BATCHES // 2):
            self.sent = [jejak.event(f"m{i % 3}/t/s{number}", f"learner-{i}", "dwell", 1000 + i, time_ms=jejak.now_ms())
                         for i in range(EVENTS)]
            jejak.expect(publisher.publish(*self.sent), status="ok")
        self.seq = publisher.seq
        publisher.close()

    def fold(self):
        done = jejak.run("jejak-aggregator", "fold", "--home", self.home.path)
        fault.check(done.returncode == 0, done.stderr.decode())

    def files(self):
        for folder, _, names in os.walk(self.home / "data"):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), self.home.path)
                if os.path.getsize(self.home / path) > 0 and name != "LOCK":
                    yield path


def read(home):
    """(events by offset, lids) through the reader socket; lost records give None for each of their offsets."""
    fetcher, events = jejak.Fetcher(f"ipc://{home.path}/run/reader.sock"), {}
    for record in fetcher.all_records():
        header = jejak.decode_header(record)
        if header["kind"] == 6:
            events.update((header["first"] + i, None) for i in range(header["span"]))
        else:
            events.update((header["first"] + i, one) for i, one in enumerate(jejak.decode_block(record)[1]))
    fetcher.publisher.close()
    return events, fetcher.lids


def report(path):
    done = jejak.run("jejak-aggregator", "report", "--format", "json", "--home", path)
    return done.returncode, done.stdout.decode() if done.returncode == 0 else done.stderr.decode()


class Case:
    """A copy of the home with one thing wrong."""

    def __init__(self, original):
        self.original, self.trial = original, original.trial
        self.home = self.trial.home()
        shutil.copytree(original.home.path, self.home.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))

    def judge(self, what):
        """refused, named or harmless."""
        verdict = self.collected(what)
        folded = self.reported(what)
        self.trial.forget(self.home)
        return max(verdict, folded, key=["harmless", "refused", "named"].index)

    def collected(self, what):
        collector = Collector(self.home, wait=False)
        until = time.monotonic() + START_S
        while "msg=ready" not in collector.log() and collector.process.poll() is None:
            promise(time.monotonic() < until, f"{what}: a start neither serves nor ends")
            time.sleep(0.005)
        code = collector.process.poll()
        if code is not None:
            promise(code in REFUSALS, f"{what}: ended with {code}: {collector.log()[-300:]}")
            promise(len(collector.log().splitlines()[-1]) > 40, f"{what}: refused without a reason")
            return "refused"
        verdict = self.served(what, collector)
        collector.stop()
        return verdict

    def served(self, what, collector):
        """What it gives is what was stored, or named as lost; a repeat counts once; a learner is who she was."""
        fetcher = jejak.Fetcher(f"ipc://{self.home.path}/run/reader.sock")
        answer, _ = fetcher.request()
        fetcher.publisher.close()
        if answer["status"] == "failed":
            return "named"
        events, lids = read(self.home)
        lost = sum(one is None for one in events.values())
        for offset, one in self.original.events.items():
            promise(offset in events, f"{what}: offset {offset} is not there, and nobody says so")
            promise(events[offset] in (None, one), f"{what}: another event at offset {offset}")
        promise(lids[:len(self.original.lids)] == self.original.lids, f"{what}: other learners")
        publisher = jejak.Publisher(collector.ingest)
        again = publisher.ask(jejak.batch(self.original.session, self.original.seq, self.original.sent,
                                          acked=self.original.seq - 1))
        promise(again["status"] in ("duplicate", "busy"), f"{what}: a repeat is answered {again}")
        new = publisher.ask(jejak.batch(os.urandom(16), 1, [jejak.event("new", "learner-0")], acked=0))
        promise(new["status"] in ("ok", "busy"), f"{what}: a new batch is answered {new}")
        publisher.close()
        if new["status"] == "ok":
            after, lids = read(self.home)
            promise(lids[after[max(after)]["learner"]] == self.original.lids[self.original.events[0]["learner"]],
                    f"{what}: a learner is somebody else")
        if lost > 0:
            promise("are lost" in collector.log(), f"{what}: lost events are not in the log")
        return "named" if lost > 0 or "busy" in (again["status"], new["status"]) else "harmless"

    def reported(self, what):
        """The cells were folded before the damage: the report is the one before, or refused."""
        code, text = report(self.home.path)
        promise(code >= 0, f"{what}: the report died of signal {-code}")
        if code != 0:
            promise(code in REFUSALS and len(text) > 40, f"{what}: the report ended with {code}: {text[-300:]}")
            return "refused"
        promise(text == self.original.report, f"{what}: another report")
        return "harmless"


def flip(path, at, bit):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


def harms(trial, original):
    """(what, how): each to be done to a home of its own."""
    files = list(original.files())
    total = sum(os.path.getsize(original.home / path) for path in files)
    stride = max(1, total // trial.count(900, 24))
    for path in files:
        size = os.path.getsize(original.home / path)
        ats = range(trial.chance.randrange(min(stride, size)), size, stride)
        for at in ats:
            yield f"{path} flipped at {at}", lambda home, path=path, at=at: flip(home / path, at, trial.chance.randrange(8))
        if trial.quick and trial.chance.random() < 0.7:
            continue
        for left in trial.chance.sample([0, size // 2, size - 1], trial.count(3, 1)):
            yield f"{path} cut to {left}", lambda home, path=path, left=left: os.truncate(home / path, left)
        yield f"{path} deleted", lambda home, path=path: os.unlink(home / path)
    for part in ("log", "vault", "watermark"):
        yield f"{part} of an earlier day", lambda home, part=part: put_back(original, home, [part])


def put_back(original, home, parts):
    for part in parts:
        path = home / f"data/{part}"
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        early = os.path.join(original.early, part)
        shutil.copytree(early, path) if os.path.isdir(early) else shutil.copy2(early, path)


def rolled_back_is_told(original):
    """All of it put back: nothing in the home can tell; the publishers can."""
    case = Case(original)
    put_back(original, case.home, ["log", "vault", "watermark"])
    collector = fault.restarted(case.home)
    publisher = jejak.Publisher(collector.ingest)
    publisher.ask(jejak.batch(original.session, original.seq + 1, original.sent, acked=original.seq))
    publisher.close()
    promise(jejak.status(case.home)["sessions_rolled_back"] == 1 and "rolled back" in collector.log(), "no alarm")
    collector.stop()
    original.trial.forget(case.home)


def prove(trial):
    original, found, started = Original(trial), {"refused": 0, "named": 0, "harmless": 0}, time.monotonic()
    if trial.control:
        case = Case(original)
        put_back(original, case.home, ["log", "vault", "watermark"])
        return case.judge("all of it of an earlier day")
    for what, harm in list(harms(trial, original)):
        case = Case(original)
        harm(case.home)
        found[case.judge(what)] += 1
    rolled_back_is_told(original)
    trial.say(f"{(time.monotonic() - started) / sum(found.values()):.2f} s a case")
    return (f"{sum(found.values())} cases (bytes flipped, files cut, deleted, put back): {found['refused']} refused, "
            f"{found['named']} named, {found['harmless']} harmless, 0 silently wrong; all put back: the alarm")


if __name__ == "__main__":
    fault.main(prove)
