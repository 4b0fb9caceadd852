#!/usr/bin/python3
"""One publisher at full rate, with long batches on several connections: the others' answers come within 50 ms (p99).

The flooder is bench-load with batches of 64 KiB and more, as fast as they are taken, and beside it one that sends without heed of
any answer. Both have the least priority, as they are to cost the collector's time and not the processor's that they would have on
a machine of their own. Others publish small batches at a steady rate before and beside them. Control: without budgets."""
import json
import os
import signal
import subprocess
import threading
import time

import fault
import jejak
import zmq
from fault import BIN, Collector, promise
from jejak import batch, ctl, event, free_port, pair_of, status

P99_MS = 50
CONNECTIONS, EVENTS = 8, 1500


def loader(home, endpoint, name, *options):
    return [os.path.join(BIN, "bench-load"), "--home", home.path, "--to", endpoint, "--name", name, "--learners", "2000", "--json",
            *options]


def measure(home, endpoint, seconds):
    """The others' p99 in ms: four connections, small batches at equal distances."""
    done = subprocess.run(loader(home, endpoint, "lms", "--publishers", "4", "--batch", "1..5", "--batch-rate", "200", "--duration",
                                 str(seconds), "--warm-up", "1", "--distinct", "20000"), capture_output=True, check=False, timeout=120)
    jejak.check(done.returncode == 0, done.stderr.decode())
    told = json.loads(done.stdout)
    promise(told["unsent"] == 0, f"{told['unsent']} batches of others were not taken at all")
    promise(told["busy"] == 0, f"{told['busy']} batches of others were turned down")
    return told["latency_p99_us"] / 1000


class Heedless(threading.Thread):
    """The same long batch again and again; answers are thrown away."""

    def __init__(self, endpoint, keys):
        super().__init__()
        self.endpoint, self.keys, self.over, self.sent = endpoint, keys, threading.Event(), 0

    def run(self):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        context = zmq.Context()  # its thread has this one's priority
        socket = context.socket(zmq.DEALER)
        socket.sndhwm, socket.linger = 4, 0
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = self.keys
        socket.connect(self.endpoint)
        message = batch(bytes(16), 1, [event(f"m/t/{'x' * 40}", f"learner-{i % 1000:010d}") for i in range(EVENTS)])
        while not self.over.is_set():
            if socket.poll(20, zmq.POLLOUT):
                socket.send(message)
                self.sent += len(message)
            while socket.poll(0):
                socket.recv()
        context.destroy(0)


def beside_greedy(trial, home, endpoint, seconds):
    flood = trial.start("nice", "-n", "19", *loader(home, endpoint, "flooder", "--publishers", str(CONNECTIONS), "--batch", str(EVENTS), "--duration",
                                "600", "--distinct", "300000"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1)
    p99_ms = measure(home, endpoint, seconds)
    flood.send_signal(signal.SIGINT)
    told = json.loads(flood.communicate(timeout=30)[0])
    trial.say(f"greedy: {told['events_per_s']:.0f} events/s taken, {told['busy']} busy")
    return p99_ms, told["events_per_s"]


def beside_heedless(trial, home, endpoint, seconds):
    heedless = Heedless(endpoint, pair_of(home, "flooder"))
    heedless.start()
    try:
        p99_ms = measure(home, endpoint, seconds)
    finally:
        heedless.over.set()
        heedless.join()
    trial.say(f"heedless: {heedless.sent >> 20} MiB")
    return p99_ms


def prove(trial):
    home, endpoint = trial.home(), f"tcp://127.0.0.1:{free_port()}"
    for name in ("lms", "flooder"):
        ctl(home, "publisher", "add", name)
    unlimited = ["--set", "publisher_events=1000000000", "--set", "publisher_bytes=1000000000000"] if trial.control else []
    collector = Collector(home, *unlimited, plain=False, ingest=endpoint)
    subprocess.run(loader(home, endpoint, "lms", "--introduce", "--events", "2000"), check=True, capture_output=True, timeout=60)
    seconds = trial.count(15, 4)
    alone = measure(home, endpoint, seconds)
    beside, taken = beside_greedy(trial, home, endpoint, seconds)
    beside_worst = beside_heedless(trial, home, endpoint, seconds)
    worst = max(beside, beside_worst)
    promise(worst <= P99_MS, f"p99 of the others {beside:.1f} and {beside_worst:.1f} ms, alone {alone:.1f} ms")
    promise(status(home)["batches_over_budget"] > 0, "the flooder was never told to wait")
    collector.stop()
    return (f"p99 of the others {beside:.1f} ms beside {CONNECTIONS} connections with batches of {EVENTS} events ({taken:.0f} events/s "
            f"taken), {beside_worst:.1f} ms beside one that heeds no answer, {alone:.1f} ms alone")


if __name__ == "__main__":
    fault.main(prove)
