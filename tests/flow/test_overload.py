"""Far more callers than the agent takes: the line keeps serving (CONTRACT, section 4, row of 429).

`make line` measures more of it: larger pools, longer holds, the share that is reached.
"""

import time

import pytest

import daily
from fake_start import answers, delays, starts_a_bot
from overload import Overload
from stack import wait_for
from stopwatch import Stopwatch


@pytest.mark.slow
def test_ten_times_overload_keeps_the_pool_busy_in_ring_order(stack, ledger):
    agent = stack.agent("--pool", "8", "--session-ms", "1000", "--latency-ms", "100")
    for _ in range(2):
        stack.worker(START_URL=agent.url, HOLD_LIMIT_S=3)
    overload = Overload(ledger, pool=8, session_s=1, hold_s=3, rate=80, duration_s=7).run()
    assert overload.share() > 0.6, (len(overload.started), overload.possible)
    assert overload.longest_gap_s() < 1.8
    assert overload.out_of_turn_ms() < 700
    fresh = daily.webhook()
    ledger.queue(fresh)
    call = ledger.wait_for_state(fresh["callId"], "started", timeout_s=3)
    assert int(call["started_ms"]) - int(call["received_ms"]) < 1500, "normal again at once"


@pytest.mark.slow
def test_a_slow_agent_that_fails_at_times_is_kept_busy_and_seldom_refuses(stack, ledger):
    """Ten sessions of a second, answers after 0.3 s: without the turnover half of the pool stood empty."""
    agent = stack.agent("--pool", "10", "--session-ms", "1000", "--latency-ms", "250",
                        "--latency-jitter-ms", "100", "--error-rate", "0.03")
    for _ in range(2):
        stack.worker(START_URL=agent.url, HOLD_LIMIT_S=5)
    overload = Overload(ledger, pool=10, session_s=1, hold_s=5, rate=40, duration_s=10).run()
    assert overload.share() > 0.68, (len(overload.started), overload.possible)
    assert overload.refused_a_second(agent) < 5


@pytest.mark.slow
def test_a_full_agent_whose_answers_are_slow_is_kept_busy(stack, ledger):
    """Forty sessions of a second, answers after 2 s: a refusal is known 2 s late, and tells of what was 80 calls
    ago. Half of the pool stood empty when the turnover was counted by the times of the answers."""
    agent = stack.agent("--pool", "40", "--session-ms", "1000", "--latency-ms", "2000")
    for _ in range(2):
        stack.worker(START_URL=agent.url, HOLD_LIMIT_S=8)
    overload = Overload(ledger, pool=40, session_s=1, hold_s=8, rate=60, duration_s=12).run()
    assert overload.share() > 0.6, (len(overload.started), overload.possible)
    assert overload.refused_a_second(agent) < 5.5


@pytest.mark.slow
def test_sessions_that_end_together_are_no_reason_to_ask_too_often(stack, ledger):
    """Thirty sessions of three seconds that began in half a second end in half a second: for the rest of the time
    the agent is full, and when they end, the line does not run far ahead of them."""
    agent = stack.agent("--pool", "30", "--session-ms", "3000")
    for _ in range(2):
        stack.worker(START_URL=agent.url, HOLD_LIMIT_S=5)
    overload = Overload(ledger, pool=30, session_s=3, hold_s=5, rate=60, duration_s=12).run()
    assert overload.share() > 0.75, (len(overload.started), overload.possible)
    assert overload.refused_a_second(agent) < 5


