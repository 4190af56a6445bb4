"""The account in the worker: what is queued is started, dead, a duplicate or unfinished; and what
Redis once had, it still has. What is otherwise, the log says with numbers, once."""

import daily
from fake_start import answers
from history import DAY_MS, History
from stack import wait_for


def lines(worker, words):
    return [line for line in worker.log_lines() if words in line]


def start_some(ledger, count):
    webhooks = [daily.webhook() for _ in range(count)]
    for webhook in webhooks:
        ledger.queue(webhook)
    for webhook in webhooks:
        ledger.wait_for_state(webhook["callId"], "started")
    ledger.wait_until_finished()


def test_the_account_adds_up(stack, ledger, start):
    """Started, dead, duplicate, waiting, put aside, deleted when finished: each is accounted for."""
    stack.own_redis()
    first = stack.worker(START_URL=start.url)
    start_some(ledger, 2)
    webhook = daily.webhook()
    start.script(answers(413), call_id=webhook["callId"])
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "dead")
    ledger.queue(webhook)
    wait_for(lambda: ledger.counts().get("duplicate") == 1)
    waiting = daily.webhook()
    start.script(answers(429), call_id=waiting["callId"])
    ledger.queue(waiting)
    ledger.wait_for_state(waiting["callId"], "waiting")
    ledger.queue(daily.webhook(), v="3")
    ledger.client.xdel(ledger.key("webhooks"), ledger.entries()[0][0])
    worker = stack.worker(START_URL=start.url)
    worker.read_account(stack.redis.client)
    wait_for(lambda: worker.metrics()["dialin_entries_unfinished"] == 2)
    assert worker.metrics()["dialin_account_difference"] == 0
    for program in (first, worker):
        assert not lines(program, "account") and not lines(program, "lost")


def test_a_difference_is_said_once(stack, ledger, start):
    stack.own_redis()
    worker = stack.worker(START_URL=start.url)
    start_some(ledger, 3)
    ledger.client.hincrby(ledger.key("counts"), "started", 2)
    worker.read_account(stack.redis.client)
    assert worker.metrics()["dialin_account_difference"] == -2
    start_some(ledger, 1)
    worker.read_account(stack.redis.client)
    said, = lines(worker, "does not add up")
    for words in ("difference=-2", "queued=3", "started=5", "dead=0", "unfinished=0"):
        assert words in said
    ledger.client.hincrby(ledger.key("counts"), "started", -2)
    worker.read_account(stack.redis.client)
    assert lines(worker, "adds up again")


def aof_files(redis):
    return sorted((redis.folder / "redis" / "appendonlydir").glob("*.incr.aof"))


def test_the_stream_is_deleted(stack, ledger, start):
    """More come than were lost, which hides them from a mere look at the counter."""
    stack.own_redis()
    worker = stack.worker(START_URL=start.url)
    start_some(ledger, 3)
    newest = ledger.entries()[-1][0]
    worker.read_account(stack.redis.client)
    ledger.client.delete(ledger.key("webhooks"))
    start_some(ledger, 4)
    worker.read_account(stack.redis.client)
    said, = lines(worker, "lost every webhook")
    assert "entries=3" in said and f"up_to={newest}" in said
    worker.read_account(stack.redis.client)
    assert len(lines(worker, "lost every webhook")) == 1


def test_the_append_only_file_was_cut(stack, ledger, start):
    """Redis starts with what is left and says nothing; stream and counters lose alike, so that the
    account adds up. The worker, which ran meanwhile, knows better."""
    redis = stack.own_redis(fsync="always")
    worker = stack.worker(START_URL=start.url)
    start_some(ledger, 3)
    log, = aof_files(redis)
    length = log.stat().st_size
    left = ledger.entries()[-1][0]
    start_some(ledger, 2)
    newest = ledger.entries()[-1][0]
    worker.read_account(stack.redis.client)
    redis.kill()
    with open(log, "r+b") as file:
        file.truncate(length)
    stack.restart_redis()
    start_some(ledger, 4)
    wait_for(lambda: lines(worker, "has lost webhooks"))
    said, = lines(worker, "has lost webhooks")
    assert "entries=2" in said and f"after={left}" in said and f"up_to={newest}" in said
    assert not lines(worker, "does not add up")


def test_what_is_trimmed_or_deleted_is_not_lost(stack, ledger, start):
    stack.own_redis()
    past = History(ledger)
    kept = [past.finished(DAY_MS - i) for i in range(3)]
    worker = stack.worker(START_URL=start.url)
    wait_for(lambda: worker.metrics()["dialin_account_readings_total"] > 0)
    ledger.client.xdel(past.stream, kept[2][0])
    worker.read_account(stack.redis.client)
    ledger.client.xtrim(past.stream, maxlen=0)
    worker.read_account(stack.redis.client)
    start_some(ledger, 2)
    worker.read_account(stack.redis.client)
    assert worker.metrics()["dialin_account_difference"] == 0
    assert not lines(worker, "lost") and not lines(worker, "account")
