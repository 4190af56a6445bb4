"""What happens to Redis while a worker runs: it goes on by itself, without a restart."""

import daily


def start_one(ledger):
    call_id = daily.new_call_id()
    ledger.queue(daily.webhook(call_id))
    return ledger.wait_for_state(call_id, "started")


def test_everything_is_flushed(stack, ledger, start):
    stack.own_redis()
    stack.worker(START_URL=start.url)
    start_one(ledger)
    stack.redis.client.flushall()
    start_one(ledger)
    assert ledger.counts() == {"started": 1}


def test_the_group_is_deleted(stack, ledger, start):
    """Made again, it begins with the oldest entry: what is finished is not started again."""
    stack.worker(START_URL=start.url)
    start_one(ledger)
    ledger.client.xgroup_destroy(ledger.key("webhooks"), "workers")
    start_one(ledger)
    assert len(start.requests) == 2
    assert ledger.counts() == {"started": 2}
    ledger.wait_until_finished()


def test_a_duplicate_is_counted_once_though_its_group_was_lost(stack, ledger, start):
    stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    for _ in range(2):
        ledger.queue(webhook)
    ledger.wait_until_finished()
    ledger.client.xgroup_destroy(ledger.key("webhooks"), "workers")
    ledger.queue(daily.webhook())
    ledger.wait_until_finished()
    assert ledger.counts() == {"started": 2, "duplicate": 1}


def test_the_scripts_are_forgotten(stack, ledger, start):
    stack.worker(START_URL=start.url)
    start_one(ledger)
    ledger.client.script_flush()
    start_one(ledger)


def test_the_connections_are_cut(stack, ledger, start):
    stack.worker(START_URL=start.url)
    start_one(ledger)
    for client in ledger.client.client_list():
        if client["name"].startswith(("dialin-worker", "w-")):
            ledger.client.client_kill_filter(_id=client["id"])
    start_one(ledger)
    assert len(start.requests) == 2
