"""The end of a caller's hold: no request leaves after it, one that left in time may be answered, and
nobody whose bot started is called lost (CONTRACT, section 4, "Decide", and section 3, "States")."""

import hashlib
import signal
import threading

import pytest

import daily
from audit import Audit
from fake_start import answers, delays, hangs, starts_a_bot
from stack import wait_for

LEASE_S = 3


CLOCK_S = 0.01  # between Redis' clock and what a worker knows of it


def ended_after_s(ledger, call_id):
    call = ledger.call(call_id)
    return (int(call["updated_ms"]) - int(call["received_ms"])) / 1000


def test_an_answer_within_the_grace_is_a_start(stack, ledger, start):
    start.script(delays(2, starts_a_bot()))
    stack.worker(START_URL=start.url, HOLD_LIMIT_S=1, HOLD_GRACE_S=8)
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    call = ledger.wait_for_state(webhook["callId"], "started", "dead")
    assert (call["state"], call["attempts"]) == ("started", "1")
    ledger.check_account([entry])


def test_no_answer_and_then_a_full_agent_is_unknown(stack, ledger, start):
    """The hold runs out while the call waits in line: what came before is not forgotten."""
    start.script(hangs(), answers(429, b"{}"))
    worker = stack.worker(START_URL=start.url, HOLD_LIMIT_S=3, START_TIMEOUT_S=1)
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    call = ledger.wait_for_state(webhook["callId"], "dead")
    assert call["reason"] == "unknown" and "a bot may have started" in call["error"]
    assert int(call["attempts"]) > 1
    ledger.check_account([entry])
    assert [letter["reason"] for letter in ledger.dead(webhook["callId"])] == ["unknown"]
    assert ledger.counts() == {"dead": 1, "dead:unknown": 1}
    assert worker.total("dialin_calls_total", outcome="unknown") == 1


def test_who_takes_over_waits_for_hold_and_grace(stack, ledger, start):
    start.script(hangs())
    limits = {"LEASE_S": LEASE_S, "HOLD_LIMIT_S": 2, "HOLD_GRACE_S": 4}
    dying = stack.worker(START_URL=start.url, **limits)
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    wait_for(lambda: start.requests)
    dying.kill()
    stack.worker(START_URL=start.url, **limits)
    call = ledger.wait_for_state(webhook["callId"], "dead")
    assert call["reason"] == "unknown"
    assert ended_after_s(ledger, webhook["callId"]) > 2 + 4 - CLOCK_S
    assert len(start.requests) == 1
    ledger.check_account([entry])


def late_answer(stack, ledger, start, **limits_of_the_other):
    """One worker is stopped with its request out; another ends the call; then the first wakes, and
    finds the answer: a bot."""
    start.script(delays(1, starts_a_bot()), answers(429, b"{}"))
    sleeping = stack.worker(START_URL=start.url, LEASE_S=LEASE_S, HOLD_GRACE_S=60,
                            HOLD_LIMIT_S=limits_of_the_other["HOLD_LIMIT_S"])
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    wait_for(lambda: start.requests)
    sleeping.signal(signal.SIGSTOP)
    stack.worker(START_URL=start.url, LEASE_S=LEASE_S, **limits_of_the_other)
    return sleeping, webhook["callId"], entry


@pytest.mark.slow
def test_a_bot_that_is_heard_of_after_the_end_makes_it_started(stack, ledger, start):
    sleeping, call_id, entry = late_answer(stack, ledger, start, HOLD_LIMIT_S=2, HOLD_GRACE_S=1)
    assert ledger.wait_for_state(call_id, "dead")["reason"] == "unknown"
    assert ledger.counts() == {"dead": 1, "dead:unknown": 1}
    sleeping.signal(signal.SIGCONT)
    call = ledger.wait_for_state(call_id, "started")
    assert call["session_id"] == f"session-{call_id}" and call["reason"] == ""
    assert {name: count for name, count in ledger.counts().items() if count} == {"started": 1}
    events = [(event["event"], event.get("late")) for event in ledger.events(call_id)]
    assert events == [("attempt", None), ("dead", None), ("attempt", "1"), ("started", "1")]
    [letter] = ledger.dead(call_id)
    assert letter["late"] and letter["body"]
    assert ledger.unfinished() == 0
    audit = Audit(stack)
    audit("stats")  # exit code 1 if the account does not add up
    assert [each["call_id"] for each in audit.json("list", "--state", "started")] == [call_id]


