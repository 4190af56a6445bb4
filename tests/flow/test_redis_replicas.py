"""REDIS_WAIT_REPLICAS in the worker: a failover to a replica that lags makes no second bot of which
nobody knows, and what it loses without waiting is noticed."""

import signal

import pytest

import daily
from callers import check_starts
from fake_start import delays, starts_a_bot
from redis_between import Between
from stack import Redis, wait_for

CALLS = 160
LAG_S = 0.3  # of each piece; up to twice as much of what was written
LOST = b"Redis has lost outcomes"


class Chain:
    """A primary, a replica that lags, and a replica of that one; `service` is the primary's address,
    which follows a failover."""

    def __init__(self, stack, folder):
        options = ["--repl-diskless-sync-delay", 0]
        self.primary = stack.own_redis(options=options)
        self.wire = stack.keep_wire(Between(self.primary.port))
        self.replica = stack.keep(Redis(folder / "replica", options=options))
        self.last = stack.keep(Redis(folder / "last", options=options))
        self.follow(self.replica, self.wire.port)
        self.follow(self.last, self.replica.port)
        self.service = stack.keep_wire(Between(self.primary.port))
        self.stack = stack

    @staticmethod
    def follow(replica, port):
        replica.client.replicaof("127.0.0.1", port)
        wait_for(lambda: replica.client.info("replication")["master_link_status"] == "up", 20,
                 "a replica to follow")

    def fail_over(self):
        self.primary.kill()
        self.replica.client.replicaof("NO", "ONE")
        self.stack.redis = self.replica
        self.service.target = self.replica.port
        self.service.cut()


@pytest.fixture
def chain(stack, tmp_path):
    return Chain(stack, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [1, 0])
def test_a_failover_to_a_replica_that_lags(stack, ledger, start, chain, replicas):
    webhooks = [daily.webhook() for _ in range(CALLS)]
    for webhook in webhooks:
        ledger.queue(webhook)
    assert chain.primary.client.execute_command("WAIT", 1, 10000) == 1
    chain.wire.delay_s = LAG_S
    start.script(delays(0.1, starts_a_bot()))
    workers = [stack.worker(START_URL=start.url, REDIS_URL=chain.service.url, CONCURRENCY=8,
                            REDIS_WAIT_REPLICAS=replicas) for _ in range(2)]
    wait_for(lambda: len(start.requests) > CALLS / 4, 20, "calls to flow")
    chain.fail_over()
    ledger.wait_until_finished(60)
    assert {webhook["callId"] for webhook in webhooks} == {each.key for each in start.requests}
    losses = sum(worker.metrics()["dialin_losses_total"] for worker in workers)
    if replicas:
        check_starts(ledger, start, {})
        assert losses == 0
    else:
        assert losses > 0 and any(LOST in worker.log() for worker in workers)


def test_without_its_replica_no_request_leaves(stack, ledger, start, chain):
    worker = stack.worker(START_URL=start.url, REDIS_WAIT_REPLICAS=1)
    chain.replica.signal(signal.SIGSTOP)
    webhook = daily.webhook()
    ledger.queue(webhook)
    wait_for(lambda: "too few replicas" in str(worker.admin("/readyz").json()), 10,
             "the worker to miss its replica")
    assert b"no request leaves without them" in worker.log()
    assert start.requests == []
    chain.replica.signal(signal.SIGCONT)
    ledger.wait_for_state(webhook["callId"], "started")
    assert len(start.requests) == 1
    wait_for(worker.is_ready)
