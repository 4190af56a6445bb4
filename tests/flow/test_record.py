"""What Redis holds of a call, field by field: CONTRACT, section 3."""

import hashlib
import json
import re
import signal
import threading
import time

import pytest

import daily
from fake_start import answers, good, hangs, resets, starts_a_bot
from redis_between import Between
from stack import wait_for


@pytest.fixture
def worker(stack, start):
    return stack.worker(START_URL=start.url, START_API_KEY="key-of-the-bot", WORKER_NAME="host-7")


def near_now_ms(text):
    return abs(int(text) - time.time() * 1000) < 5000


def test_a_started_call(ledger, start, worker):
    webhook = daily.webhook()
    call_id = webhook["callId"]
    entry = ledger.queue(webhook)
    call = ledger.wait_for_state(call_id, "started")
    fields = dict(ledger.entries())[entry]
    assert call["reason"] == call["error"] == ""
    assert call["kind"] == "dialin"
    assert call["entry"] == entry
    assert (call["from"], call["to"]) == (daily.FROM, daily.TO)
    assert call["agent"] == f"127.0.0.1:{start.port}/start"
    assert re.fullmatch("host-7-[0-9a-f]{8}", call["worker"])
    assert call["worker"] == worker.consumer()
    assert call["attempts"] == "1"
    assert call["received_ms"] == fields["received_ms"].decode()
    assert near_now_ms(call["started_ms"]) and near_now_ms(call["updated_ms"])
    assert int(call["started_ms"]) >= int(call["received_ms"])
    assert call["http_status"] == "200"
    assert call["session_id"] == f"session-{call_id}"
    assert call["room_url"] == f"https://example.daily.co/room-{call_id}"

    attempt, started = ledger.events()
    for event in (attempt, started):
        assert event["call_id"] == call_id
        assert event["entry"] == entry
        assert event["worker"] == worker.consumer()
        assert event["agent"] == call["agent"]
        assert event["attempt"] == "1"
        assert near_now_ms(event["at_ms"])
        assert event["reason"] == event["error"] == ""
    assert (attempt["event"], started["event"]) == ("attempt", "started")
    assert attempt["http_status"] == "200"
    assert 0 <= int(attempt["latency_ms"]) < 2000
    assert attempt["request"].encode() == start.requests[0].body
    answer = good(call_id)
    assert json.loads(attempt["response"]) == {**answer, "dailyToken": "[redacted]"}
    assert ledger.counts() == {"started": 1}
    assert ledger.unfinished() == 0
    assert ledger.dead(call_id) == []


def test_a_rejected_call(ledger, start, worker):
    start.script(answers(413, b'{"detail":"no"}'))
    webhook = daily.webhook()
    call_id = webhook["callId"]
    entry = ledger.queue(webhook)
    call = ledger.wait_for_state(call_id, "dead")
    assert call["reason"] == "rejected" and call["error"]
    assert call["http_status"] == "413" and call["attempts"] == "1"
    assert "started_ms" not in call and not call.get("session_id")
    attempt, dead = ledger.events()
    assert (attempt["event"], dead["event"]) == ("attempt", "dead")
    assert attempt["http_status"] == "413" and attempt["response"] == '{"detail":"no"}'
    assert dead["reason"] == "rejected" and dead["error"] == call["error"]
    assert ledger.counts() == {"dead": 1, "dead:rejected": 1}
    letter, = ledger.dead(call_id)
    fields = dict(ledger.entries())[entry]
    for name, value in fields.items():
        assert letter[name].encode() == value, "the webhook is not whole in its dead letter"
    assert (letter["reason"], letter["error"]) == ("rejected", call["error"])


def test_a_call_that_waits(ledger, start, worker):
    start.script(answers(429, b'{"code":"PCC-AGENT-AT-CAPACITY"}', [("Retry-After", "1")]),
                 answers(429), starts_a_bot())
    webhook = daily.webhook()
    call_id = webhook["callId"]
    ledger.queue(webhook)
    call = ledger.wait_for_state(call_id, "waiting")
    assert call["http_status"] == "429" and call["attempts"] == "1"
    agent = call["agent"]
    wait_for(lambda: ledger.client.zscore(ledger.key(f"line:{agent}"), call_id))
    call = ledger.wait_for_state(call_id, "started")
    assert call["attempts"] == "3"
    assert [event["event"] for event in ledger.events()] == [
        "attempt", "waiting", "attempt", "attempt", "started"]
    assert [event["attempt"] for event in ledger.events(event="attempt")] == ["1", "2", "3"]
    assert ledger.client.zcard(ledger.key(f"line:{agent}")) == 0


