#!/usr/bin/python3
"""bench-load against a collector: what it says was acknowledged is in the log, whatever happens meanwhile. No timing."""
import json
import os
import subprocess
import time

from jejak import BIN, Collector, check, ctl, free_port, main, read_log, run, status


def load(*arguments, code=0):
    """Its results as a dict; every answer was ok, or it fails."""
    done = run("bench-load", *arguments, "--json")
    check(done.returncode == code, lambda: f"exit {done.returncode}, not {code}: {done.stderr.decode()}")
    return json.loads(done.stdout) if code == 0 else done.stderr.decode()


def stored(home):
    events, lids = read_log(home)
    return len(events), len(lids), {one["publisher"] for one in events}


def as_many_as_asked(home, _chance):
    collector = Collector(home)
    told = load("--plain", "--to", collector.ingest, "--events", "5000", "--learners", "300", "--publishers", "3",
                "--batch", "1..5", "--introduce")
    check(told["events"] == 5000 and told["introduced_events"] == 300, told)
    check(1000 <= told["batches"] <= 5000 and told["latency_batches"] == told["batches"], told)
    check(told["latency_p50_us"] <= told["latency_p99_us"] <= told["latency_max_us"], told)
    check(stored(home) == (5300, 300, {"plain"}), stored(home))
    collector.stop()


def round_and_round(home, _chance):
    """More than was prepared: sent again under new numbers, and stored again."""
    collector = Collector(home)
    told = load("--plain", "--to", collector.ingest, "--events", "20000", "--distinct", "100", "--in-flight", "2",
                "--batch", "10", "--learners", "50")
    check(told["events"] == 20000 and told["batches"] == 2000, told)
    check(stored(home)[0] == 20000, stored(home))
    collector.stop()


def at_a_rate_with_newcomers(home, _chance):
    collector = Collector(home)
    told = load("--plain", "--to", collector.ingest, "--rate", "2000", "--batch", "20", "--duration", "2", "--learners",
                "100", "--new-learners", "200", "--poisson", "--ramp", "1", "--publishers", "2")
    check(told["loop"] == "poisson" and told["unsent"] == 0 and told["new_unsent"] == 0, told)
    check(5000 <= told["events"] <= 9000, told)  # 1 s of ramp, 1 of warm-up, 2 measured: about 7000
    check(500 <= told["new_events"] <= 900, told)
    events, learners, _ = stored(home)
    check(events == told["events"] + told["new_events"], (events, told))
    check(learners <= 100 + told["new_events"] and learners > told["new_events"], (learners, told))
    collector.stop()


def each_publisher_its_key(home, _chance):
    for name in ("one", "two", "three"):
        ctl(home, "publisher", "add", name)
    collector = Collector(home, plain=False, ingest=f"tcp://127.0.0.1:{free_port()}")
    arguments = ("--to", collector.ingest, "--events", "600", "--batch", "10", "--publishers", "6")
    told = load("--home", home.path, *arguments)
    check(told["encryption"] == "curve" and told["keys"] == 3, told)
    check(stored(home)[0] == 600 and stored(home)[2] == {"one", "two", "three"}, stored(home))
    told = load("--server-key", home / "keys/server.public", "--key", home / "keys/clients/two.secret", *arguments)
    check(told["keys"] == 1 and stored(home)[0] == 1200, told)
    collector.stop()


def killed_and_started_again(home, _chance):
    """Answers that were lost with the collector: what was on its way is sent again, and stored once."""
    collector = Collector(home)
    command = [os.path.join(BIN, "bench-load"), "--plain", "--to", collector.ingest, "--rate", "20000", "--batch", "20",
               "--duration", "15", "--publishers", "3", "--learners", "100", "--distinct", "100", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as loader:
        while status(home)["batches"] < 1000:
            check(loader.poll() is None, "it ended early")
            time.sleep(0.02)
        collector.kill()
        collector = Collector(home)
        out, errors = loader.communicate(timeout=60)
    check(loader.returncode == 0, errors.decode())
    told = json.loads(out)
    check(told["resent"] > 0 and told["unsent"] == 0, told)
    check(stored(home)[0] == told["events"], (stored(home), told))
    collector.stop()


def says_what_is_wrong(home, _chance):
    def refused(*arguments, code, says):
        text = load(*arguments, code=code)
        check(says in text, text)

    refused("--plain", "--to", f"tcp://127.0.0.1:{free_port()}", "--patience", "1", "--events", "1", code=69,
            says="nothing was answered")
    refused("--plain", "--to", "tcp://192.0.2.1:7411", code=64, says="not on this machine")
    refused("--to", "tcp://127.0.0.1:1", "--home", "", code=64, says="no home folder")
    refused("--plain", "--rate", "0", code=64, says="not a whole number from 1")
    refused("--plain", "--batch", "5..1", code=64, says="not a whole number from 5")
    refused("--plain", "--poisson", code=64, says="need a rate")
    refused("--plain", "--events", "10", "--duration", "3", code=64, says="measures all")
    refused("--plain", "--publishers", "1000", "--batch", "5000", code=64, says="fewer of one of them")
    refused("--home", home.path, "--to", "tcp://127.0.0.1:1", code=66, says="server.public")


if __name__ == "__main__":
    main(as_many_as_asked, round_and_round, at_a_rate_with_newcomers, each_publisher_its_key, killed_and_started_again,
         says_what_is_wrong)
