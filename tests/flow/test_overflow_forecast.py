"""Overflow by the forecast: a call moves on as soon as it would be lost where it waits (CONTRACT, "overflow")."""

import pytest

from fake_start import answers, starts_a_bot
from routed import FULL, OTHER, SALES, in_line, overflows, ring, started_by
from stack import wait_for


def two_agents(agents, routes, **fields):
    first, second = agents("first"), agents("second")
    path = routes({"name": "sales", "agent": "first", "overflow": [{"after_s": "forecast", "agent": "second"}],
                   **fields},
                  first={"start_url": first.url}, second={"start_url": second.url})
    return first, second, path


def test_who_would_be_lost_moves_on_and_nobody_else(stack, ledger, start, agents, routes):
    """One start in 25 to 30 s, and a hold of 110 s: there is time for three callers or four."""
    first, second, path = two_agents(agents, routes)
    workers = [stack.worker(START_URL=start.url, ROUTES_FILE=path) for _ in range(2)]
    started_by(ledger, ring(ledger, SALES), first)
    first.script(FULL)
    calls = [ring(ledger, SALES)]
    wait_for(lambda: in_line(ledger, "first") == calls, what="a line")
    calls += [ring(ledger, SALES) for _ in range(8)]
    for call_id in calls[4:]:
        assert started_by(ledger, call_id, second)["step"] == "1"
        assert overflows(ledger, call_id) == [("first", "second", "1", "forecast")]
    first.script(starts_a_bot())
    for call_id in calls[:3]:
        assert ledger.wait_for_state(call_id, "started")["agent"] == "first"
        assert overflows(ledger, call_id) == []
    wait_for(lambda: ledger.unfinished() == 0, what="all to be served")
    assert ledger.client.exists(ledger.key("moves")) == 0
    assert sum(len(second.requests_of(call_id)) for call_id in calls) in (5, 6)
    ledger.check_account([entry for entry, _ in ledger.entries()])
    assert all(worker.is_running() for worker in workers)


def test_without_a_forecast_the_end_of_the_hold_decides(stack, ledger, start, agents, routes):
    """The agent has started nobody of late: "unknown" is not "lost", but nobody waits to the end for it."""
    first, second, path = two_agents(agents, routes, hold_limit_s=8)
    first.script(FULL)
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id = ring(ledger, SALES)
    wait_for(lambda: in_line(ledger, "first") == [call_id], what="a call in line")
    call = ledger.wait_for_state(call_id, "started", timeout_s=15)
    assert call["agent"] == "second" and overflows(ledger, call_id) == [("first", "second", "1", "forecast")]
    waiting, = ledger.events(call_id, "waiting")
    moved, = ledger.events(call_id, "overflow")
    assert int(moved["at_ms"]) - int(waiting["at_ms"]) >= 2000, "it moved before there was a need"


def test_a_long_line_moves_whole(stack, ledger, start, agents, routes):
    """More calls are lost at once than one script has arguments."""
    first, second, path = two_agents(agents, routes, hold_limit_s=20)
    first.script(FULL)
    worker = stack.worker(START_URL=start.url, ROUTES_FILE=path)
    calls = [ring(ledger, SALES) for _ in range(130)]
    wait_for(lambda: len(in_line(ledger, "first")) > 100, what="a long line")
    for call_id in calls:
        assert ledger.wait_for_state(call_id, "started", timeout_s=25)["agent"] == "second"
    assert worker.is_running()


def test_a_call_far_behind_in_a_long_line_moves_on(stack, ledger, start, agents, routes):
    """Twelve starts in 25 to 30 s and a hold of 220 s: those from about place 88 to 106 on are lost. The walk of each
    second does not come that far, and the deep one comes there in its second page. In the first one nobody is lost
    for a minute: who leaves it would let those behind come up and be lost in their turn."""
    first, second, path = two_agents(agents, routes, hold_limit_s=220)
    first.script(FULL)
    slot = ledger.client.time()[0] // 5
    ledger.client.hset(ledger.key("starts:first"), mapping={slot + number: 2 for number in range(-6, 24)})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    calls = [ring(ledger, SALES) for _ in range(140)]
    for call_id in calls[-25:]:  # within two deep walks
        assert ledger.wait_for_state(call_id, "started", timeout_s=30)["agent"] == "second"
        assert overflows(ledger, call_id) == [("first", "second", "1", "forecast")]
    assert not [call_id for call_id in calls[:20] if overflows(ledger, call_id)]


def test_the_lines_of_many_agents_are_looked_at(stack, ledger, start, agents, routes):
    """More than one run of the script reads, and the first of them stay."""
    full, second = agents("full"), agents("second")
    full.script(FULL)
    names = [f"a{number:02}" for number in range(70)]
    overflow = [{"after_s": "forecast", "agent": "second"}]
    path = routes({"name": "last", "to": SALES, "agent": "z", "hold_limit_s": 20, "overflow": overflow},
                  *({"name": name, "to": f"+1416{name[1:]:0>7}", "agent": name, "hold_limit_s": 600} for name in names),
                  second={"start_url": second.url}, z={"start_url": full.url + "/z"},
                  **{name: {"start_url": f"{full.url}/{name}"} for name in names})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    for name in names:
        ring(ledger, f"+1416{name[1:]:0>7}")
    wait_for(lambda: ledger.client.zcard(ledger.key("holds")) == len(names), what="a line for each agent")
    call_id = ring(ledger, SALES)
    assert ledger.wait_for_state(call_id, "started", "dead", timeout_s=30)["agent"] == "second"


def test_an_agent_that_is_down_is_left_at_once_all_the_same(stack, ledger, start, agents, routes):
    first, second, path = two_agents(agents, routes)
    first.script(answers(401, b"{}"))
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id = ring(ledger, SALES)
    started_by(ledger, call_id, second)
    assert overflows(ledger, call_id) == [("first", "second", "1", "down")]


def test_a_failure_by_itself_moves_nobody(stack, ledger, start, agents, routes):
    """Before its next attempt a call is in no line, and nothing is forecast for it."""
    first, second, path = two_agents(agents, routes)
    first.script(answers(503, b""), answers(503, b""), starts_a_bot())
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id = ring(ledger, OTHER)
    assert ledger.wait_for_state(call_id, "started")["agent"] == "first"
    assert overflows(ledger, call_id) == [] and second.requests == []


@pytest.mark.parametrize("has_second", [False, True])
def test_a_step_by_time_may_follow(stack, ledger, start, agents, routes, has_second):
    """And one by the forecast a step by time."""
    first, second, third = agents("first"), agents("second"), agents("third")
    first.script(FULL)
    second.script(FULL)
    steps = [{"after_s": "forecast", "agent": "second"}, {"after_s": 5, "agent": "third"}]
    if has_second:
        steps = [{"after_s": 1, "agent": "second"}, {"after_s": "forecast", "agent": "third"}]
    path = routes({"name": "sales", "agent": "first", "hold_limit_s": 10, "overflow": steps},
                  first={"start_url": first.url}, second={"start_url": second.url},
                  third={"start_url": third.url})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id = ring(ledger, SALES)
    assert ledger.wait_for_state(call_id, "started", timeout_s=20)["agent"] == "third"
    reasons = ["waited", "forecast"] if has_second else ["forecast", "waited"]
    assert [each[3] for each in overflows(ledger, call_id)] == reasons
