#!/usr/bin/python3
"""Writes batches.txt and answers.txt. The files are what counts and are committed; this program keeps them consistent.

    generate.py            write both files beside this program
    generate.py --check    exit 1 if they are not what would be written
"""
import json
import os
import struct
import sys

import msgpack

HERE = os.path.dirname(os.path.abspath(__file__))
SESSION = b"vector-session-1"
NOW = 1767225600000  # 2026-01-01T00:00:00Z, the moment at which every vector is played
NEVER = 253402300799999  # the last ms of 9999: always in the future
LONG_AGO = 1  # 1970: always expired


# ---- msgpack by hand where the bytes matter, by the library where they do not ----

def pack(value):
    return msgpack.packb(value, use_bin_type=True)


class Raw:
    def __init__(self, data):
        self.data = data if isinstance(data, bytes) else bytes.fromhex(data)


def time(ms=NOW):
    """A time always takes nine bytes, so that a player can put the present moment in its place."""
    return b"\xcf" + struct.pack(">Q", ms)


def event(kind="open", at=None, learner="siswa-7", content="m1/t2", *value):
    """One event's bytes; a field given as Raw stands as it is."""
    fields = [kind, at if at is not None else Raw(time()), learner, content, *value]
    return bytes([0x90 + len(fields)]) + b"".join(f.data if isinstance(f, Raw) else pack(f) for f in fields)


def array(items):
    head = bytes([0x90 + len(items)]) if len(items) < 16 else b"\xdc" + struct.pack(">H", len(items))
    return head + b"".join(items)


def mapping(pairs, count=None):
    count = len(pairs) if count is None else count
    body = b""
    for key, value in pairs:
        body += key.data if isinstance(key, Raw) else pack(key)
        body += value.data if isinstance(value, Raw) else pack(value)
    return bytes([0x80 + count]) + body


def batch(events=None, seq=1, **changes):
    """A batch; changes: a key set to None is left out, to something else is replaced; further keys are added."""
    keys = {"v": 1, "session": SESSION, "seq": seq,
            "events": Raw(array(events if events is not None else [event()]))}
    for key, value in changes.items():
        keys[key] = value
    order = [k for k in keys if k != "events"] + ["events"]
    return mapping([(k, keys[k]) for k in order if keys[k] is not None])


# ---- answers ----

def ok(accepted, rejected=(), seq=1):
    answer = {"v": 1, "status": "ok", "session": SESSION, "seq": seq,
              "accepted": accepted, "rejected_total": len(rejected)}
    if rejected:
        answer["rejected"] = [list(r) for r in rejected[:100]]
    return answer


def refused(code, session=True, seq=1):
    answer = {"v": 1, "status": "refused"}
    if session:
        answer["session"] = SESSION
    if seq is not None:
        answer["seq"] = seq
    answer["code"] = code
    if code == "version":
        answer["versions"] = [1]
    answer["detail"] = "*"
    return answer


def duplicate(seq):
    return {"v": 1, "status": "duplicate", "session": SESSION, "seq": seq}


def gap(expected, seq):
    return {"v": 1, "status": "gap", "session": SESSION, "seq": seq, "expected": expected}


# ---- cases ----

CASES = []


def section(title):
    CASES.append(title)


def case(name, shows, message, answer, before=(), frames=None, reply=None):
    CASES.append({"name": name, "shows": shows, "before": list(before),
                  "message": frames if frames is not None else [message],
                  "answer": answer, "delimiter": reply == "delimiter"})


def good(name, shows, *events, **changes):
    case(name, shows, batch(list(events), **changes), ok(len(events)))


def bad(code, name, shows, *events):
    """All events rejected with one code; a good one stands last, to show that it is taken."""
    case(name, shows, batch([*events, event()]), ok(1, [(i, code) for i in range(len(events))]))


def malformed(name, shows, message, session=True, seq=1):
    case(name, shows, message, refused("malformed", session, seq))


