"""A thousand calls at once, and what may happen to the processes meanwhile: nothing is lost.

The account: every acknowledged entry is started, dead with a reason, or a duplicate. Bots are
counted at the agent, never at the worker.
"""

import signal
import time

import pytest

import daily
from burst import Burst
from stack import wait_for
from stopwatch import Stopwatch

CALLS = 1000
LEASE_S = 3


@pytest.fixture
def agent(stack):
    return stack.agent("--pool", "0", "--latency-ms", "300")


def check_all_started(burst, ledger, agent, timeout_s=40):
    """All that was acknowledged, and nothing twice."""
    ledger.wait_until_finished(timeout_s)
    ended = ledger.check_account(burst.acknowledged.values())
    started = {fields["call_id"].decode() for entry, fields in ledger.entries()
               if ended[entry] == "started"}
    assert set(burst.acknowledged) <= started
    assert agent.starts() == {call_id: 1 for call_id in started}


def workers_of(ledger, call_ids):
    return {ledger.call(call_id)["worker"] for call_id in call_ids}


def test_a_burst_is_started_at_once(stack, ledger, agent):
    agent.control(latency_ms=1000)  # they overlap, however slowly they come
    worker = stack.worker(START_URL=agent.url)
    ingress = stack.ingress()
    begun = time.time()
    burst = Burst([ingress.port], CALLS).join()
    assert not burst.refused
    check_all_started(burst, ledger, agent)
    assert agent.waiting_max() > 300
    assert ledger.counts() == {"started": CALLS}
    assert workers_of(ledger, burst.call_ids) == {worker.consumer()}
    assert len(ledger.events(event="attempt")) == CALLS
    latest = max(int(ledger.call(call_id)["started_ms"]) for call_id in burst.call_ids)
    assert latest / 1000 - begun < 15, "with 1 s each, one after the other takes 1,000 s"


def test_two_workers_and_two_ingresses_share_a_burst(stack, ledger, agent):
    workers = [stack.worker(START_URL=agent.url, CONCURRENCY=100) for _ in range(2)]
    ingresses = [stack.ingress() for _ in range(2)]
    burst = Burst([ingress.port for ingress in ingresses], CALLS).join()
    assert not burst.refused
    check_all_started(burst, ledger, agent)
    for worker in workers:
        share = [call_id for call_id in burst.call_ids
                 if ledger.call(call_id)["worker"] == worker.consumer()]
        assert len(share) > CALLS / 10, "one of them had nearly nothing to do"


def test_one_webhook_a_hundred_times_at_once(stack, ledger, agent):
    for _ in range(2):
        stack.worker(START_URL=agent.url)
    ingresses = [stack.ingress() for _ in range(2)]
    call_id, data = Burst.make()
    burst = Burst([ingress.port for ingress in ingresses],
                  webhooks=[(f"copy-{i}", data) for i in range(100)]).join()
    assert not burst.refused
    ledger.wait_until_finished()
    ledger.check_account(burst.acknowledged.values())
    assert ledger.counts() == {"started": 1, "duplicate": 99}
    assert agent.starts() == {call_id: 1}


