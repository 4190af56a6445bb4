"""REDIS_PREFIXES: dialin-audit over several prefixes, as if each were the only one."""

import pytest

import daily
from ledger import Ledger


@pytest.fixture
def two(stack, ledger, start):
    """Two groups of numbers, each with a worker and a call; the prefixes, and their calls."""
    calls = {}
    for prefix in (stack.prefix, f"{stack.prefix}:b"):
        here = Ledger(stack.redis, prefix)
        stack.worker(START_URL=start.url, REDIS_PREFIX=prefix)
        webhook = daily.webhook()
        here.queue(webhook)
        here.wait_for_state(webhook["callId"], "started")
        calls[prefix] = webhook["callId"]
    return calls


def prefixes_of(two):
    return {"REDIS_PREFIXES": ",".join(two), "REDIS_PREFIX": "{not-looked-at}"}


def test_each_row_names_its_prefix(audit, two):
    rows = audit.json("list", **prefixes_of(two))
    assert {row["prefix"]: row["call_id"] for row in rows} == two
    assert all(next(iter(row)) == "prefix" for row in rows)
    out = audit("list", **prefixes_of(two)).out.splitlines()
    assert out[0].startswith("PREFIX ")
    for call_id in two.values():
        assert any(call_id[:12] in line for line in out), out
    assert sum(line.startswith("{") for line in out) == 2


@pytest.mark.parametrize("command", [["stats"], ["now"], ["staffing", "--aht", "60"], ["verify"]])
def test_each_answer_names_its_prefix(audit, two, command):
    code = 1 if command[0] == "staffing" else 0  # too little is known yet
    assert audit.run(*command, **prefixes_of(two)).code in (0, code)
    objects = audit.run(*command, "--json", **prefixes_of(two)).objects()
    if command[0] == "stats":
        assert [row["prefix"] for row in objects] == list(two)
        assert all(row["account"]["started"] == 1 for row in objects)
        lines = audit(*command, **prefixes_of(two)).out.splitlines()
        assert [line for line in lines if line in two] == list(two)
    else:
        assert {row["prefix"] for row in objects} <= set(two)


def test_a_call_is_found_in_any_of_them(audit, two):
    for prefix, call_id in two.items():
        story, = audit("show", call_id, "--json", **prefixes_of(two)).objects()
        assert (story["prefix"], story["call_id"]) == (prefix, call_id)
    audit("show", "nobody", code=1, **prefixes_of(two))


def test_a_number_is_forgotten_in_all_of_them(audit, two):
    audit("forget", daily.FROM, "--yes", **prefixes_of(two))
    assert not audit.json("list", "--from", daily.FROM, **prefixes_of(two))


@pytest.mark.parametrize("command", [["tail"], ["export"], ["replay", "--live"], ["now", "--watch"], ["doctor"]])
def test_what_takes_one_prefix(audit, stack, command):
    result = audit(*command, code=2, REDIS_PREFIXES=f"{stack.prefix},{stack.prefix}:b")
    assert "takes one prefix: set REDIS_PREFIX in place of REDIS_PREFIXES" in result.err


def test_one_prefix_is_like_before(audit, two, stack):
    assert "prefix" not in audit.json("list")[0]
    assert not audit("list").out.startswith("PREFIX")
    assert "REDIS_PREFIXES: must be at most" in audit("list", code=1, REDIS_PREFIXES="a b").err
    assert len(audit.json("list", REDIS_PREFIXES=f",{stack.prefix},")) == 1
