"""jejak-aggregator follow as a process: reports while it folds, catching up on request, other settings refused, SIGTERM."""
import json
import os
import re
import signal
import subprocess
import time

from jejak import BIN, Collector, Publisher, batch, check, event, main, now_ms, run, secrets

DAY_MS = 86400000


class Follower:
    def __init__(self, home, *arguments):
        self.home, self.log_path = home, home.path + f".log-{len(home.collectors)}"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([os.path.join(BIN, "jejak-aggregator"), "follow", "--home", home.path, *arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        home.collectors.append(self)
        until = time.monotonic() + 60
        while "following the log" not in self.log():
            check(self.process.poll() is None and time.monotonic() < until, lambda: f"no follower: {self.log()}")
            time.sleep(0.01)

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        check(code == 0, lambda: f"the follower ended with {code} after SIGTERM: {self.log()}")


def aggregator(home, *arguments, code=0):
    done = run("jejak-aggregator", *arguments, "--home", home.path)
    check(done.returncode == code, lambda: f"{arguments}: exit {done.returncode}, not {code}: {done.stderr.decode()}")
    return done.stdout.decode() if code == 0 else done.stderr.decode()


def report(home, *arguments, code=0):
    return aggregator(home, "report", "--format", "json", *arguments, code=code)


class Feed:
    """Events of 40 learners on 3 paths, as one session."""

    def __init__(self, collector, chance):
        self.socket, self.chance = Publisher(collector.ingest), chance
        self.session, self.sequence, self.sent = secrets.token_bytes(16), 0, 0

    def publish(self, count):
        events = [event(learner=f"l{self.chance.randrange(40)}", content=f"m{self.chance.randrange(3)}/t/s", kind=kind,
                        value=value, time_ms=now_ms() - self.chance.randrange(20 * DAY_MS))
                  for kind, value in self.chance.choices([("open", None), ("dwell", 60000), ("progress", 100)], k=count)]
        self.sequence += 1
        answer = self.socket.ask(batch(self.session, self.sequence, events))
        check(answer["status"] == "ok", lambda: f"{answer}")
        self.sent += count


def offset_of(text):
    return int(re.search(r"offset ([0-9,]+)", text).group(1).replace(",", ""))


def reports_while_folding(home, chance):
    collector = Collector(home)
    feed = Feed(collector, chance)
    feed.publish(400)
    follower = Follower(home, "--set", "fold_ms=10")
    aggregator(home, "fold")
    before, seen = 0, set()
    for _ in range(40):
        feed.publish(200)
        watermark = json.loads(report(home))["watermark"]["offset"]
        check(before <= watermark <= feed.sent, f"a report up to {watermark} after one up to {before} of {feed.sent}")
        before = watermark
        seen.add(watermark)
    check(len(seen) > 2, "the reports stand still while events come in")
    check(offset_of(aggregator(home, "fold")) == feed.sent, "fold is answered before everything acknowledged is folded")
    warm = report(home)
    check(json.loads(warm)["watermark"]["offset"] == feed.sent, "the report after a fold is behind")
    check(json.loads(warm)["rows"], "no row is shown, so nothing is compared")
    follower.stop()
    check(report(home) == warm, "read from the stopped follower's cells, the report is another")
    aggregator(home, "rebuild")
    check(report(home) == warm, "rebuilt, the report is another")
    collector.stop()


def catching_up(home, chance):
    """fold_ms is far away: what is reported is what `fold` asked to have folded."""
    collector = Collector(home)
    feed = Feed(collector, chance)
    follower = Follower(home, "--set", "fold_ms=3600000")
    for _ in range(3):
        feed.publish(300)
        check(offset_of(aggregator(home, "fold")) == feed.sent, "fold stops short")
        check(json.loads(report(home))["watermark"]["offset"] == feed.sent, "a report after a fold is behind")
        check(offset_of(aggregator(home, "status")) == feed.sent, "status is behind")
    feed.publish(50)
    time.sleep(0.3)
    follower.stop()
    check(offset_of(aggregator(home, "status")) == feed.sent, "what was read before SIGTERM was not written")
    collector.stop()


def settings(home, chance):
    collector = Collector(home)
    feed = Feed(collector, chance)
    feed.publish(2000)
    follower = Follower(home, "--set", "k=7")
    aggregator(home, "fold")
    same = report(home, "--set", "k=7")
    check(json.loads(same)["k"] == 7, "k is not the follower's")
    check("k = 7, not 5" in report(home, "--set", "k=5", code=78), "no word of the follower's k")
    check("k = 7, not 10" in report(home, code=78), "another default is answered")
    check("long_ratio = 1.5, not 2" in report(home, "--set", "k=7", "--set", "long_ratio=2", code=78), "a threshold is ignored")
    check(json.loads(report(home, "--set", "k=7", "--k", "9"))["k"] == 9, "--k raises no longer")
    follower.stop()
    check(report(home, "--set", "k=7") == same, "the stopped follower's cells give another report")
    collector.stop()


def sigterm(home, chance):
    """In the middle of things: it ends at once, leaves no socket, and the cells can be opened and go on."""
    collector = Collector(home)
    feed = Feed(collector, chance)
    for _ in range(5):
        follower = Follower(home, "--set", "fold_ms=10")
        check(os.path.exists(home / "run/aggregator.sock"), "no socket")
        for _ in range(chance.randrange(5)):
            feed.publish(100)
        started = time.monotonic()
        follower.stop()
        check(time.monotonic() - started < 10, "stopping takes long")
        check(not os.path.exists(home / "run/aggregator.sock"), "the socket is left behind")
        check("msg=stopped" in follower.log(), "it does not say that it stopped")
    aggregator(home, "fold")
    check(offset_of(aggregator(home, "status")) == feed.sent, "events are missing")
    collector.stop()


if __name__ == "__main__":
    main(reports_while_folding, catching_up, settings, sigterm)
