"""Redis' own clock steps amid calls: FAULTS, the row of clocks. Holds may be off by the step; nobody
alive is taken for dead, no second bot starts, and no caller with time left is given up."""

import threading
import time

import pytest

import daily
from clocks import Clock
from fake_start import starts_a_bot
from stack import wait_for
from test_line import Gate, line_of

LEASE_S = 3
HOLD_S = 40
EACH = 8  # calls in each state
STEPPED = b"Redis' clock stepped"


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "clock")


class Scene:
    """Two workers; calls whose requests are out, calls in line, and calls that ring after the step."""

    def __init__(self, stack, ledger, start, clock):
        stack.own_redis(environment=clock.environment())
        self.ledger, self.start, self.clock = ledger, start, clock
        self.gate = Gate(start)
        self.answer = threading.Event()
        self.workers = [stack.worker(START_URL=start.url, LEASE_S=LEASE_S, HOLD_LIMIT_S=HOLD_S)
                        for _ in range(2)]
        self.ingress = stack.ingress()
        self.out = [daily.new_call_id() for _ in range(EACH)]
        for call_id in self.out:
            start.script(self.answers_later, call_id=call_id)
        self.ring(self.out)
        wait_for(lambda: len(start.requests) == EACH, what="all requests to be out")
        self.waiting = [daily.new_call_id() for _ in range(EACH)]
        self.ring(self.waiting)
        wait_for(lambda: len(line_of(ledger)) >= EACH - 1, what="the others to stand in line")
        self.young = []

    def answers_later(self, exchange):
        self.answer.wait(60)
        starts_a_bot()(exchange)

    def ring(self, call_ids):
        for call_id in call_ids:
            assert self.ingress.ring(daily.webhook(call_id)).status == 200

    def ring_now(self):
        """First by an ingress that has not seen the step, then by one that has connected anew."""
        client = self.ledger.client
        for _ in range(2):
            call_ids = [daily.new_call_id() for _ in range(EACH)]
            self.ring(call_ids)
            self.young += call_ids
            for connection in client.client_list():
                if connection["name"] == "dialin-ingress":
                    client.client_kill_filter(_id=connection["id"])
            wait_for(self.ingress.is_ready)

    def step(self, seconds):
        self.clock.step(seconds)
        self.ring_now()
        for worker in self.workers:
            wait_for(lambda worker=worker: STEPPED in worker.log(), 20, "the step to be logged")
        time.sleep(LEASE_S + 1)  # a worker that seems dead is taken over by now

    def ends_well(self):
        self.answer.set()
        self.gate.open()
        self.ledger.wait_until_finished(30)
        calls = [*self.out, *self.waiting, *self.young]
        assert self.ledger.counts() == {"started": len(calls)}
        for call_id in self.out:
            assert len(self.start.requests_of(call_id)) == 1, "a second bot"
        assert sorted(self.gate.let_in) == sorted([*self.waiting, *self.young])
        assert all(b"took over" not in worker.log() for worker in self.workers)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [600, -60])
def test_redis_clock_steps_amid_calls(stack, ledger, start, clock, seconds):
    here = Scene(stack, ledger, start, clock)
    here.step(seconds)
    here.ends_well()


@pytest.mark.slow
def test_one_that_died_before_a_step_back_is_found_in_time(stack, ledger, start, clock):
    """Its lease must not last longer by the step."""
    stack.own_redis(environment=clock.environment())
    start.script(lambda exchange: exchange.server.closing.wait(60))
    dying = stack.worker(START_URL=start.url, LEASE_S=LEASE_S)
    call_id = daily.new_call_id()
    ledger.queue(daily.webhook(call_id))
    wait_for(lambda: start.requests)
    stack.worker(START_URL=start.url, LEASE_S=LEASE_S)
    start.script(starts_a_bot())
    dying.kill()
    clock.step(-3600)
    ledger.wait_for_state(call_id, "started", timeout_s=LEASE_S + 7)
