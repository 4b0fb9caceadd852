"""What the system tests share: a collector as a process, publishers as sockets, and an independent reader of the log.

Written from docs/PROTOCOL.md and docs/FORMATS.md alone; nothing of the C sources is used. A test is a function that main()
runs: it prints its seed first (JEJAK_SEED repeats a run), fails with the collector's last log lines, and leaves no process
behind. JEJAK_BIN names the folder of the programs.
"""
import base64
import ctypes
import ctypes.util
import faulthandler
import os
import random
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

import msgpack
import zmq

BIN = os.environ.get("JEJAK_BIN") or os.path.join(os.path.dirname(__file__), "../../build/dev/bin")
CONTEXT = zmq.Context()
ANSWER_MS = 20000
SKIPPED = 77
KINDS = ["open", "dwell", "favorite", "unfavorite", "progress", "cohort"]
VALUED = {"dwell", "progress"}


class Failed(Exception):
    """A check that did not hold."""


class Skipped(Exception):
    """This machine cannot run the test."""


def check(condition, text):
    if not condition:
        raise Failed(text() if callable(text) else text)


def now_ms():
    return int(time.time() * 1000)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- processes ----

class Home:
    """A scratch home folder; its path is short, as ipc paths must be."""

    def __init__(self, under="/tmp"):
        self.path = tempfile.mkdtemp(prefix="jjk-", dir=under)
        self.collectors = []

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def remove(self):
        for collector in self.collectors:
            collector.kill()
        shutil.rmtree(self.path, ignore_errors=True)


def run(program, *arguments, env=None, stdin=None, timeout=60):
    return subprocess.run([os.path.join(BIN, program), *arguments], capture_output=True, timeout=timeout, input=stdin,
                          env={**os.environ, **(env or {})}, check=False)


def ctl(home, *arguments):
    """jejakctl's output; its failure is ours."""
    done = run("jejakctl", *arguments, "--home", home.path)
    check(done.returncode == 0, f"jejakctl {arguments}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def status(home):
    """jejakctl status as a dict of numbers and texts."""
    fields = {}
    for line in ctl(home, "status").splitlines():
        name, _, value = line.partition(" ")
        fields[name] = int(value) if value.strip().isdigit() and name != "log" else value.strip()
    return fields


class Collector:
    """jejak-collector with this home, until stop(), kill() or the end of the test."""

    def __init__(self, home, *arguments, plain=True, ingest=None, env=None, wait=True, prefix=()):
        self.home = home
        self.ingest = f"ipc://{home.path}/run/ingest.sock" if ingest is None else ingest
        self.log_path = home.path + f".log-{len(home.collectors)}"
        command = [*prefix, os.path.join(BIN, "jejak-collector"), "--home", home.path, "--ingest", self.ingest, *arguments]
        command += ["--plain"] if plain else []
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(env or {})})
        home.collectors.append(self)
        if wait:
            self.wait_for('"msg":"ready"' if "log_format=json" in arguments else "msg=ready")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, text, seconds=60):
        until = time.monotonic() + seconds
        while text not in self.log():
            code = self.process.poll()
            check(code is None, lambda: f"the collector ended with {code} before it said {text!r}")
            check(time.monotonic() < until, lambda: f"the collector did not say {text!r} within {seconds} s")
            time.sleep(0.005)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=60):
        return self.process.wait(timeout=seconds)

    def stop(self):
        """SIGTERM, and a clean end."""
        self.signal(signal.SIGTERM)
        code = self.wait()
        check(code == 0, f"the collector ended with {code} after SIGTERM")


def start_fails(home, *arguments, code, says, plain=True, ingest=None):
    """A collector that must refuse to start, with this exit code and these words."""
    collector = Collector(home, *arguments, plain=plain, ingest=ingest, wait=False)
    got = collector.wait()
    check(got == code, lambda: f"exit code {got}, not {code}: {collector.log()}")
    for text in [says] if isinstance(says, str) else says:
        check(text in collector.log(), lambda: f"{text!r} is not in: {collector.log()}")
    return collector.log()


# ---- publishers ----

def batch(session, seq, events, acked=None, **other):
    fields = {"v": 1, "session": session, "seq": seq}
    if acked is not None:
        fields["acked"] = acked
    fields.update(other)
    fields["events"] = events
    return msgpack.packb(fields)


def event(content="m/t/s", learner="ana", kind="open", value=None, time_ms=None):
    fields = [kind, now_ms() if time_ms is None else time_ms, learner, content]
    return fields if value is None else [*fields, value]


