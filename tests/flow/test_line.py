"""Those who wait for a full agent stand in line: CONTRACT, section 4, "Decide", the row of 429.

The agent here is a gate: it answers 429 while it is closed and starts a bot while it is open, and
keeps count of who asked when.
"""

import threading
import time

import pytest

import daily
from fake_start import answers, starts_a_bot
from stack import wait_for

SLACK_S = 0.05  # "never earlier than told, less 50 ms"


class Gate:
    """A step for every request to `start`."""

    def __init__(self, start, is_open=False, headers=(), latency_s=0):
        self.is_open = is_open
        self.headers = list(headers)
        self.latency_s = latency_s
        self.lock = threading.Lock()
        self.let_in = []  # call ids, in the order of their requests
        self.out = 0  # requests not answered yet
        self.crowds = []  # (requests out at an arrival, starts answered before it)
        self.started = 0
        start.script(self.step)

    def step(self, exchange):
        with self.lock:
            is_open = self.is_open
            self.out += 1
            self.crowds.append((self.out, self.started))
            if is_open:
                self.let_in.append(exchange.request.key)
        exchange.server.closing.wait(self.latency_s)
        with self.lock:  # counted before the answer leaves: what it permits comes later
            self.out -= 1
            self.started += is_open
        (starts_a_bot() if is_open else answers(429, b"{}", self.headers))(exchange)

    def open(self):
        with self.lock:
            self.crowds.clear()
            self.started = 0
            self.is_open = True


def line_of(ledger):
    """Every call that waits, in the order of its line."""
    return [call_id.decode() for agent in ledger.client.smembers(ledger.key("lines"))
            for call_id in ledger.client.zrange(ledger.key("line:" + agent.decode()), 0, -1)]


def put_in_line(ledger, count, **fields):
    """Calls that stand in line behind a first one that was refused; the oldest first."""
    webhooks = [daily.webhook() for _ in range(count)]
    ledger.queue(webhooks[0], **fields)
    wait_for(lambda: ledger.client.exists(ledger.key("lines")), what="a line")
    for webhook in webhooks[1:]:
        ledger.queue(webhook, **fields)
    wait_for(lambda: len(line_of(ledger)) >= count - 1, what="all to stand in line")
    return [webhook["callId"] for webhook in webhooks]


def gaps(start):
    times = [request.at for request in start.requests]
    return [later - earlier for earlier, later in zip(times, times[1:])]


def now_ms(ledger):
    seconds, micros = ledger.client.time()
    return seconds * 1000 + micros // 1000


@pytest.mark.slow
def test_in_the_order_in_which_they_rang_across_all_workers(stack, ledger, start):
    gate = Gate(start, latency_s=0.05)
    for _ in range(3):
        stack.worker(START_URL=start.url, CONCURRENCY=20)
    put_in_line(ledger, 1)
    rang_ms = now_ms(ledger)
    dialouts = [daily.new_call_id() for _ in range(5)]
    for i, call_id in enumerate(dialouts):
        ledger.queue(daily.dialout(), call_id, "dialout", received_ms=str(rang_ms - 20000 + i))
    dialins = [daily.webhook() for _ in range(60)]
    for i, webhook in enumerate(dialins):  # the last to come rang first
        ledger.queue(webhook, received_ms=str(rang_ms - 1000 - 100 * i))
    expected = [webhook["callId"] for webhook in reversed(dialins)]
    wait_for(lambda: len(line_of(ledger)) >= 65, what="all to stand in line")
    stand = [call_id for call_id in line_of(ledger) if call_id in expected]
    assert len(stand) >= 59, "at most one is asking"
    assert stand == [call_id for call_id in expected if call_id in stand]
    gate.open()
    ledger.wait_until_finished()
    assert len(gate.let_in) == len(set(gate.let_in)) == 66
    assert gate.let_in[0] == expected[0]
    order = [call_id for call_id in gate.let_in if call_id in expected]
    together = max(out for out, _ in gate.crowds)
    first_dialout = min(gate.let_in.index(call_id) for call_id in dialouts)
    assert first_dialout >= 61 - together, "dial-ins go before dial-outs"
    for place, call_id in enumerate(order):
        assert abs(place - expected.index(call_id)) <= together, (place, together)


