"""dialin-audit list, show, stats, tail and dead: what they say, and how they end."""

import hashlib
import json
import os
import pty
import re
import subprocess
import unicodedata

import pytest

import daily
from audit import Audit
from fake_start import answers, hangs, starts_a_bot
from stack import build_folder, wait_for

MINUTE_MS = 60_000


@pytest.fixture
def audit(stack):
    return Audit(stack, PINLESS_HMAC_SECRET=daily.SECRET)


@pytest.fixture
def worker(stack, start):
    return stack.worker(START_URL=start.url)


def drain(ledger, *webhooks, **fields):
    for webhook in webhooks:
        ledger.queue(webhook, **fields)
    ledger.wait_until_finished()


def now_ms(ledger):
    seconds, us = ledger.client.time()
    return seconds * 1000 + us // 1000


def finished_long_ago(ledger, count, step_ms, ago_ms, **fields):
    """Calls as finish.lua leaves them, each so long before the next; by hand, since nobody can wait
    for them."""
    begin_ms = now_ms(ledger) - ago_ms
    with ledger.client.pipeline(transaction=False) as pipeline:
        for i in range(count):
            ms = begin_ms + i * step_ms
            webhook = daily.webhook(**fields)
            body = daily.body(webhook)
            entry, call_id = f"{ms}-0", webhook["callId"]
            pipeline.xadd(ledger.key("webhooks"), {
                "v": "1", "kind": "dialin", "call_id": call_id, "received_ms": str(ms),
                "timestamp": "", "signature": "", "peer": "", "body": body,
                "sha256": hashlib.sha256(body).hexdigest()}, id=entry)
            pipeline.hset(ledger.key(f"call:{call_id}"), mapping={
                "state": "started", "entry": entry, "from": webhook["From"], "to": webhook["To"],
                "agent": "a", "reason": "", "received_ms": ms, "started_ms": ms + 5})
            pipeline.sadd(ledger.key(f"index:{ms // MINUTE_MS}"), f"from:{webhook['From']}",
                          f"to:{webhook['To']}", "agent:a", "state:started", "reason:")
        pipeline.execute()


# --- list -----------------------------------------------------------------------------------------


def test_every_filter(ledger, start, worker, audit):
    def by_number(exchange):
        step = answers(413, b"{}") if b"+1222" in exchange.request.body else starts_a_bot()
        step(exchange)
    start.script(by_number)
    calls = [daily.webhook(From="+1111", To="+1999"), daily.webhook(From="+1222"),
             daily.webhook(From="+1111"), daily.webhook(From="anonymous")]
    drain(ledger, *calls)
    ids = [call["callId"] for call in calls]
    agent = start.url.removeprefix("http://")
    for arguments, found in [([], [3, 2, 1, 0]), (["--from", "+1111"], [2, 0]),
                             (["--to", "+1999"], [0]), (["--from", "+1111", "--to", daily.TO], [2]),
                             (["--state", "dead"], [1]), (["--reason", "rejected"], [1]),
                             (["--state", "started", "--reason", "rejected"], []),
                             (["--agent", agent], [3, 2, 1, 0]), (["--agent", "other"], []),
                             (["--since", "1h"], [3, 2, 1, 0]), (["--until", "1h"], []),
                             (["--limit", "2"], [3, 2]), (["--from", "anonymous"], [3]),
                             (["--from", "+111"], [])]:
        assert [call["call_id"] for call in audit.json("list", *arguments)] == [
            ids[i] for i in found], arguments


def test_calls_that_wait_are_listed(ledger, start, worker, audit):
    start.script(answers(429, b"{}"))
    waiting = daily.webhook(From="+1333")
    ledger.queue(waiting)
    ledger.wait_for_state(waiting["callId"], "waiting")
    worker.kill()
    queued = daily.webhook(From="+1333")
    ledger.queue(queued)
    assert [(call["call_id"], call["state"]) for call in audit.json("list", "--from", "+1333")] == [
        (queued["callId"], "queued"), (waiting["callId"], "waiting")]
    assert [call["call_id"] for call in audit.json("list", "--state", "queued")] == [
        queued["callId"]]


