#!/usr/bin/python3
"""Starts a collector and plays the protocol to it: live.py COLLECTOR

Once plain: the example of docs/PROTOCOL.md, every vector of tests/vectors and client.py; once with CURVE: client.py with a listed key. The homes are
temporary; the collector is stopped in any case.
"""
import contextlib
import os
import subprocess
import sys
import tempfile
import time

import zmq

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = os.path.join(HERE, "client.py")
PAGE = os.path.join(HERE, "..", "..", "docs", "PROTOCOL.md")
REPLAY = os.path.join(HERE, "..", "vectors", "replay.py")
START_SECONDS, STOP_SECONDS = 20, 20


@contextlib.contextmanager
def collector(program, home, *options):
    """Runs until the block ends; then it must stop by itself, with exit code 0."""
    endpoint = f"ipc://{home}/ingest.sock"
    with open(os.path.join(home, "collector.log"), "w+", encoding="utf-8") as log:
        process = subprocess.Popen([program, "--home", home, "--ingest", endpoint, *options], stdout=log, stderr=log)
        try:
            wait_for_ready(process, log)
            yield endpoint
        finally:
            process.terminate()
            try:
                code = process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            log.seek(0)
            text = log.read()
    if code != 0 or "Sanitizer" in text or "runtime error" in text:
        sys.exit(f"the collector ended with {code}:\n{text}")


def wait_for_ready(process, log):
    for _ in range(START_SECONDS * 20):
        log.seek(0)
        if "msg=ready" in log.read():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    log.seek(0)
    sys.exit(f"the collector did not start:\n{log.read()}")


def write_key(path, key):
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(key + b"\n")
    return path


def run_example(endpoint):
    """The page's first listing, word for word but for the endpoint."""
    with open(PAGE, encoding="utf-8") as file:
        example = file.read().split("```python\n")[1].split("```")[0]
    example = example.replace("tcp://127.0.0.1:7411", endpoint)
    printed = subprocess.run([sys.executable, "-c", example], check=True, capture_output=True, text=True, timeout=30).stdout
    if "'status': 'ok'" not in printed or "'accepted': 2" not in printed:
        sys.exit(f"the example of docs/PROTOCOL.md printed {printed}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="jejak-live-") as home:
        with collector(program, home, "--plain") as endpoint:
            run_example(endpoint)
            subprocess.run([sys.executable, REPLAY, endpoint], check=True)
            subprocess.run([sys.executable, CLIENT, "--to", endpoint], check=True)
    with tempfile.TemporaryDirectory(prefix="jejak-live-") as home:
        public, secret = zmq.curve_keypair()
        write_key(os.path.join(home, "keys", "publishers", "lms.public"), public)
        own = write_key(os.path.join(home, "lms.secret"), secret)
        with collector(program, home) as endpoint:
            server = os.path.join(home, "keys", "server.public")
            subprocess.run([sys.executable, CLIENT, "--to", endpoint, "--server-key", server, "--key", own], check=True)


if __name__ == "__main__":
    main()
