"""REDIS_PREFIXES: the board over several prefixes. Each row names its own; actions go to the right one."""

import csv
import io

import pytest

import daily
from event_stream import EventStream
from fake_start import FakeStart, answers, starts_a_bot
from ledger import Ledger
from stack import wait_for

ANNA = [("X-User", "anna"), ("X-Forwarded-For", "203.0.113.9"), ("Sec-Fetch-Site", "same-origin")]


class Group:
    """A group of numbers: a prefix of its own, with its agent and worker."""

    def __init__(self, stack, prefix, start):
        self.prefix, self.start, self.ledger = prefix, start, Ledger(stack.redis, prefix)
        self.agent = f"127.0.0.1:{start.port}/start"
        stack.worker(START_URL=start.url, REDIS_PREFIX=prefix)

    def ring(self, state, **fields):
        webhook = daily.webhook(**fields)
        self.ledger.queue(webhook)
        self.ledger.wait_for_state(webhook["callId"], state)
        return webhook["callId"]

    def noted(self):
        return [{name.decode(): value.decode() for name, value in fields.items()}
                for _, fields in self.ledger.client.xrange(self.ledger.key("operators"))]


@pytest.fixture
def groups(stack, ledger):
    starts = [FakeStart(), FakeStart()]
    for start in starts:
        start.script(starts_a_bot())
    yield [Group(stack, prefix, start) for prefix, start in zip([stack.prefix, f"{stack.prefix}:b"], starts)]
    for start in starts:
        start.close()


@pytest.fixture
def board(stack, groups):
    return stack.board(REDIS_PREFIXES=",".join(group.prefix for group in groups), REDIS_PREFIX="{not-looked-at}",
                       BOARD_USER_HEADER="X-User", TRUSTED_PROXIES="127.0.0.1", BOARD_ACTIONS="true",
                       BOARD_ACTIONS_REDIS_URL=stack.redis.url)


def now_of(board):
    return board.get("/api/now", ANNA).json()


def test_the_snapshots_are_one(board, groups):
    first, second = groups
    for group in groups:
        group.ring("started")
    second.start.script(answers(429, b"{}"))
    waiting = second.ring("waiting", From="+13105550100")

    def is_there():
        now = now_of(board)
        is_so = now["waiting"] == 1 and now["account"]["started"] == 2 and len(now["programs"]) == 2
        return now if is_so else None
    now = wait_for(is_there)
    assert now["workers"] == 2 and now["started"] == 2 and now["account"]["queued"] == 3
    assert now["account"]["adds_up"] is True
    assert {(row["prefix"], row["agent"]): row["state"] for row in now["agents"]} == {
        (first.prefix, first.agent): "free", (second.prefix, second.agent): "full"}
    [call] = now["first"]
    assert (call["prefix"], call["call_id"], call["from"]) == (second.prefix, waiting, "+1…0100")
    assert {row["prefix"] for row in now["programs"]} == {group.prefix for group in groups}
    assert [(row["prefix"], row["waiting"], row["workers"]) for row in now["prefixes"]] == [
        (first.prefix, 0, 1), (second.prefix, 1, 1)]
    assert now["sentence"].startswith("1 caller waits; ")
    assert board.get("/api/me", ANNA).json()["prefixes"] == [group.prefix for group in groups]


def test_what_is_wrong_names_its_prefix(board, groups):
    first, second = groups
    first.ring("started")
    second.start.script(answers(401, b"{}"))
    second.ring("waiting")
    now = wait_for(lambda: "rejects our" in (now := now_of(board))["sentence"] and now)
    assert f"{second.prefix}: Agent {second.agent} rejects our configuration (HTTP 401). 1 caller waits" in now["sentence"]
    assert f"{first.prefix}:" not in now["sentence"].replace(f"{second.prefix}:", "")
    assert [row["level"] for row in now["prefixes"]] == ["good", "bad"]


