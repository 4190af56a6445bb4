"""dialin-audit replay: to another agent, and to the live one."""

import json
import os
import threading

import pytest

import daily
from fake_start import FakeStart, answers, starts_a_bot
from ledger import WRITTEN_BY_THE_CLOCK
from redis_between import Between
from stack import free_port, wait_for
from stopwatch import Stopwatch


@pytest.fixture
def other():
    """Another agent."""
    server = FakeStart()
    yield server
    server.close()


def everything(ledger):
    """The record as it is: replays must not change it. (They are counted in a key of their own.)
    Programs write the others as time passes."""
    keys = [key for key in ledger.client.scan_iter(match=ledger.prefix + ":*")
            if not any(name in key for name in (b":replay", *WRITTEN_BY_THE_CLOCK))]
    return {key: stream_of(ledger.client, key) if ledger.client.type(key) == b"stream" else ledger.client.dump(key)
            for key in keys}


def stream_of(client, key):
    """Its entries, groups and who holds what; not when a consumer was seen, which Redis 8 writes at
    each of its questions."""
    groups = client.xinfo_groups(key)
    held = {group["name"]: [(row["message_id"], row["consumer"], row["times_delivered"]) for row in
                            client.xpending_range(key, group["name"], "-", "+", 10000)] for group in groups}
    return client.xrange(key), client.xinfo_stream(key)["last-generated-id"], groups, held


def replay_keys(ledger):
    return list(ledger.client.scan_iter(match=ledger.prefix + ":replay:*"))


def workers(ledger):
    return {connection["id"] for connection in ledger.client.client_list()
            if connection["name"].startswith("dialin-worker")}


def drained(ledger, webhooks):
    for webhook in webhooks:
        ledger.queue(webhook)
    ledger.wait_until_finished(30)


def rung_at_a_pace(ledger, count, step_ms):
    """Calls of a while ago, each so long behind the one before it; they are dead, expired."""
    now_s, _ = ledger.client.time()
    first_ms = now_s * 1000 - 3_600_000
    webhooks = [daily.webhook() for _ in range(count)]
    for i, webhook in enumerate(webhooks):
        ledger.queue(webhook, received_ms=str(first_ms + i * step_ms))
    ledger.wait_until_finished(30)
    return webhooks


def test_without_yes_it_only_says_what_it_would_do(stack, ledger, start, audit):
    stack.worker(START_URL=start.url)
    drained(ledger, [daily.webhook() for _ in range(3)])
    before = everything(ledger)
    result = audit("replay", "--to", "http://127.0.0.1:1/start")
    assert "would replay 3 calls" in result.out and "--yes does it" in result.out
    assert everything(ledger) == before and not replay_keys(ledger)
    assert not ledger.client.exists(ledger.key("replays"))
    assert len(start.requests) == 3


def test_to_another_agent_with_its_own_key_worker_and_prefix(stack, ledger, start, other, audit):
    stack.worker(START_URL=start.url, START_API_KEY="the-live-key", DAILY_API_KEY="daily-key-1")
    webhooks = [daily.webhook(sipHeaders={"X-Tenant": "acme"}) for _ in range(5)]
    drained(ledger, webhooks)
    before = everything(ledger)
    live = len(start.requests)
    report = audit("replay", "--to", other.url, "--speed", "max", "--yes", "--json",
                   REPLAY_API_KEY="the-replay-key", START_API_KEY="the-live-key",
                   DAILY_API_KEY="daily-key-1").object()
    assert report["calls"] == 5 and report["whole"]
    assert report["outcomes"] == [{"original": "started", "replay": "started", "calls": 5}]
    assert len(start.requests) == live, "the live agent was asked"
    assert everything(ledger) == before, "the record was changed"
    ids = {webhook["callId"] for webhook in webhooks}
    assert {request.key for request in other.requests} == {
        f"{call_id}~r1" for call_id in ids}
    for request in other.requests:
        assert request.header("Authorization") == "Bearer the-replay-key"
        assert b"the-live-key" not in request.body and b"daily-key-1" not in request.body
        assert request.json()["body"]["dialin_settings"]["call_id"] in ids
    # It is recorded under its own prefix, for a day.
    record = audit.json("list", REDIS_PREFIX=report["prefix"])
    assert {call["call_id"] for call in record} == {f"{call_id}~r1" for call_id in ids}
    assert {call["replay_of"] for call in record} == {entry for entry, _ in ledger.entries()}
    story = audit("show", record[0]["call_id"], "--json", REDIS_PREFIX=report["prefix"]).object()
    assert [event["event"] for event in story["events"]] == ["replay", "attempt", "started"]
    leases = [key for key in replay_keys(ledger) if b":worker:" not in key]
    assert leases and all(0 < ledger.client.ttl(key) <= 86400 for key in leases)


