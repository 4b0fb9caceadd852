#!/usr/bin/python3
"""Bad input for the collector and jejakctl: each a clear sentence that names what and where, the right exit code or answer,
and nothing stored half."""
import os
import secrets
import shutil
import socket
import struct
import time

import msgpack
import zmq

from jejak import (Collector, Fetcher, Publisher, Session, batch, check, event, expect, free_port, main, now_ms, read_log,
                   run, start_fails, status)

ZERO_KEY = b"0" * 40
CONFIG, IN_USE, DATA, USAGE = 78, 71, 65, 64


def first_start(home):
    collector = Collector(home)
    expect(Session(collector.ingest).publish(event()), status="ok")
    collector.stop()


def write(path, data, mode=0o600):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def missing_parts(home, _chance):
    first_start(home)
    for name, code, says in (("data/log", DATA, ["event log", "MISSING"]), ("data/vault", DATA, ["vault", "MISSING"]),
                             ("data/watermark", DATA, ["watermark", "MISSING"]), ("data", DATA, ["keys are there", "no store"]),
                             ("keys", CONFIG, ["no keys", "put the keys back"]),
                             ("keys/pseudonym.key", 66, ["pseudonym.key"]), ("keys/server.secret", 66, ["server.secret"]),
                             ("keys/session.key", 66, ["session.key"])):
        aside = home.path + ".aside"
        os.rename(home / name, aside)
        before = sorted(os.listdir(home.path))
        start_fails(home, code=code, says=says)
        check(set(os.listdir(home.path)) <= {*before, "run"}, f"without {name} something was made")
        check(not os.path.exists(home / name), f"{name} was made anew")
        os.rename(aside, home / name)
    collector = Collector(home)
    check(len(read_log(home)[0]) == 1, "the event is gone")
    collector.stop()


def foreign_stores(home, _chance):
    first_start(home)
    shutil.copytree(home / "data", home / "first")
    other = type(home)()
    first_start(other)
    for store, says in (("log", "was exchanged"), ("vault", "right vault"), ("watermark", "another event log")):
        aside = home.path + ".aside"
        os.rename(home / f"data/{store}", aside)
        (shutil.copytree if store != "watermark" else shutil.copy)(other / f"data/{store}", home / f"data/{store}")
        log = start_fails(home, code=CONFIG, says=says)
        check("data/" in log, f"no path is named: {log}")
        (shutil.rmtree if store != "watermark" else os.unlink)(home / f"data/{store}")
        os.rename(aside, home / f"data/{store}")
    other.remove()
    for collector in other.collectors:
        os.unlink(collector.log_path)
    # a folder of something else in the log's place
    shutil.rmtree(home / "data/log")
    os.mkdir(home / "data/log")
    write(home / "data/log/photo.jpg", b"no store")
    start_fails(home, code=DATA, says="event log")
    shutil.rmtree(home / "data/log")
    shutil.copytree(home / "data/vault", home / "data/log")
    start_fails(home, code=CONFIG, says="event log")


def damaged_files(home, chance):
    """A byte changed in any file of the stores: refused, or noticed, or harmless; never a crash, never other events."""
    first_start(home)
    shutil.copytree(home / "data", home.path + ".whole")
    try:
        for _ in range(12):
            shutil.rmtree(home / "data")
            shutil.copytree(home.path + ".whole", home / "data")
            files = [os.path.join(folder, name) for folder, _, names in os.walk(home / "data") for name in names
                     if os.path.getsize(os.path.join(folder, name)) > 0]
            path = chance.choice(sorted(files))
            with open(path, "r+b") as file:
                at = chance.randrange(os.path.getsize(path))
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ (1 << chance.randrange(8))]))
            collector = Collector(home, wait=False)
            until = time.monotonic() + 30
            while collector.process.poll() is None and "msg=ready" not in collector.log():
                check(time.monotonic() < until, "neither ready nor refused")
                time.sleep(0.01)
            if collector.process.poll() is None:
                events, _ = read_log(home)
                check(len(events) == 1, lambda: f"{path}:{at}: started with {len(events)} events")
                collector.stop()
            else:
                check(0 < collector.process.returncode < 100, f"{path}:{at}: exit {collector.process.returncode}")
                check(len(collector.log()) > 20, "no sentence")
    finally:
        shutil.rmtree(home.path + ".whole")