@pytest.mark.parametrize("body, session_id", [
    (b'{"sessionId":"s-1"}', "s-1"), (b'{"sessionId":"' + b"x" * 5000 + b'"}', "x" * 256),
    (b'{"sessionId":5,"dailyRoom":["x"]}', ""), (b'{"sessionId":"a\\u0000b"}', ""),
], ids=["no room", "too long", "wrong types", "a NUL"])
def test_odd_answers_start_a_call_all_the_same(ledger, start, worker, body, session_id):
    start.script(answers(200, body))
    webhook = daily.webhook()
    ledger.queue(webhook)
    call = ledger.wait_for_state(webhook["callId"], "started")
    assert call["session_id"] == session_id and call["room_url"] == ""
    assert ledger.unfinished() == 0


def test_a_long_answer_is_cut_to_four_kib(ledger, start, worker):
    start.script(answers(200, json.dumps(good("x", filler="y" * 20000)).encode()))
    webhook = daily.webhook()
    ledger.queue(webhook)
    call = ledger.wait_for_state(webhook["callId"], "started")
    attempt, = ledger.events(event="attempt")
    assert 3000 < len(attempt["response"]) <= 4096
    assert call["session_id"] == "session-x"
    assert "token-of" not in attempt["response"]


# --- one bot a call -------------------------------------------------------------------------------

def test_the_same_webhook_again_is_a_duplicate(stack, ledger, start, worker):
    ingress = stack.ingress()
    body = daily.body(daily.webhook())
    headers = daily.headers(body)
    first, second = [ingress.post(body, headers) for _ in range(2)]
    assert (first.status, second.status) == (200, 200)
    call_id, entry = first.json()["call_id"], second.json()["id"]
    event = wait_for(lambda: ledger.events(event="duplicate"))[0]
    assert event["entry"] == entry and event["call_id"] == call_id and event["reason"] == ""
    ledger.wait_until_finished()
    assert len(start.requests) == 1
    assert ledger.call(call_id)["entry"] == first.json()["id"]
    assert ledger.counts() == {"started": 1, "duplicate": 1}
    ledger.check_account([first.json()["id"], entry])


def test_the_same_call_with_another_body_is_a_conflict(ledger, start, worker):
    call_id = daily.new_call_id()
    entries = [ledger.queue(daily.webhook(call_id, From=number)) for number in ("+1", "+2", "+1")]
    ledger.wait_until_finished()
    assert {event["entry"]: event["reason"] for event in ledger.events(event="duplicate")} == {
        entries[1]: "conflict", entries[2]: ""}
    assert ledger.call(call_id)["from"] == "+1"
    assert len(start.requests) == 1
    ledger.check_account(entries)


@pytest.mark.parametrize("status, state", [(413, "dead"), (200, "started")])
def test_a_duplicate_of_a_finished_call(ledger, start, worker, status, state):
    start.script(answers(status, b"{}"))
    webhook = daily.webhook()
    ledger.queue(webhook)
    before = ledger.wait_for_state(webhook["callId"], state)
    ledger.queue(webhook)
    wait_for(lambda: ledger.events(event="duplicate"))
    ledger.wait_until_finished()
    after = ledger.call(webhook["callId"])
    assert {name: value for name, value in after.items()
            if not name.startswith("duplicate:")} == before
    assert len(start.requests) == 1


def test_a_duplicate_of_a_waiting_call(ledger, start, worker):
    start.script(answers(429, headers=[("Retry-After", "1")]), starts_a_bot())
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "waiting")
    ledger.queue(webhook)
    wait_for(lambda: ledger.events(event="duplicate"))
    ledger.wait_for_state(webhook["callId"], "started")
    ledger.wait_until_finished()
    assert len(start.requests) == 2


# --- entries that cannot be used ------------------------------------------------------------------

@pytest.mark.parametrize("fields", [
    {"sha256": "0" * 64}, {"sha256": ""}, {"body": b"{"}, {"body": b""}, {"body": b"[]"},
    {"body": b'{"To":"x"}'}, {"received_ms": "soon"}, {"kind": "fax"}, {"call_id": "a\nb"},
    {"call_id": ""}, {"call_id": "x" * 5000}], ids=lambda fields: str(fields)[:30])
def test_an_entry_that_is_damaged(ledger, start, worker, fields):
    """It becomes a dead letter, whole, and its neighbours are started."""
    if "body" in fields and "sha256" not in fields:
        fields = {**fields, "sha256": hashlib.sha256(fields["body"]).hexdigest()}
    neighbour = daily.webhook()
    entry = ledger.queue(daily.webhook(), **fields)
    ledger.queue(neighbour)
    ledger.wait_for_state(neighbour["callId"], "started")
    ledger.wait_until_finished()
    dead, = ledger.events(event="dead")
    assert dead["entry"] == entry and dead["reason"] == "invalid" and dead["error"]
    assert ledger.counts() == {"started": 1, "dead": 1, "dead:invalid": 1}
    letter, = ledger.events(stream="dead")
    for name, value in dict(ledger.entries())[entry].items():
        assert letter[name].encode() == value
    assert len(start.requests) == 1


def test_an_entry_without_any_known_field(ledger, start, worker):
    ledger.client.xadd(ledger.key("webhooks"), {"v": "1"})
    neighbour = daily.webhook()
    ledger.queue(neighbour)
    ledger.wait_for_state(neighbour["callId"], "started")
    ledger.wait_until_finished()
    assert ledger.counts()["dead:invalid"] == 1


