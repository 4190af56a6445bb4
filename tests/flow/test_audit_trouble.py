"""dialin-audit where the record, Redis or the one who asks is not as it should be. What cannot be read
is never taken for what is not there."""

import json
import pathlib
import signal
import subprocess

import pytest

import daily
from audit import Audit
from fake_start import answers
from stack import build_folder, wait_for
from stopwatch import Stopwatch
from test_audit_read import finished_long_ago


@pytest.fixture
def audit(stack):
    return Audit(stack, PINLESS_HMAC_SECRET=daily.SECRET)


# --- Redis ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key, command", [
    ("webhooks", ["list"]), ("webhooks", ["list", "--from", "+1"]), ("webhooks", ["show", "c"]),
    ("webhooks", ["stats"]), ("webhooks", ["export"]), ("webhooks", ["forget", "+1"]),
    ("webhooks", ["replay", "--live"]), ("audit", ["export"]), ("audit", ["tail"]),
    ("audit", ["verify"]), ("dead", ["dead", "list"]), ("dead", ["dead", "purge", "--before", "1s"]),
    ("counts", ["stats"]), ("call:c", ["show", "c"]),
])
def test_a_key_of_another_type(ledger, audit, key, command):
    ledger.client.set(ledger.key(key), "text")
    result = audit(*command, code=1)
    assert "WRONGTYPE" in result.err and not result.out.strip().startswith("{"), result


@pytest.fixture
def reader(stack, ledger):
    """A user of Redis who may not ask for the state of a stream."""
    name = f"reader-{stack.prefix[3:-1]}"
    ledger.client.execute_command("ACL", "SETUSER", name, "on", ">pw", "~*", "+@all", "-xinfo")
    yield stack.redis.url.replace("redis://", f"redis://{name}:pw@")
    ledger.client.execute_command("ACL", "DELUSER", name)


@pytest.mark.parametrize("command", [["list"], ["list", "--from", daily.FROM], ["stats"],
                                     ["export"], ["forget", daily.FROM], ["show", "nobody"]])
def test_a_user_who_may_not_read(ledger, audit, reader, command):
    finished_long_ago(ledger, 3, 1, 7_200_000)
    result = audit(*command, code=1, REDIS_URL=reader)
    assert "Redis" in result.err and not result.out, result


