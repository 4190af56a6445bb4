"""A record of many calls: what is searched for is found without reading all of them, and of those that are read
only what is needed."""

import hashlib

import pytest

import daily
import many_calls
from audit import Audit
from redis_between import Between

CALLS, STEP_MS = 10_000, 600
MINUTES = CALLS * STEP_MS // 60_000 + 2
HOUR_MS = 3600 * 1000
ODD = ["anonymous", "+1 (415) 777-0001", '"A" <sip:+14157770002@trunk.example>', "004930555", "sip:anna@example.com"]


@pytest.fixture
def audit(stack):
    return Audit(stack)


def now_ms(ledger):
    seconds, us = ledger.client.time()
    return seconds * 1000 + us // 1000


def add_odd_calls(ledger, ms):
    """A call a minute from each spelling, as finish.lua leaves it."""
    for i, number in enumerate(ODD):
        at_ms, body = ms + i * 60_000, b"{}"
        entry, call_id = f"{at_ms}-0", f"odd-{i}"
        ledger.client.xadd(ledger.key("webhooks"), {
            "v": "1", "kind": "dialin", "call_id": call_id, "received_ms": at_ms, "timestamp": "", "signature": "",
            "peer": "", "body": body, "sha256": hashlib.sha256(body).hexdigest()}, id=entry)
        ledger.client.hset(ledger.key(f"call:{call_id}"), mapping={
            "state": "started", "entry": entry, "from": number, "to": "+1", "agent": "a", "reason": "",
            "started_ms": at_ms + 5})
        is_unusual = not number.lstrip("+").isdigit() and any(c.isdigit() or c == "@" for c in number)
        ledger.client.sadd(ledger.key(f"index:{at_ms // 60_000}"), f"from:{number}", "to:+1", "agent:a",
                           "state:started", "reason:", *(["from:?"] if is_unusual else []))


@pytest.fixture
def many(ledger):
    first_ms = now_ms(ledger) - CALLS * STEP_MS
    add_odd_calls(ledger, first_ms - HOUR_MS)
    many_calls.fill(ledger.client, ledger.prefix, CALLS, first_ms, STEP_MS, 20)
    ledger.client.hincrby(ledger.key("counts"), "started", len(ODD))
    return ledger


def count_commands(ledger):
    return {name.removeprefix("cmdstat_"): found["calls"] for name, found in ledger.client.info("commandstats").items()}


def call_ids(numbers):
    return [many_calls.CALL_ID.format(number) for number in numbers]


def test_a_number_or_its_beginning_is_found_in_the_index(many, audit):
    for wanted, found in [("+1415000234*", call_ids(range(2349, 2339, -1))), ("+14150007777", call_ids([7777])),
                          ("+1415000999*", call_ids(range(9999, 9989, -1))), ("+4915*", []),
                          ("anonymous", ["odd-0"]), ("anon*", ["odd-0"]), ("restricted", []),
                          ("+1415777*", ["odd-2", "odd-1"]), ("+4930*", ["odd-3"]), ("004930*", ["odd-3"]),
                          ("sip:anna@*", ["odd-4"]), ("sip:anna@example.com", ["odd-4"]), ("sip:bert@*", [])]:
        many.client.config_resetstat()
        calls = audit.json("list", "--from", wanted, "--limit", "0")
        assert [call["call_id"] for call in calls] == found, wanted
        counts = count_commands(many)
        assert counts.get("hmget", 0) + counts.get("hgetall", 0) < 600, f"{wanted}: others were read: {counts}"
        assert counts.get("sscan", 0) <= MINUTES + 70, counts


def test_all_that_is_named_must_be_met(many, audit):
    """A search in two numbers, and beside an outcome."""
    dead = call_ids([2340])
    for more in ([], ["--to", "+1415225*"], ["--reason", "expired", "--agent", "agent"]):
        calls = audit.json("list", "--from", "+1415000234*", "--state", "dead", *more)
        assert [call["call_id"] for call in calls] == dead, more
    assert not audit.json("list", "--from", "+1415000234*", "--to", "+1999*")
    assert not audit.json("list", "--from", "+1415000234*", "--state", "dead", "--reason", "rejected")


def test_a_busy_minute_is_searched_to_its_end(ledger, audit):
    """3,000 callers in a minute are more than one command looks at."""
    first_ms = now_ms(ledger) // 60_000 * 60_000 - HOUR_MS
    many_calls.fill(ledger.client, ledger.prefix, 9000, first_ms, 20, 20)
    for number in range(1500, 1508):
        ledger.client.config_resetstat()
        wanted = many_calls.NUMBER.format(number) + "*"
        assert [call["call_id"] for call in audit.json("list", "--from", wanted)] == call_ids([number]), wanted
        assert count_commands(ledger)["hmget"] <= 6000, "a minute beside it and the newest was read"


def test_only_what_is_needed_is_read(many, audit):
    """stats needs no whole hash, and a list the hashes of its rows only."""
    many.client.config_resetstat()
    stats = audit("stats", "--json").object()
    counts = count_commands(many)
    dead = CALLS // 20
    assert stats["kept"] == {"queued": 0, "starting": 0, "waiting": 0, "started": CALLS - dead + len(ODD), "dead": dead,
                             "duplicate": 0, "unknown": 0}
    assert stats["waited_ms"]["count"] == CALLS - dead + len(ODD) and stats["waited_ms"]["p50"] in range(100, 200)
    of_account = 2
    assert counts["hmget"] <= CALLS + len(ODD) + of_account and counts["hgetall"] <= of_account, counts

    many.client.config_resetstat()
    rows = audit.json("list", "--state", "dead", "--limit", "7")
    assert [row["call_id"] for row in rows] == call_ids(range(CALLS - 20, CALLS - 160, -20))
    assert all(row["attempts"] == 9 and row["room_url"] for row in rows), "they are whole"
    assert count_commands(many)["hgetall"] == 7

    by_agent = {row["agent"]: row for row in audit.json("stats", "--by", "agent")}
    assert (by_agent["agent"]["started"], by_agent["agent"]["dead"]) == (CALLS - dead, dead)
    table = audit("list", "--limit", "2").out.splitlines()
    assert [line.split()[2] for line in table[1:]] == ["started", "started"] and "+1415" in table[1], table


def test_calls_that_change_while_they_are_read_leave_no_gap(stack, ledger, audit):
    """The three newest are begun after they were selected and before the rest of them is read."""
    webhooks = [daily.webhook() for _ in range(12)]
    entries = [ledger.queue(webhook) for webhook in webhooks]
    newest = [webhook["callId"] for webhook in reversed(webhooks)]

    def begins_them(answer):
        if answer.count(b"$-1") >= len(webhooks) and not ledger.client.exists(ledger.key(f"call:{newest[0]}")):
            for call_id, entry in zip(newest[:3], reversed(entries)):
                ledger.client.hset(ledger.key(f"call:{call_id}"), mapping={"state": "waiting", "entry": entry})
        return False
    between = stack.keep_wire(Between(int(stack.values({})["REDIS_URL"].rsplit(":", 1)[1])))
    between.is_held = begins_them
    rows = audit.json("list", "--state", "queued", "--limit", "5", REDIS_URL=between.url)
    assert ledger.client.exists(ledger.key(f"call:{newest[0]}"))
    assert [row["call_id"] for row in rows] == newest[3:8]