@pytest.mark.slow
def test_it_grows_with_each_that_is_let_in_and_falls_back_to_one(stack, ledger, start):
    gate = Gate(start, latency_s=0.2)
    for _ in range(2):
        stack.worker(START_URL=start.url)
    put_in_line(ledger, 41)
    pace = ledger.key(pace_key(ledger))
    gate.open()
    wait_for(lambda: len(gate.let_in) > 20)
    for out, started in gate.crowds:
        assert out <= 1 + started, "each start lets two ask"
    assert max(out for out, _ in gate.crowds) >= 4, "it does not grow"
    with gate.lock:
        gate.is_open = False
    wait_for(lambda: gate.out == 0, what="what was out to be refused")
    wait_for(lambda: ledger.client.hget(pace, "width") == b"1")
    # Those admitted before may still be on their way: wait until four in a row come alone.
    wait_for(lambda: len(gate.crowds) >= 4 and all(out == 1 for out, _ in gate.crowds[-4:]), 20)
    with gate.lock:
        gate.crowds.clear()
        gate.started = 0
        gate.is_open = True
    ledger.wait_until_finished()
    for out, started in gate.crowds:
        assert out <= 1 + started, "it begins with one again"


def pace_key(ledger):
    agent = next(iter(ledger.client.smembers(ledger.key("lines")))).decode()
    return f"pace:{agent}"


@pytest.mark.slow
def test_a_full_agent_is_asked_at_the_pace_whatever_the_number_of_callers(stack, ledger, start):
    Gate(start)
    for _ in range(4):
        stack.worker(START_URL=start.url)
    put_in_line(ledger, 100)
    wait_for(lambda: len(start.requests) >= 6, 15)
    awake = [request.at_awake_s for request in start.requests]
    for gap, earlier, later in zip(gaps(start)[:5], awake, awake[1:]):
        assert 0.25 - SLACK_S <= gap and later - earlier < 1, gaps(start)


@pytest.mark.slow
def test_it_is_left_alone_for_as_long_as_it_asks(stack, ledger, start):
    gate = Gate(start, headers=[("Retry-After", "2")])
    for _ in range(3):
        stack.worker(START_URL=start.url)
    put_in_line(ledger, 30)
    wait_for(lambda: len(start.requests) >= 3, 15)
    assert min(gaps(start)) >= 2 - SLACK_S, gaps(start)
    gate.open()
    ledger.wait_until_finished()


def test_a_request_unanswered_for_a_second_holds_nobody_up(stack, ledger, start):
    gate = Gate(start)
    stack.worker(START_URL=start.url)
    call_ids = put_in_line(ledger, 4)
    gate.latency_s = 30
    with gate.lock:
        gate.is_open = True
    wait_for(lambda: len(gate.let_in) == 4, 15)
    assert gate.let_in == call_ids
    admitted_ms = [ms for key in ledger.client.keys(ledger.key("asking:*"))
                   for _, ms in ledger.client.zrange(key, 0, -1, withscores=True)]
    assert len(admitted_ms) == 4
    assert all(later - earlier >= 1000 for earlier, later in zip(admitted_ms, admitted_ms[1:]))


def test_a_dead_worker_stalls_no_line(stack, ledger, start):
    """Those who wait belong to no worker: nobody's lease has to run out."""
    gate = Gate(start)
    dying = stack.worker(START_URL=start.url, LEASE_S=60)
    call_ids = put_in_line(ledger, 20)
    wait_for(lambda: len(line_of(ledger)) == 20, what="nobody to ask")
    dying.signal(19)  # SIGSTOP: nothing leaves any more
    wait_for(lambda: len(line_of(ledger)) == 20)
    dying.kill()
    gate.open()
    stack.worker(START_URL=start.url, LEASE_S=60)
    ledger.wait_until_finished(10)
    assert sorted(gate.let_in) == sorted(call_ids)
    assert len(ledger.events(event="waiting")) == 20, "a call enters the line once"
    assert ledger.client.keys(ledger.key("pace:*")) == [], "nobody waits: there is no line"


