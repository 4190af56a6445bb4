"""Five different calls rejected in a row: the agent or the route is wrong, and not the calls."""

import json

import pytest

import daily
from fake_start import FakeStart, answers, starts_a_bot
from stack import wait_for

TOLD = b"the agent rejects every call"


def ring(ledger, count):
    call_ids = [daily.new_call_id() for _ in range(count)]
    for call_id in call_ids:
        ledger.queue(daily.webhook(call_id))
    return call_ids


def wait_until_rejecting(ledger, call_ids):
    for call_id in call_ids:
        ledger.wait_for_state(call_id, "waiting")
    return wait_for(lambda: ledger.client.keys(ledger.key("rejecting:*")), what="the route to be known")


@pytest.mark.slow
def test_its_calls_stand_in_line_and_none_is_rejected(stack, ledger, start):
    start.script(answers(422, b'{"detail":"no"}'))
    workers = [stack.worker(START_URL=start.url) for _ in range(2)]
    first = ring(ledger, 5)
    rejecting, = wait_until_rejecting(ledger, first)
    wait_for(lambda: any(TOLD in worker.log() for worker in workers), what="the error")
    told = [line for worker in workers for line in worker.log_lines() if TOLD.decode() in line]
    assert all(" error " in line and "status=422" in line for line in told)

    later = ring(ledger, 2)
    asked = []
    for turn in range(5, 13):
        wait_for(lambda: len(start.requests) > turn, what=f"request {turn + 1}")
        asked.append(start.requests[turn].key)
        if turn > 5:  # the first pause is waited for, the others are cut short
            ledger.client.hset(rejecting, "", 0)
        else:
            assert start.requests[5].at - start.requests[4].at >= 4.9
    assert asked[:2] == later, "each is asked once before any is asked again"
    assert sorted(asked[2:7]) == sorted(first) and asked[7] in later
    assert ledger.counts() == {}, "a rejection still counts"

    start.script(starts_a_bot())
    ledger.client.hset(rejecting, "", 0)
    ledger.wait_until_finished(timeout_s=4)
    assert ledger.counts() == {"started": 7}
    assert ledger.client.keys(ledger.key("rejec*")) == []


def test_whose_hold_ends_meanwhile_is_rejected(stack, ledger, start):
    start.script(answers(400))
    worker = stack.worker(START_URL=start.url, HOLD_LIMIT_S=3)
    call_ids = ring(ledger, 6)
    wait_until_rejecting(ledger, call_ids)
    for call_id in call_ids:
        call = ledger.wait_for_state(call_id, "dead")
        assert call["reason"] == "rejected" and int(call["attempts"]) <= 1
        assert "rejected every call" in call["error"]
    assert ledger.counts() == {"dead": 6, "dead:rejected": 6}
    assert worker.total("dialin_calls_total", outcome="rejected") == 6


def test_a_start_between_ends_the_row(stack, ledger, start):
    """And one call is one of the five, however often it is rejected."""
    worker = stack.worker(START_URL=start.url)
    start.script(answers(400))
    bad = ring(ledger, 4)
    wait_for(lambda: len(start.requests) == 8, what="the second attempts")
    good = daily.new_call_id()
    start.script(starts_a_bot(), call_id=good)
    ledger.queue(daily.webhook(good))
    ledger.wait_for_state(good, "started")
    more = ring(ledger, 1)  # with the four others' last attempts: five, but only in this way
    start.script(starts_a_bot(), call_id=more[0])
    for call_id in bad:
        assert ledger.wait_for_state(call_id, "dead")["attempts"] == "3"
    ledger.wait_for_state(more[0], "started")
    assert ledger.counts() == {"started": 2, "dead": 4, "dead:rejected": 4}
    assert TOLD not in worker.log()


def test_another_route_of_the_same_agent_goes_on(stack, ledger, start, tmp_path):
    def step(exchange):
        is_bad = exchange.request.json()["body"].get("tier") == "bad"
        (answers(422) if is_bad else starts_a_bot())(exchange)
    start.script(step)
    path = tmp_path / "routes.json"
    path.write_text(json.dumps({"routes": [
        {"name": "bad", "to": ["+1415*"], "start_url": start.url, "body": {"tier": "bad"}},
        {"name": "good", "to": ["+1416*"], "start_url": start.url}]}))
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    bad = [daily.webhook(To="+14150000001") for _ in range(6)]
    good = [daily.webhook(To="+14160000001") for _ in range(20)]
    for webhook in bad:
        ledger.queue(webhook)
    rejecting, = wait_until_rejecting(ledger, [webhook["callId"] for webhook in bad])
    assert list(ledger.client.hgetall(rejecting)) == [b"bad"]
    for webhook in good:
        ledger.queue(webhook)
    for webhook in good:
        assert ledger.wait_for_state(webhook["callId"], "started", timeout_s=4)["attempts"] == "1"
    assert list(ledger.client.hgetall(rejecting)) == [b"bad"], "a start of another route ended it"
    asked = {request.key for request in start.requests}
    last = [webhook["callId"] for webhook in bad if webhook["callId"] not in asked]
    ledger.client.hset(rejecting, "bad", 0)
    if last:
        wait_for(lambda: start.requests[-1].key == last[0], what="the one that was not asked yet")
    assert ledger.counts()["started"] == 20 and "dead" not in ledger.counts()


def rejects(exchange):
    answers(422, b'{"detail":"no"}')(exchange)


def test_its_calls_do_not_wait_if_there_is_a_further_agent(stack, ledger, start, tmp_path, second):
    """But for one new call in 5 s, which still asks the first; its 2xx ends that."""
    start.script(rejects)
    path = tmp_path / "routes.json"
    path.write_text(json.dumps({"routes": [
        {"name": "sales", "start_url": start.url, "overflow": [{"after_s": 60, "start_url": second.url}]}]}))
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    first = ring(ledger, 5)
    for call_id in first:
        assert ledger.wait_for_state(call_id, "started", timeout_s=20)["step"] == "1"
        assert [each["reason"] for each in ledger.events(call_id, "overflow")] == ["rejecting"]
        assert len(second.requests_of(call_id)) == 1
    rejecting, = ledger.client.keys(ledger.key("rejecting:*"))
    ledger.client.hset(rejecting, "sales", ledger.client.time()[0] * 1000 + 10000)  # of the pauses the longest
    asked = len(start.requests)
    for call_id in ring(ledger, 3):
        assert ledger.wait_for_state(call_id, "started")["step"] == "1"
    assert len(start.requests) == asked, "a call asked the agent that rejects each"

    start.script(starts_a_bot())
    ledger.client.hset(rejecting, "sales", 0)  # the pause is not waited for
    assert ledger.wait_for_state(ring(ledger, 1)[0], "started")["step"] == "0"
    assert ledger.client.keys(ledger.key("rejec*")) == [] and "dead" not in ledger.counts()


@pytest.fixture
def second():
    server = FakeStart()
    yield server
    server.close()