@pytest.mark.slow
def test_a_bot_that_is_heard_of_before_the_end_is_not_forgotten(stack, ledger, start):
    """The other has asked again, the agent is full, and the hold runs out."""
    sleeping, call_id, entry = late_answer(stack, ledger, start, HOLD_LIMIT_S=8, HOLD_GRACE_S=1)
    wait_for(lambda: len(start.requests) > 1, what="the other to ask")
    sleeping.signal(signal.SIGCONT)
    wait_for(lambda: any(event.get("late") for event in ledger.events(call_id, "attempt")))
    call = ledger.wait_for_state(call_id, "started", "dead", timeout_s=15)
    assert (call["state"], call["session_id"]) == ("started", f"session-{call_id}"), call
    ledger.check_account([entry])


@pytest.mark.slow
def test_a_bot_that_is_heard_of_ends_the_wait_in_the_line(stack, ledger, start):
    """Not at the call's turn, which never comes: the agent is paused."""
    sleeping, call_id, entry = late_answer(stack, ledger, start, HOLD_LIMIT_S=100, HOLD_GRACE_S=1)
    agent = ledger.wait_for_state(call_id, "waiting", timeout_s=20)["agent"]
    ledger.client.hset(ledger.key("paused"), agent, "1 test")
    wait_for(lambda: ledger.client.zscore(ledger.key("line:" + agent), call_id))
    sleeping.signal(signal.SIGCONT)
    call = ledger.wait_for_state(call_id, "started", timeout_s=20)
    assert call["session_id"] == f"session-{call_id}" and not ledger.client.zcard(ledger.key("holds"))
    ledger.wait_until_finished()
    ledger.check_account([entry])


def note_late(ledger, call_id):
    """As finish.lua does it of a 2xx that comes after another worker has taken the call over."""
    ledger.client.hset(ledger.key("call:" + call_id), mapping={
        "late_ms": "1", "session_id": "session-late", "room_url": "https://example.daily.co/late"})


def check_is_started_late(worker, ledger, call_id, entry):
    call = ledger.wait_for_state(call_id, "started")
    assert (call["session_id"], call["room_url"]) == ("session-late", "https://example.daily.co/late")
    assert [event["late"] for event in ledger.events(call_id, "started")] == ["1"]
    ledger.wait_until_finished()
    ledger.check_account([entry])
    assert not ledger.counts().get("dead") and ledger.client.get(ledger.key(
        "room:" + hashlib.sha1(b"late").hexdigest())) == call_id.encode()
    wait_for(lambda: worker.total("dialin_calls_total", outcome="started") == 1)
    assert worker.total("dialin_calls_total") == 1


def test_a_call_whose_bot_is_heard_of_in_the_line_is_not_asked_for_again(stack, ledger, start):
    start.script(answers(429, b"{}"))
    worker = stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    call_id, entry = webhook["callId"], ledger.queue(webhook)
    agent = ledger.wait_for_state(call_id, "waiting")["agent"]
    ledger.client.hset(ledger.key("paused"), agent, "1 test")
    wait_for(lambda: ledger.client.zscore(ledger.key("line:" + agent), call_id) and
             worker.metrics()["dialin_calls_in_work"] == 0)
    note_late(ledger, call_id)
    start.script(starts_a_bot())
    asked = len(start.requests)
    ledger.client.hdel(ledger.key("paused"), agent)
    check_is_started_late(worker, ledger, call_id, entry)
    assert len(start.requests) == asked


@pytest.mark.parametrize("status", [429, 503])
def test_a_bot_that_is_heard_of_while_another_is_asked_for(stack, ledger, start, status):
    may_answer = threading.Event()

    def step(exchange):
        may_answer.wait(30)
        answers(status, b"{}")(exchange)
    start.script(step)
    worker = stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    wait_for(lambda: start.requests)
    note_late(ledger, webhook["callId"])
    may_answer.set()
    check_is_started_late(worker, ledger, webhook["callId"], entry)
    assert len(start.requests) == 1


@pytest.mark.slow
def test_overload_calls_nobody_lost_who_has_a_bot(stack, ledger):
    """Many more callers than the pool takes before their hold ends; counted at the agent."""
    agent = stack.agent("--pool", "5", "--latency-ms", "1500", "--session-ms", "1000")
    stack.worker(START_URL=agent.url, HOLD_LIMIT_S=5, HOLD_GRACE_S=4, LOG_LEVEL="warning")
    webhooks = [daily.webhook() for _ in range(60)]
    entries = [ledger.queue(webhook) for webhook in webhooks]
    ledger.wait_until_finished(20)
    ended = ledger.check_account(entries)
    started = agent.starts()
    calls = [ledger.call(webhook["callId"]) for webhook in webhooks]
    lost = [webhook["callId"] for webhook, call in zip(webhooks, calls)
            if call.get("reason") == "expired"]
    assert not set(lost) & set(started)
    assert len(lost) > 20 and len(started) >= 5, ended
    assert all(count == 1 for count in started.values())