def test_an_agent_that_is_not_there_is_told_at_once(stack, ledger, start, other, audit):
    worker = stack.worker(START_URL=start.url)
    drained(ledger, [daily.webhook()])
    worker.terminate()
    for url, reason in ((f"http://127.0.0.1:{free_port()}/start", "refused"),
                        (f"http://[::1]:{free_port()}/start", "cannot be reached"),
                        ("https://no.such.host.invalid/start", "cannot be reached")):
        watch = Stopwatch()
        result = audit("replay", "--to", url, "--yes", code=1)
        assert f"the agent at {url} cannot be reached" in result.err
        assert reason in result.err
        assert watch.seconds() < 3 or "invalid" in url, "its resolver may be slow"
    assert replay_keys(ledger) == [], "something was begun"
    full = Between(other.port)
    full.drop()  # as a firewall does
    watch = Stopwatch()
    try:
        result = audit("replay", "--to", f"http://127.0.0.1:{full.port}/start", "--yes", code=1)
        assert "timed out" in result.err
        assert watch.seconds() < 4
    finally:
        full.drop_no_more()
        full.close()


def test_a_long_path_and_a_long_key_go_through(stack, ledger, start, other, audit):
    """They were cut at 4 KiB, and the tool crashed."""
    stack.worker(START_URL=start.url)
    drained(ledger, [daily.webhook()])
    key = "k" * 4000
    report = audit("replay", "--to", other.url, "--speed", "max", "--yes", "--json",
                   REPLAY_API_KEY=key, PATH="/nowhere:" * 1000 + os.environ["PATH"]).object()
    assert report["outcomes"] == [{"original": "started", "replay": "started", "calls": 1}]
    assert [request.header("Authorization") for request in other.requests] == [f"Bearer {key}"]


def test_a_second_replay_is_one_of_its_own(stack, ledger, start, other, audit):
    stack.worker(START_URL=start.url)
    webhook = daily.webhook(call_id="c" * 128)  # the longest there is
    drained(ledger, [webhook])
    for number in (1, 2):
        audit("replay", webhook["callId"], "--to", other.url, "--yes")
        assert other.requests[-1].key == f"{webhook['callId']}~r{number}"
    assert len(other.requests) == 2


def test_the_selection_is_that_of_list(stack, ledger, start, audit):
    def rejects_one(exchange):
        step = answers(413, b"{}") if b"+1999" in exchange.request.body else starts_a_bot()
        step(exchange)
    start.script(rejects_one)
    stack.worker(START_URL=start.url)
    drained(ledger, [daily.webhook(From=number) for number in ("+1111", "+1999", "+1111")])
    for arguments, count in [(["--from", "+1111"], 2), (["--state", "dead"], 1),
                             (["--reason", "rejected"], 1), (["--limit", "2"], 2),
                             (["--to", daily.TO], 3), (["--until", "1h"], 0)]:
        result = audit.run("replay", "--to", "http://127.0.0.1:1/start", *arguments)
        if count:
            assert f"would replay {count} calls" in result.out, result
        else:
            assert result.code == 1 and "nothing to replay" in result.err


def test_the_pace_is_kept(stack, ledger, start, other, audit):
    """A worker with holds of a second has made them dead; the replay's callers hold as usual."""
    stack.worker(START_URL=start.url)
    rung_at_a_pace(ledger, 60, 20)
    result = audit("replay", "--to", other.url, "--yes", "--json").object()
    assert result["calls"] == 60 and len(other.requests) == 60
    assert result["outcomes"] == [
        {"original": "dead expired", "replay": "started", "calls": 60}]
    assert result["off_pace_ms"]["count"] == 60
    received = [int(fields["received_ms"]) for _, fields in sorted(
        other_entries(ledger, result["prefix"]), key=lambda row: row[1]["call_id"])]
    assert len(received) == 60
    span_ms = max(received) - min(received)
    assert span_ms >= 59 * 20 - 5, "it was faster than the callers"