def test_requests_refused_together_slow_the_line_more_than_one(stack, ledger, start):
    """Three starts let four ask together; the agent, full again, refuses all four."""
    start.script(answers(429, headers=[("Retry-After", "1")]))  # time for the others to stand in line
    stack.worker(START_URL=start.url)
    calls = [daily.webhook() for _ in range(9)]
    ledger.queue(calls[0])
    wait_for(lambda: ledger.events(event="waiting"), what="a line")
    start.script(*3 * [starts_a_bot()], delays(0.2, answers(429)))
    for webhook in calls[1:]:
        ledger.queue(webhook)
    wait_for(lambda: len(ledger.events(event="attempt")) >= 8, what="four to be refused")
    wait_for(lambda: len(start.requests) > 8, what="the next to ask")
    times = sorted(request.at for request in start.requests)
    assert times[8] - times[7] > 0.2 + 0.4, times  # after one refusal: 0.2 + 0.25


@pytest.mark.parametrize("refusal", [answers(429, headers=[("Retry-After", "2")]),
                                     answers(503, headers=[("Retry-After", "2")])], ids=["full", "fails"])
def test_after_a_pause_one_asks_however_long_it_was(stack, ledger, start, refusal):
    """Bots start slowly, and refusals come at once. That nobody was refused while nobody might ask is no sign of
    more room: without that, all who wait asked at the end of each pause."""
    start.script(answers(429, headers=[("Retry-After", "1")]), *3 * [delays(1.2, starts_a_bot())], refusal)
    stack.worker(START_URL=start.url, HOLD_LIMIT_S=100)
    calls = [daily.webhook() for _ in range(100)]
    for webhook in calls:
        ledger.queue(webhook)
        wait_for(lambda: ledger.events(event="waiting"), what="a line")

    def three_come_alone():
        times = sorted(request.at for request in start.requests)
        alone = [later - earlier >= 1.95 for earlier, later in zip(times, times[1:])]
        return any(all(alone[i:i + 3]) for i in range(len(alone) - 2))
    wait_for(three_come_alone, 30)


@pytest.mark.slow
def test_requests_cut_by_the_hold_do_not_slow_the_line(stack, ledger, start):
    """The agent is full, and then hangs until the hold of those it hears has ended."""
    start.script(answers(429))
    stack.worker(START_URL=start.url, HOLD_LIMIT_S=2)
    webhooks = [daily.webhook() for _ in range(8)]
    for webhook in webhooks:
        ledger.queue(webhook)
    wait_for(lambda: len(ledger.events(event="waiting")) == 8)
    start.script(delays(4, answers(200)))
    ledger.wait_until_finished(20)
    start.script(starts_a_bot())
    fresh = [daily.webhook() for _ in range(8)]
    watch = Stopwatch()
    for webhook in fresh:
        ledger.queue(webhook)
    for webhook in fresh:
        ledger.wait_for_state(webhook["callId"], "started", timeout_s=5)
    assert watch.seconds() < 1, "the line was slowed down"


@pytest.mark.slow
def test_nobody_is_asked_who_cannot_be_answered_in_time(stack, ledger, start):
    """Answers take 4 s: of a line, those with less than that left are passed over, except one. A request holds up
    the next for a second: there is time to ask three of them."""
    start.script(delays(4, starts_a_bot()))
    stack.worker(START_URL=start.url, HOLD_LIMIT_S=10)
    first = [daily.webhook() for _ in range(3)]
    for webhook in first:
        ledger.queue(webhook)
    for webhook in first:
        ledger.wait_for_state(webhook["callId"], "started")
    start.script(answers(429, headers=[("Retry-After", "2")]))
    refused = daily.webhook()
    ledger.queue(refused)
    wait_for(lambda: ledger.events(event="waiting"), what="a line")
    rang_ms = int(time.time() * 1000)
    late, early = [daily.webhook() for _ in range(6)], daily.webhook()
    for webhook in late:  # with about 5 s left; when the line opens, with 3 s
        ledger.queue(webhook, received_ms=str(rang_ms - 5000))
    ledger.queue(early)
    start.script(delays(4, starts_a_bot()))
    ledger.wait_for_state(early["callId"], "started", timeout_s=15)
    ledger.wait_until_finished(10)
    asked = [webhook for webhook in late if start.requests_of(webhook["callId"])]
    assert len(asked) <= 1, "only to try the estimate"
