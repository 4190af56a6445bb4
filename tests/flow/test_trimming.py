"""Finished history goes when its time is over, or when memory is short; what is unfinished never."""

import threading

import pytest

import daily
from fake_start import hangs
from history import DAY_MS, GROUP, History
from stack import wait_for

MINUTE_MS = 60 * 1000


# --- by age ---------------------------------------------------------------------------------------

def test_finished_calls_go_after_their_time(stack, ledger, start):
    past = History(ledger)
    old = [past.finished(9 * DAY_MS), past.finished(8 * DAY_MS, "dead"),
           past.finished(7 * DAY_MS + 2 * MINUTE_MS, "duplicate"),
           past.finished(7 * DAY_MS + MINUTE_MS)]
    young = [past.finished(7 * DAY_MS - 5 * MINUTE_MS), past.finished(DAY_MS, "dead")]
    worker = stack.worker(START_URL=start.url)
    wait_for(lambda: len(past.entry_ids()) == 2)
    kept = {entry for entry, _ in young}
    assert set(past.entry_ids()) == kept == past.entries_of("audit")
    assert past.entries_of("dead") == {young[1][0]}
    assert not any(past.has_call(call_id) for _, call_id in old)
    assert all(past.has_call(call_id) for _, call_id in young)
    assert past.low() == young[1][0]
    assert worker.metrics()['dialin_entries_trimmed_total{cause="age"}'] == 4
    assert worker.metrics()["dialin_account_difference"] == 0
    assert not start.requests


def test_the_last_call_goes_too(stack, ledger, start):
    """Nothing of it stays because nobody rang since; the next call is started as ever."""
    past = History(ledger)
    entry_id, call_id = past.finished(8 * DAY_MS, "dead")
    stack.worker(START_URL=start.url)
    wait_for(lambda: not past.has_call(call_id))
    assert not past.entry_ids() and not past.entries_of("audit") and not past.entries_of("dead")
    assert past.low() == entry_id
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "started")