def accepted_cases():
    section("Accepted")
    good("open", "the least batch: one event", event())
    good("every-kind", "one event of each kind", event("open"), event("dwell", None, "siswa-7", "m1/t2", 30000),
         event("favorite"), event("unfavorite"), event("progress", None, "siswa-7", "m1/t2", 60),
         event("cohort", None, "siswa-7", "kelas-7a"))
    good("paths", "a content has one, two or three segments of [A-Za-z0-9._~:-]", event(content="m"),
         event(content="m/t"), event(content="m/t/s"), event(content="A.z_0~9:-"), event(content="../..."))
    good("longest-path", "three segments of 64 bytes", event(content="/".join(["a" * 64] * 3)))
    good("longest-learner", "128 bytes", event(learner="x" * 128), event(learner="\u00e9" * 64))
    good("learner-utf8", "any well-formed UTF-8 without controls; a space is one too", event(learner="Siti Nurhaliza"),
         event(learner="\u0928\u093e\u092e"), event(learner="\U0001f9d1"), event(learner="\u00a0"),
         event(learner="\ud7ff\ue000\uffff\U0010ffff"), event(learner=" "))
    good("least-and-greatest-values", "dwell of 1 and 86,400,000 ms, progress of 0 and 100 percent",
         event("dwell", None, "a", "m", 1), event("dwell", None, "a", "m", 86400000),
         event("progress", None, "a", "m", 0), event("progress", None, "a", "m", 100))
    good("cohort-none", "`-` takes the learner out of her group", event("cohort", None, "a", "-"))
    good("same-event-twice", "repeats are accepted (and counted once in every figure)", event(), event())
    good("optional-keys", "`acked` of 0 and `sent`", event(), acked=0, sent=NOW)
    good("sent-negative", "`sent` is any integer of 64 bits: a clock may be wrong", event(), sent=-1)
    pairs = [("events", Raw(array([event()]))), ("sent", 5), ("seq", 1), ("acked", 0), ("session", SESSION), ("v", 1)]
    case("keys-in-another-order", "keys stand in any order, `events` first here", mapping(pairs), ok(1))
    wide = b"\xdf" + struct.pack(">I", 4) + b"\xd9\x01v\xd3" + struct.pack(">q", 1) + b"\xda\x00\x07session" \
        + b"\xc6" + struct.pack(">I", 16) + SESSION + b"\xdb\x00\x00\x00\x03seq\xd2" + struct.pack(">i", 1) \
        + b"\xd9\x06events\xdd" + struct.pack(">I", 1) + b"\xdc\x00\x04" + pack("open") + time() + b"\xd9\x01a\xda\x00\x01m"
    case("wide-heads", "lengths, counts and numbers may be written longer or signed: only the value counts", wide, ok(1))


