"""Trouble with the agent is told as an error when it begins, while it lasts and when it is over."""

import pytest

import daily
from fake_start import answers, starts_a_bot
from stack import free_port, wait_for


def ring(ledger):
    call_id = daily.new_call_id()
    ledger.queue(daily.webhook(call_id))
    return call_id


def lines(worker, text):
    return [line for line in worker.log().splitlines() if text in line]


def test_an_agent_that_fails_is_told_with_how_many_wait(stack, ledger, start):
    start.script(*[answers(503)] * 40, starts_a_bot())
    worker = stack.worker(START_URL=start.url)
    call_ids = [ring(ledger) for _ in range(4)]
    told = wait_for(lambda: lines(worker, b"cannot start bots"), what="the trouble's beginning")
    assert b" error " in told[0] and b"status=503" in told[0]
    # 10 s later once more, by then with those who stand in line.
    again = wait_for(lambda: lines(worker, b"cannot start bots")[1:], 20, what="that it lasts")
    assert b"callers_waiting=" in again[0] and b"callers_waiting=0" not in again[0]
    for call_id in call_ids:
        ledger.wait_for_state(call_id, "started", timeout_s=60)
    assert len(lines(worker, b"answers again")) == 1
    assert len(lines(worker, b"cannot start bots")) <= 4, "told for each attempt"


def test_a_request_that_fails_among_good_ones_is_not_the_agents_failure(stack, ledger, start):
    worker = stack.worker(START_URL=start.url)
    start.script(starts_a_bot(), answers(503), starts_a_bot())
    ledger.wait_for_state(ring(ledger), "started")
    ledger.wait_for_state(ring(ledger), "started")
    slip = wait_for(lambda: lines(worker, b"a request to the agent failed"))
    assert b" warning " in slip[0] and b"status=503" in slip[0]
    assert not lines(worker, b"cannot start bots") and not lines(worker, b"answers again")
    start.script(*[answers(503)] * 4, starts_a_bot())
    ledger.wait_for_state(ring(ledger), "started")
    wait_for(lambda: lines(worker, b"answers again"))
    assert len(lines(worker, b"cannot start bots")) == 1


@pytest.mark.parametrize("status", [401, 404])
def test_an_agent_that_rejects_us_is_told_at_once(stack, ledger, start, status):
    start.script(answers(status))
    worker = stack.worker(START_URL=start.url)
    ring(ledger)
    told = wait_for(lambda: lines(worker, b"rejected our configuration"))
    assert b" error " in told[0] and b"status=%d" % status in told[0]


def test_an_agent_that_takes_no_connection_is_told(stack, ledger):
    worker = stack.worker(START_URL=f"http://127.0.0.1:{free_port()}/start")
    ring(ledger)
    told = wait_for(lambda: lines(worker, b"cannot start bots"))
    assert b"status=0" in told[0] and b"onnect" in told[0]


def test_a_missing_key_of_daily_is_warned_of(stack, start):
    warning = b"DAILY_API_KEY is not set"
    assert wait_for(lambda: lines(stack.worker(START_URL=start.url), warning))
    worker = stack.worker(START_URL=start.url, DAILY_API_KEY="key-of-daily-0123456789")
    wait_for(lambda: lines(worker, b"ready for calls"))
    assert not lines(worker, warning)
