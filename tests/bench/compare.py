#!/usr/bin/env python3
"""bench/compare on small results: what moved, what may not be compared, and what is no result."""
import json
import os
import subprocess
import sys
import tempfile

COMPARE = sys.argv[1]


def line(name, value, low=None, high=None, unit="events/s", goal=None, reached=None):
    return {"name": name, "unit": unit, "value": value, "low": low, "high": high, "goal": goal, "reached": reached,
            "details": ""}


def result(lines, machine="two cores"):
    return {"machine": machine, "commit": "abc", "date": "2026-01-31T00:00:00Z", "settings": "default", "lines": lines}


A = [line("steady", 1000, 950, 1050), line("wide", 1000, 700, 1300), line("jump", 1000, 990, 1010), line("once", 1000),
     line("share", 0.5, 0.49, 0.51, "ratio", ">= 0.5", "reached"), line("gone", 1), line("later", None, reached="not measured")]
B = [line("steady", 1040, 1000, 1080), line("wide", 1250, 1200, 1300), line("jump", 1200, 1190, 1210), line("once", 1090),
     line("share", 0.4, 0.39, 0.41, "ratio", ">= 0.5", "missed"), line("new", 1), line("later", 5, reached="reached")]


def compare(folder, *arguments, code=0):
    done = subprocess.run([COMPARE, *arguments], capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def rows(folder, *arguments):
    """The text behind each line's name and unit."""
    table = compare(folder, *arguments).stdout.split("\n\n")[-1]
    return {row.split()[0]: " ".join(row.split()[2:]) for row in table.splitlines()}


def write(folder, name, content):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))


def main(folder):
    write(folder, "a", result(A))
    write(folder, "b", result(B))
    write(folder, "elsewhere", result(B, machine="four cores"))
    found = rows(folder, "a", "b")
    assert found["steady"] == "1,000 1,040 1.040 within 5 % -", found
    assert found["wide"] == "1,000 1,250 1.250 within 30 % -", found
    assert found["jump"] == "1,000 1,200 1.200 moved -", found
    assert found["once"] == "1,000 1,090 1.090 within 10 % -", found
    assert found["share"] == "0.5 0.4 0.800 moved reached -> missed", found
    assert found["gone"] == "1 only in A -" and found["new"] == "1 only in B -", found
    assert found["later"] == "- 5 not measured not measured -> reached", found

    found = rows(folder, "a", "elsewhere")
    assert found["jump"] == "1,000 1,200 another machine -" and found["share"].startswith("0.5 0.4 0.800 moved"), found
    assert "Two machines: only ratios and bytes" in compare(folder, "a", "elsewhere").stdout
    assert rows(folder, "a", "elsewhere", "--anyway")["jump"] == "1,000 1,200 1.200 moved -"
    assert rows(folder, "a", "b", "--least", "0.5")["jump"] == "1,000 1,200 1.200 within 50 % -"

    for content, says in (("no JSON", "Expecting value"), ("[]", "not a result"), (result([{"name": "x"}]), "x has no high"),
                          (result([line("x", "7")]), "the value of x is no number")):
        write(folder, "wrong", content)
        assert says in compare(folder, "a", "wrong", code=65).stderr, says
    assert "absent" in compare(folder, "a", "absent", code=65).stderr


with tempfile.TemporaryDirectory() as scratch:
    main(scratch)