def wrong_keys(home, _chance):
    first_start(home)
    for name in ("server.secret", "pseudonym.key", "lookup.key", "session.key"):
        path = home / f"keys/{name}"
        key = open(path, "rb").read()
        for mode in (0o644, 0o660, 0o604, 0o700):
            os.chmod(path, mode)
            start_fails(home, code=CONFIG, says=[name, "must be 0600", f"{mode:04o}"])
        os.chmod(path, 0o600)
        for bad, says in ((ZERO_KEY, "zeros"), (key[:39], "40 characters"), (b"", "40 characters"),
                          (key.strip() + b"0", "40 characters"), (b"\0" * 40, "40 characters"), (b"~" * 40, "not a key")):
            write(path, bad)
            log = start_fails(home, code=CONFIG, says=[name, says])
            check(key.strip().decode() not in log, "a secret stands in the log")
        os.unlink(path)
        os.symlink("/dev/zero", path)
        start_fails(home, code=CONFIG, says=[name, "symbolic link"])
        os.unlink(path)
        write(path, key)
    # a right key, but of another home
    write(home / "keys/pseudonym.key", open(home / "keys/lookup.key", "rb").read())
    start_fails(home, code=CONFIG, says="another pseudonym.key")


def listed_keys(home, _chance):
    first_start(home)
    os.makedirs(home / "keys/publishers", exist_ok=True)
    good = zmq.curve_keypair()[0]
    for name, data, mode, says in (("x.public", ZERO_KEY, 0o644, "zeros"), ("x.public", b"short", 0o644, "40 characters"),
                                   ("x.public", good, 0o666, "anybody may write"), ("a b.public", good, 0o644, "a name"),
                                   ("plain.public", good, 0o644, "`plain`"), ("n" * 65 + ".public", good, 0o644, "a name")):
        write(home / f"keys/publishers/{name}", data, mode)
        start_fails(home, code=CONFIG, says=[name.removesuffix(".public"), says])
        os.unlink(home / f"keys/publishers/{name}")
    # a file that lists nobody
    write(home / "keys/publishers/README", b"hello", 0o644)
    Collector(home).stop()


def keys_within_the_data(home, _chance):
    start_fails(home, "--set", "keys={home}/data/log/keys", code=CONFIG, says=["keys", "lie in each other"])
    start_fails(home, "--set", "keys={home}/data/vault", code=CONFIG, says=["keys", "lie in each other"])
    start_fails(home, "--set", "keys={home}/data/keys", code=CONFIG, says=["keys", "lie in each other"])
    start_fails(home, "--set", "keys={home}/data", code=CONFIG, says=["keys", "lie in each other"])
    check(not os.path.exists(home / "data"), "something was made")


def ports_in_use(home, _chance):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        start_fails(home, ingest=endpoint, code=IN_USE, says=["ingest", endpoint, "in use"])
        start_fails(home, "--reader", endpoint, code=IN_USE, says=["reader", endpoint, "in use"])
        start_fails(home, "--control", endpoint, code=IN_USE, says=["control", endpoint, "in use"])
        start_fails(home, "--set", f"dropoff={endpoint}", code=IN_USE, says=["dropoff", endpoint, "in use"])
    for endpoint in ("tcp://127.0.0.1:99999", "tcp://127.0.0.1", "http://x", "", "ipc://" + "x" * 200):
        start_fails(home, ingest=endpoint, code=CONFIG, says="ingest")
    write(home / "file", b"a file")
    start_fails(home, ingest=f"ipc://{home.path}/file", code=CONFIG, says=["file", "not a socket"])
    check(open(home / "file", "rb").read() == b"a file", "a file was written over")