@pytest.mark.slow
def test_whose_hold_is_over_is_given_up_in_the_line(stack, ledger, start):
    Gate(start, headers=[("Retry-After", "10")])
    stack.worker(START_URL=start.url, HOLD_LIMIT_S=3)
    call_ids = put_in_line(ledger, 50)
    ledger.wait_until_finished(15)
    for call_id in call_ids:
        call = ledger.call(call_id)
        assert (call["state"], call["reason"]) == ("dead", "expired")
        late_ms = int(call["updated_ms"]) - int(call["received_ms"]) - 3000
        assert 0 <= late_ms < 3000, "it is given up about when its hold ends"
    assert len(start.requests) == 1
    assert ledger.counts()["dead:expired"] == 50
    assert line_of(ledger) == []
    assert ledger.client.zcard(ledger.key("holds")) == 0


def test_a_new_agent_takes_those_who_wait_for_the_old_and_its_own_at_once(stack, ledger, start):
    """The configuration was changed: a full agent delays no call of another."""
    from fake_start import FakeStart
    Gate(start, headers=[("Retry-After", "4")])
    old = stack.worker(START_URL=start.url)
    waiting = put_in_line(ledger, 3)
    other = FakeStart()
    try:
        old.terminate()
        assert old.wait() == 0
        stack.worker(START_URL=other.url)
        fresh = daily.webhook()
        queued = time.time()
        ledger.queue(fresh)
        ledger.wait_for_state(fresh["callId"], "started")
        assert other.requests_of(fresh["callId"])[0].at - queued < 3, "not the old agent's pace"
        ledger.wait_until_finished(20)
        assert {request.key for request in other.requests} == {*waiting, fresh["callId"]}
    finally:
        other.close()


def test_one_call_that_always_fails_does_not_block_the_line(stack, ledger, start):
    gate = Gate(start)
    stack.worker(START_URL=start.url)
    call_ids = put_in_line(ledger, 30)
    start.script(answers(500), call_id=call_ids[0])
    gate.open()
    wait_for(lambda: len(gate.let_in) == 29, 20)
    start.script(starts_a_bot(), call_id=call_ids[0])
    ledger.wait_until_finished(20)
    assert ledger.counts() == {"started": 30}


def test_a_line_that_redis_has_lost_is_found_again(stack, ledger, start):
    """As a damaged append-only file leaves it: calls that wait, and nobody who would ask."""
    gate = Gate(start)
    stack.worker(START_URL=start.url)
    call_ids = put_in_line(ledger, 10)
    wait_for(lambda: len(line_of(ledger)) == 10)
    ledger.client.delete(ledger.key("holds"), *ledger.client.keys(ledger.key("line:*")))
    gate.open()
    ledger.wait_until_finished(15)
    assert sorted(gate.let_in) == sorted(call_ids)


@pytest.mark.slow
def test_ten_callers_for_each_session_are_served_in_ten_times_its_length(stack, ledger):
    """The short form of `make line`: 5 sessions of 2 s, 25 callers."""
    agent = stack.agent("--pool", "5", "--session-ms", "2000")
    for _ in range(2):
        stack.worker(START_URL=agent.url)
    webhooks = [daily.webhook() for _ in range(25)]
    entries = [ledger.queue(webhook) for webhook in webhooks]
    ledger.wait_until_finished(60)
    ledger.check_account(entries)
    assert ledger.counts() == {"started": 25}
    assert agent.starts() == {webhook["callId"]: 1 for webhook in webhooks}
    started = [int(ledger.call(webhook["callId"])["started_ms"]) for webhook in webhooks]
    # The first five came before there was a line.
    order = sorted(range(25), key=lambda i: started[i])[5:]
    assert all(abs(order.index(i) - place) <= 5 for place, i in enumerate(sorted(order))), order


def test_redis_clock_was_set_back_while_a_busy_agent_was_full(stack, ledger, start):
    """What the turnover lets in is counted from a time that is ahead: the line does not wait for it."""
    gate = Gate(start)
    stack.worker(START_URL=start.url)
    put_in_line(ledger, 6)
    pace = ledger.key(pace_key(ledger))
    paused, agent = ledger.key("paused"), pace.rpartition("pace:")[2]
    ledger.client.hset(paused, agent, "1 test")
    gate.open()
    wait_for(lambda: not ledger.client.zcard(ledger.key("admitted:" + agent)) and gate.out == 0,
             what="nobody to ask any more")
    ahead = now_ms(ledger) + 120_000
    ledger.client.hset(pace, mapping={"turnover": "30", "tokens": "0", "tokens_ms": ahead,
                                      "slowed_ms": ahead, "next_ms": "0"})
    ledger.client.hdel(paused, agent)
    ledger.wait_until_finished()
