"""Clocks of hosts that step: no good signature is refused over a clock."""

import pytest

import daily
from clocks import Clock
from stack import wait_for

@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "clock")


def test_this_hosts_clock_steps_while_webhooks_come(stack, ledger, clock):
    ingress = stack.ingress(**clock.environment())
    assert ingress.ring().status == 200
    for seconds in (3600, -3600):
        clock.step(seconds)
        assert ingress.ring().status == 200
        old = daily.headers(daily.body(daily.webhook()), timestamp=daily.in_ms(-1800))
        assert ingress.post(daily.body(daily.webhook()), old).status == 401
    wait_for(lambda: b"clocks of this host and of Redis differ" in ingress.log(), 15)