def other_entries(ledger, prefix):
    return [(entry, {name.decode(): value for name, value in fields.items()})
            for entry, fields in ledger.client.xrange(f"{prefix}:webhooks")]


def test_how_many_agents_would_have_been_needed(stack, ledger, start, audit):
    """A pool that is too small shows in the report: some of the callers expire."""
    stack.worker(START_URL=start.url)
    drained(ledger, [daily.webhook() for _ in range(20)])
    agent = stack.agent("--pool", "5", "--session-ms", "0")
    report = audit("replay", "--to", agent.url, "--speed", "max", "--yes", "--json",
                   HOLD_LIMIT_S=2, timeout_s=60).object()
    assert report["outcomes"] == [
        {"original": "started", "replay": "started", "calls": 5},
        {"original": "started", "replay": "dead expired", "calls": 15}]
    assert report["waited_ms"]["original"]["count"] == 20
    assert report["waited_ms"]["replay"]["count"] == 5


def test_an_interrupt_ends_it_in_order(stack, ledger, start, other, audit):
    stack.worker(START_URL=start.url)
    rung_at_a_pace(ledger, 50, 1000)
    before = workers(ledger)
    running = audit.begin("replay", "--to", other.url, "--yes")
    wait_for(lambda: len(other.requests) >= 2)
    result = audit.interrupt(running)
    assert result.code == 1, result
    assert "interrupted after" in result.err and "of 50 calls" in result.err
    assert len(other.requests) < 50
    wait_for(lambda: workers(ledger) == before, what="the replay's worker to be gone")
    kept = [key for key in replay_keys(ledger) if b":worker:" not in key]
    assert kept and all(ledger.client.ttl(key) > 0 for key in kept), "something stays for ever"


@pytest.mark.parametrize("arguments, sentence", [
    (["--to", "ftp://127.0.0.1/start"], "must start with https://"),
    (["--to", "http://example.com/start"], "in the clear"),
    (["--to", "https://example.com/start", "--live"], "exclude each other"),
    ([], "needs --to URL, or --live"),
    (["--live", "--speed", "fast"], "--speed"),
    (["--live", "--since", "yesterday"], "is not a time"),
])
def test_wrong_usage(stack, audit, arguments, sentence):
    result = audit("replay", *arguments, code=2)
    assert sentence in result.err


# --- to the live agent ----------------------------------------------------------------------------


def test_live_saves_a_dead_call_whose_caller_holds(stack, ledger, start, audit):
    start.script(answers(413, b"{}"), starts_a_bot())
    stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    before = ledger.wait_for_state(webhook["callId"], "dead")
    assert "would replay 1 calls" in audit("replay", "--live").out
    report = audit("replay", webhook["callId"], "--live", "--yes", "--json").object()
    assert report["outcomes"] == [
        {"original": "dead rejected", "replay": "started", "calls": 1}]
    assert ledger.call(webhook["callId"]) == before, "the original's record was changed"
    replay = ledger.call(webhook["callId"] + "~r1")
    assert replay["state"] == "started" and replay["received_ms"] == before["received_ms"]
    assert start.requests[-1].key == webhook["callId"] + "~r1"
    sent = start.requests[-1].json()["body"]["dialin_settings"]
    assert sent["call_id"] == webhook["callId"], "the bot must find Daily's call"
    assert {fields.get("replay_of") for _, fields in ledger.entries()} == {None, entry.encode()}
    stats = audit("stats", "--json").object()
    assert stats["account"]["queued"] == 2 and stats["account"]["adds_up"]
    # Once a replay was started, there is no second.
    again = audit("replay", webhook["callId"], "--live", "--yes", code=1)
    assert "replayed already" in again.err
    assert len(start.requests) == 2


