#!/usr/bin/env python3
"""bench/lines.sh: how a line is judged, and that the file of results is the JSON that bench/compare reads."""
import json
import os
import subprocess
import sys
import tempfile

ROOT = sys.argv[1]
SCRIPT = r"""
set -euo pipefail
say() { :; }
. "$ROOT/bench/lines.sh"
rows=$PWD/rows machine='two "cores"' commit=abc date=2026-01-31T00:00:00Z settings=none
line ingest_ratio ratio 0.5 0.4 0.6 'a \ and a "word"'
line ack_p99_ratio ratio 3.01 - - slow
line pipe events/s 7000000.5 - - 'no goal'
line collector_mb MB 128.5 - - within 128.6
line_at 100 100 events rebuild_s s 41 - - 'at its size'
line_at 10 100 events report_ms ms 1 - - smaller
not_measured report_vs_duckdb ratio 'DuckDB is not installed'
write_json
"""
EXPECTED = {
    "ingest_ratio": (0.5, 0.4, 0.6, ">= 0.5", "reached", 'a \\ and a "word"'),
    "ack_p99_ratio": (3.01, None, None, "<= 3", "missed", "slow"),
    "pipe": (7000000.5, None, None, None, None, "no goal"),
    "collector_mb": (128.5, None, None, "<= 128.6", "reached", "within"),
    "rebuild_s": (41, None, None, "<= 40", "missed", "at its size"),
    "report_ms": (1, None, None, "<= 250", "not judged", "smaller; the goal is for 100 events (--full)"),
    "report_vs_duckdb": (None, None, None, ">= 20", "not measured", "not measured: DuckDB is not installed"),
}


def main(folder):
    done = subprocess.run(["bash", "-c", SCRIPT], cwd=folder, env={**os.environ, "ROOT": ROOT}, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(row.count("\t") == 7 for row in done.stdout.splitlines()), done.stdout
    path = os.path.join(folder, "bench/results/2026-01-31T000000Z.json")
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    assert result["machine"] == 'two "cores"', result
    for line in result["lines"]:
        found = tuple(line[name] for name in ("value", "low", "high", "goal", "reached", "details"))
        assert found == EXPECTED[line["name"]], (line, EXPECTED[line["name"]])
    assert [line["name"] for line in result["lines"]] == list(EXPECTED)
    same = subprocess.run([os.path.join(ROOT, "bench/compare"), path, path], capture_output=True, text=True, check=False)
    assert same.returncode == 0 and "moved" not in same.stdout, same


with tempfile.TemporaryDirectory() as scratch:
    main(scratch)