def configuration(home, _chance):
    path = home / "jejak.conf"
    for text, says in ((b"colour = red\n", ["jejak.conf:1", "colour"]), (b"\nk = 3\n", ["jejak.conf:2", "k must be"]),
                       (b"plain = maybe\n", ["jejak.conf:1", "on or off"]), (b"k = 10\nk = 11\n", ["jejak.conf:2", "twice"]),
                       (b"[section]\nk = 10\n", ["section"]), (b"rubbish\n", ["jejak.conf:1"]),
                       (b"# " + b"x" * 300 + b"\n", ["jejak.conf:1", "longer than 190"]),
                       (b"k = 10\nzone = " + b"y" * 250 + b"\n", ["jejak.conf:2", "longer than 190"]),
                       (b"k = 1\x000\n", ["jejak.conf:1", "NUL"]), (b"zone = Mars/Base\n", ["jejak.conf:1", "zone"]),
                       (b"max_message_bytes = 1000\n", ["jejak.conf:1", "from 1048576"])):
        write(path, text)
        start_fails(home, code=CONFIG, says=says)
        done = run("jejakctl", "config", "--home", home.path)
        check(done.returncode == CONFIG and says[0] in done.stderr.decode(), done)
    os.unlink(path)
    start_fails(home, "--set", "colour=red", code=CONFIG, says="colour")
    start_fails(home, "--set", "colour", code=USAGE, says="key=value")
    start_fails(home, "--config", home / "none.conf", code=CONFIG, says="none.conf")
    start_fails(home, "--colour", code=USAGE, says="--colour")
    check(not os.path.exists(home / "keys"), "keys were made")
    done = run("jejak-collector", env={"JEJAK_HOME": ""})
    check(done.returncode == USAGE and b"--home" in done.stderr, done)
    checked = run("jejak-collector", "--check-config", "--home", home.path, "--set", "k=12")
    check(checked.returncode == 0 and b"k = 12  # --set" in checked.stdout, checked)
    check(not os.path.exists(home / "keys"), "--check-config made something")


def hostile_messages(home, chance):
    """Mutations of a good batch: always one answer, never an end, and only what was answered ok is stored."""
    collector = Collector(home)
    one = Publisher(collector.ingest)
    accepted = 0
    for i in range(1500):
        session = secrets.token_bytes(16)
        message = bytearray(batch(session, 1, [event(f"m/{i}"), event(kind="dwell", value=7)], acked=0, sent=now_ms()))
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(message))
            change = chance.randrange(4)
            if change == 0:
                message[at] ^= 1 << chance.randrange(8)
            elif change == 1:
                message[at] = chance.choice(b"\xc1\xdd\xdf\xdb\xc6\xc9\xcf\xff\x00\x80\x90")
            elif change == 2:
                del message[at:at + chance.randrange(1, 20)]
            else:
                message[at:at] = chance.randbytes(chance.randrange(1, 20))
            message = message or bytearray(b"\0")
        answer = one.ask(bytes(message))
        check(answer["status"] in ("ok", "refused", "gap", "duplicate", "busy"), answer)
        accepted += answer.get("accepted", 0)
    for message in (b"\xdd\xff\xff\xff\xff", b"\xdf\x7f\xff\xff\xff", b"\x91" * 500000, b"\x81\xa1v" * 100000,
                    msgpack.packb({"v": 1, "session": b"x" * 16, "seq": 1, "events": [[]] * 65535}),
                    msgpack.packb({"v": 1, "session": b"y" * 16, "seq": 1, "events": [0] * 65536}),
                    msgpack.packb({"v": 1, "session": b"z" * 16, "seq": 2**64 - 1, "acked": 2**64 - 1, "events": [0]}),
                    msgpack.packb({"v": 1, "session": b"z" * 16, "seq": 2**64 - 1, "acked": 2**64 - 2, "events": [0]}),
                    msgpack.packb({"v": 1, "session": b"z" * 16, "seq": 1, "acked": 2**64 - 1, "events": [0]}),
                    b"\xc7\xff\x00", b"\xd4" * 1000, bytes(1 << 20)):
        check(one.ask(message)["status"] in ("ok", "refused", "gap", "duplicate"), "no answer")
    check(len(read_log(home)[0]) == accepted, "what is stored is not what was accepted")
    collector.stop()
    collector = Collector(home)
    check(len(read_log(home)[0]) == accepted, "after a restart it is not")
    collector.stop()