class Publisher:
    """A socket to an ingest endpoint; keys: (server public, own public, own secret) as Z85."""

    def __init__(self, endpoint, kind=zmq.DEALER, keys=None):
        self.socket = CONTEXT.socket(kind)
        self.socket.linger = 0
        self.socket.sndhwm = self.socket.rcvhwm = 100000
        if keys:
            self.socket.curve_serverkey, self.socket.curve_publickey, self.socket.curve_secretkey = keys
        self.socket.connect(endpoint)

    def send(self, message):
        self.socket.send(message)

    def receive(self, wait_ms=ANSWER_MS):
        """The next answer as a dict, None where none comes in time."""
        if not self.socket.poll(wait_ms):
            return None
        parts = self.socket.recv_multipart()
        check(len(parts) == 1, f"an answer of {len(parts)} parts")
        return msgpack.unpackb(parts[0])

    def ask(self, message, wait_ms=ANSWER_MS):
        self.send(message)
        answer = self.receive(wait_ms)
        check(answer is not None or wait_ms < ANSWER_MS, "no answer")
        return answer

    def close(self):
        self.socket.close(0)


class Session(Publisher):
    """One session that sends batch after batch and waits for each answer."""

    def __init__(self, endpoint, keys=None, session=None, seq=0):
        super().__init__(endpoint, keys=keys)
        self.id, self.seq = session or secrets.token_bytes(16), seq

    def publish(self, *events, wait_ms=ANSWER_MS):
        answer = self.ask(batch(self.id, self.seq + 1, list(events), acked=self.seq), wait_ms)
        if answer and answer["status"] in ("ok", "duplicate", "refused"):
            self.seq += 1
        return answer


def expect(answer, **fields):
    """The answer has these fields with these values."""
    check(answer is not None, lambda: f"no answer, not {fields}")
    for name, value in fields.items():
        check(answer.get(name) == value, lambda: f"{name} is not {value!r} in {answer}")
    return answer


# ---- the log, read and decoded on our own ----

class Fetcher:
    """Fetches records from a reader socket, from offset 0 on."""

    def __init__(self, endpoint, keys=None):
        self.publisher = Publisher(endpoint, keys=keys)
        self.log, self.epoch, self.offset, self.lids = None, 0, 0, []

    def request(self, wait_ms=0, max_bytes=1 << 20, timeout_ms=ANSWER_MS):
        self.publisher.socket.send(msgpack.packb({
            "v": 1, "op": "fetch", "log": self.log, "epoch": self.epoch, "offset": self.offset,
            "learners": len(self.lids), "max_bytes": max_bytes, "wait_ms": wait_ms}))
        if not self.publisher.socket.poll(timeout_ms):
            return None, []
        first, *records = self.publisher.socket.recv_multipart()
        return msgpack.unpackb(first), records

    def fetch(self, **how):
        answer, records = self.request(**how)
        check(answer is not None, "the reader socket does not answer")
        check(answer["status"] == "ok", lambda: f"the reader socket answered {answer}")
        self.log, self.epoch, self.offset = answer["log"], answer["epoch"], answer["next"]
        lids = answer["learners"]
        self.lids += [lids[i:i + 16] for i in range(0, len(lids), 16)]
        return answer, records

    def all_records(self):
        """Everything up to what is durable now."""
        records = []
        while True:
            answer, more = self.fetch()
            records += more
            if self.offset >= answer["durable"] and not more and not answer["learners"]:
                return records


_xxhash = ctypes.util.find_library("xxhash")
_xxh3 = ctypes.CDLL(_xxhash).XXH3_64bits if _xxhash else None
if _xxh3:
    _xxh3.restype, _xxh3.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t]


def planes(data, count, width):
    """`width` runs of `count` bytes, least significant first, as integers."""
    check(len(data) == count * width, f"{len(data)} bytes are not {width} planes of {count}")
    whole = bytearray(8 * count)
    for plane in range(width):
        whole[plane::8] = data[plane * count:(plane + 1) * count]
    return memoryview(whole).cast("Q").tolist()


def varints(data):
    values, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            values.append(value)
            value = shift = 0
    check(shift == 0, "a varint is cut short")
    return values


def unzigzag(value):
    return (value >> 1) ^ -(value & 1)


def dictionary(data):
    names, at = [], 0
    while at < len(data):
        names.append(data[at + 1:at + 1 + data[at]].decode("ascii"))
        at += 1 + data[at]
    check(at == len(data), "a dictionary is cut short")
    return names


HEADER = struct.Struct("<4sHBB16sIIQQIIIIqqqQ")


def decode_header(record):
    fields = HEADER.unpack_from(record)
    names = ("magic", "version", "kind", "zero", "log", "epoch", "span", "first", "vault_rows", "learners", "events", "body",
             "zero4", "least", "greatest", "received", "zero8")
    header = dict(zip(names, fields))
    check(header["magic"] == b"JREC" and header["version"] == 1, f"not a record: {record[:8].hex()}")
    check(len(record) == 96 + header["body"] + 8, "the record's size is not what its header says")
    if _xxh3:
        check(_xxh3(record[:-8], len(record) - 8) == struct.unpack("<Q", record[-8:])[0], "the checksum is wrong")
    return header


def decode_times(encoding, values, least):
    if encoding == 0:
        return [least + value for value in values]
    times = []
    for value in values:
        times.append((times[-1] if times else least) + unzigzag(value))
    return times


