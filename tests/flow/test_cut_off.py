"""One worker cannot reach the agent, others can: its calls go to them.

That worker runs in a network namespace, in which the agent's address is taken by a listener of the
test's own, or by nobody.
"""

import time

import pytest

import daily
from fake_start import FakeStart, delays, starts_a_bot
from namespace import Namespace, drop_packets, take_packets
from stack import Program, free_port, wait_for

CUT_OFF = "this worker cannot reach the agent"
CALLS = 120


@pytest.fixture
def namespace(tmp_path):
    made = Namespace(tmp_path, "127.0.0.1 localhost\n")
    yield made
    made.close()


class SameAddress(FakeStart):
    """The agent as the namespace sees it; at first a firewall drops every packet for it."""

    def __init__(self, namespace, port):
        self.namespace, self.at_port = namespace, port
        super().__init__()

    def listen(self):
        listener = self.namespace.listen("127.0.0.1", self.at_port)
        drop_packets(listener)
        return listener


def cut_off_worker(stack, start, namespace, **values):
    worker = stack.keep(Program("dialin-worker", stack.folder, {
        "REDIS_URL": stack.redis.unix_url, "REDIS_PREFIX": stack.prefix, "START_URL": start.url,
        "ADMIN_PORT": 0, "WORKER_NAME": "cut-off", **values}, launcher=namespace.command))
    wait_for(lambda: stack.redis.client.keys(f"{stack.prefix}:worker:cut-off-*"), what="its lease")
    return worker


def ring(ledger, count):
    return [ledger.queue(daily.webhook()) for _ in range(count)]


def told(worker):
    return [line for line in worker.log_lines() if CUT_OFF in line]


def attempts_by(ledger, name):
    return [event for event in ledger.events(event="attempt") if event["worker"].startswith(name)]


@pytest.mark.slow
def test_its_callers_are_served_by_the_others_until_it_is_well(stack, ledger, start, namespace):
    there = SameAddress(namespace, start.port)
    try:
        start.script(delays(0.2, starts_a_bot()))
        values = {"HOLD_LIMIT_S": 20, "LEASE_S": 3}
        cut_off = cut_off_worker(stack, start, namespace, **values)
        for _ in range(2):
            stack.worker(START_URL=start.url, WORKER_NAME="well", **values)
        end = time.monotonic() + 6
        while time.monotonic() < end:  # 20 a second
            ring(ledger, 1)
            time.sleep(0.05)
        ledger.wait_until_finished(15)
        assert set(ledger.counts()) == {"started"}, ledger.counts()
        assert " error " in told(cut_off)[0] and "callers_waiting=" in told(cut_off)[0]
        begun_ms = int(attempts_by(ledger, "cut-off")[0]["at_ms"])
        late = [event for event in attempts_by(ledger, "cut-off")
                if int(event["at_ms"]) > begun_ms + 3000]
        assert len(late) <= 6, "it goes on taking calls"
        assert len(there.requests) == 0

        take_packets(there.listener)
        while not there.requests:
            ring(ledger, 1)
            time.sleep(0.05)
        wait_for(lambda: b"answers again" in cut_off.log(), what="that it is over")
        before = len(there.requests)
        ring(ledger, CALLS)
        ledger.wait_until_finished(15)
        assert len(there.requests) >= before + CALLS / 10, "it takes no share"
        assert set(ledger.counts()) == {"started"}
    finally:
        there.close()


@pytest.mark.slow
def test_a_burst_and_nobody_listens(stack, ledger, start, namespace):
    values = {"HOLD_LIMIT_S": 15}
    cut_off = cut_off_worker(stack, start, namespace, **values)
    stack.worker(START_URL=start.url, WORKER_NAME="well", **values)
    start.script(delays(1, starts_a_bot()))
    ring(ledger, CALLS)
    ledger.wait_until_finished(15)
    assert ledger.counts() == {"started": CALLS}
    assert attempts_by(ledger, "cut-off") and len(start.requests) == CALLS
    assert told(cut_off) or len(attempts_by(ledger, "cut-off")) < 10


def test_an_agent_that_nobody_reaches_is_not_this_workers_trouble(stack, ledger):
    url = f"http://127.0.0.1:{free_port()}/start"
    workers = [stack.worker(START_URL=url, HOLD_LIMIT_S=4) for _ in range(2)]
    ring(ledger, 10)
    ledger.wait_until_finished(10)
    assert ledger.counts() == {"dead": 10, "dead:expired": 10}
    assert not any(told(worker) for worker in workers)