def hostile_requests(home, chance):
    """The same for the reader's and the control socket."""
    collector = Collector(home)
    expect(Session(collector.ingest).publish(event()), status="ok")
    good = {"reader": msgpack.packb({"v": 1, "op": "fetch", "log": None, "epoch": 0, "offset": 0, "learners": 0,
                                     "max_bytes": 1, "wait_ms": 0}),
            "control": msgpack.packb({"v": 1, "op": "status"})}
    for name, request in good.items():
        socket_to = Publisher(f"ipc://{home.path}/run/{name}.sock")
        for _ in range(300):
            message = bytearray(request)
            message[chance.randrange(len(message))] = chance.randrange(256)
            socket_to.socket.send(bytes(message))
            check(socket_to.socket.poll(10000), f"{name}: no answer to {message.hex()}")
            socket_to.socket.recv_multipart()
        for parts in ([b""], [request, request], [b"", b"", request], [b"\xdf\xff\xff\xff\xff"], [os.urandom(100000)]):
            socket_to.socket.send_multipart(parts)
            if socket_to.socket.poll(500):
                socket_to.socket.recv_multipart()
        socket_to.close()
    far = Fetcher(f"ipc://{home.path}/run/reader.sock")
    far.offset = 10**12
    check(far.request()[0]["status"] == "forked", "an offset beyond the end")
    check(len(read_log(home)[0]) == 1, "the log is not what it was")
    check(status(home)["events"] == 1, "the control socket is not served")
    collector.stop()


def oversized(home, _chance):
    """Above max_message_bytes the connection is dropped unread; others are served, and the client comes back."""
    collector = Collector(home, ingest=f"tcp://127.0.0.1:{free_port()}")
    big, good = Publisher(collector.ingest), Session(collector.ingest)
    session = secrets.token_bytes(16)
    filler = [event("m/" + "x" * 60, "l" * 128) for _ in range(4500)]
    fits = batch(session, 1, filler)
    check(len(fits) < 1 << 20, "the message that should fit does not")
    expect(big.ask(fits), status="ok")
    before = collector_memory(collector)
    big.send(b"\xc1" * ((1 << 20) + 1))
    check(big.receive(500) is None, "an oversized message was answered")
    for _ in range(20):
        Publisher(collector.ingest).send(b"\xc1" * (64 << 20))
    for _ in range(20):
        expect(good.publish(event()), status="ok")
    check(collector_memory(collector) - before < 50, "oversized messages were read into memory")
    check(status(home)["batches"] == 21, "an oversized message reached the decoder")
    expect(big.ask(batch(session, 2, [event()], acked=1)), status="ok")
    collector.stop()


def collector_memory(collector):
    """Resident, in MB."""
    with open(f"/proc/{collector.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def not_zeromq(home, _chance):
    """Bytes of other protocols on the port."""
    port = free_port()
    collector = Collector(home, ingest=f"tcp://127.0.0.1:{port}")
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + bytes(200), os.urandom(4096), b"",
                 b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48) + struct.pack(">BQ", 2, 1 << 62)):
        with socket.create_connection(("127.0.0.1", port)) as stream:
            stream.sendall(data)
            time.sleep(0.02)
    expect(Session(collector.ingest).publish(event()), status="ok")
    collector.stop()


if __name__ == "__main__":
    main(missing_parts, foreign_stores, damaged_files, wrong_keys, listed_keys, keys_within_the_data, ports_in_use,
         configuration, hostile_messages, hostile_requests, oversized, not_zeromq)
