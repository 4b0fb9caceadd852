#!/usr/bin/python3
"""A key is taken off the list while its connections are open and busy, and the list is read again and again under load: nothing that
comes after it is stored, and nobody else loses anything, also where another key's file is broken at that moment.

Control: the file of the key is removed and the list is not read again."""
import os
import threading

import fault
from fault import Collector, promise
from jejak import Publisher, Session, batch, check, ctl, event, free_port, pair_of, read_log, run, status

IN_FLIGHT = 32


class Busy(threading.Thread):
    """A publisher that has batches in flight all the time, in seq order; knows what was answered."""

    def __init__(self, endpoint, keys, number):
        super().__init__(daemon=True)
        self.client, self.session = Publisher(endpoint, keys=keys), number.to_bytes(16, "big")
        self.over, self.sent, self.settled, self.wrong = threading.Event(), 0, 0, []

    def run(self):
        while not self.over.is_set() or (self.settled < self.sent and self.client.socket.poll(3000)):
            while not self.over.is_set() and self.sent - self.settled < IN_FLIGHT:
                self.sent += 1
                self.client.send(batch(self.session, self.sent, [event(f"m/t{self.sent}")], acked=self.settled))
            if self.client.socket.poll(100):
                answer = self.client.receive(0)
                if answer["status"] != "ok" or answer["seq"] != self.settled + 1:
                    self.wrong.append(answer)
                    return
                self.settled += 1


def revoke(trial, home, collector, broken):
    """-> how many events the log held when the reload was done."""
    listed = home / "keys/publishers/leaves.public"
    if broken:
        with open(home / "keys/publishers/broken.public", "w", encoding="ascii") as file:
            file.write("no key\n")
    if trial.control:
        os.unlink(listed)
    else:
        done = run("jejakctl", "publisher", "remove", "leaves", "--home", home.path)
        check(done.returncode == 0 or broken, f"jejakctl: {done.stderr.decode()}")
        check(not broken or "broken.public" in done.stderr.decode(), f"a broken key is not named: {done.stderr.decode()}")
    if broken:
        os.unlink(home / "keys/publishers/broken.public")
    check(collector.process.poll() is None, "the collector ended")


def round_of(trial, home, endpoint, collector, number):
    broken = number % 2 == 1
    ctl(home, "publisher", "add", "leaves", *(["--out", home / f"new-{number}"] if number else []))
    keys = pair_of(home, "leaves", home / f"new-{number}" if number else None)
    leaving, idle = Busy(endpoint, keys, 1000 + number), Session(endpoint, keys=keys)
    promise(idle.publish(event(), wait_ms=5000), "a publisher is not let in")
    leaving.start()
    try:
        while leaving.settled < 20:
            check(leaving.is_alive() and not leaving.wrong, f"the load stopped: {leaving.wrong}")
        revoke(trial, home, collector, broken)
        # What was taken before it may still be answered; from here on nothing more is taken.
        taken = status(home)["messages_unlisted"]
        promise(idle.publish(event("late"), wait_ms=700) is None, "a revoked key was answered on its open connection")
        promise(status(home)["messages_unlisted"] > taken, "a revoked key's message is not counted")
        again = Session(endpoint, keys=keys)
        promise(again.publish(event("late"), wait_ms=700) is None, "a revoked key came in again")
    finally:
        leaving.over.set()
        leaving.join()
    promise(not leaving.wrong, f"answered {leaving.wrong}")
    for session in (idle, again, leaving.client):
        session.close()
    return leaving.settled


def prove(trial):
    home, endpoint, rounds = trial.home(), f"tcp://127.0.0.1:{free_port()}", trial.count(12, 3)
    for name in ("stays-1", "stays-2"):
        ctl(home, "publisher", "add", name)
    collector = Collector(home, plain=False, ingest=endpoint)
    others = [Busy(endpoint, pair_of(home, name), number) for number, name in enumerate(("stays-1", "stays-2"))]
    for other in others:
        other.start()
    try:
        for number in range(rounds):
            round_of(trial, home, endpoint, collector, number)
            for _ in range(5):
                collector.signal(1)
    finally:
        for other in others:
            other.over.set()
        for other in others:
            other.join()
    for other in others:
        promise(not other.wrong, f"another publisher was answered {other.wrong}")
        promise(other.settled == other.sent, f"{other.sent - other.settled} batches of another publisher were dropped")
    stored = read_log(home)[0]
    promise(not any(one["content"] == "late" for one in stored), "an event of a revoked key is stored")
    kept = sum(one["publisher"].startswith("stays") for one in stored)
    promise(kept == sum(other.sent for other in others), "events of others are missing, or there twice")
    collector.stop()
    return f"{rounds} keys revoked under load: 0 of their events stored after it; {kept:,} of others, none dropped"


if __name__ == "__main__":
    fault.main(prove)
