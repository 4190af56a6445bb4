"""Callers, agents and Redis send what they like; a terminal shows none of it as they meant it."""

import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

import pytest

import daily
from audit import Audit
from fake_start import answers
from stack import build_folder, wait_for

COLUMNS = 72
TIMEOUT_S = 20
HOSTILE = ("\x1b[2J\x1b]0;x\x07\r\b\x7f\x9b31m\x85\u202e+1415\u2066\u200b\u200d\u00ad\ufeff"
           "\U000e0001\U000e0041\u2028\u2029\u061c\u115f\u3164\ufe0f\u034f\ue000\U0001d173\n"
           "state started\u65e5\u672c\U0001f4de")
OUR_COLOURS = re.compile(r"\x1b\[(?:0|2|31|32|33)m")
HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
INVISIBLE = set("\u115f\u3164\ufe0f\u034f")  # letters and marks without a shape


def columns_of(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else
               0 if unicodedata.combining(c) else 1 for c in line)


def check(out, is_data):
    """As the terminal gets it, byte for byte."""
    plain = OUR_COLOURS.sub("", out.decode("utf-8"))
    found = {f"U+{ord(c):04X}" for c in plain
             if c != "\n" and (unicodedata.category(c) in HIDDEN or c in INVISIBLE)}
    assert not found, (found, plain)
    if not is_data:
        wide = [line for line in plain.split("\n") if columns_of(line) > COLUMNS]
        assert not wide, wide
    return plain


def open_terminal():
    ours, theirs = os.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # or the kernel writes \r\n
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    return ours, theirs


def on_terminal(audit, *arguments, until=None, meanwhile=lambda: None):
    """Runs a command with its standard output and its standard error on terminals. Until `until` is
    seen, `meanwhile` is done again and again; then the command is ended. Returns what came on each."""
    pairs = [open_terminal(), open_terminal()]
    process = subprocess.Popen([build_folder() / "dialin-audit", *arguments],
                               env=audit.environment({}), stdin=subprocess.DEVNULL,
                               stdout=pairs[0][1], stderr=pairs[1][1], preexec_fn=os.setpgrp)
    for _, theirs in pairs:
        os.close(theirs)
    left = {ours: b"" for ours, _ in pairs}
    texts, deadline = dict(left), time.monotonic() + TIMEOUT_S
    while left:
        assert time.monotonic() < deadline, (arguments, texts)
        for ours in select.select(list(left), [], [], 0.1)[0]:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the last writer is gone
                chunk = b""
            texts[ours] += chunk
            if not chunk:
                left.pop(ours)
                os.close(ours)
        meanwhile()
        if until and any(until in text for text in texts.values()):
            process.send_signal(signal.SIGINT)
            until, meanwhile = None, lambda: None
    assert process.wait(TIMEOUT_S) in (0, 1)
    return [texts[ours] for ours, _ in pairs]


@pytest.fixture
def audit(stack):
    return Audit(stack)


@pytest.fixture
def recorded(stack, ledger, start):
    """A call, its answer and the rest of the record, all of them hostile. Returns its id."""
    call_id = daily.new_call_id()
    start.script(answers(200, json.dumps({"sessionId": HOSTILE, "dailyRoom": HOSTILE, HOSTILE: "\ud800"})
                         .encode()))
    stack.worker(START_URL=start.url)
    sent = daily.webhook(call_id, To=HOSTILE, From="+1555" + HOSTILE,
                         sipHeaders={"X-" + HOSTILE: HOSTILE}, lone="\ud800")
    entry = ledger.queue(sent, peer=HOSTILE)
    ledger.wait_for_state(call_id, "started")
    ledger.queue(sent, call_id=HOSTILE)  # a dead letter
    ledger.wait_until_finished()
    nul = HOSTILE + "\0" + HOSTILE  # no worker would keep a NUL
    fields = {"entry": entry, "call_id": call_id, "agent": nul, "worker": HOSTILE, "reason": HOSTILE,
              "error": nul, "http_status": HOSTILE, "latency_ms": HOSTILE, "attempt": HOSTILE,
              "at_ms": "1", "response": HOSTILE}
    event = ledger.client.xadd(ledger.key("audit"), {
        **fields, "event": "attempt", "request": json.dumps({"body": {HOSTILE: HOSTILE}})})
    ledger.client.hset(ledger.key("call:" + call_id), "event:" + event.decode(), "1")
    ledger.client.hset(ledger.key("call:" + call_id), "room_url", HOSTILE)
    ledger.client.hincrby(ledger.key("counts"), "dead:" + HOSTILE, 1)
    ledger.client.xadd(ledger.key("dead"), {**fields, HOSTILE: HOSTILE, "body": HOSTILE})
    ledger.client.xadd(ledger.key("refused"), {
        "code": HOSTILE, "sentence": nul, "peer": HOSTILE, "received_ms": "1", HOSTILE: HOSTILE})
    wait_for(lambda: ledger.client.time()[0] * 1000 + ledger.client.time()[1] // 1000 >
             int(event.split(b"-")[0]) + 1)
    return call_id


# Command, and whether its lines are for programs: as long as the data.
COMMANDS = [
    (["list"], False), (["list", "--json"], True), (["stats"], False), (["stats", "--json"], True),
    (["dead", "list"], False), (["dead", "list", "--json"], True), (["refused"], False),
    (["refused", "--json"], True), (["verify"], False), (["verify", "--json"], True), (["export"], True),
    (["export", "--format", "csv"], True), (["forget", "+1555"], False),
    (["forget", "+1555", "--json"], True), (["replay", "--to", "http://127.0.0.1:1/start"], False),
    (["replay", "--live"], False), (["replay", "--live", "--json"], True)
]


def test_nothing_hostile_reaches_a_terminal(ledger, recorded, audit):
    for arguments, is_data in COMMANDS:
        out, err = on_terminal(audit, *arguments)
        plain = check(out, is_data)
        check(re.sub(rb"\r[^\r]*?(?=\r)\r?", b"", err.rsplit(b"\r", 1)[-1]), False)
        assert plain or err, arguments
        assert "state started" not in plain.split("\n"), "a text of others ends a line"


def test_show_and_tail(ledger, recorded, audit):
    for arguments in (["show", recorded], ["show", recorded, "--json"]):
        out, err = on_terminal(audit, *arguments)
        assert "1415" in check(out, "--json" in arguments)
        check(err, False)
    event = ledger.events()[-1]
    del event["id"]
    for flags in ([], ["--json"]):
        out, _ = on_terminal(audit, "tail", *flags, until=recorded.encode(),
                             meanwhile=lambda: ledger.client.xadd(ledger.key("audit"), event))
        check(out, bool(flags))


def test_json_means_the_same_on_a_terminal(ledger, recorded, audit):
    for arguments in (["list", "--json"], ["dead", "list", "--json"], ["export"]):
        out, _ = on_terminal(audit, *arguments)
        assert [json.loads(line) for line in out.decode().splitlines()] == audit(*arguments).objects()
    letter, _ = audit.json("dead", "list")
    assert letter[HOSTILE] == letter["body"] == HOSTILE


def test_csv_is_as_it_is_in_a_pipe(ledger, recorded, audit):
    assert HOSTILE in audit("export", "--format", "csv").out
