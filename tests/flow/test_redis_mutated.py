"""No reply of an unexpected type, size or nesting is a crash: neither of the ingress, nor of the
worker, nor of any command of the audit; and when they are over, all goes on."""

import random
import time

import pytest

import daily
from redis_mutated import Mutating

SHARE = 0.05  # of replies
SECONDS = 4
AUDIT_RUNS = 60


@pytest.fixture
def mutating(stack):
    def begin(share):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        return stack.keep_wire(Mutating(stack.redis.port, seed, share))
    return begin


def test_programs(stack, start, ledger, mutating):
    stack.own_redis()
    between = mutating(SHARE)
    values = {"REDIS_URL": between.url, "LOG_LEVEL": "error"}
    ingress = stack.ingress(is_ready=False, **values)
    workers = [stack.worker(is_ready=False, START_URL=start.url, LEASE_S=3, DRAIN_TIMEOUT_S=2, **values)
               for _ in range(2)]
    acknowledged, end = [], time.monotonic() + SECONDS
    while time.monotonic() < end:
        call_id = daily.new_call_id()
        if ingress.ring(daily.webhook(call_id)).status == 200:
            acknowledged.append(call_id)
        time.sleep(0.01)
    print(f"{between.mutated} replies changed, {len(acknowledged)} acknowledged")
    assert between.mutated > 20 and acknowledged
    assert ingress.is_running() and all(worker.is_running() for worker in workers)
    between.share = 0
    ingress.wait_until_ready()
    for worker in workers:
        worker.wait_until_ready()
    call_id = daily.new_call_id()
    assert ingress.ring(daily.webhook(call_id)).status == 200
    ledger.wait_for_state(call_id, "started")


def test_the_audit(stack, start, ledger, mutating):
    stack.own_redis()
    ingress, worker = stack.ingress(), stack.worker(START_URL=start.url)
    call_ids = [daily.new_call_id() for _ in range(30)]
    for call_id in call_ids:
        assert ingress.ring(daily.webhook(call_id)).status == 200
    ingress.post(b'{"callId": 1}', daily.headers(b'{"callId": 1}'))
    ledger.wait_until_finished()
    assert worker.is_running()
    between = mutating(0.3)
    commands = [["list"], ["list", "--json"], ["show", call_ids[0]],
                ["show", call_ids[0], "--json"], ["stats"], ["verify"], ["export"],
                ["export", "--format", "csv"], ["dead", "list"], ["refused"], ["refused", "--json"],
                ["forget", daily.FROM], ["list", "--from", daily.FROM]]
    chance = random.Random(1)
    for _ in range(AUDIT_RUNS):
        command = chance.choice(commands)
        done = stack.run("dialin-audit", *command, **stack.values({"REDIS_URL": between.url}))
        assert done.returncode in (0, 1), (command, done.returncode, done.stderr)
        assert "Sanitizer" not in done.stderr
    assert between.mutated > AUDIT_RUNS / 2
