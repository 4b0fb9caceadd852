#!/usr/bin/python3
"""The ZAP handler is gone: its socket is closed, or cannot answer. The process stops within 1 s, and no handshake succeeds
meanwhile.

The handler is taken away by a library that is loaded into the program (zap_shim.c). Control: the same, with the program kept
from seeing it, and without libzmq's enforced domain: strangers' handshakes must be seen to succeed."""
import os
import time

import fault
import zmq
from fault import BIN, Collector, promise
from jejak import Session, check, ctl, event, expect, free_port, pair_of
from zmq.utils.monitor import parse_monitor_message

SHIM = os.path.join(BIN, "../tests/libjejak_zap_fault.so")
STOPPED_S = 1.0


class Knocking:
    """Strangers, each with a key and a connection of its own, who tell whether a handshake succeeded."""

    def __init__(self, endpoint, server):
        self.endpoint, self.server, self.context, self.tried = endpoint, server, zmq.Context(), 0
        self.clients = []

    def knock(self):
        public, secret = zmq.curve_keypair()
        client = self.context.socket(zmq.DEALER)
        client.linger, self.tried = 0, self.tried + 1
        client.curve_serverkey, client.curve_publickey, client.curve_secretkey = self.server, public, secret
        monitor = client.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        client.connect(self.endpoint)
        client.send(b"let me in")
        self.clients.append((client, monitor))

    def admitted(self):
        return sum(bool(monitor.poll(0) and parse_monitor_message(monitor.recv_multipart())) for _, monitor in self.clients)

    def end(self):
        self.context.destroy(0)


def without(trial, what):
    """-> seconds until the process had stopped."""
    home, endpoint = trial.home(), f"tcp://127.0.0.1:{free_port()}"
    trigger = home / "zap"  # it may read nothing else
    ctl(home, "publisher", "add", "lms")
    environment = {"LD_PRELOAD": SHIM, "JEJAK_ZAP_FAULT": trigger, **({"JEJAK_ZAP_CONTROL": "1"} if trial.control else {})}
    collector = Collector(home, plain=False, ingest=endpoint, env=environment)
    keys = pair_of(home, "lms")
    session = Session(endpoint, keys=keys)
    expect(session.publish(event()), status="ok")
    with open(trigger, "w", encoding="ascii") as file:
        file.write(what)
    started, knocking = time.monotonic(), Knocking(endpoint, keys[0])
    while collector.process.poll() is None and time.monotonic() - started < 3 * STOPPED_S:
        knocking.knock()
        time.sleep(0.02)
    took = time.monotonic() - started
    time.sleep(0.2)
    admitted = knocking.admitted()
    knocking.end()
    session.close()
    promise(admitted == 0, f"{admitted} of {knocking.tried} handshakes succeeded")
    promise(collector.process.poll() is not None and took <= STOPPED_S, f"the process did not stop within {STOPPED_S} s")
    check(collector.process.returncode != 0, "the process stopped as if nothing were")
    return took, knocking.tried


def prove(trial):
    check(os.path.exists(SHIM), f"{SHIM} is not built")
    ways = "i" if trial.control else "cs" * trial.count(5, 1)
    ends = [without(trial, way) for way in ways]
    return (f"{len(ends)} times gone: stopped within {max(took for took, _ in ends):.2f} s, "
            f"0 of {sum(tried for _, tried in ends)} handshakes admitted")


if __name__ == "__main__":
    fault.main(prove)