def test_live_leaves_alone_who_is_started_or_gone(stack, ledger, start, audit):
    start.script(starts_a_bot(), answers(413, b"{}"))
    stack.worker(START_URL=start.url)
    started, rejected = daily.webhook(), daily.webhook()
    ledger.queue(started)
    ledger.wait_for_state(started["callId"], "started")
    ledger.queue(rejected)
    ledger.wait_for_state(rejected["callId"], "dead")
    result = audit("replay", started["callId"], "--live", "--yes", code=1)
    assert "not dead" in result.err and "nothing to replay" in result.err
    rang_ms = int(ledger.call(rejected["callId"])["received_ms"])
    wait_for(lambda: ledger.client.time()[0] * 1000 > rang_ms + 2000)
    result = audit("replay", "--live", "--yes", code=1, HOLD_LIMIT_S=1, DIALOUT_LIMIT_S=600)
    assert "nothing to replay" in result.err
    assert len(start.requests) == 2


def test_two_at_once_start_one_bot(stack, ledger, start, audit):
    losers_left = threading.Event()

    def starts_later(exchange):
        losers_left.wait(20)
        starts_a_bot()(exchange)
    start.script(answers(413, b"{}"), starts_later)
    stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "dead")
    running = [audit.begin("replay", webhook["callId"], "--live", "--yes") for _ in range(4)]
    wait_for(lambda: sum(process.poll() is not None for process in running) == 3)
    losers_left.set()
    for process in running:
        process.communicate(timeout=20)
    codes = sorted(process.returncode for process in running)
    assert codes == [0, 1, 1, 1]
    assert len(start.requests) == 2


def test_a_replay_is_not_replayed(stack, ledger, start, audit):
    start.script(answers(413, b"{}"))
    stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "dead")
    audit("replay", webhook["callId"], "--live", "--yes")
    result = audit("replay", webhook["callId"] + "~r1", "--to", "http://127.0.0.1:1/start", code=1)
    assert "replays themselves" in result.err
    assert "would replay 1 calls" in audit("replay", "--to", "http://127.0.0.1:1/start").out


def test_routes_are_rehearsed(stack, ledger, start, other, audit, tmp_path):
    """They equip and decline calls, but all calls go to the one agent, and no lookup is asked."""
    path = tmp_path / "routes.json"
    path.write_text(json.dumps({"agents": {"x": {"start_url": start.url, "api_key_env": "SALES_KEY", "max_in_flight": 1}}, "routes": [
        {"name": "robots", "from": "+1900*", "decline": True},
        {"name": "sales", "to": "+1415*", "agent": "x",
         "body": {"n": 12345678901234567890, "tier": "gold"}, "limit_per_caller": {"calls": 1, "within_s": 60},
         "lookup": {"url": start.url, "secret_env": "CRM_SECRET"},
         "overflow": [{"after_s": 0, "agent": "y", "start_url": start.url.replace("start", "y")}]},
        {"name": "rest", "body": {"tier": "none"}}]}))
    stack.worker(START_URL=start.url)
    sales = [daily.webhook(To="+14150000001") for _ in range(3)]
    rest, robot = daily.webhook(To="+16500000001"), daily.webhook(From="+19005550100")
    drained(ledger, [*sales, rest, robot])
    live = len(start.requests)
    values = {"SALES_KEY": "sales-key-1", "REPLAY_API_KEY": "the-replay-key",
              "CRM_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
    flags = ["replay", "--to", other.url, "--routes", path, "--speed", "max", "--yes", "--json"]
    report = audit(*flags, **values).object()
    assert report["calls"] == 5 and report["whole"] and len(start.requests) == live
    assert len(other.requests) == 4
    for webhook in sales:
        request, = other.requests_of(webhook["callId"] + "~r1")
        assert b'"n":12345678901234567890' in request.body and request.json()["body"]["tier"] == "gold"
        assert request.header("Authorization") == "Bearer the-replay-key" and b"sales-key-1" not in request.body
    assert other.requests_of(rest["callId"] + "~r1")[0].json()["body"]["tier"] == "none"
    record = {call["call_id"]: call for call in audit.json("list", REDIS_PREFIX=report["prefix"])}
    assert record[robot["callId"] + "~r1"]["reason"] == "declined"
    assert record[sales[0]["callId"] + "~r1"]["route"] == "sales"

    path.write_text('{"routes":[\n{"nam')
    assert "line 2" in audit(*flags, code=1, **values).err
    assert "--routes" in audit("replay", "--live", "--routes", path, code=2).err
