#!/usr/bin/python3
"""jejakctl verify: silent on a sound home, also beside running programs; names what is damaged; and damage in the log is said
by the collector, survived by the aggregator and told in every report."""
import glob
import json
import os
import re
import secrets
import shutil

from jejak import Collector, Publisher, batch, check, event, main, run, start_fails, status

BATCHES, EVENTS = 40, 800


def verify(home, *arguments):
    done = run("jejakctl", "verify", *(arguments or ("--home", home.path)))
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def fill(collector, chance):
    """Batches of paths and learners of their own, so that they take room."""
    publisher, session = Publisher(collector.ingest), secrets.token_bytes(16)
    for number in range(1, BATCHES + 1):
        events = [event(learner=f"l{chance.randrange(3000)}", content=f"m{chance.randrange(9)}/t{secrets.token_hex(3)}/s",
                        kind="dwell", value=chance.randrange(1, 60000)) for _ in range(EVENTS)]
        answer = publisher.ask(batch(session, number, events, acked=number - 1))
        check(answer["status"] == "ok", answer)
    publisher.close()


def damage(folder, chance):
    """One bit in the middle of the largest table file."""
    path = max(glob.glob(folder + "/*.sst"), key=os.path.getsize)
    at = os.path.getsize(path) // 2 + chance.randrange(1000)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << chance.randrange(8)]))


def report(home):
    done = run("jejak-aggregator", "report", "--format", "json", "--home", home.path)
    check(done.returncode == 0, done.stderr.decode())
    return json.loads(done.stdout)


def aggregate(home, *command):
    done = run("jejak-aggregator", *command, "--home", home.path)
    check(done.returncode == 0, done.stderr.decode())


def damage_is_named_and_told(home, chance):
    collector = Collector(home)
    fill(collector, chance)
    code, text = verify(home)
    check(code == 0 and "verify: clean" in text, f"beside a running collector: {code} {text}")
    collector.stop()
    aggregate(home, "fold")
    code, text = verify(home)
    check(code == 0 and f"{BATCHES * EVENTS:,} events" in text, f"{code} {text}")
    coverage = report(home)["coverage"]
    check(coverage["lost"] == 0 and coverage["lost_until"] is None, coverage)

    backup = home / "backup"
    os.mkdir(backup)
    shutil.copytree(home / "data", backup + "/data")
    damage(home / "data/log", chance)
    code, text = verify(home)
    found = re.search(r"DAMAGE +log: offsets (\d+) to (\d+) are lost", text)
    check(code == 65 and found, f"{code} {text}")
    lost = int(found.group(2)) - int(found.group(1)) + 1
    check(0 < lost < BATCHES * EVENTS / 2, f"one bit took {lost} events with it")
    code, text = verify(home, "--backup", backup)
    check(code == 0, f"the copy is sound: {text}")

    start_fails(home, code=65, says="--accept-loss")
    Collector(home, "--accept-loss").stop()
    collector = Collector(home)
    aggregate(home, "rebuild")
    check(status(home)["lost_offsets"] == lost, status(home))
    said = collector.log().count("events of the log are lost")
    check(said == 1, f"said {said} times")
    coverage = report(home)["coverage"]
    check(coverage["lost"] == lost and coverage["lost_until"] is not None, coverage)
    collector.stop()


def damage_in_the_cells_is_named_and_mended(home, chance):
    collector = Collector(home)
    fill(collector, chance)
    collector.stop()
    aggregate(home, "fold")
    before = report(home)
    damage(home / "data/cells", chance)
    code, text = verify(home)
    check(code == 65 and "DAMAGE  cells:" in text and "rebuild" in text, f"{code} {text}")
    aggregate(home, "rebuild")
    code, text = verify(home)
    check(code == 0, text)
    check(report(home) == before, "another report after a rebuild")


main(damage_is_named_and_told, damage_in_the_cells_is_named_and_mended)
