"""Callers, agents and Redis send what they like; a terminal shows none of it as they meant it."""

import functools
import json
import re
import unicodedata

import pytest

import daily
from fake_start import answers
from stack import wait_for
from terminal import columns_of
from terminal import on_terminal as on_any_terminal

COLUMNS = 72
on_terminal = functools.partial(on_any_terminal, columns=COLUMNS)
HOSTILE = ("\x1b[2J\x1b]0;x\x07\r\b\x7f\x9b31m\x85\u202e+1415\u2066\u200b\u200d\u00ad\ufeff"
           "\U000e0001\U000e0041\u2028\u2029\u061c\u115f\u3164\ufe0f\u034f\ue000\U0001d173\n"
           "state started\u65e5\u672c\U0001f4de")
OUR_COLOURS = re.compile(r"\x1b\[(?:0|2|31|32|33)m")
HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
INVISIBLE = set("\u115f\u3164\ufe0f\u034f")  # letters and marks without a shape


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
    (["list"], False), (["list", "--reveal"], False), (["list", "--json"], True), (["stats"], False), (["stats", "--json"], True),
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
        assert recorded[:8] in check(out, "--json" in arguments)
        check(err, False)
    event = ledger.events()[-1]
    del event["id"]
    for flags in ([], ["--json"]):
        out, _ = on_terminal(audit, "tail", *flags, until=recorded[:8].encode(),
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
