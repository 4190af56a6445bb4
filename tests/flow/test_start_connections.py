"""The connections to /start: reuse, and what happens to a request whose connection dies."""

import time

import pytest

import daily
from callers import cpu_s
from fake_start import answers, closes, resets, starts_a_bot
from stack import wait_for


def ring(ledger, count=1):
    webhooks = [daily.webhook() for _ in range(count)]
    for webhook in webhooks:
        ledger.queue(webhook)
    return [webhook["callId"] for webhook in webhooks]


def start_one(ledger):
    call_id, = ring(ledger)
    ledger.wait_for_state(call_id, "started")
    return call_id


def test_a_connection_is_used_again(stack, ledger, start):
    stack.worker(START_URL=start.url)
    for _ in range(5):
        start_one(ledger)
    assert {request.connection_id for request in start.requests} == {1}


def test_a_connection_that_was_closed_while_idle(stack, ledger, start):
    """Nothing of the second request was read by anybody: it is sent once, and not twice."""
    stack.worker(START_URL=start.url)
    start.script(lambda exchange: (starts_a_bot()(exchange), closes()(exchange)), starts_a_bot())
    start_one(ledger)
    wait_for(lambda: not start.clients)
    second = start_one(ledger)
    assert len(start.requests_of(second)) == 1
    assert len(ledger.events(second, "attempt")) in (1, 2)


def test_a_connection_that_was_closed_while_idle_keeps_nobody_busy(stack, ledger, start):
    """The worker watches it also while it is idle, and has nothing to do about its end."""
    worker = stack.worker(START_URL=start.url)
    start.script(lambda exchange: (starts_a_bot()(exchange), closes()(exchange)))
    for _ in range(3):
        start_one(ledger)
        wait_for(lambda: not start.clients)
    used_s = cpu_s(worker)
    time.sleep(1)
    assert cpu_s(worker) - used_s < 0.3


@pytest.mark.parametrize("ends", [closes, resets])
def test_a_reused_connection_that_dies_with_the_request(stack, ledger, start, ends):
    """libcurl sends a POST again by itself here, and reports one success: it must not. What the
    agent got is what the audit has, and the first of the two has an unknown outcome."""
    stack.worker(START_URL=start.url)
    start_one(ledger)
    call_id = daily.new_call_id()
    start.script(ends(), starts_a_bot(), call_id=call_id)
    ledger.queue(daily.webhook(call_id))
    ledger.wait_for_state(call_id, "started")
    first, second = start.requests_of(call_id)
    assert start.requests[0].connection_id == first.connection_id, "the test tests nothing"
    assert first.key == second.key == call_id
    attempts = ledger.events(call_id, "attempt")
    assert [event["error"] for event in attempts] == ["unknown outcome", ""]
    assert [event["attempt"] for event in attempts] == ["1", "2"]


def test_hundreds_at_once_in_one_worker(stack, ledger):
    agent = stack.agent("--pool", "0", "--latency-ms", "1500")
    stack.worker(START_URL=agent.url)
    call_ids = ring(ledger, 600)
    ledger.wait_until_finished()
    assert agent.waiting_max() > 300
    assert agent.starts() == {call_id: 1 for call_id in call_ids}


def test_concurrency_is_a_limit(stack, ledger):
    agent = stack.agent("--pool", "0", "--latency-ms", "50")
    stack.worker(START_URL=agent.url, CONCURRENCY=7)
    call_ids = ring(ledger, 50)
    ledger.wait_until_finished()
    assert agent.waiting_max() == 7
    assert agent.starts() == {call_id: 1 for call_id in call_ids}


def test_waiting_calls_do_not_stop_the_worker_for_good(stack, ledger, start):
    """More calls wait than there is room for; each is started when the agent has room again."""
    stack.worker(START_URL=start.url, CONCURRENCY=5)
    start.script(answers(429))
    call_ids = ring(ledger, 20)
    wait_for(lambda: len(ledger.events(event="waiting")) >= 5)
    start.script(starts_a_bot())
    ledger.wait_until_finished(60)
    assert ledger.counts() == {"started": 20}
    assert {request.key for request in start.requests} == set(call_ids)


def test_a_full_agent_takes_its_callers_as_sessions_end(stack, ledger):
    """Pipecat Cloud as it is: a pool, 429 beyond it, sessions that end."""
    agent = stack.agent("--pool", "10", "--session-ms", "400", "--latency-ms", "20")
    stack.worker(START_URL=agent.url)
    call_ids = ring(ledger, 40)
    ledger.wait_until_finished(60)
    assert agent.starts() == {call_id: 1 for call_id in call_ids}
    assert ledger.counts() == {"started": 40}
