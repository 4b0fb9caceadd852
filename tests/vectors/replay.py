#!/usr/bin/python3
"""Sends the batches of batches.txt to a running collector and compares its answers with those of the file.

    replay.py tcp://127.0.0.1:7411 [NAME…]     all cases, or those named

The endpoint must be plain (the collector started with --plain). Each case gets a session of its own: the 16 bytes of the
file's session are replaced by random ones in all of its messages and in its answer; the file's moment is replaced by now.
"""
import json
import os
import secrets
import struct
import sys
import time

import msgpack
import zmq

SESSION = b"vector-session-1"
NOW = b"\xcf" + struct.pack(">Q", 1767225600000)
WAIT_MS = 10000
BATCHES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "batches.txt")


def read_cases(path):
    cases, case = [], {}
    with open(path, encoding="ascii") as file:
        for line in [*file, "\n"]:
            line = line.rstrip("\n")
            if line.startswith("#"):
                continue
            if line:
                key, _, value = line.partition(": ")
                case.setdefault(key, []).append(value)
            elif case:
                cases.append(case)
                case = {}
    return cases


class Player:
    """One case: a socket of its own, a session of its own, the present moment."""

    def __init__(self, context, endpoint):
        self.session = secrets.token_bytes(16)
        self.now = b"\xcf" + struct.pack(">Q", int(time.time() * 1000))
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)

    def ask(self, frames):
        self.socket.send_multipart([f.replace(SESSION, self.session).replace(NOW, self.now) for f in frames])
        if not self.socket.poll(WAIT_MS):
            return None
        return self.socket.recv_multipart()


def readable(answer):
    """As the file writes answers: binary as hex, and a detail that is there as any."""
    if isinstance(answer, dict):
        return {key: "*" if key == "detail" and isinstance(value, str) and value else readable(value)
                for key, value in answer.items()}
    if isinstance(answer, list):
        return [readable(value) for value in answer]
    return answer.hex() if isinstance(answer, bytes) else answer


def unhex(text):
    return b"" if text == "-" else bytes.fromhex(text)


def play(player, case):
    """What is wrong with the answer; None where nothing is."""
    for before in case.get("before", []):
        if player.ask([unhex(before)]) is None:
            return "a batch before it was not answered"
    frames = player.ask([unhex(frame) for frame in case["message"]])
    if frames is None:
        return f"no answer within {WAIT_MS} ms"
    if len(frames) != (2 if "delimiter" in case else 1) or any(frames[:-1]):
        return f"an answer of {len(frames)} frames: {frames}"
    expected = json.loads(case["answer"][0].replace(SESSION.hex(), player.session.hex()))
    try:
        got = readable(msgpack.unpackb(frames[-1]))
    except Exception as error:  # whatever msgpack may find
        return f"an answer that is no msgpack: {frames[-1].hex()}: {error}"
    return None if got == expected else f"expected {json.dumps(expected)}\n       answered {json.dumps(got)}"


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    context, failed = zmq.Context(), 0
    cases = [case for case in read_cases(BATCHES) if not sys.argv[2:] or case["name"][0] in sys.argv[2:]]
    for case in cases:
        player = Player(context, sys.argv[1])
        fault = play(player, case)
        player.socket.close()
        if fault:
            failed += 1
            print(f"FAILED {case['name'][0]} ({case['shows'][0]})\n       {fault}")
    print(f"{len(cases) - failed} of {len(cases)} cases answered as written")
    context.term()
    sys.exit(1 if failed or not cases else 0)


if __name__ == "__main__":
    main()
