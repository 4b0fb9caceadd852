#!/usr/bin/python3
"""Any order, repetition and batching of a history gives the same report; following, rebuilding and replaying give the same
bytes.

One simulated history is published three ways into three homes: as it is; shuffled, a fifth of it twice, in small batches and
folded after every part; and read live by `follow`. Their reports agree in everything but the watermark. Rebuilding gives the
very same bytes. The control, a history with one event changed, must differ. Usage: same_report.py BIN_DIR [SEED]
"""
import json, os, random, signal, subprocess, sys, tempfile, time

BIN = sys.argv[1]
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
random.seed(SEED)
print(f"seed {SEED}")
PERIOD = ["--from", "2026-01-15", "--to", "2026-03-10", "--set", "k=5"]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Home:
    def __init__(self, folder, name):
        self.folder = os.path.join(folder, name)
        self.home = os.path.join(self.folder, "home")
        self.endpoint = f"ipc://{self.folder}/ingest.sock"
        os.mkdir(self.folder)
        run(f"{BIN}/jejakctl", "--home", self.home, "publisher", "add", "test")
        self.started = []
        self.collector = self.start("jejak-collector", "--ingest", self.endpoint, "--set", "import=on")
        self.wait_for(f"{self.folder}/ingest.sock")

    def start(self, program, *options):
        log = open(f"{self.folder}/{program}.log", "w")
        process = subprocess.Popen([f"{BIN}/{program}", *options, "--home", self.home], stderr=log, stdout=log)
        self.started.append(process)
        return process

    @staticmethod
    def wait_for(path):
        for _ in range(200):
            if os.path.exists(path):
                return
            time.sleep(0.05)
        sys.exit(f"{path} did not appear")

    def publish(self, lines, batch):
        path = f"{self.folder}/part.csv"
        with open(path, "w") as file:
            file.write("time,learner,content,kind,value\n" + "".join(lines))
        run(f"{BIN}/jejak-publish", "--home", self.home, "--to", self.endpoint, "--batch", str(batch), path)

    def fold(self):
        run(f"{BIN}/jejak-aggregator", "fold", "--home", self.home)

    def report(self, level, curriculum):
        return run(f"{BIN}/jejak-aggregator", "report", "--home", self.home, *PERIOD, "--level", level, "--curriculum",
                   curriculum, "--format", "json")

    def stop(self):
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def without_watermark(report):
    parsed = json.loads(report)
    parsed.pop("watermark")
    return parsed


def first_difference(a, b, where="report"):
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return next((d for k in a if (d := first_difference(a[k], b[k], f"{where}.{k}"))), None)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return next((d for i, (x, y) in enumerate(zip(a, b)) if (d := first_difference(x, y, f"{where}[{i}]"))), None)
    return None if a == b else f"{where}: {a!r}, not {b!r}"


def simulate(folder):
    run(f"{BIN}/jejak-simulate", "--learners", "120", "--weeks", "8", "--start", "2026-01-05", "--seed", str(SEED % 1000),
        "--out", f"{folder}/events.csv", "--curriculum", f"{folder}/curriculum.csv")
    with open(f"{folder}/events.csv") as file:
        return file.readlines()[1:]


def main():
    with tempfile.TemporaryDirectory(prefix="jejak-same-") as folder:
        lines = simulate(folder)
        curriculum = f"{folder}/curriculum.csv"
        print(f"{len(lines)} events")
        plain, mixed, live, control = (Home(folder, name) for name in ("plain", "mixed", "live", "control"))
        follow = live.start("jejak-aggregator", "follow", "--set", "fold_ms=50", "--set", "k=5")
        plain.publish(lines, 500)
        plain.fold()
        shuffled = lines + random.sample(lines, len(lines) // 5)
        random.shuffle(shuffled)
        for part in range(7):
            mixed.publish(shuffled[part::7], random.choice((1, 7, 37, 400)) if part else 37)
            mixed.fold()
        for part in range(5):
            live.publish(lines[part::5], 100)
            time.sleep(0.2)
        live.fold()
        changed = list(lines)
        at = next(i for i, line in enumerate(lines) if ",open," in line and 1769000000000 < int(line.split(",")[0]) < 1772000000000)
        changed[at] = changed[at].replace(",open,", ",favorite,")
        control.publish(changed, 500)
        control.fold()
        failed = False
        for level in ("module", "topic", "section"):
            reports = {name: home.report(level, curriculum) for name, home in
                       (("plain", plain), ("mixed", mixed), ("live", live), ("control", control))}
            expected = without_watermark(reports["plain"])
            if not expected["rows"]:
                sys.exit(f"{level}: no row is shown, so nothing is compared")
            for name in ("mixed", "live"):
                if without_watermark(reports[name]) != expected:
                    print(f"{level}: the report of `{name}` differs: {first_difference(without_watermark(reports[name]), expected)}")
                    failed = True
            if level == "module" and without_watermark(reports["control"]) == expected:
                print("the control, one event changed, was not seen")
                failed = True
            print(f"{level}: {len(expected['rows'])} rows, {len(expected['suppressed'])} suppressed")
        follow.send_signal(signal.SIGTERM)
        follow.wait(timeout=30)
        live.started.remove(follow)
        for name, home in (("plain", plain), ("mixed", mixed), ("live", live)):
            before = home.report("section", curriculum)
            run(f"{BIN}/jejak-aggregator", "rebuild", "--home", home.home)
            if home.report("section", curriculum) != before:
                print(f"rebuilding `{name}` gives other bytes")
                failed = True
        for home in (plain, mixed, live, control):
            home.stop()
        sys.exit(1 if failed else 0)


main()
