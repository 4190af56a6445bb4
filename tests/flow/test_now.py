"""`dialin-audit now`: the queue as an operator sees it over ssh, in 80 columns."""

import json
import os
import pty
import re
import signal
import subprocess
import unicodedata

import pytest

from stack import build_folder, wait_for

CALLER = "+14158483432"
HOLD_MS = 110_000
CLEAR = "\033[H\033[2J"


def columns(line):
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line)


def fill(ledger, agent="sales", count=15, starts=18, caller=CALLER, waited_ms=lambda i: 60_000 - i):
    """Callers who wait for an agent that refuses, as begin.lua and finish.lua leave them."""
    seconds, us = ledger.client.time()
    now = seconds * 1000 + us // 1000
    for number in range(count):
        rang, call_id = now - waited_ms(number), f"c-{number:04}"
        ledger.client.zadd(ledger.key("line:" + agent), {call_id: rang})
        ledger.client.zadd(ledger.key("holds"), {call_id: rang + HOLD_MS})
        ledger.client.hset(ledger.key("call:" + call_id), mapping={
            "from": caller, "to": "+14152251493", "received_ms": rang, "attempts": 1})
    ledger.client.sadd(ledger.key("lines"), agent)
    ledger.client.hset(ledger.key("starts:" + agent), now // 5000 - 1, starts)
    ledger.client.hset(ledger.key("pace:" + agent), mapping={
        "width": 1, "refusals": 2, "status": 429, "slowed_ms": now})


def test_nobody_waits(audit):
    shown = audit("now")
    assert "No call yet." in shown.out and "No worker runs." in shown.out


def test_who_waits_and_who_will_be_lost(ledger, audit):
    fill(ledger, count=40, starts=12)
    shown = audit("now")
    assert re.search(r"40 callers wait; at 0\.[45] starts a second, about \d+ of them will be lost",
                     " ".join(shown.out.split())), shown
    assert all(columns(line) <= 80 for line in shown.out.splitlines()), shown
    assert CALLER not in shown.out and "1…3432" in shown.out  # masked
    assert CALLER in audit("now", "--reveal").out
    assert len(re.findall(r"^ +\d+ \+", shown.out, re.M)) == 10  # the first ten

    found = audit("now", "--json").object()
    assert CALLER not in json.dumps(found)
    agent, = found["agents"]
    assert (agent["state"], agent["waiting"], agent["starts"]) == ("full", 40, 12)
    verdicts = [call["forecast"] for call in found["first"]]
    assert len(verdicts) == 20 and 0 < agent["lost"] < 40
    assert [call["place"] for call in found["first"]] == list(range(1, 21))
    first = found["first"][0]
    assert first["hold_ms"] == HOLD_MS and first["waited_ms"] + first["hold_left_ms"] == HOLD_MS
    assert audit("now", "--json", "--reveal").object()["first"][0]["from"] == CALLER


def test_without_a_start_nobody_claims_to_know(ledger, audit):
    fill(ledger, starts=0)
    found = audit("now", "--json").object()
    assert "unknown who will be served" in found["sentence"]
    assert found["agents"][0]["lost"] is None
    assert {call["forecast"] for call in found["first"]} == {"unknown"}


@pytest.mark.parametrize("hostile", [
    "\033[2J\033[31mEvil", "x" * 1000, "宽" * 60, "\u202e12345", "a\nb\tc\r\0d", "😀" * 40,
    "sip:anna.secret@pbx.example"])
def test_hostile_texts_stay_in_their_columns(ledger, audit, hostile):
    fill(ledger, count=2, caller=hostile)
    hostile = hostile.replace("anna.secret", "pbx")  # the rest is not a caller's
    fill(ledger, count=2, agent=hostile)
    ledger.client.set(ledger.key("status:worker:" + hostile[:50]),
                      json.dumps({"version": hostile.replace("\0", ""), "ready": True}), ex=15)
    ledger.client.set(ledger.key("status:worker:broken"), "{\n", ex=15)
    ledger.client.zadd(ledger.key("programs"), {"worker:" + hostile[:50]: 1, "worker:broken": 2})
    shown = audit("now")
    assert "\033" not in shown.out and "\u202e" not in shown.out and "anna" not in shown.out
    assert all(columns(line) <= 80 for line in shown.out.splitlines()), shown
    assert len(audit("now", "--json").object()["programs"]) == 1


def test_watch_draws_it_again_on_a_terminal(ledger, audit, stack):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([str(build_folder() / "dialin-audit"), "now", "--watch"],
                               env=audit.environment({"TERM": "xterm"}), stdout=theirs,
                               stdin=subprocess.DEVNULL)
    os.close(theirs)
    seen = b""

    def read_until(text):
        nonlocal seen
        while text.encode() not in seen:
            seen += os.read(ours, 65536)
    try:
        read_until("No call yet.")
        fill(ledger, count=3)
        read_until("3 callers wait")
        assert seen.decode().count(CLEAR) >= 2
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_watch_in_a_pipe_is_one_object_a_line_also_over_a_restart_of_redis(ledger, audit, stack):
    stack.own_redis()
    process = audit.begin("now", "--watch", "--json",
                          REDIS_URL=f"redis://127.0.0.1:{stack.redis.port}")
    try:
        assert json.loads(process.stdout.readline())["waiting"] == 0
        stack.redis.kill()
        stack.restart_redis()
        fill(ledger, count=3)
        wait_for(lambda: json.loads(process.stdout.readline())["waiting"] == 3, 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        process.communicate()
    finally:
        process.kill()
        process.wait()


def test_a_user_of_redis_with_too_few_rights_learns_which(ledger, audit, stack):
    stack.own_redis()
    ledger.client.execute_command("ACL", "SETUSER", "default", "-zrange")
    fill(ledger, count=1)
    shown = audit("now", code=1)
    assert "can't run this command" in shown.err and "snapshot.lua:" in shown.err, shown


def test_a_call_back_is_no_caller_on_hold(ledger, audit):
    """Dial-outs stand after all dial-ins, with scores of their own (record.c)."""
    fill(ledger, count=3, starts=18)
    for number in range(2):
        call_id = f"x-{number}{'~cb' if number else ''}"
        ledger.client.zadd(ledger.key("line:sales"), {call_id: 4e15 + 1_000_000 + number})
        ledger.client.zadd(ledger.key("holds"), {call_id: 1})  # over long ago: a caller would be lost
        ledger.client.hset(ledger.key("call:" + call_id), mapping={"kind": "dialout", "to": "+14152251493"})
    found = audit("now", "--json").object()
    agent, = found["agents"]
    assert (agent["waiting"], agent["callers"], agent["lost"]) == (5, 3, 0)
    assert (found["waiting"], found["dialouts"]) == (5, 2)
    assert agent["hold_left_ms"] > 40_000 and agent["oldest_ms"] >= 60_000
    assert re.fullmatch(r"No worker runs. 3 callers wait; at 0.\d starts a second, all will be served in time. "
                        r"2 call backs and dial-outs wait\.", found["sentence"])
    assert re.search(r"sales +full +3\+2 ", audit("now").out)


def test_only_call_backs_wait(ledger, audit):
    fill(ledger, count=0)
    ledger.client.zadd(ledger.key("line:sales"), {"x~cb": 4e15 + 1_000_000})
    ledger.client.zadd(ledger.key("holds"), {"x~cb": 1})
    found = audit("now", "--json").object()
    assert found["sentence"].endswith("Nobody is on hold. 1 call back or dial-out waits.")
    agent, = found["agents"]
    assert (agent["callers"], agent["oldest_ms"], agent["hold_left_ms"], agent["lost"]) == (0, None, None, 0)


def test_callers_who_never_reached_their_bot_are_told(ledger, audit):
    now = int(ledger.client.time()[0])
    ledger.client.hset(ledger.key(f"minute:{now // 60 - 5}"), mapping={"at_ms": (now - 300) * 1000})
    ledger.client.hset(ledger.key("counts"), mapping={"verdict:never_connected": 2})
    shown = audit("now").out
    assert "2 callers never reached their bots of late" in " ".join(shown.split())
    assert "a bot was started and the caller never reached it: 2\n" in shown
    assert "dialin-audit list --verdict never_connected" in shown
    assert all(columns(line) <= 80 for line in shown.splitlines())


def test_what_a_spool_holds_is_told_of_calls_and_events_alike(ledger, audit):
    for name, spool in {"a": {"spool_bytes": 0, "spool_events_bytes": 1_200},
                        "b": {"spool_bytes": 3_000, "spool_events_bytes": 2_000},
                        "c": {"spool_bytes": 4_001},  # one that does not know of events
                        "d": {"spool_bytes": 0, "spool_events_bytes": 0}}.items():
        ledger.client.set(ledger.key(f"status:ingress:{name}"), json.dumps({"version": "9", "ready": True, **spool}))
        ledger.client.zadd(ledger.key("programs"), {f"ingress:{name}": int(ledger.client.time()[0]) * 1000})
    told = re.findall(r"^ *ingress:(\w) +0/0 +(\d+) kB ", audit("now").out, re.M)
    assert dict(told) == {"a": "2", "b": "5", "c": "5", "d": "0"}
    found = audit("now", "--json").object()["programs"]
    assert {each["id"]: each["status"].get("spool_events_bytes") for each in found} == {
        "ingress:a": 1_200, "ingress:b": 2_000, "ingress:c": None, "ingress:d": 0}
