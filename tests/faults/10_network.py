#!/usr/bin/python3
"""Bad networks between publishers and the collector, over CURVE, each in a network namespace of its own: 30 % of the packets
lost both ways, 100 kbit/s, nothing for a minute, a reset every second, bytes changed in transit. Everything acknowledged is
stored once, as it was sent; within 10 s of healing every session has its answers again. How long the backlog takes is TCP's
matter after that: its congestion control keeps to 100 kbit/s for a while.

Sessions of our own and jejak-publish, each with its history. Control: bytes changed in transit without CURVE."""
import contextlib
import ctypes
import ctypes.util
import os
import random
import selectors
import socket
import struct
import subprocess
import threading
import time

import msgpack
import zmq

import fault
import restart
from fault import BIN, History, promise, restarted
from jejak import Skipped, check, ctl, free_port, now_ms, pair_of

WELL_S, SETTLED_S = 10.0, 60.0
SILENCE_S = 8.0  # PROTOCOL.md: 10 s without an answer are a lost connection; some publishers are less patient
PORT = 7411
CLIENT, SERVER = "10.77.0.1", "10.77.0.2"
LINES = 1500  # of a file for jejak-publish
FLIP_EVERY = 20000  # bytes


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise Skipped(f"no network namespace can be made here: ip {' '.join(arguments)}: {done.stderr.decode().strip()}")


