"""Entries of a version that this worker does not know are put aside for one that does, and are given
up, whole, when their callers are long gone."""

import daily
from history import History
from stack import wait_for

HOUR_MS = 3600 * 1000
LIMITS = {"HOLD_LIMIT_S": 60, "DIALOUT_LIMIT_S": 120}


def owners(ledger):
    return {entry["message_id"].decode(): entry["consumer"].decode() for entry in
            ledger.client.xpending_range(ledger.key("webhooks"), "workers", "-", "+", 100)}


def test_an_entry_of_a_newer_version_waits_for_its_worker(stack, ledger, start):
    first = stack.worker(START_URL=start.url, **LIMITS)
    entry = ledger.queue(daily.webhook(), v="3")
    wait_for(lambda: owners(ledger) == {entry: "unknown"})
    old = stack.worker(START_URL=start.url, **LIMITS)
    wait_for(lambda: old.metrics()["dialin_entries_unfinished"] == 1)
    assert owners(ledger) == {entry: "unknown"} and not start.requests
    assert b"newer version" in first.log() and ledger.counts() == {}


def test_a_worker_that_knows_the_version_takes_it(stack, ledger, start):
    past = History(ledger)
    calls = [past.entry(1000 - i, is_read_by="unknown")[1] for i in range(60)]
    stack.worker(START_URL=start.url)
    for call_id in calls:
        ledger.wait_for_state(call_id, "started")
    ledger.wait_until_finished()
    assert len(start.requests) == 60


def test_when_the_hold_is_long_over_it_is_a_dead_letter(stack, ledger, start):
    past = History(ledger)
    entry, call_id = past.entry(HOUR_MS + 130 * 1000, is_read_by="unknown", v="3", color="blue")
    young, _ = past.entry(HOUR_MS + 60 * 1000, is_read_by="unknown", v="3")
    fields = dict(ledger.entries())[entry]
    worker = stack.worker(START_URL=start.url, **LIMITS)
    call = ledger.wait_for_state(call_id, "dead")
    assert call["reason"] == "invalid" and "version" in call["error"] and call["entry"] == entry
    letter, = ledger.dead(call_id)
    assert letter == {"id": letter["id"], **{name: value.decode() for name, value in fields.items()},
                      "reason": "invalid", "error": call["error"]}
    event, = ledger.events(call_id)
    assert (event["event"], event["reason"], event["entry"]) == ("dead", "invalid", entry)
    assert ledger.counts() == {"dead": 1, "dead:invalid": 1}
    assert owners(ledger) == {young: "unknown"}
    wait_for(lambda: worker.metrics()["dialin_entries_unfinished"] == 1)
    assert worker.metrics()["dialin_account_difference"] == 0
    assert not start.requests and b"gave up" in worker.log()


def test_a_second_webhook_of_an_unknown_version_is_a_duplicate(stack, ledger, start):
    past = History(ledger)
    first, call_id = past.finished(3 * HOUR_MS)
    second, _ = past.entry(2 * HOUR_MS, call_id=call_id, is_read_by="unknown", v="3")
    stack.worker(START_URL=start.url, **LIMITS)
    wait_for(lambda: ledger.counts() == {"started": 1, "duplicate": 1})
    assert ledger.call(call_id)["entry"] == first
    assert ledger.events(call_id, "duplicate")[0]["entry"] == second
    assert owners(ledger) == {}
