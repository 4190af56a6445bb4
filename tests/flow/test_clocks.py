"""Clocks that step, by libfaketime: no good signature is refused over a clock."""

import glob

import pytest

import daily
from stack import wait_for

LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + [None])[0]


class Clock:
    """A wall clock that can be set for the programs that are given it; the monotonic one goes on."""

    def __init__(self, path):
        self.path = path
        self.step(0)

    def step(self, seconds):
        temporary = self.path.with_suffix(".new")
        temporary.write_text(f"{seconds:+d}\n")
        temporary.rename(self.path)

    def environment(self):
        assert LIBRARY, "libfaketime is missing: .ci/install test"
        return {"LD_PRELOAD": LIBRARY, "ASAN_OPTIONS": "verify_asan_link_order=0",
                "FAKETIME_TIMESTAMP_FILE": str(self.path),
                "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


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
