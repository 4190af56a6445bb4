"""REDIS_PREFIXES on a Cluster: each prefix lies on a node of its own, and may go to another one."""

import threading

import pytest

from fake_start import FakeStart, answers, starts_a_bot
from ledger import Ledger, new_prefix
from redis_cluster import Cluster, slot_of
from stack import wait_for

PROXIED = [("X-User", "anna"), ("X-Forwarded-For", "203.0.113.9"), ("Sec-Fetch-Site", "same-origin")]


class Group:
    """A group of numbers with a prefix on one of the nodes, its ingress, worker and agent."""

    def __init__(self, stack, cluster, node):
        self.cluster, self.start = cluster, FakeStart()
        self.start.script(starts_a_bot())
        self.prefix = new_prefix()
        while not node.holds(slot_of(self.prefix)):
            self.prefix = new_prefix()
        here = {"REDIS_URL": cluster.url, "REDIS_PREFIX": self.prefix}
        self.worker = stack.worker(START_URL=self.start.url, **here)
        self.ingress = stack.ingress(**here)
        self.agent = f"127.0.0.1:{self.start.port}/start"

    @property
    def ledger(self):
        return Ledger(self.cluster.owner(self.prefix), self.prefix)

    def ring(self, state):
        answer = wait_for(lambda: (found := self.ingress.ring()).status == 200 and found, 20, "an answer")
        call_id = answer.json()["call_id"]
        self.ledger.wait_for_state(call_id, state, timeout_s=20)
        return call_id


@pytest.fixture
def cluster(stack, tmp_path):
    return Cluster(stack, tmp_path, masters=3, timeout_ms=15000)


@pytest.fixture
def groups(stack, cluster):
    made = []
    for node in (cluster.masters[0], cluster.masters[2]):
        made.append(Group(stack, cluster, node))
    yield made
    for group in made:
        group.start.close()


@pytest.fixture
def everywhere(cluster, groups):
    return {"REDIS_URL": cluster.url, "REDIS_PREFIXES": ",".join(group.prefix for group in groups),
            "REDIS_PREFIX": "{not-looked-at}"}


@pytest.fixture
def board(stack, cluster, everywhere):
    return stack.board(BOARD_USER_HEADER="X-User", TRUSTED_PROXIES="127.0.0.1", BOARD_ACTIONS="true",
                       BOARD_ACTIONS_REDIS_URL=cluster.url, **everywhere)


def move(cluster, group, target):
    """The slot of its prefix, key by key as `redis-cli --cluster reshard` does it."""
    slot, source = slot_of(group.prefix), cluster.owner(group.prefix)
    begin_to_move(slot, source, target)
    while keys := source.cluster("GETKEYSINSLOT", slot, 100):
        source.client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
    for node in (target, source):
        node.cluster("SETSLOT", slot, "NODE", target.identity())


def begin_to_move(slot, source, target):
    target.cluster("SETSLOT", slot, "IMPORTING", source.identity())
    source.cluster("SETSLOT", slot, "MIGRATING", target.identity())


def check_everything(audit, board, groups, everywhere, ids):
    rows = audit.json("list", **everywhere)
    assert {(row["prefix"], row["call_id"]) for row in rows} == ids
    for prefix, call_id in ids:
        story, = audit("show", call_id, "--json", **everywhere).objects()
        assert story["prefix"] == prefix
        found = board.post("/api/call", {"id": call_id, "prefix": prefix}, PROXIED).json()
        assert found["call_id"] == call_id
    audit("verify", **everywhere)
    stats = audit.json("stats", **everywhere)
    assert [row["prefix"] for row in stats] == [group.prefix for group in groups]
    assert sum(row["account"]["started"] for row in stats) == len(ids)

    def is_shown():
        now = board.get("/api/now", PROXIED).json()
        return now["account"].get("started") == len(ids) and now["account"]["adds_up"] and now["workers"] == 2
    wait_for(is_shown, 20, "the board to show all")


def test_prefixes_on_different_nodes(audit, cluster, groups, board, everywhere):
    """Ingress, worker, audit and board; then the slot of one of them moves to the third node."""
    first, second = groups
    ids = {(group.prefix, group.ring("started")) for group in groups}
    check_everything(audit, board, groups, everywhere, ids)
    move(cluster, second, cluster.masters[1])
    ids |= {(group.prefix, group.ring("started")) for group in groups}
    check_everything(audit, board, groups, everywhere, ids)
    here = {"prefix": second.prefix}
    wait_for(lambda: board.post("/api/pause", {"agent": second.agent, **here}, PROXIED).status == 200)
    waiting = second.ring("waiting")
    assert board.post("/api/cancel", {"id": waiting, **here}, PROXIED).status == 200
    assert board.post("/api/resume", {"agent": second.agent, **here}, PROXIED).status == 200
    assert not first.ledger.client.exists(first.ledger.key("operators"))
    second.ring("started")


def test_a_slot_on_its_way_is_not_written_by_halves(cluster, groups):
    """While a slot is on its way, its node refuses what touches a key that it does not have. A script must not
    meet that in the middle: of a death that was recorded by half, the attempt would be recorded twice."""
    group, may_answer = groups[0], threading.Event()
    slot, source, target = slot_of(group.prefix), cluster.owner(group.prefix), cluster.masters[1]
    group.ring("started")

    def rejects(exchange):
        assert may_answer.wait(60)
        return answers(413, b"{}")(exchange)
    group.start.script(rejects)
    call_id = group.ingress.ring().json()["call_id"]
    wait_for(lambda: any(request.key == call_id for request in group.start.requests), what="its request")
    begin_to_move(slot, source, target)
    may_answer.set()
    wait_for(lambda: b"Redis refuses a record" in group.worker.log(), 20, "the record to be refused")
    ledger = Ledger(source, group.prefix)
    assert ledger.events(call_id) == [] and ledger.call(call_id)["state"] == "starting"
    for node in (source, target):
        node.cluster("SETSLOT", slot, "STABLE")
    ledger.wait_for_state(call_id, "dead", timeout_s=20)
    assert [event["event"] for event in ledger.events(call_id)] == ["attempt", "dead"]
    assert len(ledger.dead(call_id)) == 1 and ledger.counts()["dead"] == 1
    assert b"TRYAGAIN" in group.worker.log() and b"non local key" not in group.worker.log()
