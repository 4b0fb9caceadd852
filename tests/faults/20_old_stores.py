#!/usr/bin/python3
"""The fixture of every format (tests/fixtures) opened by the programs of today: the report over its cells is the one of then;
`verify` finds nothing; a collector serves its log, knows its learners, its sessions and its publisher's key; the cells rebuilt
and folded from it give the same report; a frontend sends what its spool holds, once; jejak-publish goes on where it was.

Then every format number in it is made a newer one, one after the other, the checksums right (reformat.c), and one that never
was: whoever opens it names the thing, what it found and what it knows, ends with 78 (newer) or 65 (damaged: there is no format
0), and leaves every file as it was. A number inside a store (a session's state, a record, a value of the cells) is seen when it
is read, when RocksDB has opened the store: there every row and the watermark stay as they were.

Control: collector and aggregator linked with a check of formats that lets everything pass. Each of their cases must be seen."""
import glob
import json
import os
import shutil
import subprocess
import tarfile

import fault
import jejak
from fault import BIN, Broken, Collector, promise

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures")
TOOLS = os.path.join(BIN, "../tests")
CARELESS = os.path.join(TOOLS, "careless")
NEWER, NEVER = 2, 0
WITHIN_S = 20


def at(moment):
    library = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
    if not library:
        raise jejak.Skipped("no libfaketime (apt-get install faketime)")
    with open(os.path.join(BIN, "jejak-collector"), "rb") as program:
        if b"libasan.so" in program.read():
            raise jejak.Skipped("AddressSanitizer and libfaketime do not go together")
    return {"LD_PRELOAD": library[0], "FAKETIME": f"@{moment}", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"}


class Fixture:
    """One format's fixture, and copies of it."""

    def __init__(self, trial, path):
        self.trial, self.name, self.path = trial, os.path.basename(path).split(".")[0], os.path.join(trial.dir, "fixture")
        with tarfile.open(path) as tar:
            tar.extractall(self.path)
        with open(os.path.join(self.path, "facts.json"), encoding="utf-8") as file:
            self.facts = json.load(file)
        self.env, self.copies = at(self.facts["moment"]), 0

    def copy(self):
        """A home that is thrown away, with spool/ and publish/ in it."""
        home = self.trial.home()
        shutil.rmtree(home.path)
        shutil.copytree(os.path.join(self.path, "home"), home.path)
        for part in ("spool", "publish"):
            shutil.copytree(os.path.join(self.path, part), home / part)
        return home

    def run(self, *command, folder=BIN, cwd=None):
        """(exit code, all that it said)"""
        done = subprocess.run([os.path.join(folder, command[0]), *command[1:]], capture_output=True, timeout=WITHIN_S, cwd=cwd,
                              env={**os.environ, **self.env}, stdin=subprocess.DEVNULL, check=False)
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace")

    def well(self, *command, **how):
        code, said = self.run(*command, **how)
        promise(code == 0, lambda: f"{' '.join(command)} ended with {code}: {said[-300:]}")
        return said


# ---- opened ----

def same_reports(fixture, home, when):
    for then, level in zip(fixture.facts["reports"], ("module", "topic", "section")):
        now = json.loads(fixture.well("jejak-aggregator", "report", "--home", home.path, "--level", level, "--from", "2026-10-01",
                                      "--to", "2026-12-01", "--k", "10", "--format", "json"))
        now["watermark"], then = then["watermark"], dict(then)
        promise(now == then, lambda: f"{when}: the report by {level} is another")


def same_events(fixture, home, more=0):
    """The log holds what was put in, and `more`; -> what is more."""
    events, _ = jejak.read_log(home)
    names = {}

    def known(one):
        return one["kind"], one["time"], names.get(one["learner"]), one["content"], one["value"]

    want = [tuple(one) if len(one) == 5 else (*one, None) for one in fixture.facts["events"]]
    for one, (_, _, learner, _, _) in zip(events, want):
        names.setdefault(one["learner"], learner)
    promise(len(events) == len(want) + more, lambda: f"{len(events)} events, {len(want)} and {more} were put in")
    promise([known(one) for one in events[:len(want)]] == want, "the log holds other events than were put in")
    promise(len(set(names.values())) == len(names) == fixture.facts["learners"], "the learners are others")
    return events[len(want):]


def sessions_go_on(fixture, collector):
    session, seq = bytes.fromhex(fixture.facts["session"]), fixture.facts["seq"]
    publisher = jejak.Publisher(collector.ingest)
    try:
        again = [jejak.event(content, learner, kind, *value, time_ms=when)
                 for kind, when, learner, content, *value in fixture.facts["last"]]
        with fault.as_promised():
            jejak.expect(publisher.ask(jejak.batch(session, seq, again, acked=seq - 1)), status="duplicate")
            jejak.expect(publisher.ask(jejak.batch(session, seq, again[1:], acked=seq - 1)), status="refused", code="conflict")
    finally:
        publisher.close()


def read_key(path):
    with open(path, "rb") as file:
        return file.read().strip()


def keys_open(fixture, home):
    """The publisher that was listed then publishes with its key."""
    collector = Collector(home, plain=False, env=fixture.env)
    keys = [read_key(home / f"keys/{name}") for name in ("server.public", "clients/lms.public", "clients/lms.secret")]
    session = jejak.Session(collector.ingest, keys=keys)
    with fault.as_promised():
        jejak.expect(session.publish(jejak.event("keys/a/b", "learner-0", time_ms=fixture.facts["events"][0][1])), status="ok")
    session.close()
    collector.stop()


def publishers_go_on(fixture, home, collector):
    """The spool and the resume position: each event of theirs once. -> how many."""
    fixture.well("taker", collector.ingest, home / "spool", "1", "0", folder=TOOLS)
    with open(home / "publish/lines.csv", "a", encoding="utf-8") as file:
        file.write(f"{fixture.facts['events'][0][1]},learner-1,m4/t0/s1,open,\n")
    fixture.well("jejak-publish", "--plain", "--to", collector.ingest, "--resume", "lines.pos", "--batch", "10", "lines.csv",
                 cwd=home / "publish")
    return 51


def opened(fixture):
    home = fixture.copy()
    fixture.well("jejakctl", "verify", "--home", home.path)
    same_reports(fixture, home, "over the cells")
    fixture.well("jejak-aggregator", "rebuild", "--home", home.path)
    same_reports(fixture, home, "rebuilt from the log")
    collector = fault.restarted(home, env=fixture.env)
    same_events(fixture, home)
    sessions_go_on(fixture, collector)
    more = publishers_go_on(fixture, home, collector)
    new = same_events(fixture, home, more)
    promise(sorted(one["content"] for one in new) == sorted([f"s0/b{n}/e0" for n in range(1, 51)] + ["m4/t0/s1"]),
            "what was in the spool is not there once")
    fault.settle_status(home)
    collector.stop()
    fixture.well("jejak-aggregator", "fold", "--home", home.path)
    fixture.well("jejakctl", "verify", "--home", home.path)
    keys_open(fixture, home)
    fixture.trial.forget(home)


# ---- other formats ----

class Case:
    """One number that is another: WHAT of PATH (reformat.c). `who`: (command, the codes it may end with if it is newer, and if it
    never was). inside: it stands within a store."""

    def __init__(self, what, path, named, *who, inside=False):
        self.what, self.path, self.named, self.who, self.inside = what, path, named, who, inside
        self.title = f"{what} of {path}"


def files(home, below):
    found = {}
    for folder, _, names in os.walk(home / below):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and name != "LOCK":
                with open(path, "rb") as file:
                    found[os.path.relpath(path, home.path)] = file.read()
    return found


def standing(home, case):
    """What must stay: each byte of what is refused at its door, each row of every store, the watermark."""
    found = {} if case.inside else files(home, case.path if os.path.isdir(home / case.path) else os.path.dirname(case.path))
    for store in ("log", "vault", "cells"):
        done = subprocess.run([os.path.join(TOOLS, "dump_store"), home / f"data/{store}"], capture_output=True, check=True,
                              timeout=WITHIN_S)
        found[store] = done.stdout
    if case.what != "sessions":  # they are read when the stores are open, and the watermark is renewed then
        with open(home / "data/watermark", "rb") as file:
            found["watermark"] = file.read()
    return found


SERVE = ("jejak-collector", "--plain", "--ingest", "ipc://{home}/run/ingest.sock")
VERIFY, FOLD, REPORT = ("jejak-collector", "--verify"), ("jejak-aggregator", "fold"), ("jejak-aggregator", "report")
CELLS, STATUS, REBUILD = ("jejak-aggregator", "verify"), ("jejak-aggregator", "status"), ("jejak-aggregator", "rebuild")
FOLLOW, ALL = ("jejak-aggregator", "follow"), ("jejakctl", "verify")
TAKER, PUBLISH = ("taker",), ("jejak-publish",)
# newer, never was; a verify that has walked a store says 65 of all it found; a roll-up that never was is made anew
BOTH, DAMAGE, DAMAGED, REMADE = (78, 65), (65, 65), (1, 1), (78, None)

CASES = [
    Case("store", "data/log", "the event log", (SERVE, BOTH), (VERIFY, BOTH), (ALL, BOTH), (REBUILD, BOTH), (FOLLOW, BOTH)),
    Case("store", "data/vault", "the vault", (SERVE, BOTH), (VERIFY, BOTH), (ALL, BOTH)),
    Case("store", "data/cells", "the cells", (FOLD, BOTH), (REPORT, BOTH), (FOLLOW, BOTH), (CELLS, BOTH), (STATUS, BOTH), (ALL, BOTH)),
    Case("watermark", "data/watermark", "the watermark", (VERIFY, BOTH), (SERVE, BOTH), inside=True),
    Case("sessions", "data/log", "a session's state", (SERVE, BOTH), (VERIFY, DAMAGE), inside=True),
    Case("last-record", "data/log", "the record at offset", (SERVE, BOTH), (VERIFY, DAMAGE), inside=True),
    Case("first-record", "data/log", "the record at offset 0", (VERIFY, DAMAGE), inside=True),
    Case("summary", "data/cells", "summary", (REPORT, BOTH), (CELLS, DAMAGE), inside=True),
    Case("facts", "data/cells", "facts", (CELLS, DAMAGE), inside=True),
    Case("marks", "data/cells", "marks", (CELLS, DAMAGE), inside=True),
    Case("cohorts", "data/cells", "cohort changes", (CELLS, DAMAGE), inside=True),
    Case("rollups", "data/cells", "roll-up", (REPORT, REMADE), (CELLS, DAMAGE), inside=True),
    Case("run", "spool/spool", "spool", (TAKER, DAMAGED)),
    Case("last-sealed", "spool/spool", "spool", (TAKER, DAMAGED)),
    Case("resume", "publish/lines.pos", "lines.pos", (PUBLISH, BOTH)),
]


def reformat(fixture, home, case, number):
    if case.what == "resume":
        path = home / case.path
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("jejak-resume 1", f"jejak-resume {number}", 1))
    else:
        fixture.well("reformat", case.what, home / case.path, str(100 + number if "spool" in case.path and number else number),
                     folder=TOOLS)


