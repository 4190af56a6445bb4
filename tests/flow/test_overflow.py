"""What a move to the next agent keeps, and whom it leaves alone (CONTRACT, "overflow")."""

import threading

import pytest

from fake_start import starts_a_bot
from routed import FULL, OTHER, SALES, in_line, overflows, ring
from stack import wait_for


def test_a_call_keeps_its_place_by_age(stack, ledger, start, agents, routes):
    """Whoever rang earlier stands earlier, also in a line that others have entered before."""
    first, second = agents("first"), agents("second")
    first.script(FULL)
    second.script(FULL)
    path = routes({"name": "moves", "to": "+1415*", "agent": "first",
                   "overflow": [{"after_s": 3, "agent": "second"}]},
                  {"name": "stays", "agent": "second"},
                  first={"start_url": first.url}, second={"start_url": second.url})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    old = ring(ledger, SALES)
    wait_for(lambda: old in in_line(ledger, "first"), what="the older call in the first line")
    young = ring(ledger, OTHER)
    rang = {call_id: int(ledger.entry_of(call_id)[1]["received_ms"]) for call_id in (old, young)}
    assert rang[old] < rang[young]
    wait_for(lambda: in_line(ledger, "second") == [old, young], what="the older call before the younger one")


@pytest.mark.parametrize("after_s", [0, "forecast"])
def test_a_call_whose_request_is_out_does_not_move(stack, ledger, start, agents, routes, after_s):
    """Even if something has made it due: a bot may be starting for it."""
    first, second, is_free = agents("first"), agents("second"), threading.Event()

    def held(exchange):
        is_free.wait(60)
        starts_a_bot()(exchange)
    first.script(held)
    path = routes({"name": "sales", "agent": "first", "overflow": [{"after_s": after_s, "agent": "second"}]},
                  first={"start_url": first.url}, second={"start_url": second.url})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id = ring(ledger, SALES)
    wait_for(lambda: first.requests_of(call_id), what="the request to be out")
    ledger.client.zadd(ledger.key("moves"), {call_id: 1})
    wait_for(lambda: not ledger.client.exists(ledger.key("moves")), what="the call to be looked at")
    is_free.set()
    assert ledger.wait_for_state(call_id, "started")["agent"] == "first"
    assert overflows(ledger, call_id) == [] and second.requests == [] and len(first.requests) == 1
