"""The forecast beyond the first of a long line: 64 callers are walked through each second, the next in a deep
walk every ten seconds, and the rest is estimated. The same for `now`, the board and the metrics."""

import pytest

from audit import Audit
from stack import wait_for

AGENT, FIRST, DEEP = "sales", 64, 1000
LONG_MS, SHORT_MS = 3_600_000, 50_000
SLOT_MS, STARTS_A_SLOT = 5000, 5  # 30 starts in 25 s to 30 s: the 65th turn comes after 54 s at the earliest


@pytest.fixture
def line(ledger):
    """The first 64 hold for an hour. All others hold for 50 s, and their turn comes later: they are
    lost. An estimate by the longest hold would have all of them served."""
    def make(count, agent=AGENT):
        seconds, us = ledger.client.time()
        now = seconds * 1000 + us // 1000
        ids = [f"{agent}-{number:04}" for number in range(count)]
        ledger.client.zadd(ledger.key("line:" + agent), {call_id: now - 1000 + number
                                                         for number, call_id in enumerate(ids)})
        ledger.client.zadd(ledger.key("holds"), {call_id: now + (LONG_MS if number < FIRST else SHORT_MS)
                                                 for number, call_id in enumerate(ids)})
        for call_id in ids:
            ledger.client.hset(ledger.key("call:" + call_id), mapping={"received_ms": now - 1000})
        ledger.client.hset(ledger.key("starts:" + agent), mapping={
            now // SLOT_MS + slot: STARTS_A_SLOT for slot in range(-6, 24)})
        ledger.client.hset(ledger.key("pace:" + agent), "next_ms", now + 60_000)
        ledger.client.sadd(ledger.key("lines"), agent)
    return make


def lost_of(now):
    return {agent["agent"]: agent["lost"] for agent in now["agents"]}


def test_those_beyond_the_walk_of_each_second_are_counted_one_by_one(stack, line):
    line(300)
    assert lost_of(Audit(stack)("now", "--json").object()) == {AGENT: 300 - FIRST}
    board = stack.board()
    wait_for(lambda: lost_of(board.get("/api/now").json()) == {AGENT: 300 - FIRST}, what="a deep walk")


def test_the_metrics_know_them_too(stack, line, start):
    worker = stack.worker(START_URL=start.url)
    line(300)
    wait_for(lambda: worker.total("dialin_line_lost_forecast", agent=AGENT) == 300 - FIRST, what="a deep walk")


def test_a_deep_walk_has_an_end(stack, line):
    """Beyond it the rest may be served: nobody knows that they do not hold for an hour. Two lines share it."""
    line(DEEP + 200)
    audit = Audit(stack)
    assert lost_of(audit("now", "--json").object()) == {AGENT: DEEP - FIRST}
    line(DEEP + 200, "support")
    assert lost_of(audit("now", "--json").object()) == {AGENT: DEEP - FIRST, "support": DEEP - FIRST}
    line(DEEP + 200, "third")
    found = lost_of(audit("now", "--json").object())
    assert set(found.values()) == {2 * DEEP // 3 - FIRST}, found


def test_a_deep_walk_is_read_in_pages(stack, line):
    """However long the line is: no command reads more than a hundred callers."""
    own = stack.own_redis()
    line(3 * DEEP)
    own.client.config_resetstat()
    Audit(stack)("now", "--json")
    pages = -(-(DEEP - FIRST) // 100)
    assert own.client.info("commandstats")["cmdstat_eval_ro"]["calls"] == 2 + pages
    assert own.client.info("commandstats")["cmdstat_zmscore"]["calls"] == 2 + pages + 2  # the last dial-in's hold


def test_callers_who_have_left_are_not_lost_again(stack, line, ledger):
    line(300)
    board = stack.board()
    wait_for(lambda: lost_of(board.get("/api/now").json()) == {AGENT: 300 - FIRST}, what="a deep walk")
    ledger.client.zremrangebyrank(ledger.key("line:" + AGENT), FIRST, 299)
    wait_for(lambda: lost_of(board.get("/api/now").json()) == {AGENT: 0}, what="the rest of the line")
