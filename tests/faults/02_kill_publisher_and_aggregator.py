#!/usr/bin/python3
"""kill -9 of publishers and of the aggregator at random points, end to end.

A frontend with a spool (taker.c, on libjejak) is killed while it hands over numbered events: each that was taken is stored
once. jejak-publish --resume is killed while it publishes a simulated course, and `jejak-aggregator follow` while it folds it: the
log holds each line of the course once, and the report equals a recount in SQL over the same lines. Controls: the spool is
deleted after a kill; one line fewer is recounted."""
import collections
import csv
import os
import shutil
import struct
import subprocess
import threading
import time

import fault
import edify
import jejak
from fault import BIN, Broken, promise, restarted
from jejak import check, run

TAKER = os.path.join(BIN, "../tests/taker")
FROM, TO = "2026-01-05", "2026-04-13"


# ---- a frontend with a spool ----

class Frontend:
    """One spool, many processes after each other; the numbers that each said it had taken."""

    def __init__(self, trial, endpoint):
        self.trial, self.endpoint, self.spool = trial, endpoint, os.path.join(trial.dir, "spool")
        self.told_path, self.taken, self.unsure, self.next = os.path.join(trial.dir, "told"), set(), set(), 1

    def start(self, count):
        with open(self.told_path, "wb") as told:
            return self.trial.start(TAKER, self.endpoint, self.spool, str(self.next), str(count), stdout=told)

    def read_told(self):
        """The numbers it told; the one after them may have been taken, or not, and is not used again."""
        with open(self.told_path, "rb") as told:
            data = told.read()
        numbers = struct.unpack(f"<{len(data) // 8}Q", data[:len(data) // 8 * 8])
        self.taken.update(numbers)
        self.next = max(numbers, default=self.next - 1) + 2
        self.unsure.add(self.next - 1)

    def kill_often(self, kills):
        for _ in range(kills):
            process = self.start(10 ** 9)
            time.sleep(self.trial.chance.uniform(0.005, 0.12))
            process.kill()
            process.wait()
            self.read_told()
            if self.trial.control:
                shutil.rmtree(self.spool, ignore_errors=True)
        process = self.start(100)
        check(process.wait(120) == 0, "the taker did not end well")
        self.read_told()

    def compare(self, stored):
        with fault.as_promised():
            jejak_seen = fault.restart.verify(stored.ours, stored.lids, {0: self.taken})
        strangers = {number for _, number, _ in jejak_seen} - self.taken - self.unsure
        promise(not strangers, lambda: f"stored, and never taken: {sorted(strangers)[:5]}")
        return len(jejak_seen)


def kill_frontends(trial, kills):
    home = trial.home()
    frontend = Frontend(trial, restarted(home).ingest)
    frontend.kill_often(kills)
    events = frontend.compare(fault.read(home))
    fault.settle_status(home)
    home.collectors[-1].stop()
    return events


# ---- jejak-publish --resume and the aggregator ----

def make_course(trial, files):
    """Lines of a simulated course, only those that figures.sql counts; a CSV for each part."""
    path = os.path.join(trial.dir, "course.csv")
    done = run("jejak-simulate", "--learners", str(trial.count(1200, 150)), "--start", FROM, "--weeks", "12", "--seed",
               str(trial.seed % 1000), "--out", path)
    check(done.returncode == 0, done.stderr.decode())
    with open(path, encoding="utf-8", newline="") as file:
        lines = [row for row in csv.DictReader(file) if row["kind"] in ("open", "dwell")]
    parts = []
    for i in range(files):
        parts.append(os.path.join(trial.dir, f"part-{i}.csv"))
        with open(parts[-1], "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["time", "learner", "content", "kind", "value"], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(lines[i::files])
    return lines, parts


class Killer(threading.Thread):
    """Kills `follow` at random moments and starts it again, until it is told to end."""

    def __init__(self, trial, home, kills):
        super().__init__()
        self.trial, self.home, self.wanted, self.kills = trial, home, kills, 0
        self.chance = fault.random.Random(trial.chance.random())
        self.over = threading.Event()

    def start_one(self):
        with open(os.path.join(self.trial.dir, "follow.log"), "ab") as log:
            return self.trial.start(os.path.join(BIN, "jejak-aggregator"), "follow", "--home", self.home.path, "--set",
                                    "fold_ms=10", "--set", "k=5", "--set", "fold_events=2000", stdout=log, stderr=log)

    def run(self):
        while not self.over.is_set() or self.kills < self.wanted:
            process = self.start_one()
            time.sleep(self.chance.uniform(0.02, 0.5))
            process.kill()
            process.wait()
            self.kills += 1


def publish_part(trial, endpoint, part, number):
    """Until it ends by itself. -> kills."""
    command = [os.path.join(BIN, "jejak-publish"), "--plain", "--to", endpoint, "--batch", "5", "--resume", f"{part}.pos", part]
    kills = 0
    while True:
        process = trial.start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if number > kills:
            try:
                process.wait(trial.chance.uniform(0.005, 0.06))
            except subprocess.TimeoutExpired:
                process.kill()
        code = process.wait(120)
        if code == 0:
            return kills
        promise(code == -9, f"jejak-publish ended with {code}")
        kills += 1


def compare_lines(home, lines):
    """Each line of the course is in the log exactly once."""
    sent = collections.Counter((row["kind"], int(row["time"]), row["content"], int(row["value"]) if row["value"] else None)
                               for row in lines)
    events, lids = jejak.read_log(home)
    stored = collections.Counter((one["kind"], one["time"], one["content"], one["value"]) for one in events)
    promise(stored == sent, lambda: f"lost {list((sent - stored).items())[:3]}, too many {list((stored - sent).items())[:3]}")
    promise(len(lids) == len({row["learner"] for row in lines}), "not as many learners as in the course")


def compare_report(home, lines):
    """The report of the cells equals what SQL makes of the lines. -> figures compared."""
    options = ("--home", home.path, "--set", "k=5")
    done = run("jejak-aggregator", "fold", *options)
    check(done.returncode == 0, done.stderr.decode())
    done = run("jejak-aggregator", "report", "--from", FROM, "--to", TO, "--level", "module", "--k", "5", "--format", "json",
               *options)
    check(done.returncode == 0, done.stderr.decode())
    events = [(int(row["time"]), row["learner"], row["content"], row["kind"], int(row["value"]) if row["value"] else None)
              for row in lines]
    faults, compared = edify.compare(fault.json.loads(done.stdout), edify.sql_rows(events, FROM, TO, "module", {}))
    promise(not faults, lambda: f"the report is not the recount: {faults[:3]}")
    check(compared > 50, "hardly a figure was compared")
    return compared


def kill_publish_and_follow(trial, kills):
    home = trial.home()
    endpoint = restarted(home, "--set", "import=on").ingest
    lines, parts = make_course(trial, kills)
    killer, killed = Killer(trial, home, kills), 0
    killer.start()
    try:
        for part in parts:
            killed += publish_part(trial, endpoint, part, min(3, kills - killed))
    finally:
        killer.over.set()
        killer.join()
    compare_lines(home, lines)
    figures = compare_report(home, lines)
    if trial.control:
        compare_report(home, lines[1:])
    return len(lines), killed, killer.kills, figures


def prove(trial):
    kills = trial.count(100, 12)
    if trial.control:
        try:
            kill_publish_and_follow(trial, 2)
        except Broken as broken:
            trial.say(f"seen: {broken}")
            return kill_frontends(trial, kills)  # must be seen as well
        return "one line fewer is the same report"
    taken = kill_frontends(trial, kills)
    lines, publishers, followers, figures = kill_publish_and_follow(trial, kills)
    return (f"{kills} frontends with a spool, {publishers} of jejak-publish, {followers} of the aggregator killed: {taken:,} and "
            f"{lines:,} events stored once, {figures} figures equal a recount in SQL")


if __name__ == "__main__":
    fault.main(prove)