def test_a_number_is_found_without_reading_everything(ledger, start, audit, stack):
    """An hour of others' calls lies between: it is not read."""
    finished_long_ago(ledger, 1, 1, 7_200_000, From="+1777")
    finished_long_ago(ledger, 3000, 1000, 7_000_000, From="+1888")
    worker = stack.worker(START_URL=start.url)
    ledger.wait_until_finished(60)  # they are acknowledged: their hashes say that they are finished
    ledger.client.config_resetstat()
    assert len(audit.json("list", "--from", "+1777")) == 1
    stats = ledger.client.info("commandstats")
    reads = [stats[f"cmdstat_{name}"]["calls"] for name in ("hgetall", "hmget") if f"cmdstat_{name}" in stats]
    assert sum(reads) < 100, "it has read the others"
    assert len(audit.json("list", "--limit", "0")) == 3001
    assert worker.is_running() and not start.requests


def test_duplicates_and_lost_records(ledger, start, worker, audit):
    webhook = daily.webhook()
    drain(ledger, webhook, webhook)
    assert len(audit.json("list")) == 1
    assert [call["state"] for call in audit.json("list", "--state", "duplicate")] == ["duplicate"]
    ledger.client.delete(ledger.key(f"call:{webhook['callId']}"))
    assert {call["state"] for call in audit.json("list", "--state", "unknown")} == {"unknown"}


# Also U+202E and its like, which turn what follows round.
MEANT_FOR_TERMINALS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def columns_of(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def test_tables_fit_80_columns_and_nothing_reaches_the_terminal(ledger, start, worker, audit):
    """Numbers are in the caller's hands: escape sequences, line ends and bad bytes among them."""
    start.script(answers(413, b'{"error":"\x1b[31mred\xff"}'))
    evil = daily.webhook(From="\x1b]0;title\x07\x9b31m\n\u202e" + "x" * 90, To="+1\r\n2")
    drain(ledger, evil, daily.webhook(From="\u65e5\u672c" * 20, To="\U0001f4de" * 20))
    for arguments in (["list"], ["show", evil["callId"]], ["dead", "list"], ["stats"]):
        out = audit(*arguments).out
        assert not MEANT_FOR_TERMINALS.search(out), arguments
        if arguments[0] != "show":
            for line in out.splitlines():  # a pipe gets ids whole
                assert columns_of(line.rsplit(" ", 1)[0]) <= 79, line
        for line in audit(*arguments, "--json").out.splitlines():
            assert not re.search("[\x00-\x1f\x7f-\x9f]", line), arguments
            json.loads(line)
    assert evil["From"] in [call["from"] for call in audit.json("list")]


def on_a_terminal(audit, *arguments, **values):
    ours, theirs = pty.openpty()
    done = subprocess.run([str(build_folder() / "dialin-audit"), *arguments], stdout=theirs,
                          stderr=subprocess.DEVNULL, env=audit.environment(values), timeout=20)
    os.close(theirs)
    out = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        out += data
    os.close(ours)
    return done.returncode, out


def test_colours_are_for_terminals(ledger, start, worker, audit):
    drain(ledger, daily.webhook())
    assert b"\x1b[32mstarted" in on_a_terminal(audit, "list")[1]
    assert b"\x1b" not in on_a_terminal(audit, "list", NO_COLOR="1")[1]
    assert "\x1b" not in audit("list").out


# --- show -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("secrets, verdict", [
    (daily.SECRET, "good, by a secret configured here"),
    (f"{daily.OTHER_SECRET},{daily.SECRET}", "good, by a secret configured here"),
    (daily.OTHER_SECRET, "not by any secret configured here"),
    (f"+1999={daily.SECRET}", "by a secret that is another number's"),
    (None, "unknown: PINLESS_HMAC_SECRET is not set here"),
])
def test_the_signature_is_checked_again(stack, ledger, start, worker, audit, secrets, verdict):
    ingress = stack.ingress()
    webhook = daily.webhook()
    assert ingress.ring(webhook, timestamp=daily.in_ms(-200)).status == 200
    ledger.wait_for_state(webhook["callId"], "started")
    story = audit.json("show", webhook["callId"], PINLESS_HMAC_SECRET=secrets)[0]
    assert story["webhook"]["signature_is"] == verdict
    assert story["webhook"]["digest"] == "is what its sha256 says"
    assert json.loads(story["webhook"]["body"]) == webhook


