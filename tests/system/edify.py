#!/usr/bin/python3
"""The report on real data equals an independent computation in SQL.

Publishes a CSV of real events through jejak-publish into a collector in import mode, folds, asks for reports over several
periods and levels, and compares every figure with what SQLite makes of the same CSV (figures.sql). A control with one event
less must be seen. Usage: edify.py BIN_DIR DATA_DIR; exit code 77 (skipped) where the data is not there.
"""
import csv, gzip, json, math, os, signal, sqlite3, subprocess, sys, tempfile, time, zlib
from datetime import datetime, timedelta, timezone

BIN, DATA = sys.argv[1:3] if __name__ == "__main__" else (None, None)  # else its SQL is used
HERE = os.path.dirname(os.path.abspath(__file__))
K = 5
JAKARTA = timezone(timedelta(hours=7))
TOLERANCE = 1e-12


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def midnight_ms(date):
    return int(datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=JAKARTA).timestamp() * 1000)


def read_events(path):
    with gzip.open(path, "rt", newline="") as file:
        return [(int(r["time"]), r["learner"], r["content"], r["kind"], int(r["value"]) if r["value"] else None)
                for r in csv.DictReader(file)]


class Home:
    """A collector in import mode with one publisher, and what was published folded."""

    def __init__(self, events_csv):
        self.folder = tempfile.TemporaryDirectory(prefix="jejak-edify-")
        self.home = os.path.join(self.folder.name, "home")
        endpoint = f"ipc://{self.folder.name}/ingest.sock"
        run(f"{BIN}/jejakctl", "--home", self.home, "publisher", "add", "edify")
        with open(f"{self.folder.name}/collector.log", "w") as log:
            self.collector = subprocess.Popen([f"{BIN}/jejak-collector", "--home", self.home, "--ingest", endpoint,
                                               "--set", "import=on"], stderr=log)
        try:
            self.wait_for(f"{self.folder.name}/ingest.sock")
            print(run(f"{BIN}/jejak-publish", "--home", self.home, "--name", "edify", "--to", endpoint, events_csv))
            run(f"{BIN}/jejak-aggregator", "fold", "--home", self.home)
        finally:
            self.collector.send_signal(signal.SIGTERM)
            self.collector.wait(timeout=30)

    @staticmethod
    def wait_for(path):
        for _ in range(200):
            if os.path.exists(path):
                return
            time.sleep(0.05)
        sys.exit(f"{path} did not appear")

    def report(self, first, end, level, curriculum):
        return json.loads(run(f"{BIN}/jejak-aggregator", "report", "--home", self.home, "--from", first, "--to", end,
                              "--level", level, "--k", str(K), "--curriculum", curriculum, "--format", "json",
                              "--set", f"k={K}"))


# ---- SQL


def quantile(values, q):
    h = (len(values) - 1) * q
    low = math.floor(h)
    high = min(low + 1, len(values) - 1)
    return values[low] + (h - low) * (values[high] - values[low])


def median_rank(n):
    """Greatest j with P(Binomial(n, 1/2) < j) <= 0.025, in whole numbers."""
    total, term, j = 0, 1, 0
    while j <= n and (total + term) * 1000 <= 25 * 2 ** n:
        total += term
        term = term * (n - j) // (j + 1)
        j += 1
    return j


def wilson(s, n):
    z = 1.959963984540054
    p, d = s / n, 1 + z * z / n
    c, w = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (c - w) / d, (c + w) / d


def sql_rows(events, first, end, level, expected_minutes):
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE event (time, learner, content, kind, value)")
    db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?)", events)
    depth = 1 if level == "module" else 2
    paths = sorted({"/".join(e[2].split("/")[:depth]) for e in events if e[2].count("/") >= depth - 1},
                   key=lambda p: p.encode())
    db.execute("CREATE TABLE plan (row PRIMARY KEY, pos, expected_ms)")
    db.executemany("INSERT INTO plan VALUES (?, ?, ?)",
                   [(p, i, expected_minutes[p] * 60000 if p in expected_minutes else None) for i, p in enumerate(paths)])
    with open(f"{HERE}/figures.sql") as file:
        script = file.read()
    for name, value in (("from", midnight_ms(first)), ("to", midnight_ms(end)), ("depth", depth), ("slice", 1800000)):
        script = script.replace(f":{name}", str(value))
    db.executescript(script)
    rows = {}
    for row, pos, expected, *counts in db.execute("SELECT * FROM base ORDER BY pos"):
        learners, opens, openers, reopened, dwellers, ms, greatest, over, drop_base, dropped = counts
        dwell = [m for m, in db.execute("SELECT ms FROM dwell WHERE row = ? AND ms > 0 ORDER BY ms", (row,))]
        visits = [v for v, in db.execute("SELECT visits FROM visit WHERE row = ? ORDER BY visits", (row,))]
        skip = db.execute("SELECT skip_base, skipped FROM skip WHERE row = ?", (row,)).fetchone() or (0, 0)
        f = {"learners": learners, "opens": opens, "dwell_learners": dwellers, "dwell_total_h": ms / 3600000}
        shares = {"dwell_coverage": (dwellers, learners), "reopen_rate": (reopened, openers),
                  "favorite_rate": (0, learners), "completion": (0, learners), "drop_off": (dropped, drop_base),
                  "skip_rate": (skip[1], skip[0])}
        if dwell:
            n, cut = len(dwell), len(dwell) // 10
            j = median_rank(n)
            f.update(dwell_p25=quantile(dwell, .25) / 1000, dwell_median=quantile(dwell, .5) / 1000,
                     dwell_p75=quantile(dwell, .75) / 1000, dwell_p90=quantile(dwell, .9) / 1000,
                     dwell_mean=ms / n / 1000, dwell_trimmed_mean=sum(dwell[cut:n - cut]) / (n - 2 * cut) / 1000)
            if j >= 1:
                f.update(dwell_median_low=dwell[j - 1] / 1000, dwell_median_high=dwell[n - j] / 1000)
            if expected:
                shares["over_expected"] = (over, n)
                f["over_expected_low"], f["over_expected_high"] = wilson(over, n)
                f["dwell_ratio"] = quantile(dwell, .5) / expected
        f["visits_median"] = quantile(visits, .5)
        rows[row] = (f, shares, greatest * 2 > ms)
    return rows