def rejected_cases():
    section("Rejected events: one code each, a good event last")
    bad("shape", "rejected-shape", "no array; too few, too many fields; a value where the kind has none, none where it has one",
        pack(None), pack({"kind": "open"}), pack("open"), pack([]), pack(["open", NOW, "a"]),
        pack(["dwell", NOW, "a", "m", 5, 6]), pack(["open", NOW, "a", "m", 5]), pack(["open", NOW, "a", "m", None]),
        pack(["dwell", NOW, "a", "m"]), pack(["cohort", NOW, "a", "g", 0]))
    bad("kind", "rejected-kind", "an unknown name; another case; a number; binary",
        event("close"), event("Open"), event(""), event("open "), event(0), event(b"open"), event(None),
        event("close", None, "a", "m", 5))
    bad("time_invalid", "rejected-time-invalid", "a string; a float; before 1970; after 9999; nil",
        event(at=str(NOW)), event(at=float(NOW)), event(at=-1), event(at=NEVER + 1), event(at=2**64 - 1),
        event(at=Raw(pack(None))))
    bad("time_future", "rejected-time-future", "more than 5 minutes ahead of the collector's clock", event(at=NEVER))
    bad("time_expired", "rejected-time-expired", "older than the retention of learning history", event(at=LONG_AGO), event(at=0))
    strings = [b"", b"x" * 129, b"a\tb", b"\x00", b"\x7f", b"\xc2\x80", b"\xc2\x9f", b"\x80", b"\xc3", b"\xc0\xaf",
               b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xff"]
    bad("learner", "rejected-learner",
        "empty; 129 bytes; controls (C0, DEL, C1); broken, overlong, surrogate and too great UTF-8; an integer; binary; nil",
        *[event(learner=Raw((bytes([0xa0 + len(s)]) if len(s) < 32 else b"\xd9" + bytes([len(s)])) + s)) for s in strings],
        event(learner=42), event(learner=b"42"), event(learner=None))
    bad("content", "rejected-content", "empty; empty segments; four; 65 bytes; other characters; a group of two segments; no string",
        event(content=""), event(content="/"), event(content="/m"), event(content="m/"), event(content="m//s"),
        event(content="a/b/c/d"), event(content="m" * 65), event(content="m 1"), event(content="m\u00fa"),
        event(content="m\\t"), event(content="m/t\n"), event("cohort", None, "a", "kelas/7a"), event("cohort", None, "a", ""),
        event(content=7), event(content=b"m"), event(content=["m"]))
    bad("value", "rejected-value", "outside the kind's range; negative; a float; a string; nil; 2^32 + 25",
        event("dwell", None, "a", "m", 0), event("dwell", None, "a", "m", 86400001), event("dwell", None, "a", "m", -1),
        event("dwell", None, "a", "m", 2**32 + 25), event("dwell", None, "a", "m", 1.0), event("dwell", None, "a", "m", "25"),
        event("dwell", None, "a", "m", None), event("progress", None, "a", "m", 101), event("progress", None, "a", "m", -1))
    case("rejected-all", "a batch of which nothing is accepted is `ok` all the same and settles its seq",
         batch([pack(None), event("close")]), ok(0, [(0, "shape"), (1, "kind")]))
    case("rejected-order", "an event with several faults has the first code that applies, in the order of the table",
         batch([pack([0, "1", 2]), pack([0, "1", 2, 3, -1]), pack(["dwell", "1", 2, 3]), pack(["dwell", "1", 2, 3, -1]),
                event("dwell", NEVER, 2, 3, -1), event("dwell", LONG_AGO, 2, 3, -1), event("dwell", None, 2, 3, -1),
                event("dwell", None, "", 3, -1), event("dwell", None, "a", 3, -1), event("dwell", None, "a", "m", -1)]),
         ok(0, list(enumerate(["shape", "kind", "shape", "time_invalid", "time_future", "time_expired", "learner",
                               "learner", "content", "value"]))))
    case("rejected-101", "the first 100 are listed, all are counted", batch([pack(None)] * 101 + [event()]),
         ok(1, [(i, "shape") for i in range(101)]))


def malformed_cases():
    section("Refused: malformed")
    malformed("missing-events", "`events` is missing", mapping([("v", 1), ("session", SESSION), ("seq", 1)]))
    for key in ("v", "session", "seq"):
        malformed("missing-" + key, f"`{key}` is missing", batch(**{key: None}), key != "session", None if key == "seq" else 1)
    one = Raw(array([event()]))
    base = [("v", 1), ("session", SESSION), ("seq", 1), ("acked", 0), ("sent", 5), ("events", one)]
    for key, value in base:
        malformed("repeated-" + key, f"`{key}` stands twice", mapping([*base, (key, value)]))
    malformed("unknown-key", "a key that this version does not know", batch(colour="red"))
    malformed("unknown-key-type", "a key that is no string", mapping([(Raw("01"), 1), *base]))
    malformed("wrong-v", "`v` is a string", batch(v="1"))
    malformed("wrong-session-text", "`session` is a string", batch(session="vector-session-1"), session=False)
    malformed("wrong-session-size", "`session` has 15 bytes", batch(session=SESSION[:15]), session=False)
    malformed("wrong-seq", "`seq` is a string", batch(seq="1"), seq=None)
    malformed("wrong-seq-zero", "`seq` is 0", batch(seq=0), seq=None)
    malformed("wrong-seq-negative", "`seq` is negative", batch(seq=-1), seq=None)
    malformed("wrong-acked", "`acked` is negative", batch(acked=-1))
    malformed("wrong-sent", "`sent` is a float", batch(sent=1.5))
    malformed("wrong-events", "`events` is a map", mapping(base[:3] + [("events", Raw("80"))]))
    malformed("no-events", "`events` is empty", batch([]))
    malformed("left-over", "a byte after the batch", batch() + b"\xc0")
    malformed("cut", "the last byte is missing", batch()[:-1])
    malformed("no-msgpack", "0xc1 is no msgpack; it stands in the event", batch([bytes.fromhex("94a46f70656ec1")]))
    malformed("count-beyond-end", "an array that says it has four billion elements", mapping(base[:3] + [("events", Raw("ddffffffff"))]))
    malformed("length-beyond-end", "a string that says it has 4 GiB", mapping(base[:3] + [("events", Raw("9194a46f70656edbffffffff61"))]))
    malformed("count-65536", "65,536 events announced", mapping(base[:3] + [("events", Raw("dd00010000"))]))
    malformed("no-map", "an array", pack([1, SESSION, 1]), session=False, seq=None)
    malformed("empty-map", "no keys at all", pack({}), session=False, seq=None)
    malformed("empty-message", "a part of no bytes", b"", session=False, seq=None)
    malformed("text", "JSON is not msgpack", b'{"v":1}', session=False, seq=None)


def version_cases():
    section("Refused: version (it goes before everything else that is wrong)")
    case("version-2", "another version, else well-formed", batch(v=2), refused("version"))
    case("version-0", "there never was a version 0", batch(v=0), refused("version"))
    case("version-2-strange", "unknown keys and no events: session and seq are named where they stand",
         mapping([("colour", [1, {"a": 2}]), ("seq", 1), ("session", SESSION), ("v", 2)]), refused("version"))
    case("version-2-bare", "nothing but the version", pack({"v": 2}), refused("version", False, None))


def settling_cases():
    section("What settles a seq")
    first, other = batch(), batch([event(learner="siswa-8")])
    case("second", "seq 2 after seq 1", batch(seq=2), ok(1, seq=2), before=[first])
    case("duplicate", "the same batch again, byte for byte", first, duplicate(1), before=[first])
    case("duplicate-renewed", "a resend renews `acked` and `sent`; `events` alone must be the same",
         batch(acked=0, sent=NOW + 5000), duplicate(1), before=[first])
    case("conflict", "a settled seq with other events", other, refused("conflict"), before=[first])
    case("gap", "seq 2 before seq 1: nothing is stored", batch(seq=2), gap(1, 2))
    case("gap-then-expected", "after a gap the expected seq is taken", first, ok(1), before=[batch(seq=2)])
    case("gap-known", "seq 4 where 2 is expected", batch(seq=4, acked=1), gap(2, 4), before=[first])
    case("unknown-session", "a session that the collector does not know goes on after `acked`", batch(seq=6, acked=5), ok(1, seq=6))
    case("unknown-session-gap", "of such a session `acked` + 1 is expected", batch(seq=8, acked=5), gap(6, 8))
    case("unknown-session-settled", "of such a session everything up to `acked` was settled", batch(seq=4, acked=5), duplicate(4))
    case("acked-beyond", "`acked` beyond what was settled here: the collector raises an alarm and goes on after it",
         batch(seq=10, acked=9), ok(1, seq=10), before=[first])
    case("malformed-settles", "a malformed batch of the expected seq is settled: the next one is taken", batch(seq=2),
         ok(1, seq=2), before=[batch(colour="red")])
    case("malformed-again", "resent because the answer was lost: refused as before", batch(colour="red"),
         refused("malformed"), before=[batch(colour="red")])
    case("malformed-mended", "its seq is gone; a mended batch takes a new one", first, refused("conflict"), before=[batch(colour="red")])
    case("malformed-over-settled", "a malformed batch of a seq that was settled before", batch(colour="red"),
         refused("malformed"), before=[first])
    case("malformed-beyond", "a malformed batch beyond the expected seq settles nothing: it is a gap",
         batch(seq=3, colour="red"), gap(1, 3))
    case("malformed-without-seq", "a malformed batch whose seq cannot be read settles nothing", first, ok(1), before=[batch(seq=0)])
    case("version-settles-nothing", "a refused version keeps its seq free", first, ok(1), before=[batch(v=2)])
    case("rejected-settles", "a batch of rejected events is settled", batch([pack(None)]), duplicate(1), before=[batch([pack(None)])])
    case("many", "the 66th batch after 65; the first is too long ago to be compared, so it is a duplicate whatever it carries",
         other, duplicate(1), before=[batch(seq=n, acked=n - 1) for n in range(1, 66)])


def frame_cases():
    section("Message shapes (a frame a line; `-` is an empty frame)")
    case("delimiter", "one empty part before the batch, as REQ sends it: the answer carries one too", None, ok(1),
         frames=[b"", batch()], reply="delimiter")
    misshapen = refused("malformed", False, None)
    case("two-parts", "a first part that is not empty", None, misshapen, frames=[b"x", batch()])
    case("three-parts", "three parts; the answer has an empty frame where the message began with one", None, misshapen,
         frames=[b"", batch(), batch()], reply="delimiter")
    case("batch-then-empty", "the empty part on the wrong side", None, misshapen, frames=[batch(), b""])


# ---- answers to read ----

ANSWERS = []


def answer_case(name, shows, data, reads):
    ANSWERS.append({"name": name, "shows": shows, "answer-hex": data.hex(), "reads": reads})


def answer_cases():
    plain = {**refused("malformed"), "detail": "`seq` is missing"}
    for name, shows, answer in [
            ("ok", "nothing rejected", ok(500)),
            ("ok-rejected", "with rejected events", ok(1, [(0, "shape"), (2, "time_future")])),
            ("duplicate", "", duplicate(7)), ("gap", "go on from 3", gap(3, 9)),
            ("busy", "again in 1,000 ms", {"v": 1, "status": "busy", "session": SESSION, "seq": 4, "retry_ms": 1000}),
            ("refused-malformed", "", plain),
            ("refused-malformed-unnamed", "neither session nor seq could be read",
             {k: v for k, v in plain.items() if k not in ("session", "seq")}),
            ("refused-conflict", "", {**refused("conflict"), "detail": "this seq was settled with other events"}),
            ("refused-version", "", {**refused("version"), "detail": "this collector speaks version 1"}),
            ("great-numbers", "a seq has 64 bits", gap(2**63 - 1, 2**63 - 1)),
            ("unknown-keys", "keys that a later collector may add are passed over", {**duplicate(7), "colour": {"a": [1, None]}})]:
        answer_case(name, shows or "as its name says", pack(answer), answer)
    wide = b"\xdf" + struct.pack(">I", 2) + b"\xd9\x01v\xcc\x01" + pack("status") + b"\xda\x00\x09duplicate"
    answer_case("wide-heads", "lengths may be written longer", wide, {"v": 1, "status": "duplicate"})
    for name, shows, data in [
            ("bad-no-status", "no status", pack({"v": 1})), ("bad-status", "an unknown status", pack({"v": 1, "status": "yes"})),
            ("bad-version", "another version", pack({**duplicate(7), "v": 2})),
            ("bad-gap", "a gap without `expected`", pack({"v": 1, "status": "gap"})),
            ("bad-busy", "busy without `retry_ms`", pack({"v": 1, "status": "busy"})),
            ("bad-cut", "the last byte is missing", pack(ok(500))[:-1]),
            ("bad-left-over", "a byte too many", pack(ok(500)) + b"\x00")]:
        answer_case(name, shows, data, None)


# ---- writing ----

def json_of(answer):
    return json.dumps(answer, default=lambda b: b.hex(), ensure_ascii=True) if answer is not None else "no answer at all"


def batches_text():
    lines = ["# Written by generate.py; README.md draws the format.", "#", f"# session {SESSION.hex()}",
             f"# now {NOW}", ""]
    for item in CASES:
        if isinstance(item, str):
            lines += [f"# ---- {item} ----", ""]
            continue
        lines += [f"name: {item['name']}", f"shows: {item['shows']}"]
        lines += [f"before: {data.hex()}" for data in item["before"]]
        lines += [f"message: {frame.hex() or '-'}" for frame in item["message"]]
        if item["delimiter"]:
            lines.append("delimiter: yes")
        lines.append(f"answer: {json_of(item['answer'])}")
        if "detail" not in item["answer"]:
            lines.append(f"answer-hex: {pack(item['answer']).hex()}")
        lines.append("")
    return "\n".join(lines)


def answers_text():
    lines = ["# Written by generate.py; README.md draws the format.", ""]
    for item in ANSWERS:
        lines += [f"name: {item['name']}", f"shows: {item['shows']}", f"answer-hex: {item['answer-hex']}",
                  f"reads: {json_of(item['reads'])}", ""]
    return "\n".join(lines)


def main():
    for part in (accepted_cases, rejected_cases, malformed_cases, version_cases, settling_cases, frame_cases, answer_cases):
        part()
    changed = False
    for name, text in (("batches.txt", batches_text()), ("answers.txt", answers_text())):
        path = os.path.join(HERE, name)
        if "--check" in sys.argv:
            with open(path, encoding="ascii") as file:
                changed |= file.read() != text
        else:
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
    if changed:
        sys.exit("tests/vectors: the files are not what generate.py writes")


if __name__ == "__main__":
    main()