def test_a_prefix_that_cannot_be_read_hides_no_other(stack, board, groups):
    first, second = groups
    first.ring("started")
    second.ledger.client.set(second.ledger.key("counts"), "not a hash")
    now = wait_for(lambda: "Nothing is known" in (now := now_of(board))["sentence"] and now)
    assert f"{second.prefix}: Nothing is known of the calls: " in now["sentence"] and now["level"] == "bad"
    assert "redis_problem" not in now and now["account"]["started"] == 1
    assert [row.get("workers") for row in now["prefixes"]] == [1, None]
    first.ledger.client.set(first.ledger.key("paused"), "not a hash either")
    wait_for(lambda: now_of(board).get("redis_problem"), what="nothing to be known")


def test_events_name_their_prefix(board, groups):
    ids = {group.prefix: group.ring("started") for group in groups}
    with EventStream(board.port, headers=ANNA) as stream:
        def has_seen(calls):
            return lambda messages: {event["call_id"] for event in stream.events() if event["event"] == "started"} >= set(calls)
        assert stream.read_until(has_seen(ids.values()))
        later = {group.prefix: group.ring("started") for group in groups}
        assert stream.read_until(has_seen(later.values()))
        for event in stream.events():
            assert event["call_id"] in (ids[event["prefix"]], later[event["prefix"]])
        assert len(stream.events()) == len({(event["prefix"], event["id"]) for event in stream.events()}) == 8
        assert not any(one for _, one, _ in stream.messages)  # no id tells where one is in two streams
    with EventStream(board.port, headers=ANNA) as stream:
        assert stream.read_until(has_seen([*ids.values(), *later.values()]))


def test_too_many_events_of_two_prefixes_leave_gaps_that_add_up(board, groups):
    with EventStream(board.port, headers=ANNA) as stream:
        stream.read_until(lambda messages: stream.named("now"))
        newest = {}
        for group in groups:
            with group.ledger.client.pipeline() as pipeline:
                for i in range(600):
                    pipeline.xadd(group.ledger.key("audit"), {"call_id": f"c{i}", "event": "attempt"})
                newest[group.prefix] = [entry.decode() for entry in pipeline.execute()][-25:]

        def seen_of(prefix):
            return [event["id"] for event in stream.events() if event["prefix"] == prefix]
        assert stream.read_until(lambda messages: all(seen_of(prefix)[-25:] == ids for prefix, ids in newest.items()))
        assert sum(gap["left_out"] for gap in stream.named("gap")) + len(stream.events()) == 1200
        assert len(stream.events()) == sum(len(set(seen_of(prefix))) for prefix in newest)


def test_a_page_that_is_opened_again_at_once_sees_the_events(board, groups):
    """Before the board has stopped to follow the streams for the page that has just gone."""
    ids = {group.ring("started") for group in groups}

    def has_seen(_):
        return {event["call_id"] for event in stream.events() if event["event"] == "started"} == ids
    for _ in range(3):
        with EventStream(board.port, headers=ANNA) as stream:
            assert stream.read_until(has_seen)
        wait_for(lambda: board.metrics()["dialin_board_viewers"] == 0)


def test_calls_and_one_call(board, groups):
    ids = {group.prefix: group.ring("started") for group in groups}
    listed = board.post("/api/calls", {}, ANNA).json()["calls"]
    assert {call["prefix"]: call["call_id"] for call in listed} == ids
    rows = list(csv.DictReader(io.StringIO(board.post("/api/calls", {"format": "csv"}, ANNA).body.decode())))
    assert next(iter(rows[0])) == "prefix" and {row["prefix"]: row["call_id"] for row in rows} == ids
    for prefix, call_id in ids.items():
        [call] = board.post("/api/calls", {"prefix": prefix}, ANNA).json()["calls"]
        assert call["call_id"] == call_id
        found = board.post("/api/call", {"id": call_id}, ANNA).json()
        assert (found["prefix"], found["call_id"]) == (prefix, call_id)
        assert board.post("/api/call", {"id": call_id, "prefix": prefix}, ANNA).json()["call_id"] == call_id
    other = next(iter(ids))
    assert board.post("/api/call", {"id": ids[groups[1].prefix], "prefix": other}, ANNA).code == "not_found"
    assert [one["account"]["started"] for one in board.get("/api/account", ANNA).json()["prefixes"]] == [1, 1]
    assert board.post("/api/refused", {}, ANNA).json()["refused"] == []