def test_sigterm_of_the_ingress_amid_a_burst(stack, ledger, agent):
    stack.worker(START_URL=agent.url)
    ingress = stack.ingress()
    burst = Burst([ingress.port], CALLS, kept_back=CALLS // 5)
    wait_for(lambda: burst.answered() > CALLS / 5)
    ingress.terminate()
    assert ingress.wait() == 0
    burst.join()
    assert burst.refused and len(burst.acknowledged) >= CALLS / 5
    check_all_started(burst, ledger, agent)


def test_a_rolling_change_of_the_ingress(stack, ledger, agent):
    """What the leaving one does not take any more, its sender sends to the next one."""
    stack.worker(START_URL=agent.url)
    old, new = stack.ingress(), stack.ingress()
    burst = Burst([old.port], CALLS, kept_back=CALLS // 5)
    wait_for(lambda: burst.answered() > CALLS / 5)
    old.terminate()
    burst.join()
    for call_id in burst.refused:
        answer = new.ring(daily.webhook(call_id))
        assert answer.status == 200
        burst.acknowledged[call_id] = answer.json()["id"]
    check_all_started(burst, ledger, agent)
    assert set(burst.acknowledged) == burst.call_ids


@pytest.mark.parametrize("concurrency", [2048, 100])
def test_sigterm_of_a_worker_amid_a_burst(stack, ledger, agent, concurrency):
    leaving, staying = [stack.worker(START_URL=agent.url, CONCURRENCY=concurrency) for _ in range(2)]
    ingress = stack.ingress()
    burst = Burst([ingress.port], CALLS, kept_back=CALLS // 5)
    wait_for(lambda: agent.waiting_max() >= 40 and
             any(event["worker"] == leaving.consumer() for event in ledger.events(event="attempt")),
             what="the one that leaves to have started a call")
    leaving.terminate()
    assert leaving.wait() == 0  # and the last of the burst find the other alone
    assert not burst.join().refused
    check_all_started(burst, ledger, agent)
    assert ledger.counts() == {"started": CALLS}
    assert workers_of(ledger, burst.call_ids) == {leaving.consumer(), staying.consumer()}
    assert ledger.events(event="attempt") and not [
        event for event in ledger.events(event="attempt") if event["error"]]


def test_every_worker_leaves_and_another_comes(stack, ledger, agent):
    leaving = stack.worker(START_URL=agent.url, CONCURRENCY=50)
    ingress = stack.ingress()
    burst = Burst([ingress.port], CALLS, kept_back=CALLS // 5)
    wait_for(lambda: agent.waiting_max() >= 40)
    leaving.terminate()
    assert leaving.wait() == 0
    assert not burst.join().refused
    assert ledger.unfinished() > 0
    stack.worker(START_URL=agent.url)
    check_all_started(burst, ledger, agent)


def test_waiting_calls_are_handed_back_at_once(stack, ledger, start):
    """A worker that leaves while its calls wait: another takes them, well within their hold."""
    from fake_start import answers, starts_a_bot
    start.script(answers(429, headers=[("Retry-After", "1")]))
    leaving = stack.worker(START_URL=start.url, LEASE_S=60)
    webhooks = [daily.webhook() for _ in range(20)]
    entries = [ledger.queue(webhook) for webhook in webhooks]
    wait_for(lambda: len(ledger.events(event="waiting")) == 20)
    leaving.terminate()
    assert leaving.wait() == 0
    start.script(starts_a_bot())
    stack.worker(START_URL=start.url, LEASE_S=60)
    ledger.wait_until_finished(10)
    ledger.check_account(entries)
    assert ledger.counts() == {"started": 20}
    assert len(ledger.events(event="waiting")) == 20, "a call enters the line once"


def test_sigterm_waits_for_what_is_out_no_longer_than_it_may(stack, ledger, start):
    from fake_start import hangs, starts_a_bot
    start.script(hangs())
    leaving = stack.worker(START_URL=start.url, DRAIN_TIMEOUT_S=1, LEASE_S=60)
    webhook = daily.webhook()
    ledger.queue(webhook)
    wait_for(lambda: start.requests)
    begun, watch = time.monotonic(), Stopwatch()
    leaving.terminate()
    assert leaving.wait() == 0
    assert time.monotonic() - begun > 0.9 and watch.seconds() < 4
    start.script(starts_a_bot())
    stack.worker(START_URL=start.url)
    ledger.wait_for_state(webhook["callId"], "started")
    assert [event["error"] for event in ledger.events(event="attempt")] == ["unknown outcome", ""]
    assert len(start.requests) == 2


def check_taken_over(burst, ledger, agent):
    """As above, but a request that was out when its worker died may have started a bot: then there
    is an attempt of unknown outcome for it."""
    ledger.wait_until_finished(60)
    ended = ledger.check_account(burst.acknowledged.values())
    assert set(ended.values()) == {"started"}
    unknown = {}
    for event in ledger.events(event="attempt"):
        if event["error"] == "unknown outcome":
            unknown[event["call_id"]] = unknown.get(event["call_id"], 0) + 1
    starts = agent.starts()
    assert set(starts) == burst.call_ids
    for call_id, count in starts.items():
        assert count <= 1 + unknown.get(call_id, 0), f"{call_id} has {count} bots"
    posts = agent.get("/control")["counters"]["requests"]
    assert len(ledger.events(event="attempt")) >= posts, "a POST is not in the audit"
    return unknown


@pytest.mark.slow
def test_sigkill_of_a_worker_amid_a_burst(stack, ledger, agent):
    dying = stack.worker(START_URL=agent.url, LEASE_S=LEASE_S, CONCURRENCY=200)
    staying = stack.worker(START_URL=agent.url, LEASE_S=LEASE_S, CONCURRENCY=200)
    ingress = stack.ingress()
    agent.control(latency_ms=5000)  # so that many are out, however slow the machine is
    burst = Burst([ingress.port], CALLS)
    wait_for(lambda: agent.waiting_max() > 220, 30)  # more than one of them may have
    agent.control(latency_ms=300)
    dying.kill()
    wait_for(lambda: b"took over" in staying.log(), LEASE_S + 1 + 3,
             "the calls of the dead worker to be taken over")
    assert not burst.join().refused
    unknown = check_taken_over(burst, ledger, agent)
    assert unknown, "the worker was killed with nothing out: the test tests nothing"


@pytest.mark.slow
def test_a_worker_that_sleeps_through_its_lease(stack, ledger, start):
    """Stopped with a request out, taken over, woken: it records nothing of what others have."""
    from fake_start import delays, starts_a_bot
    start.script(delays(0.5, starts_a_bot()), delays(5, starts_a_bot()))
    sleeping = stack.worker(START_URL=start.url, LEASE_S=LEASE_S)
    webhook = daily.webhook()
    ledger.queue(webhook)
    wait_for(lambda: start.requests)
    sleeping.signal(signal.SIGSTOP)
    other = stack.worker(START_URL=start.url, LEASE_S=LEASE_S)
    wait_for(lambda: len(start.requests) == 2, what="the other to ask")
    sleeping.signal(signal.SIGCONT)
    late = wait_for(lambda: [event for event in ledger.events(event="attempt")
                             if event.get("late")])
    assert [event["worker"] for event in late] == [sleeping.consumer()]
    assert ledger.call(webhook["callId"])["state"] == "starting", "the other is at it"
    call = ledger.wait_for_state(webhook["callId"], "started")
    assert call["worker"] == other.consumer()
    assert ledger.counts() == {"started": 1}
    assert len(start.requests) == 2


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "stopped for a while"])
def test_redis_amid_a_burst(stack, ledger, how):
    """Without a spool the ingress waits 5 s for Redis: a restart in that time costs nobody."""
    redis = stack.own_redis(fsync="always")
    agent = stack.agent("--pool", "0", "--latency-ms", "300")
    workers = [stack.worker(START_URL=agent.url) for _ in range(2)]
    ingress = stack.ingress()
    burst = Burst([ingress.port], CALLS, kept_back=CALLS // 5)
    wait_for(lambda: burst.answered() > CALLS / 5)
    if how == "killed":
        redis.kill()
        burst.go_on()
        wait_for(lambda: ingress.admin("/readyz").status == 503)
        stack.restart_redis()
    else:
        redis.signal(signal.SIGSTOP)
        burst.go_on()
        wait_for(lambda: ingress.metrics()["dialin_webhooks_in_flight"] == 10)
        redis.signal(signal.SIGCONT)
    assert not burst.join().refused
    ledger.wait_until_finished(60)
    ended = ledger.check_account(burst.acknowledged.values())
    # An entry whose answer was lost is sent again, and its second copy ends as a duplicate.
    assert set(ended.values()) <= {"started", "duplicate"}
    assert agent.starts() == {call_id: 1 for call_id in burst.call_ids}
    for program in (ingress, *workers):
        program.wait_until_ready()


@pytest.mark.slow
def test_entries_that_are_taken_are_not_lost_with_their_answer(stack, ledger, start):
    """CLIENT KILL: the worker's connections break while entries are on their way to it."""
    stack.worker(START_URL=start.url)
    webhooks = [daily.webhook() for _ in range(300)]
    for i, webhook in enumerate(webhooks):
        ledger.queue(webhook)
        if i % 20 == 0:
            ledger.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    ledger.wait_until_finished(30)
    assert ledger.counts() == {"started": 300}
    assert {request.key for request in start.requests} == {each["callId"] for each in webhooks}
    assert len(start.requests) == 300
