"""Connected is not able to write: a Redis that refuses makes no program ready, is named with its own
words, and is found well again by itself, also when nobody rings. And who leaves is not ready."""

import time

import pytest

import daily
from redis_cluster import Cluster
from stack import wait_for
from stopwatch import Stopwatch

NOT_READY_WITHIN_S = 4  # a worker writes its lease every quarter of LEASE_S


@pytest.fixture
def own(stack):
    return stack.own_redis()


def begin(stack, start, name, **values):
    if name == "ingress":
        return stack.ingress(**values)
    return stack.worker(START_URL=start.url, LEASE_S=3, **values)


def missing(program):
    answer = program.admin("/readyz")
    return answer.json()["missing"] if answer.status == 503 else None


def is_not_ready_for(program, word):
    return wait_for(lambda: word in (missing(program) or ""), NOT_READY_WITHIN_S,
                    f"{program.name} to be not ready for {word}")


def become_replica(own, stack):
    own.client.replicaof("127.0.0.1", 1)


def become_master(own, stack):
    own.client.replicaof("NO", "ONE")


def take_rights(own, stack):
    own.client.execute_command("ACL", "SETUSER", "default", "-xadd", "-evalsha", "-eval")


def give_rights(own, stack):
    own.client.execute_command("ACL", "SETUSER", "default", "+@all")


def wrong_type(own, stack):
    own.client.set(f"{stack.prefix}:webhooks", "text")


def right_type(own, stack):
    own.client.delete(f"{stack.prefix}:webhooks")


def fill(own, stack):
    own.client.config_set("maxmemory", 1)


def make_room(own, stack):
    own.client.config_set("maxmemory", 0)


def demand_replicas(own, stack):
    own.client.config_set("min-replicas-to-write", 1)


def demand_none(own, stack):
    own.client.config_set("min-replicas-to-write", 0)


# A full Redis still takes everything of a worker's, whose scripts may pass maxmemory.
@pytest.mark.parametrize("name, word, refuse, take", [
    ("ingress", "OOM", fill, make_room),
    ("ingress", "replica", become_replica, become_master),
    ("ingress", "NOPERM", take_rights, give_rights),
    ("ingress", "WRONGTYPE", wrong_type, right_type),
    ("ingress", "NOREPLICAS", demand_replicas, demand_none),
    ("worker", "replica", become_replica, become_master),
    ("worker", "NOPERM", take_rights, give_rights),
    ("worker", "WRONGTYPE", wrong_type, right_type),
    ("worker", "NOREPLICAS", demand_replicas, demand_none),
])
def test_a_redis_that_refuses(stack, start, own, name, word, refuse, take):
    program = begin(stack, start, name)
    if refuse is wrong_type:
        right_type(own, stack)
    refuse(own, stack)
    is_not_ready_for(program, word)
    assert "cannot be reached" not in missing(program)
    take(own, stack)
    program.wait_until_ready()
    assert word.encode() in program.log()


def test_a_full_redis_and_a_worker(stack, start, own):
    worker = begin(stack, start, "worker")
    fill(own, stack)
    time.sleep(1)
    assert worker.is_ready()


def test_refused_at_the_start(stack, start, own):
    """Ready comes only with a write that would work."""
    fill(own, stack)
    ingress = stack.ingress(is_ready=False)
    is_not_ready_for(ingress, "OOM")
    make_room(own, stack)
    ingress.wait_until_ready()
    assert own.client.xlen(f"{stack.prefix}:webhooks") == 0, "the trial has left something behind"
    assert not own.client.exists(f"{stack.prefix}:webhooks")


def test_refused_webhooks_are_spooled_at_once(stack, ledger, own, tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir()
    ingress = stack.ingress(SPOOL_DIR=folder)
    fill(own, stack)
    wait_for(lambda: b"Redis refuses webhooks" in ingress.log(), 4)
    watch = Stopwatch()
    answers = [ingress.ring() for _ in range(5)]
    assert all(answer.json().get("spooled") for answer in answers)
    assert watch.seconds() < 2
    assert ingress.is_ready(), "the spool takes webhooks"
    make_room(own, stack)
    wait_for(lambda: own.client.xlen(ledger.key("webhooks")) == 5)
    assert b"Redis takes webhooks again" in ingress.log()


@pytest.mark.parametrize("name", ["ingress", "worker"])
def test_a_node_of_a_cluster_without_our_slot(stack, start, tmp_path, name):
    cluster = Cluster(stack, tmp_path, masters=2)
    stack.redis = next(node for node in cluster.masters
                       if node is not cluster.owner(f"{stack.prefix}:webhooks"))
    if name == "ingress":
        program = stack.ingress(is_ready=False)
    else:
        program = stack.worker(is_ready=False, START_URL=start.url)
    is_not_ready_for(program, "MOVED")
    wait_for(lambda: b"redis+cluster://" in program.log())


def test_audit_at_a_node_of_a_cluster_without_our_slot(stack, audit, tmp_path):
    cluster = Cluster(stack, tmp_path, masters=2)
    wrong = next(node for node in cluster.masters if node is not cluster.owner(f"{stack.prefix}:webhooks"))
    url = f"redis://127.0.0.1:{wrong.port}"
    for command in (["list"], ["show", "c"], ["stats"], ["doctor"]):
        error = audit(*command, code=1, REDIS_URL=url).err
        assert "MOVED" in error and "REDIS_URL must begin with redis+cluster://" in error
    told = audit("doctor", code=1, REDIS_URL=url).out
    assert told.count("REDIS_URL must begin with redis+cluster://") == 3, told
    assert "if it is NOPERM, give this user" in " ".join(told.split()), told
    through_it = f"redis+cluster://127.0.0.1:{wrong.port}"
    assert "no call is recorded" in audit("list", REDIS_URL=through_it).err


def test_a_redis_that_is_not_there(stack, start):
    worker = stack.worker(is_ready=False, START_URL=start.url, REDIS_URL="redis://127.0.0.1:1")
    is_not_ready_for(worker, "Connection refused (127.0.0.1:1)")
    assert "cannot be reached" in missing(worker)


def test_who_leaves_is_not_ready(stack, own):
    """A webhook that still waits for Redis keeps the ingress from leaving; its probe knows at once."""
    ingress = stack.ingress()
    own.client.execute_command("CLIENT", "PAUSE", 2000)
    client = daily_request(ingress)
    wait_for(lambda: ingress.metrics()["dialin_webhooks_in_flight"] > 0, what="a webhook to be in flight")
    ingress.terminate()
    assert wait_for(lambda: missing(ingress), 1) == "the ingress is shutting down"
    assert client.result().status == 200
    assert ingress.wait() == 0


def daily_request(ingress):
    from concurrent.futures import ThreadPoolExecutor
    pool = ThreadPoolExecutor(1)
    future = pool.submit(ingress.ring, daily.webhook())
    pool.shutdown(wait=False)
    return future