def test_the_whole_story(ledger, start, worker, audit):
    start.script(answers(503, b"later", [("Retry-After", "0")]), starts_a_bot())
    webhook = daily.webhook()
    drain(ledger, webhook, webhook)
    story = audit.json("show", webhook["callId"])[0]
    assert [(event["event"], event.get("attempt")) for event in story["events"]
            if event["event"] != "duplicate"] == [("attempt", 1), ("attempt", 2), ("started", 2)]
    assert [event["event"] for event in story["events"]].count("duplicate") == 1
    attempts = [event for event in story["events"] if event["event"] == "attempt"]
    assert [event["http_status"] for event in attempts] == [503, 200]
    assert attempts[0]["response"] == "later"
    assert json.loads(attempts[0]["request"])["createDailyRoom"] is True
    assert story["state"] == "started" and story["session_id"] == f"session-{webhook['callId']}"
    table = audit("show", webhook["callId"]).out
    for words in ("attempt 1", "HTTP 503", "attempt 2", "HTTP 200", "duplicate", "unsigned"):
        assert words in table


def test_an_unknown_outcome_is_said(stack, ledger, start, audit):
    start.script(hangs(), starts_a_bot())
    worker = stack.worker(START_URL=start.url, LEASE_S=3)
    webhook = daily.webhook()
    ledger.queue(webhook)
    wait_for(lambda: start.requests)
    assert audit.json("show", webhook["callId"])[0]["state"] == "starting"
    worker.kill()
    stack.worker(START_URL=start.url, LEASE_S=3)
    ledger.wait_for_state(webhook["callId"], "started", timeout_s=20)
    story = audit.json("show", webhook["callId"])[0]
    assert [event["error"] for event in story["events"]][0] == "unknown outcome"
    assert "unknown outcome" in audit("show", webhook["callId"]).out


def test_a_newer_version_is_said(ledger, worker, audit):
    webhook = daily.webhook()
    ledger.queue(webhook, v="9")
    wait_for(lambda: ledger.client.xpending(ledger.key("webhooks"), "workers")["pending"] == 1)
    story = audit.json("show", webhook["callId"])[0]
    assert story["state"] == "queued" and "version" in story["flaw"]


# --- stats ----------------------------------------------------------------------------------------


def test_the_account_adds_up_while_calls_come_in(stack, ledger, start, worker, audit):
    webhooks = [daily.webhook() for _ in range(400)]
    for i, webhook in enumerate(webhooks):
        ledger.queue(webhook)
        if i % 40 == 0:
            account = audit.json("stats")[0]["account"]
            assert account["adds_up"] and account["queued"] >= i
    ledger.wait_until_finished(30)
    stats = audit.json("stats")[0]
    assert stats["account"] == {"queued": 400, "started": 400, "dead": 0, "duplicate": 0,
                                "unfinished": 0, "adds_up": True}
    assert stats["kept"]["started"] == 400 and stats["waited_ms"]["count"] == 400
    assert stats["oldest_waiting_ms"] is None


def test_an_account_that_does_not_add_up(ledger, start, worker, audit):
    start.script(answers(413, b"{}"))
    drain(ledger, daily.webhook(), daily.webhook())
    assert audit.json("stats")[0]["reasons"] == {"rejected": 2}
    ledger.client.hincrby(ledger.key("counts"), "dead", -1)
    result = audit("stats", code=1)
    assert "DOES NOT ADD UP" in result.out
    ledger.client.hincrby(ledger.key("counts"), "dead", 1)
    audit("stats")


def test_who_waits_longest(ledger, start, worker, audit):
    start.script(answers(429, b"{}"))
    webhook = daily.webhook()
    ledger.queue(webhook, received_ms=str(now_ms(ledger) - 50_000))
    ledger.wait_for_state(webhook["callId"], "waiting")
    stats = audit.json("stats")[0]
    assert 50_000 <= stats["oldest_waiting_ms"] < 90_000 and stats["in_line"] <= 1


# --- tail and dead --------------------------------------------------------------------------------


def test_events_as_they_happen(ledger, start, worker, audit):
    old = daily.webhook()
    drain(ledger, old)
    running = audit.begin("tail", "--json")
    wait_for(lambda: any(connection["cmd"] == "xread" for connection in
                         ledger.client.client_list()), what="the tail to listen")
    webhook = daily.webhook()
    drain(ledger, webhook)
    assert json.loads(running.stdout.readline())["event"] == "attempt"
    assert json.loads(running.stdout.readline())["call_id"] == webhook["callId"]
    result = audit.interrupt(running)
    assert result.code == 0 and old["callId"] not in result.out


