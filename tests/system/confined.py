#!/usr/bin/python3
"""A running collector reaches its home and nothing beside it: whatever path it is made to open."""
import os
import signal
import time

from jejak import Collector, Home, check, ctl, main

PUBLIC = "lms"


def reload_with_link(collector, target):
    """What the collector says when a publisher's key is a link to that file."""
    link = f"{collector.home.path}/keys/publishers/linked.public"
    os.symlink(target, link)
    before = len(collector.log())
    collector.signal(signal.SIGHUP)
    until = time.monotonic() + 20
    while "\n" not in collector.log()[before:]:
        check(time.monotonic() < until, "a reload said nothing")
        time.sleep(0.01)
    os.unlink(link)
    return collector.log()[before:]


def files_outside_are_out_of_reach(home, _chance):
    outside = Home()
    try:
        collector = Collector(home)
        ctl(home, "publisher", "add", PUBLIC)
        collector.wait_for("confined to the files")
        with open(f"/proc/{collector.process.pid}/status", encoding="ascii") as file:
            flags = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        check(flags["NoNewPrivs"].strip() == "1", "it may take new privileges")
        # 2: a filter. A build with a sanitizer has none, and says so
        check(flags["Seccomp"].strip() == "2" or "build with a sanitizer" in collector.log(), "it may make every system call")

        public = open(f"{home.path}/keys/publishers/{PUBLIC}.public", encoding="ascii").read()
        inside = f"{home.path}/elsewhere.public"
        for path in (inside, outside / "elsewhere.public"):
            with open(path, "w", encoding="ascii") as file:
                file.write(public)
        # the control: a link by itself is nothing that it minds
        said = reload_with_link(collector, inside)
        check("Permission denied" not in said, said)
        said = reload_with_link(collector, outside / "elsewhere.public")
        check("Permission denied" in said, f"a file outside the home was read: {said}")
        collector.stop()
    finally:
        outside.remove()


main(files_outside_are_out_of_reach)
