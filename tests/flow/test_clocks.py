"""Clocks of hosts that step: no good signature is refused over a clock."""

import pytest

import daily
from clocks import Clock
from stack import free_port, wait_for

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


def test_a_wrong_clock_is_told_while_redis_is_away(stack, clock, tmp_path):
    """Redis' time cannot be the judge yet: the webhook is refused, and the log names the clock."""
    (tmp_path / "spool").mkdir()
    clock.step(3600)
    ingress = stack.ingress(SPOOL_DIR=tmp_path / "spool", REDIS_URL=f"redis://127.0.0.1:{free_port()}",
                            **clock.environment())
    assert ingress.ring().status == 401
    wait_for(lambda: b"check this host's clock" in ingress.log())
    clock.step(0)
    assert ingress.ring().json()["spooled"]