class Wire:
    """Two namespaces, a cable between them, and what can be done to it. This process goes into the client's one."""

    def __init__(self, trial):
        fault.needs_root("making network namespaces")
        fault.needs_programs("ip", "nft", "tc")
        self.client, self.server = f"jjk-c{os.getpid()}", f"jjk-s{os.getpid()}"
        for name in (self.client, self.server):
            ip("netns", "add", name)
            trial.at_end(ip, "netns", "del", name)
        ip("link", "add", "jjk0", "netns", self.client, "type", "veth", "peer", "name", "jjk0", "netns", self.server)
        for name, address in ((self.client, CLIENT), (self.server, SERVER)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "jjk0")
            ip("-n", name, "link", "set", "jjk0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
        with open(f"/run/netns/{self.client}", "rb") as space:
            check(libc.setns(space.fileno(), 0x40000000) == 0, "setns failed")
        self.prefix = ("ip", "netns", "exec", self.server)

    def both(self, *command):
        for name in (self.client, self.server):
            subprocess.run(["ip", "netns", "exec", name, *command], check=True, capture_output=True)

    def lose(self, percent):
        which = f"numgen random mod 100 < {percent} " if percent < 100 else ""
        self.both("nft", f"add table ip bad; add chain ip bad in {{ type filter hook input priority 0; }}; "
                  f"add rule ip bad in iifname jjk0 {which}drop")

    def slow(self, rate):
        self.both("tc", "qdisc", "add", "dev", "jjk0", "root", "tbf", "rate", rate, "burst", "3000", "latency", "500ms")

    def heal(self):
        for command in (("nft", "delete", "table", "ip", "bad"), ("tc", "qdisc", "del", "dev", "jjk0", "root")):
            for name in (self.client, self.server):
                subprocess.run(["ip", "netns", "exec", name, *command], check=False, capture_output=True)


class Proxy(threading.Thread):
    """Passes connections on, and resets them all every so often, or changes a byte here and there."""

    def __init__(self, target, chance):
        super().__init__(daemon=True)
        self.target, self.chance, self.pairs = target, random.Random(chance.random()), {}
        self.reset_every_s = self.flip_every = self.resets = self.flips = 0
        self.next_reset, self.left, self.over = 0, FLIP_EVERY, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)

    def run(self):
        while not self.over:
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj in self.pairs:
                    self.pass_on(key.fileobj)
            if self.reset_every_s and time.monotonic() > self.next_reset:
                self.next_reset = time.monotonic() + self.reset_every_s
                self.reset_all()

    def accept(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(self.target, timeout=5)
        except OSError:
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            one.settimeout(5)
            self.pairs[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def drop(self, one, reset=False):
        for end in (one, self.pairs.pop(one)):
            self.pairs.pop(end, None)
            self.selector.unregister(end)
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()

    def reset_all(self):
        while self.pairs:
            self.drop(next(iter(self.pairs)), reset=True)
            self.resets += 1

    def changed(self, data):
        if not self.flip_every:
            return data
        self.left -= len(data)
        if self.left > 0:
            return data
        self.left, data = self.flip_every, bytearray(data)
        data[self.chance.randrange(len(data))] ^= 1 << self.chance.randrange(3)
        self.flips += 1
        return bytes(data)

    def pass_on(self, one):
        try:
            data = one.recv(65536)
            if data:
                return self.pairs[one].sendall(self.changed(data))
        except OSError:
            pass
        return self.drop(one)

    def end(self):
        self.over = True
        self.join()
        self.reset_all()
        self.listener.close()


class Stream(fault.Stream):
    """Silence is a lost connection: a new socket, and everything again. What ZeroMQ has no connection for is not sent: after
    bytes that were changed it gives a socket's only one up for good."""

    def send(self, seq, socket):
        with contextlib.suppress(zmq.Again):
            socket.socket.send(restart.batch(self.id, seq, self.unsettled[seq], acked=self.acked), zmq.DONTWAIT)

    def miss(self):
        while self.sockets:
            self.sockets.pop().close()
        self.sockets.append(restart.Publisher(self.endpoint, keys=self.keys))
        self.resend()


class Road:
    """A collector behind the wire, sessions of our own, and files for jejak-publish."""

    def __init__(self, trial, wire, keys=True):
        self.trial, self.home = trial, trial.home()
        if keys:
            ctl(self.home, "publisher", "add", "lms")
            ip_address, port, prefix = SERVER, PORT, wire.prefix
        else:
            ip_address, port, prefix = "127.0.0.1", free_port(), ()
        self.endpoint = f"tcp://{ip_address}:{port}"
        self.collector = restarted(self.home, ingest=self.endpoint, plain=not keys, prefix=prefix)
        self.proxy = Proxy((ip_address, port), trial.chance)
        self.proxy.start()
        trial.at_end(self.proxy.end)
        self.detour = f"tcp://127.0.0.1:{self.proxy.port}"
        self.history = History(self.detour, trial.chance, sessions=0)
        self.keys = pair_of(self.home, "lms") if keys else None
        self.files = self.back_s = self.settled_s = 0

    def use(self, endpoint):
        for _ in range(2):
            self.history.streams.append(Stream(len(self.history.streams), endpoint, self.trial.chance, keys=self.keys))

    def publish_file(self, endpoint):
        """jejak-publish with a file whose lines are one more session of the history."""
        number = 1000 + self.files
        self.files += 1
        path = os.path.join(self.trial.dir, f"{number}.csv")
        with open(path, "w", encoding="ascii") as file:
            file.write("time,learner,content,kind,value\n")
            file.writelines(f"{now_ms()},learner-{i % restart.LEARNERS},s{number}/b{i + 1}/e0,dwell,{i % restart.LEARNERS + 1}\n"
                            for i in range(LINES))
        return self.trial.start(os.path.join(BIN, "jejak-publish"), "--home", self.home.path, "--name", "lms", "--to", endpoint,
                                "--batch", "10", "--timeout", "120", path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def suffer(self, endpoint, seconds, spoil, heal):
        self.use(endpoint)
        self.history.pump(0.5)
        spoil()
        file = self.publish_file(endpoint)
        self.history.pump(seconds)
        heal()
        healed = time.monotonic()
        self.wait_for_answers(healed + WELL_S)
        self.back_s = max(self.back_s, time.monotonic() - healed)
        self.history.finish(SETTLED_S)
        self.settled_s = max(self.settled_s, time.monotonic() - healed)
        promise(file.wait(60) == 0, lambda: f"jejak-publish ended with {file.returncode}")

    def wait_for_answers(self, until):
        """Each session that waits for something gets an answer."""
        behind = {stream.number: len(stream.settled) for stream in self.history.streams if stream.unsettled}
        while behind:
            promise(time.monotonic() < until, lambda: f"no answer within {WELL_S:.0f} s of healing: sessions {sorted(behind)}")
            self.history.pump(0.01, publish=False)
            for stream in self.history.streams:
                if len(stream.settled) > behind.get(stream.number, len(stream.settled)):
                    del behind[stream.number]

    def compare(self):
        acknowledged = self.history.acknowledged()
        acknowledged.update({1000 + i: set(range(1, LINES + 1)) for i in range(self.files)})
        events = self.history.compare(fault.read(self.home), acknowledged)
        fault.settle_status(self.home)
        return events


def set_proxy(proxy, reset_every_s=0, flip_every=0):
    proxy.reset_every_s, proxy.flip_every = reset_every_s, flip_every


def control(trial, wire):
    """Without CURVE nothing tells that bytes were changed."""
    road = Road(trial, wire, keys=False)
    road.use(road.detour)
    set_proxy(road.proxy, flip_every=2000)
    try:
        road.history.pump(5)
        set_proxy(road.proxy)
        road.history.finish(20)
    except (KeyError, ValueError, TypeError, msgpack.UnpackException) as garbled:
        raise fault.Broken(f"an answer that cannot be read: {garbled!r}") from garbled
    return road.compare()


def prove(trial):
    wire = Wire(trial)
    restart.RESEND_S = SILENCE_S if not trial.quick else 3.0
    if trial.control:
        return control(trial, wire)
    road, seconds = Road(trial, wire), trial.count(30, 2.5)
    road.suffer(road.endpoint, seconds, lambda: wire.lose(30), wire.heal)
    road.suffer(road.endpoint, seconds, lambda: wire.slow("100kbit"), wire.heal)
    road.suffer(road.endpoint, trial.count(60, 4), lambda: wire.lose(100), wire.heal)
    road.suffer(road.detour, seconds, lambda: set_proxy(road.proxy, reset_every_s=1), lambda: set_proxy(road.proxy))
    road.suffer(road.detour, seconds, lambda: set_proxy(road.proxy, flip_every=FLIP_EVERY), lambda: set_proxy(road.proxy))
    promise(road.proxy.resets > 0 and road.proxy.flips > 0, "the proxy did nothing")
    events = road.compare()
    road.history.close()
    road.collector.stop()
    return (f"30 % loss, 100 kbit/s, nothing for {trial.count(60, 4)} s, {road.proxy.resets} resets, {road.proxy.flips} bytes "
            f"changed: {events:,} events stored once, answers again {road.back_s:.1f} s after healing at most, everything settled after "
            f"{road.settled_s:.1f} s")


if __name__ == "__main__":
    fault.main(prove)
