#!/usr/bin/python3
"""Bytes of strangers: headers that promise a terabyte, 150 MB before any key, idle connections beyond the descriptors, thousands
of bogus hellos a second. The collector's memory stays, and a listed publisher that comes meanwhile is served within 3 s.

Control: the same against a ROUTER with CURVE and a ZAP handler but without the collector's bounds, at the same limit of
descriptors: it must be seen to take the bytes, or to serve nobody."""
import contextlib
import os
import secrets
import select
import socket
import struct
import subprocess
import sys
import threading
import time

import fault
import jejak
import zmq
from fault import Collector, promise
from jejak import Session, check, ctl, event, free_port, pair_of, status

DESCRIPTORS, CONNECTIONS, IDLE = 200, 48, 400
SERVED_S, GROWN_BYTES = 3.0, 2 << 20
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\0") + b"\0" + bytes(31)
NAKED = r'''
import sys, zmq
from zmq.auth.thread import ThreadAuthenticator
context = zmq.Context()
auth = ThreadAuthenticator(context); auth.start()
auth.configure_curve(domain="publisher", location=sys.argv[4])
router = context.socket(zmq.ROUTER)
router.curve_server, router.curve_publickey, router.curve_secretkey = 1, sys.argv[2].encode(), sys.argv[3].encode()
router.zap_domain = b"publisher"
router.bind(sys.argv[1])
print("ready", flush=True)
while True:
    router.send_multipart(router.recv_multipart()[:2])
'''