def split_columns(record, header):
    """The nine columns of an event block, each (encoding, width, bytes)."""
    at, columns = 96 + 9 * 8, []
    for i in range(9):
        encoding, width, _, size = struct.unpack_from("<BBHI", record, 96 + 8 * i)
        columns.append((encoding, width, record[at:at + size]))
        at += size
    check(at == len(record) - 8, "the columns do not fill the body")
    check(not columns[8][2] and header["span"] == header["events"], "holes where nothing was erased")
    return columns


def decode_block(record):
    """Header and events of an event block: dicts with offset, kind, time, learner (number), content, value, publisher."""
    header = decode_header(record)
    if header["kind"] != 1:
        return header, []
    columns, count = split_columns(record, header), header["events"]
    paths, publishers = dictionary(columns[0][2]), dictionary(columns[1][2])
    kinds = [KINDS[kind] for kind in columns[3][2]]
    learners = planes(columns[4][2], count, columns[4][1])
    contents = planes(columns[5][2], count, columns[5][1])
    times = decode_times(columns[6][0], planes(columns[6][2], count, columns[6][1]), header["least"])
    valued = sum(kind in VALUED for kind in kinds)
    values = iter(planes(columns[7][2], valued, columns[7][1]))
    check(min(times) == header["least"] and max(times) == header["greatest"], "the header's times are not the events'")
    by, runs = [], varints(columns[2][2])
    for run_at in range(0, len(runs), 3):
        by += [publishers[runs[run_at]]] * runs[run_at + 1]
    check(len(kinds) == len(by) == count, "columns of different lengths")
    return header, [{"offset": header["first"] + i, "kind": kinds[i], "time": times[i], "learner": learners[i],
                     "content": paths[contents[i]], "value": next(values) if kinds[i] in VALUED else None,
                     "publisher": by[i]} for i in range(count)]


def read_log(home, endpoint=None, keys=None):
    """All events in order, and the lids by learner number; offsets without a gap, numbers all bound."""
    fetcher = Fetcher(endpoint or f"ipc://{home.path}/run/reader.sock", keys)
    events = []
    for record in fetcher.all_records():
        header, more = decode_block(record)
        check(header["first"] == len(events), f"offset {header['first']} follows {len(events) - 1}")
        check(all(one["learner"] < header["learners"] for one in more), "a learner number that no header knows of")
        events += more
    fetcher.publisher.close()
    check(len(events) == fetcher.offset, "events are missing at the end")
    check(len(set(fetcher.lids)) == len(fetcher.lids), "two learner numbers have one lid")
    check(not events or max(one["learner"] for one in events) < len(fetcher.lids), "a learner number without a lid")
    return events, fetcher.lids


# ---- keys ----

def read_key(path):
    with open(path, "rb") as file:
        return file.read().strip()


def pair_of(home, name, out=None):
    """(server public, own public, own secret) of a pair that jejakctl made."""
    folder = out or home / "keys/clients"
    return (read_key(home / "keys/server.public"), read_key(f"{folder}/{name}.public"), read_key(f"{folder}/{name}.secret"))


def spellings(text):
    """How an id may stand in a file: plain, hex, base64 (any alignment), UTF-16, JSON-escaped."""
    raw = text.encode()
    found = {"plain": raw, "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode(),
             "utf-16-le": text.encode("utf-16-le"), "utf-16-be": text.encode("utf-16-be"),
             "json": "".join(f"\\u{ord(c):04x}" for c in text).encode(),
             "JSON": "".join(f"\\u{ord(c):04X}" for c in text).encode(),
             "reversed": raw[::-1]}
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw)
        first = -(-shift * 8 // 6) if shift else 0
        last = (shift + len(raw)) * 8 // 6
        found[f"base64+{shift}"] = whole[first:last]
        found[f"base64url+{shift}"] = whole[first:last].replace(b"+", b"-").replace(b"/", b"_")
    return found


# ---- a test ----

def main(*tests):
    """Runs tests, each a function of (home, chance)."""
    faulthandler.dump_traceback_later(280, exit=True)
    seed = os.environ.get("JEJAK_SEED") or str(secrets.randbits(32))
    only, failed, skipped = sys.argv[1:], [], []
    print(f"seed: JEJAK_SEED={seed} programs: {BIN}", flush=True)
    for test in tests:
        if only and test.__name__ not in only:
            continue
        home, started = Home(), time.monotonic()
        try:
            test(home, random.Random(seed + test.__name__))
            print(f"ok      {test.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
        except Skipped as why:
            skipped.append(test.__name__)
            print(f"SKIPPED {test.__name__}: {why}", flush=True)
        except Exception:  # whatever it is, the others run
            failed.append(test.__name__)
            print(f"FAILED  {test.__name__}: JEJAK_SEED={seed}\n{traceback.format_exc()}", flush=True)
            for collector in home.collectors[-2:]:
                print("".join(f"  | {line}\n" for line in collector.log().splitlines()[-15:]), flush=True)
        finally:
            home.remove()
            for collector in home.collectors:
                os.unlink(collector.log_path)
    if failed:
        sys.exit(f"{len(failed)} failed: {', '.join(failed)} (JEJAK_SEED={seed})")
    sys.exit(SKIPPED if skipped else 0)