@pytest.mark.parametrize("prefix", ["{not-looked-at}", "", 7, None])
def test_a_foreign_prefix_is_refused(stack, board, groups, prefix):
    for path, body in (("/api/call", {"id": "x"}), ("/api/calls", {}), ("/api/pause", {"agent": "x"}),
                       ("/api/reveal", {"id": "x"}), ("/api/export", {})):
        answer = board.post(path, {**body, "prefix": prefix}, ANNA)
        assert (answer.status, answer.code) == (400, "invalid_question"), (path, answer)
        assert "prefix is none of those" in answer.json()["error"]


def test_actions_want_a_prefix_and_go_to_it(board, groups):
    first, second = groups
    for path, body in (("/api/pause", {"agent": "x"}), ("/api/resume", {"agent": "x"}), ("/api/cancel", {"id": "x"}),
                       ("/api/plan", {"id": "x"}), ("/api/export", {}), ("/api/reveal", {"id": "x"})):
        assert "prefix is missing" in board.post(path, body, ANNA).json()["error"], path
    shared = "6a4408fe-91ef-41b4-9786-c29dfe6cc74d"  # the same id under both
    here = {"prefix": second.prefix}
    second.start.script(answers(413, b"{}"))
    for group, state in ((first, "started"), (second, "dead")):
        group.ledger.queue(daily.webhook(shared))
        group.ledger.wait_for_state(shared, state)
    second.start.script(starts_a_bot())
    plan = board.post("/api/plan", {"id": shared, **here}, ANNA).json()["plan"]
    assert board.post("/api/replay", {"plan": plan}, ANNA).status == 200
    second.ledger.wait_for_state(shared + "~r1", "started")
    assert board.post("/api/pause", {"agent": second.agent, **here}, ANNA).status == 200
    waiting = second.ring("waiting")
    assert board.post("/api/cancel", {"id": waiting, **here}, ANNA).status == 200
    assert board.post("/api/resume", {"agent": second.agent, **here}, ANNA).status == 200
    assert board.post("/api/reveal", {"id": shared, **here}, ANNA).json()["from"] == daily.FROM
    assert board.post("/api/export", here, ANNA).status == 200
    wait_for(lambda: sum("outcome" in note for note in second.noted()) == 6)
    assert [note["action"] for note in second.noted() if "action" in note] == [
        "replay", "pause", "cancel", "resume", "reveal", "export"]
    assert first.noted() == []
    assert not first.ledger.client.exists(first.ledger.key("paused"))
    listed = board.get("/api/operators", ANNA).json()["operators"]
    assert len(listed) == 12 and {entry["prefix"] for entry in listed} == {second.prefix}


def test_one_prefix_is_like_redis_prefix(stack, ledger, start):
    stack.worker(START_URL=start.url)
    board = stack.board(REDIS_PREFIXES=f",{stack.prefix},", REDIS_PREFIX="{not-looked-at}")
    ledger.queue(webhook := daily.webhook())
    ledger.wait_for_state(webhook["callId"], "started")
    now = wait_for(lambda: (now := board.get("/api/now").json())["account"]["started"] == 1 and now)
    assert "prefixes" not in now and "prefix" not in now["agents"][0]
    assert board.post("/api/call", {"id": webhook["callId"]}).json()["state"] == "started"
    assert "prefixes" not in board.get("/api/me").json()


def test_too_many_prefixes_are_refused(stack):
    many = ",".join(f"{{p{number}}}" for number in range(65))
    assert "REDIS_PREFIXES: may have at most 64" in stack.run("dialin-board", "--check-config", REDIS_PREFIXES=many).stderr
    assert "REDIS_PREFIXES: must be at most" in stack.run("dialin-board", "--check-config", REDIS_PREFIXES="a b").stderr
