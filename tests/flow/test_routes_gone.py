"""A route that is gone while its calls wait: they leave the line of an agent that nobody names any more."""

from routed import FULL, SALES, in_line, ring
from stack import wait_for
from test_reload import hang_up


def test_the_line_of_an_agent_that_is_gone_empties_at_once(stack, ledger, start, agents, routes):
    """Not at the pace of requests that are out, one in a second: nobody asks that agent any more."""
    sales, support = agents("sales"), agents("support")
    sales.script(FULL)
    workers = [stack.worker(START_URL=start.url, ROUTES_FILE=routes(
        {"name": "sales", "agent": "sales", "start_url": sales.url})) for _ in range(2)]
    calls = [ring(ledger, SALES) for _ in range(60)]
    wait_for(lambda: len(in_line(ledger, "sales")) == 60, what="all to stand in line")
    routes({"name": "support", "agent": "support", "start_url": support.url})
    for worker in workers:
        hang_up(worker)
    wait_for(lambda: not in_line(ledger, "sales"), timeout_s=20, what="the old line to be empty")
    for call_id in calls:
        assert ledger.wait_for_state(call_id, "started")["agent"] == "support"
        assert [each["reason"] for each in ledger.events(call_id, "route")] == ["gone"]
        assert len(support.requests_of(call_id)) == 1
    assert ledger.client.exists(ledger.key("asking:sales")) == 0 and start.requests == []
    ledger.check_account([entry for entry, _ in ledger.entries()])
