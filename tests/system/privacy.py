#!/usr/bin/python3
"""No raw learner id on any disk, log line or answer: marked ids are sent in every way there is, then searched for in every
spelling, in every file of the home, and in every value of the stores once uncompressed. The controls plant an id and must
be caught."""
import base64
import glob
import os
import secrets
import subprocess

import msgpack
import zmq

from jejak import (BIN, Collector, Fetcher, Publisher, Session, batch, check, ctl, event, expect, main, now_ms, run, spellings,
                   status)

DAY_MS = 24 * 3600 * 1000
DUMP = os.environ.get("JEJAK_DUMP") or os.path.join(BIN, "../tests/dump_store")
STORES = ("log", "vault", "cells")


def marked_ids():
    """Ids that stand nowhere by chance."""
    mark = secrets.token_hex(6)
    return [f"Ayu-{mark}", f"budi.{mark}@example.ac.id", f"Śri Wahyuni {mark}", f"学生-{mark}", f"{mark}" * 10]


class Evidence:
    """Everything that could hold an id, by where it stands."""

    def __init__(self):
        self.bytes = {}

    def add(self, where, data):
        self.bytes[where] = data.encode() if isinstance(data, str) else bytes(data)

    def add_files(self, when, folder):
        for under, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(under, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        self.add(f"{when}: {path}", file.read())

    def add_stores(self, home):
        for store in STORES:
            if not os.path.exists(home / f"data/{store}/CURRENT"):
                continue
            done = subprocess.run([DUMP, home / f"data/{store}"], capture_output=True, check=False, timeout=60)
            check(done.returncode == 0, done.stderr.decode())
            check(b"== family" in done.stdout, "nothing was dumped")
            self.add(f"uncompressed: {store}", done.stdout)

    def find(self, ids):
        """Where an id stands, and how it is spelled there."""
        return [(where, how) for one in ids for how, needle in spellings(one).items()
                for where, data in self.bytes.items() if needle in data]


def clean(evidence, ids):
    found = evidence.find(ids)
    check(not found, lambda: f"learner ids stand in the open: {found[:10]}")
    check(sum(len(data) for data in evidence.bytes.values()) > 10000, "too little was searched")


def send_everything(home, collector, ids, evidence):
    """Good, rejected, malformed, late, repeated, conflicting, early and misshapen batches with these ids."""
    session, answers = Session(collector.ingest), []
    now = now_ms()
    ask = lambda message: answers.append(session.ask(message))
    for seq, learner in enumerate(ids, 1):
        good = batch(session.id, seq, [event(learner=learner), event("-", learner, "cohort")], acked=seq - 1)
        ask(good)
        expect(answers[-1], status="ok", accepted=2)
        ask(good)
        expect(answers[-1], status="duplicate")
        ask(batch(session.id, seq, [event("other", learner)], acked=seq - 1))
        ask(batch(session.id, seq + 9, [event(learner=learner)], acked=seq))
    seq = len(ids) + 1
    for learner in ids:
        rejected = [["opened", now, learner, "m"], ["open", now + DAY_MS, learner, "m"], ["open", 0, learner, "m"],
                    ["open", now, learner + "\n", "m"], ["open", now, learner * 30, "m"], ["open", now, learner, "m//m"],
                    ["dwell", now, learner, "m", 0], ["open", now, learner, "m", 1], [learner], learner, {learner: learner}]
        ask(batch(session.id, seq, rejected, acked=seq - 1))
        expect(answers[-1], status="ok", accepted=0, rejected_total=len(rejected))
        whole = batch(session.id, seq + 1, [event(learner=learner)], acked=seq)
        ask(whole[:-3])
        ask(whole + learner.encode())
        ask(msgpack.packb({"v": 1, "session": session.id, "seq": seq + 1, learner: learner, "events": [event(learner=learner)]}))
        ask(msgpack.packb({"v": learner, "session": learner, "seq": learner, "events": learner}))
        ask(msgpack.packb({"v": 7, "session": session.id, "seq": seq + 1, "events": [event(learner=learner)]}))
        ask(learner.encode())
        seq = answers[-2]["seq"] if answers[-2].get("code") != "version" else seq + 2
        session.socket.send_multipart([learner.encode(), whole])
        answers.append(session.receive())
        for name in ("reader", "control"):
            asked = Publisher(f"ipc://{home.path}/run/{name}.sock")
            asked.socket.send(msgpack.packb({"v": 1, "op": learner}))
            check(asked.socket.poll(10000), "no answer")
            evidence.add(f"answer of {name} to {learner!r}", b"".join(asked.socket.recv_multipart()))
            asked.close()
    push = Publisher(f"ipc://{home.path}/run/dropoff.sock", kind=zmq.PUSH)
    for learner in ids:
        push.socket.send(batch(secrets.token_bytes(16), 1, [event(learner=learner)]))
        push.socket.send(learner.encode())
    named = Publisher(collector.ingest)
    named.close()
    odd = zmq.Context.instance().socket(zmq.DEALER)
    odd.linger, odd.routing_id = 0, ids[0].encode()
    odd.connect(collector.ingest)
    odd.send(batch(secrets.token_bytes(16), 1, [event(learner=ids[0])]))
    check(odd.poll(10000), "no answer to a socket with a name")
    answers.append(msgpack.unpackb(odd.recv()))
    odd.close(0)
    evidence.add("answers", repr(answers))
    evidence.add("answers as sent", msgpack.packb(answers))


def look_around(home, evidence):
    """What the tools print, and what readers get."""
    for arguments in (("status",), ("status", "--json"), ("config",), ("publisher", "list"), ("keys", "list")):
        evidence.add(f"jejakctl {' '.join(arguments)}", ctl(home, *arguments))
    fetcher = Fetcher(f"ipc://{home.path}/run/reader.sock")
    records = fetcher.all_records()
    evidence.add("records", b"".join(records))
    evidence.add("lids", b"".join(fetcher.lids))
    fetcher.publisher.close()
    return len(fetcher.lids)


def tail(home, collector, learner, evidence):
    for json in ((), ("--json",)):
        command = [os.path.join(BIN, "jejakctl"), "tail", "--count", "2", *json, "--home", home.path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            session = Session(collector.ingest)
            while process.poll() is None:
                expect(session.publish(event("tailed", learner)), status="ok")
            output = process.stdout.read()
        check(process.returncode == 0 and output.count(b"tailed") == 2, output.decode())
        evidence.add(f"jejakctl tail {json}", output)


def nothing_in_the_open(home, _chance):
    ids, evidence = marked_ids(), Evidence()
    dropoff = f"ipc://{home.path}/run/dropoff.sock"
    for at, options in enumerate((["--set", "log_level=debug"], ["--set", "log_level=debug", "--set", "log_format=json"])):
        collector = Collector(home, "--set", f"dropoff={dropoff}", *options)
        send_everything(home, collector, ids, evidence)
        tail(home, collector, ids[0], evidence)
        check(look_around(home, evidence) == len(ids), "a rejected or malformed event made a learner")
        evidence.add_files(f"running {at}", home.path)
        with open(f"/proc/{collector.process.pid}/limits", encoding="ascii") as limits:
            core = [line.split() for line in limits if line.startswith("Max core")][0]
            check(core[4:6] == ["0", "0"], f"a crash may write memory to disk: {core}")
        with open(f"/proc/{collector.process.pid}/cmdline", "rb") as command:
            evidence.add("command line", command.read())
        collector.kill()
        evidence.add_files(f"killed {at}", home.path)
        evidence.add(f"log {at}", collector.log())
    collector = Collector(home)
    stored = status(home)["offset"]
    check(stored >= 4 * len(ids), f"only {stored} events")
    info_logs = glob.glob(f"/dev/shm/jejak-*/*{os.path.basename(home.path)}*")
    check(len(info_logs) >= 2, lambda: f"where are RocksDB's logs of log and vault? {info_logs}")
    for path in info_logs:
        with open(path, "rb") as file:
            evidence.add(path, file.read())
    collector.stop()
    evidence.add("last log", collector.log())
    folded = run("jejak-aggregator", "fold", "--home", home.path)
    check(folded.returncode == 0, folded.stderr.decode())
    evidence.add("jejak-aggregator fold", folded.stdout + folded.stderr)
    evidence.add_files("stopped", home.path)
    evidence.add_stores(home)
    check(len([where for where in evidence.bytes if where.startswith("uncompressed")]) == 3, "not all three stores")
    clean(evidence, ids)


def control_content(home, _chance):
    """A frontend that puts an id into a content path: found in the files and in the log, uncompressed."""
    learner, evidence = f"ayu-{secrets.token_hex(6)}", Evidence()
    collector = Collector(home)
    expect(Session(collector.ingest).publish(event(f"m/{learner}", learner)), status="ok")
    collector.stop()
    evidence.add_files("stopped", home.path)
    check(any("data/log" in where for where, _ in evidence.find([learner])), "not seen in the files")
    dumped = Evidence()
    dumped.add_stores(home)
    check(("uncompressed: log", "plain") in dumped.find([learner]), "not seen in the values")


def control_spellings(home, _chance):
    """Each spelling in a file is found, at any place."""
    learner = marked_ids()[2]
    raw = learner.encode()
    for shift in range(3):
        samples = {"plain": raw, "hex": raw.hex().encode(), "utf-16": learner.encode("utf-16-le"),
                   "base64": base64.b64encode(b"x" * shift + raw + b"yz"),
                   "json": msgpack.packb("".join(f"\\u{ord(c):04x}" for c in learner))}
        for name, sample in samples.items():
            with open(home / "planted", "wb") as file:
                file.write(os.urandom(100 + shift) + sample + os.urandom(100))
            evidence = Evidence()
            evidence.add_files("planted", home.path)
            check(evidence.find([learner]), f"{name} at {shift} is not seen")
    check(not evidence.find(marked_ids()), "it sees what is not there")


if __name__ == "__main__":
    main(nothing_in_the_open, control_content, control_spellings)