def memory(pid):
    """Anonymous resident bytes: what no file stands behind."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Target:
    """The collector, or for the control something without its bounds."""

    def __init__(self, trial):
        self.trial, self.endpoint, self.home = trial, f"tcp://127.0.0.1:{free_port()}", trial.home()
        self.port = int(self.endpoint.rsplit(":", 1)[1])
        for name in ("lms", "late"):
            ctl(self.home, "publisher", "add", name)
        if trial.control:
            Collector(self.home, plain=False, ingest=self.endpoint).stop()
            self.process = self.naked()
        else:
            self.process = Collector(self.home, "--set", f"max_connections={CONNECTIONS}", plain=False, ingest=self.endpoint,
                                     prefix=("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")).process
        self.keys = pair_of(self.home, "lms")
        for name in ("lms", "late"):
            session = Session(self.endpoint, keys=pair_of(self.home, name))
            check(self.wait(session) < SERVED_S, "nobody is served even without strangers")
            session.close()

    def naked(self):
        server = [open(self.home / f"keys/server.{part}", encoding="ascii").read().strip() for part in ("public", "secret")]
        folder = self.home / "certificates"
        os.mkdir(folder)
        for name in ("lms", "late"):
            with open(f"{folder}/{name}.key", "w", encoding="ascii") as file:
                file.write(f'curve\n    public-key = "{pair_of(self.home, name)[1].decode()}"\n')
        process = self.trial.start("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}", sys.executable, "-c", NAKED, self.endpoint,
                                   *server, folder, stdout=subprocess.PIPE)
        promise(process.stdout.readline() == b"ready\n", "the control's target does not start")
        return process

    def wait(self, session):
        """Seconds until a batch of it was answered, at most what is promised."""
        started = time.monotonic()
        if self.trial.control:
            session.send(b"anything")
            if session.socket.poll(SERVED_S * 1000):
                session.socket.recv_multipart()
        else:
            answer = session.publish(event(), wait_ms=int(SERVED_S * 1000))
            promise(answer is None or answer["status"] == "ok", f"answered {answer}")
        return time.monotonic() - started

    def ask(self, session):
        took = self.wait(session)
        promise(took < SERVED_S, f"a listed publisher was not served within {SERVED_S} s")
        return took


def connected(port):
    stranger = socket.socket()
    stranger.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        stranger.connect(("127.0.0.1", port))
    return stranger


def greeted(port, timeout=5):
    """A connection on which both greetings went."""
    stranger = socket.create_connection(("127.0.0.1", port), timeout)
    stranger.sendall(GREETING)
    got = b""
    while len(got) < len(GREETING):
        part = stranger.recv(len(GREETING) - len(got))
        promise(part, "the greeting was not answered")
        got += part
    return stranger


def frames(target):
    """Headers of 1 TB and more, as message and as command, and 150 MB behind some of them."""
    for flags, size in ((2, 1 << 40), (6, 1 << 40), (2, (1 << 63) - 1), (6, (1 << 64) - 1), (6, 150 << 20), (2, 150 << 20)):
        with contextlib.suppress(OSError), greeted(target.port) as stranger:
            stranger.sendall(struct.pack(">BQ", flags, size))
            for _ in range(150):
                stranger.sendall(bytes(1 << 20))


def frame_trouble(target):
    session = Session(target.endpoint, keys=target.keys)
    target.ask(session)
    before, greatest, over = memory(target.process.pid), 0, threading.Event()

    def watch():
        nonlocal greatest
        while not over.wait(0.005):
            greatest = max(greatest, memory(target.process.pid))
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(target.trial.count(5, 2)):
            frames(target)
            target.ask(session)
    finally:
        over.set()
        watcher.join()
        session.close()
    grown = greatest - before
    promise(grown < GROWN_BYTES, f"memory grew by {grown / 1e6:.1f} MB")
    return max(grown, 0)


class Crowd(threading.Thread):
    """Strangers who connect and say `first`, and stay; whoever is turned out comes again at once, if they are stubborn."""

    def __init__(self, port, first, stubborn):
        super().__init__()
        self.port, self.first, self.stubborn, self.over, self.turned_out = port, first, stubborn, threading.Event(), 0

    def run(self):
        poll, members = select.poll(), {}

        def enter():
            stranger = connected(self.port)
            members[stranger.fileno()] = stranger
            poll.register(stranger, select.POLLOUT if self.first else select.POLLIN)
        for _ in range(IDLE):
            enter()
        while not self.over.is_set():
            for descriptor, what in poll.poll(20):
                stranger, lost = members[descriptor], True
                with contextlib.suppress(OSError):
                    if what & select.POLLOUT:
                        stranger.send(self.first)
                        poll.modify(stranger, select.POLLIN)
                    lost = bool(what & select.POLLIN) and not stranger.recv(4096) or bool(what & (select.POLLERR | select.POLLHUP))
                if lost:
                    self.turned_out += 1
                    poll.unregister(descriptor)
                    members.pop(descriptor).close()
                    if self.stubborn:
                        enter()
        for stranger in members.values():
            stranger.close()


def beside(target, crowd, seconds):
    """What a publisher that is in, and others that come meanwhile, wait at most beside this crowd."""
    inside = Session(target.endpoint, keys=target.keys)
    slowest = target.ask(inside)
    crowd.start()
    try:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            newcomer = Session(target.endpoint, keys=pair_of(target.home, "late"))
            slowest = max(slowest, target.ask(newcomer), target.ask(inside))
            newcomer.close()
            time.sleep(0.05)
    finally:
        crowd.over.set()
        crowd.join()
    inside.close()
    return slowest


class Hellos(Crowd):
    """A greeting and a HELLO of the right shape that no key opens, again and again, as fast as it goes (hellos.c)."""

    def __init__(self, trial, port):
        super().__init__(port, b"", False)
        self.path = os.path.join(trial.dir, "hello")
        with open(self.path, "wb") as file:
            file.write(GREETING + b"\x04\xc8" + b"\x05HELLO\x01\x00" + bytes(72) + secrets.token_bytes(32 + 8 + 80))
        self.trial = trial

    def run(self):
        sender = self.trial.start(os.path.join(fault.BIN, "../tests/hellos"), str(self.port), self.path, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.over.wait()
        self.turned_out = sum(int(line) for line in sender.communicate()[0].split())


def calm(target):
    """After the crowd the process does not spin, and has let go of their descriptors."""
    time.sleep(3)
    before, started = cpu_s(target.process.pid), time.monotonic()
    time.sleep(1)
    busy = (cpu_s(target.process.pid) - before) / (time.monotonic() - started)
    promise(busy < 0.2, f"it spins: {busy:.0%} of a core with nobody there")
    told = status(target.home)
    promise(told["connections"] <= CONNECTIONS, f"{told['connections']} connections are in")
    return told


def prove(trial):
    fault.needs_programs("prlimit")
    target = Target(trial)
    seconds = trial.count(8, 4)
    grown = frame_trouble(target)
    waits = {"silent": beside(target, Crowd(target.port, b"", False), seconds),
             "idle": beside(target, Crowd(target.port, GREETING, False), seconds),
             "stubborn": beside(target, Crowd(target.port, GREETING, True), seconds)}
    hellos = Hellos(trial, target.port)
    started = time.monotonic()
    waits["hellos"] = beside(target, hellos, seconds)
    rate = hellos.turned_out / (time.monotonic() - started)
    told = calm(target)
    trial.say(f"status: {told['connections_ended']} ended, {told['handshakes_refused']} refused")
    promise(told["connections_ended"] > 0, "nobody was ended: the crowd was no crowd")
    target.home.collectors[-1].stop()
    slowest = ", ".join(f"{name} {wait:.2f}" for name, wait in waits.items())
    return (f"memory + {grown / 1e6:.1f} MB; {IDLE} connections at {DESCRIPTORS} descriptors and {rate:.0f} hellos a second: a "
            f"publisher served within (s) {slowest}")


if __name__ == "__main__":
    fault.main(prove)