def test_dead_letters_are_purged_as_told_only(ledger, start, worker, audit):
    start.script(answers(413, b"{}"))
    calls = [daily.webhook() for _ in range(3)]
    drain(ledger, *calls[:2])
    limit = now_ms(ledger) + 1
    wait_for(lambda: now_ms(ledger) > limit)
    drain(ledger, calls[2])
    ledger.queue(daily.webhook(), received_ms=str(now_ms(ledger) - 600_000))
    ledger.wait_until_finished()
    letters = audit.json("dead", "list")
    assert [letter["reason"] for letter in letters] == ["expired"] + ["rejected"] * 3
    assert len(audit.json("dead", "list", "--reason", "expired")) == 1
    assert "would purge 2 dead letters" in audit("dead", "purge", "--before", limit).out
    assert len(audit.json("dead", "list")) == 4
    assert "purged 2 dead letters" in audit("dead", "purge", "--before", limit, "--yes").out
    assert [letter["call_id"] for letter in audit.json("dead", "list", "--reason", "rejected")] == [
        calls[2]["callId"]]
    assert audit.json("stats")[0]["account"]["adds_up"]


# --- how they end ---------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, code, sentence", [
    ([], 2, "is missing"), (["lits"], 2, "is not a command"), (["list", "--wrong"], 2, "is not a flag"),
    (["list", "extra"], 2, "usage"), (["show"], 2, "usage"), (["show", "a", "b"], 2, "usage"),
    (["list", "--since", "tomorrow"], 2, "is not a time"), (["list", "--limit", "x"], 2, "--limit"),
    (["list", "--since", "1h", "--until", "2h"], 2, "later than --until"),
    (["list", "--since"], 2, "dialin-audit: option '--since'"), (["list", "--state", "gone"], 2, "--state"), (["dead"], 2, "usage"),
    (["dead", "all"], 2, "list or purge"), (["dead", "purge"], 2, "--before"),
    (["export", "--resume"], 2, "--output"), (["export", "--format", "xml"], 2, "--format"),
    (["export", "--json"], 2, "is not a flag"), (["show", "nobody"], 1, "is not known"),
    (["list"], 0, "no call is recorded"), (["dead", "list"], 0, "no dead letter"),
    (["stats"], 0, ""), (["verify"], 0, ""), (["export"], 0, "exported 0"),
    (["forget", "+14155550123"], 0, ""), (["--help"], 0, ""), (["list", "--help"], 0, ""),
    (["--version"], 0, ""),
])
def test_exit_codes_on_an_empty_record(audit, arguments, code, sentence):
    result = audit(*arguments, code=code)
    assert sentence in result.err and "\ufffd" not in result.err


@pytest.mark.parametrize("command", [["list"], ["show", "c"], ["stats"], ["verify"], ["export"],
                                     ["dead", "list"], ["forget", "+1"], ["tail"]])
def test_without_redis(audit, command):
    url = "redis://:a-password@127.0.0.1:1"
    result = audit(*command, code=1, REDIS_URL=url)
    assert "cannot be reached" in result.err and "a-password" not in result.err
    assert len(result.err.splitlines()) == 1, "it is said once"


def test_a_reader_that_leaves(ledger, audit):
    finished_long_ago(ledger, 3000, 10, 7_000_000)
    for command in (["list", "--limit", "0"], ["export"], ["list", "--limit", "0", "--json"]):
        running = audit.begin(*command)
        running.stdout.readline()
        running.stdout.close()
        err = running.stderr.read().decode()
        assert running.wait(20) == 1 and "cannot be written" in err, (command, err)
        running.stderr.close()


def peak_kb(audit, *command):
    """The most memory that a command has had by its last lines."""
    # A sanitizer's quarantine is not growth of ours.
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    process = audit.begin(*command, ASAN_OPTIONS=sanitizer)
    peak = 0
    for number, _ in enumerate(process.stdout):
        if number % 500 == 0:
            with open(f"/proc/{process.pid}/status") as status:
                found = re.search(r"VmHWM:\s+(\d+)", status.read())
            # A process that has ended, its last lines still in the pipe, shows no memory.
            peak = int(found.group(1)) if found else peak
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert peak > 0
    return peak


def test_memory_does_not_grow_with_the_record(ledger, audit):
    """Of 20,000 calls it holds no more than of 2,000."""
    commands = (["export"], ["list", "--limit", "0"], ["list", "--limit", "0", "--json"])
    finished_long_ago(ledger, 2000, 1, 7_200_000)
    few = [peak_kb(audit, *command) for command in commands]
    finished_long_ago(ledger, 18000, 1, 7_000_000)
    many = [peak_kb(audit, *command) for command in commands]
    assert all(b < a + 1024 for a, b in zip(few, many)), (few, many)