def is_asleep(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "S"


@pytest.mark.parametrize("command", [["tail"], ["list", "--limit", "0"], ["export"]])
def test_one_may_leave_while_redis_hangs(stack, ledger, audit, command):
    redis = stack.own_redis()
    finished_long_ago(ledger, 3000, 1, 7_200_000)
    running = audit.begin(*command)  # what it prints is more than a pipe holds
    if command == ["tail"]:
        wait_for(lambda: any(connection["cmd"] == "xread" for connection in
                             ledger.client.client_list()), what="the tail to listen")
    else:
        running.stdout.readline()
    redis.signal(signal.SIGSTOP)
    # What Redis has sent before may still be on its way: after it the command would end in order.
    wait_for(lambda: is_asleep(running.pid), what="the command to wait")
    watch = Stopwatch()
    result = audit.interrupt(running)
    redis.signal(signal.SIGCONT)
    assert result.code == 1 and "interrupted" in result.err, result
    assert watch.seconds() < 15


def test_an_interrupt_ends_a_list(ledger, audit):
    finished_long_ago(ledger, 6000, 1, 7_200_000)
    running = audit.begin("list", "--limit", "0", "--json")
    running.stdout.readline()  # and it waits until the rest is read
    result = audit.interrupt(running)
    assert result.code == 1 and "interrupted" in result.err, result
    rows = result.out.splitlines()[1:]  # the first was read in part
    assert all(json.loads(row) for row in rows) and len(rows) < 5000


@pytest.mark.parametrize("command", [["list"], ["export"], ["stats"], ["list", "--json"]])
def test_a_full_disk(ledger, audit, command):
    finished_long_ago(ledger, 3, 1, 7_200_000)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([build_folder() / "dialin-audit", *command], stdout=full,
                              stderr=subprocess.PIPE, env=audit.environment({}), timeout=20)
    assert done.returncode == 1 and b"cannot be written" in done.stderr


def test_a_wrong_password(stack, audit):
    url = stack.redis.url.replace("redis://", "redis://default:a-wrong-password@")
    result = audit("list", code=1, REDIS_URL=url.replace("default:", "nobody:"))
    assert "WRONGPASS" in result.err and "a-wrong-password" not in result.err, result


# --- the record -----------------------------------------------------------------------------------


def test_a_call_whose_record_was_lost_is_not_queued(stack, ledger, start, audit):
    """It was finished while an older call still waits."""
    start.script(answers(429, b"{}"))
    worker = stack.worker(START_URL=start.url)
    waiting, lost = daily.webhook(), daily.webhook()
    ledger.queue(waiting)
    ledger.wait_for_state(waiting["callId"], "waiting")
    worker.kill()
    entry = ledger.queue(lost)
    ledger.client.xreadgroup("workers", "another", {ledger.key("webhooks"): ">"})
    assert audit.json("show", lost["callId"])[0]["state"] == "queued"
    ledger.client.xack(ledger.key("webhooks"), "workers", entry)
    assert audit.json("show", lost["callId"])[0]["state"] == "unknown"
    assert "none is kept" in audit("show", lost["callId"]).out
    assert [(call["call_id"], call["state"]) for call in audit.json("list")] == [
        (lost["callId"], "unknown"), (waiting["callId"], "waiting")]


def test_a_burst_that_was_read_and_not_begun_is_queued(ledger, audit):
    """The worker that had read it was killed: the group is asked for each of them."""
    webhooks = [daily.webhook() for _ in range(40)]
    for webhook in webhooks:
        ledger.queue(webhook)
    ledger.client.xgroup_create(ledger.key("webhooks"), "workers", "0")
    ledger.client.xreadgroup("workers", "killed", {ledger.key("webhooks"): ">"})
    calls = audit.json("list", "--state", "queued")
    assert [call["call_id"] for call in calls] == [webhook["callId"] for webhook in reversed(webhooks)]
    assert audit("stats", "--json").object()["kept"]["queued"] == len(webhooks)


def test_duplicates_of_one_call_cost_no_more_than_other_calls(stack, ledger, start, audit):
    """Its hash grows with their number: it is not read for each of them."""
    stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    for _ in range(700):
        ledger.queue(webhook)
    ledger.wait_until_finished()
    ledger.client.config_resetstat()
    duplicates = audit.json("list", "--state", "duplicate", "--limit", "0")
    assert len({call["entry"] for call in duplicates}) == 699
    assert ledger.client.info("commandstats")["cmdstat_hgetall"]["calls"] < 20
    story = audit.json("show", webhook["callId"])[0]
    assert [event["event"] for event in story["events"]].count("duplicate") == 699


def test_a_clock_that_was_wrong_once_costs_nothing(stack, ledger, start, audit):
    """An entry of 1970 makes the record 56 years long: nobody looks into each of their minutes."""
    ledger.client.xadd(ledger.key("webhooks"), {"v": "1", "call_id": "old"}, id="1-1")
    webhook = daily.webhook(From="+1444")
    ledger.queue(webhook)
    stack.worker(START_URL=start.url)
    ledger.wait_until_finished()
    ledger.client.config_resetstat()
    assert [call["call_id"] for call in audit.json("list", "--from", "+1444")] == [
        webhook["callId"]]
    assert [call["call_id"] for call in audit.json("list", "--reason", "invalid")] == ["old"]
    looked = ledger.client.info("commandstats").get("cmdstat_smismember", {"calls": 0})
    assert looked["calls"] < 1000


def test_a_late_attempt_and_a_lost_event_are_said(ledger, audit):
    finished_long_ago(ledger, 1, 1, 7_200_000)
    call = audit.json("list")[0]
    late = ledger.client.xadd(ledger.key("audit"), {
        "call_id": call["call_id"], "entry": call["entry"], "event": "attempt", "attempt": "1",
        "worker": "w", "at_ms": call["received_ms"] + 1234, "agent": "a", "reason": "",
        "error": "", "http_status": "200", "latency_ms": "1200", "request": "{}",
        "response": "\x1b[2J", "late": "1"})
    ledger.client.hset(ledger.key(f"call:{call['call_id']}"),
                       mapping={f"event:{late.decode()}": "", "event:1-1": ""})
    story = audit.json("show", call["call_id"])[0]
    assert [(event["late"], event["http_status"]) for event in story["events"]] == [(True, 200)]
    out = audit("show", call["call_id"]).out
    assert "no longer kept" in out and "1.234 s" in out and "\x1b" not in out
    assert "HTTP 200 in 1200 ms (late: others had taken the call over)" in out


def test_another_prefix_has_another_record(ledger, audit):
    finished_long_ago(ledger, 1, 1, 7_200_000)
    call_id = audit.json("list")[0]["call_id"]
    other = f"{ledger.prefix}:other"
    assert audit.json("list", REDIS_PREFIX=other) == []
    assert other in audit("show", call_id, code=1, REDIS_PREFIX=other).err


@pytest.mark.parametrize("arguments, code", [
    (["show", "a" * 5000], 1), (["show", ""], 1), (["show", "a b"], 1),
    (["list", "--from", "x" * 5000], 0), (["list", "--agent", "x" * 600], 0),
])
def test_what_nobody_is_called(ledger, audit, arguments, code):
    finished_long_ago(ledger, 1, 1, 7_200_000)
    assert audit(*arguments, code=code).out == ""