# --- logs -----------------------------------------------------------------------------------------

def test_the_logs_tell_a_call_in_a_few_lines(stack, ledger, start):
    ingress = stack.ingress()
    worker = stack.worker(START_URL=start.url)
    call_id = daily.new_call_id()
    start.script(answers(503), resets(), starts_a_bot(), call_id=call_id)
    ingress.ring(daily.webhook(call_id))
    ledger.wait_for_state(call_id, "started")
    wait_for(lambda: any(call_id in line and "started" in line for line in worker.log_lines()))
    story = [line for line in worker.log_lines() if call_id in line]
    assert 2 <= len(story) <= 4, story
    assert any("503" in line for line in story[:-1])
    assert f"session-{call_id}" in story[-1] and daily.FROM[-4:] in story[-1]
    entry = ledger.call(call_id)["entry"]
    assert any(entry in line for line in story)
    for number in (daily.FROM, daily.TO):
        assert number[-5:].encode() not in stack.logs()


def test_what_has_started_stays_so_when_it_comes_again_too_late(stack, ledger, start):
    """The group is made again at the mark, which an unfinished entry holds back: what has started
    since then comes once more, when its hold is long over."""
    worker = stack.worker(START_URL=start.url, HOLD_LIMIT_S=1)
    ledger.queue(daily.webhook(), v="9")  # put aside, unfinished
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    before = ledger.wait_for_state(webhook["callId"], "started")
    wait_for(lambda: ledger.client.time()[0] * 1000 > int(before["received_ms"]) + 2000)
    ledger.client.xgroup_destroy(ledger.key("webhooks"), "workers")
    late = daily.webhook()
    wait_for(lambda: ledger.client.exists(ledger.key("webhooks")) and worker.is_ready())
    ledger.queue(late)
    ledger.wait_for_state(late["callId"], "started")
    wait_for(lambda: entry not in {row["message_id"].decode() for row in ledger.client.xpending_range(
        ledger.key("webhooks"), "workers", "-", "+", 10)})
    assert ledger.call(webhook["callId"]) == before
    assert ledger.counts() == {"started": 2}
    assert len(start.requests) == 2


def test_a_record_is_repeated_after_another_worker_has_begun_the_call_again(stack, ledger, start):
    """The reply to the record of a refusal is lost, and the call is admitted elsewhere before it is sent again."""
    may_answer = threading.Event()

    def refuses(exchange):
        may_answer.wait(30)
        answers(429, b"{}")(exchange)
    start.script(refuses, hangs())
    between = stack.keep_wire(Between(stack.redis.port))
    first = stack.worker(START_URL=start.url, REDIS_URL=between.url)
    webhook = daily.webhook()
    ledger.queue(webhook)
    wait_for(lambda: start.requests, what="the request")
    between.is_held = lambda answer: True
    may_answer.set()
    ledger.wait_for_state(webhook["callId"], "waiting")
    first.signal(signal.SIGSTOP)
    between.cut()
    between.is_held = None
    stack.worker(START_URL=start.url)
    wait_for(lambda: len(start.requests) == 2, what="the other worker to ask")
    first.signal(signal.SIGCONT)
    wait_for(lambda: b"taken over by another worker" in first.log(), 20, "the record to be sent again")
    assert [event["attempt"] for event in ledger.events(webhook["callId"], "attempt")] == ["1"]


@pytest.mark.slow
def test_an_answer_after_the_call_was_elsewhere_and_has_come_back(stack, ledger, start):
    """A worker sleeps through its lease; the one that took its call over dies, and the call comes back to it. The
    answer to its own request, which the other has recorded as unknown, starts the call: nobody asks once more."""
    may_answer, key = threading.Event(), ledger.key("webhooks")

    def answers_later(exchange):
        may_answer.wait(60)
        starts_a_bot()(exchange)
    start.script(answers_later, hangs(), starts_a_bot())
    first = stack.worker(START_URL=start.url, LEASE_S=3)
    webhook = daily.webhook()
    ledger.queue(webhook)
    wait_for(lambda: start.requests, what="the request")
    first.signal(signal.SIGSTOP)
    second = stack.worker(START_URL=start.url, LEASE_S=3)
    wait_for(lambda: len(start.requests) == 2, 20, "the other worker to ask")
    second.kill()
    first.signal(signal.SIGCONT)
    wait_for(lambda: [row["consumer"].decode() for row in ledger.client.xpending_range(key, "workers", "-", "+", 10)]
             == [first.consumer()], 20, "the call to come back")
    may_answer.set()
    ledger.wait_for_state(webhook["callId"], "started")
    ledger.wait_until_finished()
    assert len(start.requests) == 2
    attempts = [(event["attempt"], event.get("late")) for event in ledger.events(webhook["callId"], "attempt")]
    assert ("1", "1") in attempts, "its answer is recorded"