# ---- comparison


def close(a, b):
    return abs(a - b) <= TOLERANCE * max(1, abs(a), abs(b))


def compare_share(name, said, above, below, wrong):
    if below == 0:
        return [] if said is None else [f"{name}: {said}, but there is nothing to divide by"]
    if isinstance(said, dict):
        extreme = min(above, below - above) < K
        bound = (K - 1) / below
        fits = ("at_most" in said and above < K and close(said["at_most"], bound)) or \
               ("at_least" in said and below - above < K and close(said["at_least"], 1 - bound))
        return [] if extreme and fits else [f"{name}: {said}, but it is {above} of {below}"]
    if said is None:
        return [] if name in wrong["withheld"] else [f"{name}: null, but it is {above} of {below}"]
    shown = min(above, below - above) >= K
    return [] if shown and close(said, above / below) else [f"{name}: {said}, but it is {above} of {below}"]


def compare_row(row, figures, shares, dominated):
    faults = []
    for name, (above, below) in shares.items():
        faults += compare_share(name, row[name], above, below, row)
    for name, value in figures.items():
        if row[name] is None:
            if name not in row["withheld"]:
                faults.append(f"{name}: null and not withheld, but it is {value}")
        elif not close(row[name], value):
            faults.append(f"{name}: {row[name]!r}, but it is {value!r}")
    for name in ("dwell_total_h", "dwell_mean", "dwell_trimmed_mean"):
        if dominated and row[name] is not None:
            faults.append(f"{name} is shown although one learner has more than half")
    return faults


def compare(report, expected):
    faults, compared = [], 0
    shown = {row["content"]: row for row in report["rows"]}
    for content, (figures, shares, dominated) in expected.items():
        if content in shown:
            compared += sum(shown[content][n] is not None for n in list(figures) + list(shares))
            faults += [f"{content}: {f}" for f in compare_row(shown[content], figures, shares, dominated)]
            if figures["learners"] < K:
                faults.append(f"{content}: shown with {figures['learners']} learners")
        elif content not in report["suppressed"]:
            faults.append(f"{content}: neither shown nor suppressed, has {figures['learners']} learners")
    faults += [f"{c}: in the report only" for c in list(shown) + report["suppressed"] if c not in expected]
    order = [c for c in expected if c in shown]
    if order != list(shown):
        faults.append("the rows stand in another order")
    return faults, compared


PERIODS = {
    "moodle-edify.csv.gz": [("2017-01-01", "2022-01-01"), ("2019-02-01", "2019-07-01"), ("2020-03-05", "2020-04-17"),
                            ("2018-01-01", "2018-02-01")],
    "fun-mooc-video.csv.gz": [("2021-11-01", "2022-01-01"), ("2021-11-24", "2021-11-26")],
}


def check(name, periods, folder):
    events = read_events(f"{DATA}/{name}")
    plain = f"{folder}/{name[:-3]}"
    with gzip.open(f"{DATA}/{name}", "rb") as packed, open(plain, "wb") as file:
        file.write(packed.read())
    modules = sorted({e[2].split("/")[0] for e in events})
    expected_minutes = {m: 20 + 7 * (zlib.crc32(m.encode()) % 40) for m in modules[::2]}
    curriculum = f"{folder}/curriculum.csv"
    with open(curriculum, "w") as file:
        file.write("content,title,order,expected_minutes\n")
        # The order of the plan is the paths' byte order, as in SQL; those without a line come after those with one, so all
        # modules get a line, and every second one a plan.
        for i, m in enumerate(modules):
            file.write(f"{m},Module {i},{i + 1},{expected_minutes.get(m, '')}\n")
    home = Home(plain)
    failed = 0
    for first, end in periods:
        for level in ("module", "topic"):
            report = home.report(first, end, level, curriculum)
            faults, compared = compare(report, sql_rows(events, first, end, level, expected_minutes))
            print(f"{name} {level} {first} to {end}: {len(report['rows'])} rows shown, {len(report['suppressed'])} "
                  f"suppressed, {compared} figures compared, {len(faults)} faults")
            for fault in faults[:10]:
                print("  ", fault)
            failed += len(faults) > 0
    # The control: SQL over one open less must differ.
    first, end = periods[0]
    lost = next(i for i, e in enumerate(events) if e[3] == "open" and events.count(e) == 1 and
                e[2].split("/")[0] in {r["content"] for r in home.report(first, end, "module", curriculum)["rows"]})
    faults, _ = compare(home.report(first, end, "module", curriculum),
                        sql_rows(events[:lost] + events[lost + 1:], first, end, "module", expected_minutes))
    if not faults:
        print(f"{name}: the control, one open less, was not seen")
        failed += 1
    home.folder.cleanup()
    return failed


def main():
    present = [name for name in PERIODS if os.path.exists(f"{DATA}/{name}")]
    if not present:
        print(f"SKIPPED: no real data in {DATA}")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="jejak-edify-csv-") as folder:
        failed = sum(check(name, PERIODS[name], folder) for name in present)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
