#!/usr/bin/python3
"""jejakctl as an operator meets it: what it makes, what it prints, and how it fails."""
import json
import os
import time

from jejak import Collector, Session, check, ctl, event, expect, main, run, status


def fails(home, code, says, *arguments):
    done = run("jejakctl", *arguments, "--home", home.path)
    check(done.returncode == code, lambda: f"{arguments}: exit {done.returncode}, not {code}: {done.stderr.decode()}")
    check(says in done.stderr.decode(), lambda: f"{arguments}: {says!r} is not in {done.stderr.decode()}")


def publishers(home, _chance):
    out = ctl(home, "publisher", "add", "lms")
    check("it takes effect when one starts" in out, out)
    for path, mode in (("keys/publishers/lms.public", 0o644), ("keys/clients/lms.public", 0o644),
                       ("keys/clients/lms.secret", 0o600), ("keys", 0o700)):
        check(os.stat(home / path).st_mode & 0o777 == mode, f"{path} has mode {os.stat(home / path).st_mode:o}")
    fails(home, 73, "remove that one first", "publisher", "add", "lms")
    for name in ("plain", "a/b", "", "x" * 65, "ä"):
        fails(home, 64, "is no name", "publisher", "add", name)
    fails(home, 66, "cannot be removed", "publisher", "remove", "nobody")
    fails(home, 64, "say", "publisher", "rename", "lms")
    fails(home, 64, "no role", "keys", "make", "king", "a")
    collector = Collector(home, plain=False, ingest=f"ipc://{home.path}/run/i.sock")
    check("the running collector knows" in ctl(home, "publisher", "add", "second"), "it was not told")
    check(status(home)["publishers"] == 2, "the collector knows another number")
    check([line.split()[1] for line in ctl(home, "publisher", "list").splitlines()] == ["lms", "second"], "the list")
    listed = ctl(home, "keys", "list")
    check("server" in listed and "secret" not in listed, listed)
    with open(home / "keys/clients/lms.secret", encoding="ascii") as secret:
        check(secret.read().strip() not in listed, "a secret is printed")
    # a list that cannot be read changes nothing, and the command says so
    with open(home / "keys/publishers/broken.public", "w", encoding="ascii") as broken:
        broken.write("rubbish")
    fails(home, 78, "broken.public", "publisher", "remove", "second")
    os.unlink(home / "keys/publishers/broken.public")
    collector.stop()


def status_and_tail(home, _chance):
    fails(home, 69, "is the program running", "status")
    fails(home, 69, "is the program running", "tail", "-n", "1")
    collector = Collector(home)
    session = Session(collector.ingest)
    expect(session.publish(event(), [7]), status="ok")
    fields = json.loads(ctl(home, "status", "--json"))
    check(fields["offset"] == 1 and fields["rejected_shape"] == 1 and fields["learners"] == 1, fields)
    check(fields.keys() == status(home).keys(), "the two forms differ")
    check(fields["store"] == "open" and len(fields["log"]) == 32, fields)
    fails(home, 64, "whole number", "tail", "-n", "none")
    collector.kill()
    time.sleep(0.1)
    fails(home, 69, "is the program running", "status")


def configuration(home, _chance):
    with open(home / "jejak.conf", "w", encoding="ascii") as file:
        file.write("k = 12\n")
    lines = {line.split(" = ")[0].strip(): line for line in ctl(home, "config", "--set", "retry_ms=99").splitlines()}
    check("12" in lines["k"] and "jejak.conf:1" in lines["k"], lines["k"])
    check("99" in lines["retry_ms"] and "--set" in lines["retry_ms"], lines["retry_ms"])
    check("default" in lines["zone"], lines["zone"])
    check(not os.path.exists(home / "keys"), "something was made")


if __name__ == "__main__":
    main(publishers, status_and_tail, configuration)