def test_retention_days_says_how_long(stack, ledger, start):
    past = History(ledger)
    past.finished(2 * DAY_MS)
    kept, _ = past.finished(DAY_MS // 2)
    stack.worker(START_URL=start.url, RETENTION_DAYS=1)
    wait_for(lambda: past.entry_ids() == [kept])


def test_the_index_goes_with_the_last_entry_of_its_minute(stack, ledger, start):
    past = History(ledger)
    calls = [past.finished(7 * DAY_MS + age_ms) for age_ms in (
        3 * MINUTE_MS, 2 * MINUTE_MS, -MINUTE_MS, -2 * MINUTE_MS)]
    minutes = [int(entry.split("-")[0]) // MINUTE_MS for entry, _ in calls]
    for (_, call_id), minute in zip(calls, minutes):
        ledger.client.sadd(ledger.key(f"index:{minute}"), "from:" + call_id)
        ledger.client.hset(ledger.key("replays"), call_id, 1)
    stack.worker(START_URL=start.url)
    wait_for(lambda: len(past.entry_ids()) == 2)
    kept = {ledger.key(f"index:{minute}").encode() for minute in minutes[2:]}
    assert set(ledger.client.keys(ledger.key("index:*"))) == kept
    assert set(ledger.client.hkeys(ledger.key("replays"))) == {
        call_id.encode() for _, call_id in calls[2:]}


@pytest.mark.parametrize("owner", ["line", "a-living-worker"])
def test_an_unfinished_entry_is_never_taken(stack, ledger, start, owner):
    """Nor anything behind it, finished as it may be."""
    past = History(ledger)
    past.client.set(ledger.key("worker:a-living-worker"), "w")
    before, _ = past.finished(20 * DAY_MS)
    pending, call_id = past.entry(15 * DAY_MS, is_read_by=owner)
    past.client.zadd(ledger.key("holds"), {call_id: 9e15})  # it has a place in the line
    behind = [past.finished(14 * DAY_MS), past.finished(10 * DAY_MS, "dead")]
    stack.worker(START_URL=start.url)
    wait_for(lambda: before not in past.entry_ids())
    kept = [pending, *[entry for entry, _ in behind]]
    assert past.entry_ids() == kept
    assert past.entries_of("audit") == set(kept[1:]) and past.entries_of("dead") == {kept[2]}
    assert all(past.has_call(call_id) for _, call_id in behind)
    past.client.xack(past.stream, GROUP, pending)
    stack.worker(START_URL=start.url)
    wait_for(lambda: not past.entry_ids())
    assert not any(past.has_call(call_id) for _, call_id in behind)


def test_what_nobody_has_read_is_not_taken(stack, ledger, start):
    """A worker away for longer than the retention time: those calls are expired, not forgotten."""
    past = History(ledger)
    finished, _ = past.finished(9 * DAY_MS)
    entry_id, call_id = past.entry(8 * DAY_MS, is_read_by=None)
    stack.worker(START_URL=start.url)
    wait_for(lambda: ledger.counts().get("dead:expired") == 1)
    assert ledger.events(call_id, "dead")[0]["entry"] == entry_id
    assert not start.requests


def test_only_the_hash_of_the_entry_goes(stack, ledger, start):
    """The call of a duplicate is that of another entry; an unusable call_id has another name."""
    past = History(ledger)
    duplicate, call_id = past.finished(9 * DAY_MS, "duplicate")
    odd, _ = past.finished(8 * DAY_MS, "dead", call_id="two\nlines", key="odd")
    past.client.rename(ledger.key("call:odd"), ledger.key(f"call:entry-{odd}"))
    kept, _ = past.finished(DAY_MS, call_id=call_id)
    stack.worker(START_URL=start.url)
    wait_for(lambda: past.entry_ids() == [kept])
    assert past.has_call(call_id) and not past.has_call(f"entry-{odd}")


def test_several_steps_of_several_workers(stack, ledger, start):
    past = History(ledger)
    for _ in range(1000):
        past.finished(8 * DAY_MS)
    kept, call_id = past.finished(DAY_MS)
    workers = [stack.worker(is_ready=False, START_URL=start.url) for _ in range(3)]
    wait_for(lambda: past.entry_ids() == [kept])
    wait_for(lambda: past.entries_of("audit") == {kept})
    calls = ledger.key("call:")
    assert past.client.keys(f"{calls}*") == [f"{calls}{call_id}".encode()]
    taken = 'dialin_entries_trimmed_total{cause="age"}'
    wait_for(lambda: sum(worker.metrics()[taken] for worker in workers) == 1000)


# --- memory ---------------------------------------------------------------------------------------

BALLAST = "x" * 4000


def used(client):
    return client.info("memory")["used_memory"]


def fill(past, count, age_ms=DAY_MS):
    return [past.finished(age_ms, ballast=BALLAST) for _ in range(count)]


def test_short_memory_takes_the_oldest_first(stack, ledger, start):
    redis = stack.own_redis()
    past = History(ledger)
    calls = fill(past, 1500)
    unfinished, _ = past.entry(MINUTE_MS, is_read_by="line")
    past.client.zadd(ledger.key("holds"), {"somebody": 9e15})
    redis.client.config_set("maxmemory", int(used(redis.client) * 1.2))  # it fills 83 % of that
    maxmemory = int(redis.client.config_get("maxmemory")["maxmemory"])
    worker = stack.worker(START_URL=start.url)
    wait_for(lambda: b"history is trimmed early" in worker.log())
    left = past.entry_ids()
    assert left == [*[entry for entry, _ in calls], unfinished][-len(left):]
    assert 300 < len(left) < 1400
    assert used(redis.client) < maxmemory * 0.72
    gone = len(calls) + 1 - len(left)
    said = [line for line in worker.log_lines() if "is trimmed early" in line]
    assert len(said) == 1 and f"entries={gone}" in said[0]
    assert f"up_to={calls[gone - 1][0]}" in said[0]
    assert worker.metrics()['dialin_entries_trimmed_total{cause="memory"}'] == gone
    assert not past.has_call(calls[gone - 1][1]) and past.has_call(calls[gone][1])
    assert worker.metrics()["dialin_account_difference"] == 0


def test_a_full_redis_takes_calls_again_once_there_is_room(stack, ledger, start):
    redis = stack.own_redis()
    past = History(ledger)
    fill(past, 500)
    redis.client.config_set("maxmemory", used(redis.client))
    ingress = stack.ingress(is_ready=False)  # which it is not while Redis refuses
    answers = []
    call_id = daily.new_call_id()
    ringing = threading.Thread(target=lambda: answers.append(ingress.ring(daily.webhook(call_id))))
    ringing.start()
    wait_for(lambda: ingress.metrics()["dialin_append_errors_total"] > 0)
    assert not answers
    stack.worker(START_URL=start.url)
    ringing.join(20)
    assert answers[0].status == 200
    ledger.wait_for_state(call_id, "started")


def test_finish_records_in_a_full_redis(stack, ledger, start):
    """Nothing is left to be taken away, and the calls that are in are served all the same. What
    ended a moment ago is remembered, so that a second copy of a webhook starts no second bot."""
    redis = stack.own_redis()
    worker = stack.worker(START_URL=start.url, LEASE_S=3)
    webhooks = [daily.webhook() for _ in range(3)]
    start.script(hangs(), call_id=webhooks[2]["callId"])
    for webhook in webhooks:
        ledger.queue(webhook)
    for webhook in webhooks[:2]:
        ledger.wait_for_state(webhook["callId"], "started")
    ledger.queue(webhooks[0])
    wait_for(lambda: ledger.counts().get("duplicate") == 1)
    redis.client.config_set("maxmemory", "1")
    worker.kill()
    # The second worker takes over a call that was out, and says in a full Redis what became of it.
    start.script(*start.scripts[None], call_id=webhooks[2]["callId"])
    second = stack.worker(START_URL=start.url, LEASE_S=3)
    ledger.wait_for_state(webhooks[2]["callId"], "started", timeout_s=20)
    wait_for(lambda: b"no finished history is left" in second.log(), timeout_s=20)
    redis.client.config_set("maxmemory", "0")
    ledger.queue(webhooks[1])
    wait_for(lambda: ledger.counts().get("duplicate") == 2)
    assert ledger.counts()["started"] == 3
    assert len(start.requests_of(webhooks[1]["callId"])) == 1
    assert 0 < redis.client.ttl(ledger.key(f"call:{webhooks[1]['callId']}")) <= 600