def tried(fixture, home, command, folder):
    """(exit code, what it said); None: it goes on, and was ended."""
    program, *rest = command
    rest, cwd = [one.format(home=home.path) for one in rest], None
    if program == "taker":
        rest, folder = [f"ipc://{home.path}/run/ingest.sock", home / "spool", "1", "0"], TOOLS
    elif program == "jejak-publish":
        rest, cwd = ["--plain", "--to", f"ipc://{home.path}/run/ingest.sock", "--resume", "lines.pos", "--batch", "10", "lines.csv"], \
            home / "publish"
    else:
        rest += ["--home", home.path]
    log = home.path + ".said"
    with open(log, "wb") as out:
        process = fixture.trial.start(os.path.join(folder, program), *rest, stdout=out, stderr=out, cwd=cwd,
                                      env={**os.environ, **fixture.env})
        try:
            code = process.wait(2 if folder == CARELESS else WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
    with open(log, encoding="utf-8", errors="replace") as out:
        said = out.read()
    os.unlink(log)
    return code, said


def refused(fixture, case, number, folder=BIN):
    """Every program that opens it refuses it by name, and changes nothing. -> how many."""
    home = fixture.copy()
    reformat(fixture, home, case, number)
    for command, codes in case.who:
        if codes[number == NEVER] is None:
            continue
        before, title = standing(home, case), f"format {number}: {case.title}: {' '.join(command[:2])}"
        code, said = tried(fixture, home, command, CARELESS if folder != BIN and "ctl" not in command[0] else folder)
        promise(code is not None, f"{title}: it goes on")
        promise(code == codes[number == NEVER], f"{title}: ended with {code}: {said[-300:]}")
        shown = "kind 102" if "spool" in case.path else f"format {number}"
        if "spool" not in case.path or number != NEVER:
            promise(shown in said and "this program knows" in said, f"{title}: no {shown} in: {said[-400:]}")
        promise(case.named in said, f"{title}: {case.named!r} is not named: {said[-400:]}")
        after = standing(home, case)
        promise(after == before, lambda: f"{title}: changed {[name for name in {*before, *after} if before.get(name) != after.get(name)]}")
    fixture.trial.forget(home)
    return sum(codes[number == NEVER] is not None for _, codes in case.who)


def control(fixture):
    """With programs that look at no format, each case must be seen to go wrong."""
    unseen = []
    for case in CASES:
        if case.what in ("run", "last-sealed", "resume"):
            continue
        for command, codes in case.who:
            if "ctl" in command[0]:
                continue
            try:
                refused(fixture, Case(case.what, case.path, case.named, (command, codes), inside=case.inside), NEWER, CARELESS)
                unseen.append(f"{case.title}: {' '.join(command[:2])}")
            except Broken:
                pass
    if unseen:
        return f"programs that look at no format pass: {'; '.join(unseen)}"
    raise Broken("every case is seen where no format is looked at")


def prove(trial):
    found = 0
    paths = sorted(glob.glob(os.path.join(FIXTURES, "*.tar.xz")))
    promise(paths, "no fixtures")
    for path in paths:
        fixture = Fixture(trial, path)
        if trial.control:
            return control(fixture)
        opened(fixture)
        trial.say(f"{fixture.name}: opened")
        for case in CASES:
            for number in (NEWER,) if trial.quick else (NEWER, NEVER):
                found += refused(fixture, case, number)
    return (f"{len(paths)} format opened: {len(fixture.facts['events'])} events, 3 reports, sessions, keys, spool and resume position; "
            f"{len(CASES)} numbers, newer{'' if trial.quick else ' and never there'}: {found} programs refused by name and changed nothing")


if __name__ == "__main__":
    fault.main(prove)
