#!/usr/bin/python3
"""A running collector reaches its home and nothing beside it, an aggregator its cells and the log: whatever path it is made
to open. Both keep the system calls that they need."""
import os
import shutil
import signal
import subprocess
import time

import zmq.utils.z85

from jejak import BIN, Collector, Home, Session, Skipped, check, ctl, event, main, run

PUBLIC = "lms"


def check_flags(pid, log):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        flags = dict(line.split(":\t", 1) for line in file if ":\t" in line)
    check(flags["NoNewPrivs"].strip() == "1", "it may take new privileges")
    # 2: a filter. A build with a sanitizer has none, and says so
    check(flags["Seccomp"].strip() == "2" or "build with a sanitizer" in log, "it may make every system call")


def reload_with_link(collector, target):
    """What the collector says when a publisher's key is a link to that file."""
    link = f"{collector.home.path}/keys/publishers/linked.public"
    os.symlink(target, link)
    before = len(collector.log())
    collector.signal(signal.SIGHUP)
    until = time.monotonic() + 20
    while "\n" not in collector.log()[before:]:
        check(time.monotonic() < until, "a reload said nothing")
        time.sleep(0.01)
    os.unlink(link)
    return collector.log()[before:]


def files_outside_are_out_of_reach(home, _chance):
    outside = Home()
    try:
        collector = Collector(home)
        ctl(home, "publisher", "add", PUBLIC)
        collector.wait_for("confined to the files")
        check_flags(collector.process.pid, collector.log())

        public = open(f"{home.path}/keys/publishers/{PUBLIC}.public", encoding="ascii").read()
        inside = f"{home.path}/elsewhere.public"
        for path in (inside, outside / "elsewhere.public"):
            with open(path, "w", encoding="ascii") as file:
                file.write(public)
        # the control: a link by itself is nothing that it minds
        said = reload_with_link(collector, inside)
        check("Permission denied" not in said, said)
        said = reload_with_link(collector, outside / "elsewhere.public")
        check("Permission denied" in said, f"a file outside the home was read: {said}")
        collector.stop()
    finally:
        outside.remove()


def writable_memory(pid):
    """(is it locked and left out of dumps?, its bytes) of each private writable mapping."""
    mappings = []
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as file:
        for line in file:
            fields = line.split()
            if fields[0] == "VmFlags:":
                mappings[-1][1] = "lo" in fields and "dd" in fields
            elif "-" in fields[0] and len(fields) > 4 and "w" in fields[1]:
                mappings.append([[int(end, 16) for end in fields[0].split("-")], False])
            elif "-" in fields[0] and len(fields) > 4:
                mappings.append([[0, 0], False])
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for (start, end), locked in mappings:
            memory.seek(start)
            yield locked, memory.read(end - start) if end > start else b""


def keys_lie_in_locked_memory_only(home, _chance):
    collector = Collector(home)
    session = Session(collector.ingest)
    session.publish(*[event(learner=f"l{i}") for i in range(20)])
    if "build with a sanitizer" in collector.log() or os.geteuid() != 0:
        raise Skipped("only root can look into its memory, and a sanitizer keeps shadows of it")
    keys = {name: zmq.utils.z85.decode(open(home / f"keys/{name}.key", "rb").read().strip())
            for name in ("pseudonym", "lookup", "session")}
    found = {name: [] for name in keys}
    for locked, content in writable_memory(collector.process.pid):
        for name, key in keys.items():
            found[name] += [locked] * content.count(key)
    for name, places in found.items():
        check(places == [True], f"{name}.key stands in so many places of memory, locked or not: {places}")
    # the control: what is not locked is seen. The batch's session id is no secret
    seen = [locked for locked, content in writable_memory(collector.process.pid) if session.id in content]
    check(False in seen, "the search does not find what is there")
    collector.stop()


def aggregator(home, *arguments):
    return run("jejak-aggregator", *arguments, "--home", home.path)


def status_with_current(home, at):
    """What `status` says when the cells' CURRENT is a link to a copy of itself there."""
    current = home / "data/cells/CURRENT"
    shutil.copy(current, at)
    os.rename(current, current + ".kept")
    os.symlink(at, current)
    done = aggregator(home, "status")
    os.unlink(current)
    os.rename(current + ".kept", current)
    os.unlink(at)
    return done


def an_aggregator_reaches_cells_and_log(home, _chance):
    collector = Collector(home)
    Session(collector.ingest).publish(*[event(learner=f"l{i}") for i in range(20)])
    collector.stop()
    done = aggregator(home, "fold")
    check(done.returncode == 0, lambda: done.stderr.decode())
    # the control: a link by itself is nothing that it minds
    done = status_with_current(home, home / "data/cells/elsewhere")
    check(done.returncode == 0, lambda: done.stderr.decode())
    for path in (home / "data/vault/elsewhere", home / "keys/elsewhere", home / "elsewhere"):
        done = status_with_current(home, path)
        check(done.returncode != 0 and b"Permission denied" in done.stderr, lambda: f"{path}: {done}")


def a_follower_reports_with_a_curriculum_out_of_its_reach(home, _chance):
    outside = Home()
    collector = Collector(home)
    Session(collector.ingest).publish(*[event(learner=f"l{i}") for i in range(20)])
    with open(outside / "log", "wb") as log:
        follower = subprocess.Popen([os.path.join(BIN, "jejak-aggregator"), "follow", "--home", home.path],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 60
        while "following the log" not in open(outside / "log", encoding="utf-8").read():
            check(follower.poll() is None and time.monotonic() < until, "no follower")
            time.sleep(0.01)
        check_flags(follower.pid, open(outside / "log", encoding="utf-8").read())
        done = aggregator(home, "fold")
        check(done.returncode == 0, lambda: done.stderr.decode())
        with open(outside / "plan.csv", "w", encoding="ascii") as file:
            file.write("content,title,order\nm,Of the plan,1\n")
        done = aggregator(home, "report", "--format", "csv", "--curriculum", outside / "plan.csv",
                          "-o", outside / "report.csv")
        check(done.returncode == 0, lambda: done.stderr.decode())
        check("Of the plan" in open(outside / "report.csv", encoding="utf-8").read(), "the plan is not in the report")
    finally:
        follower.terminate()
        follower.wait()
        outside.remove()
    collector.stop()


main(files_outside_are_out_of_reach, an_aggregator_reaches_cells_and_log,
     keys_lie_in_locked_memory_only, a_follower_reports_with_a_curriculum_out_of_its_reach)
