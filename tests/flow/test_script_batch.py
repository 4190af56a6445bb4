"""Steps of many calls leave in one run of a script (worker/script/script_batch.c); none harms another."""

import pathlib
import re

import daily
from fake_start import starts_a_bot
from stack import wait_for

BEGIN = pathlib.Path(__file__).parents[2] / "worker/record/begin.lua"
CALLS = 100  # several runs of each script


def ring(ledger, count=CALLS):
    webhooks = [daily.webhook() for _ in range(count)]
    for webhook in webhooks:
        ledger.queue(webhook)
    return [webhook["callId"] for webhook in webhooks]


def runs_of_scripts(client):
    return client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]


def test_calls_that_come_together_begin_together(stack, ledger, start):
    ring(ledger)
    before = runs_of_scripts(ledger.client)
    stack.worker(START_URL=start.url)
    ledger.wait_until_finished()
    assert runs_of_scripts(ledger.client) - before < 1.5 * CALLS  # alone they would be twice as many
    assert ledger.counts() == {"started": CALLS}


def test_one_that_redis_refuses_harms_no_other(stack, ledger, start):
    """Its run fails, also for those behind it; those before it in the run have begun: they are not
    begun a second time."""
    call_ids = ring(ledger)
    refused = call_ids[CALLS // 2]
    ledger.client.set(ledger.key(f"call:{refused}"), "of another type")
    worker = stack.worker(START_URL=start.url)
    wait_for(lambda: ledger.counts().get("started") == CALLS - 1)
    file, line = re.search(rb"Redis refuses a record.*on @(\w+\.lua):(\d+)", worker.log()).groups()
    assert file == b"begin.lua"
    assert "redis.call('HMGET', call_key" in (BEGIN.read_text().splitlines()[int(line) - 1])
    ledger.client.delete(ledger.key(f"call:{refused}"))
    ledger.wait_until_finished()
    assert sorted(request.key for request in start.requests) == sorted(call_ids)
    assert {ledger.call(call_id)["attempts"] for call_id in call_ids} == {"1"}


def test_one_whose_record_redis_refuses_harms_no_other(stack, ledger, start):
    """The same after the POST, in the run that records the outcomes."""
    start.script(starts_a_bot())
    stack.worker(START_URL=start.url)
    call_ids = ring(ledger, 1)
    ledger.wait_until_finished()
    refused = daily.new_call_id()

    def spoil(exchange):
        ledger.client.rename(ledger.key(f"call:{refused}"), ledger.key("aside"))
        ledger.client.set(ledger.key(f"call:{refused}"), "of another type")
        starts_a_bot()(exchange)
    start.script(spoil, call_id=refused)
    call_ids += ring(ledger, 20)
    ledger.queue(daily.webhook(refused))
    call_ids += ring(ledger, 20)
    wait_for(lambda: ledger.counts().get("started") == len(call_ids))
    assert ledger.client.get(ledger.key(f"call:{refused}")) == b"of another type"
    ledger.client.rename(ledger.key("aside"), ledger.key(f"call:{refused}"))
    ledger.wait_until_finished()
    assert ledger.call(refused)["state"] == "started"
    assert len(start.requests_of(refused)) == 1
