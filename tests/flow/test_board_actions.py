"""What an operator does on the board: pause, resume, cancel, replay, export (SIGHT: BOARD_ACTIONS)."""

import re

import pytest

import daily
import stack as stack_module
from fake_start import answers, starts_a_bot
from stack import wait_for

ANNA = [("X-User", "anna"), ("X-Forwarded-For", "203.0.113.9"), ("Sec-Fetch-Site", "same-origin")]
ACTIONS = {"/api/pause": {"agent": "x"}, "/api/resume": {"agent": "x"}, "/api/cancel": {"id": "x"},
           "/api/plan": {"id": "x"}, "/api/replay": {"plan": "x"}, "/api/export": {}}


def acting(stack, **values):
    return stack.board(**{"BOARD_USER_HEADER": "X-User", "TRUSTED_PROXIES": "127.0.0.1",
                          "BOARD_ACTIONS": "true", "BOARD_ACTIONS_REDIS_URL": stack.redis.url,
                          **values})


def ring(ledger):
    call_id = daily.new_call_id()
    ledger.queue(daily.webhook(call_id))
    return call_id


def keys_of(start):
    return [request.key for request in list(start.requests)]


def noted(ledger, count):
    """What stands in the record: (action, its object, outcome)."""
    rows = wait_for(lambda: len(rows := ledger.client.xrange(ledger.key("operators"))) == count and rows)
    intents = {entry: fields for entry, fields in rows if b"action" in fields}
    outcomes = {fields[b"intent"]: fields[b"outcome"].decode() for _, fields in rows
                if b"intent" in fields}
    assert all(fields[b"operator"] == b"anna" and fields[b"peer"] == b"203.0.113.9"
               for fields in intents.values())
    return [(fields[b"action"].decode(), (fields.get(b"agent") or fields.get(b"call_id") or b"").decode(),
             outcomes.get(entry)) for entry, fields in intents.items()]


def test_an_agent_is_paused_and_resumed(stack, ledger, start):
    stack.worker(START_URL=start.url)
    board = acting(stack)
    ledger.wait_for_state(ring(ledger), "started")
    agent = f"127.0.0.1:{start.port}/start"
    assert board.post("/api/pause", {"agent": agent}, ANNA).json() == {"status": "done"}
    call_id = ring(ledger)
    ledger.wait_for_state(call_id, "waiting")
    row = wait_for(lambda: next((row for row in board.get("/api/now", ANNA).json()["agents"]
                                 if row["agent"] == agent and row["state"] == "paused"), None))
    assert row["paused_by"] == "anna"
    assert board.post("/api/resume", {"agent": agent}, ANNA).status == 200
    ledger.wait_for_state(call_id, "started", timeout_s=20)
    again = board.post("/api/resume", {"agent": agent}, ANNA)
    assert (again.status, again.code) == (409, "not_done") and "is not paused" in again.json()["error"]
    assert noted(ledger, 6) == [("pause", agent, "done"), ("resume", agent, "done"),
                                ("resume", agent, "not done")]


def test_a_call_is_cancelled(stack, ledger, start):
    start.script(answers(429, b"{}"))
    stack.worker(START_URL=start.url)
    board = acting(stack)
    call_id = ring(ledger)
    ledger.wait_for_state(call_id, "waiting")
    wait_for(lambda: board.post("/api/cancel", {"id": call_id}, ANNA).status == 200)
    call = ledger.call(call_id)
    assert (call["reason"], call["error"]) == ("cancelled", "cancelled by anna")
    refused = board.post("/api/cancel", {"id": call_id}, ANNA)
    assert (refused.status, refused.code) == (409, "not_done") and "dead already" in refused.json()["error"]


def dead_call(stack, ledger, start):
    """Given up, while its caller still holds."""
    start.script(answers(413, b"{}"))
    stack.worker(START_URL=start.url)
    call_id = ring(ledger)
    ledger.wait_for_state(call_id, "dead")
    start.script(starts_a_bot())
    return call_id


def test_a_replay_is_planned_and_then_done_once(stack, ledger, start):
    call_id = dead_call(stack, ledger, start)
    board = acting(stack)
    planned = board.post("/api/plan", {"id": call_id}, ANNA)
    assert planned.status == 200, planned
    plan = planned.json()
    assert plan["expires_s"] == 60 and "would replay 1 calls" in plan["sentence"]
    assert not ledger.client.exists(ledger.key("operators"))  # nothing is done yet
    other = [("X-User", "ben"), *ANNA[1:]]
    assert board.post("/api/replay", {"plan": plan["plan"]}, other).code == "plan_expired"
    assert board.post("/api/replay", {"plan": plan["plan"]}, ANNA).status == 200
    assert ledger.wait_for_state(call_id + "~r1", "started")
    again = board.post("/api/replay", {"plan": plan["plan"]}, ANNA)
    assert (again.status, again.code) == (409, "plan_expired")
    assert noted(ledger, 2) == [("replay", call_id, "done")]
    assert keys_of(start).count(call_id + "~r1") == 1


def test_what_cannot_be_replayed_gets_no_plan(stack, ledger, start):
    stack.worker(START_URL=start.url)
    board = acting(stack)
    call_id = ring(ledger)
    ledger.wait_for_state(call_id, "started")
    refused = board.post("/api/plan", {"id": call_id}, ANNA)
    assert (refused.status, refused.code) == (409, "not_done") and "not dead" in refused.json()["error"]


def test_an_export_has_the_numbers_and_is_recorded(stack, ledger, start):
    stack.worker(START_URL=start.url)
    board = acting(stack)
    ledger.wait_for_state(ring(ledger), "started")
    answer = board.post("/api/export", {"since": "1h"}, ANNA)
    assert answer.status == 200 and answer.header("Content-Type").startswith("text/csv")
    assert daily.FROM.encode() in answer.body
    assert [row[0::2] for row in noted(ledger, 2)] == [("export", "done")]
    outcome, intent = board.get("/api/operators", ANNA).json()["operators"]
    assert (outcome["intent"], outcome["outcome"]) == (intent["id"], "done")  # ids are no numbers of callers


@pytest.mark.parametrize("path", ACTIONS)
def test_who_may_not_act_changes_nothing(stack, ledger, path):
    body = ACTIONS[path]
    reading = stack.board()
    assert (reading.post(path, body).status, reading.post(path, body).code) == (403, "read_only")
    guarded = stack.board(BOARD_TOKEN="a-token-of-the-test", BOARD_ACTIONS="true",
                          BOARD_ACTIONS_REDIS_URL=stack.redis.url)
    assert guarded.post(path, body).code == "not_logged_in"
    assert guarded.post(path, body, [("Sec-Fetch-Site", "cross-site")]).code == "cross_site"
    assert guarded.post(path, body, [("Host", "evil.example")]).code == "wrong_host"
    assert not ledger.client.exists(ledger.key("operators"), ledger.key("paused"))


@pytest.mark.parametrize("path", ["/api/pause", "/api/cancel", "/api/export"])
def test_what_cannot_be_recorded_is_not_done(stack, ledger, path):
    ledger.client.set(ledger.key("operators"), "not a stream")
    board = acting(stack)
    answer = board.post(path, ACTIONS[path], ANNA)
    assert (answer.status, answer.code) == (503, "not_recorded")
    assert not ledger.client.exists(ledger.key("paused"))


@pytest.mark.parametrize("path, body", [
    ("/api/pause", {}), ("/api/cancel", {"id": ""}), ("/api/cancel", {"id": "a\nb"}),
    ("/api/plan", {"id": 7}), ("/api/pause", {"agent": "x" * 300}), ("/api/export", {"since": "x" * 300})])
def test_bad_requests_are_refused(stack, ledger, path, body):
    answer = acting(stack).post(path, body, ANNA)
    assert (answer.status, answer.code) == (400, "invalid_question")
    assert not ledger.client.exists(ledger.key("operators"))


def user_of_compose(redis, prefix, name):
    text = (stack_module.REPOSITORY / "common/ship/compose/users.acl.in").read_text()
    [line] = [line for line in text.splitlines() if line.startswith(f"user {name} ")]
    rights = line.split(" ", 2)[2].replace("{dialin}", prefix).replace("PASSWORD", ">secret")
    words, groups = re.sub(r"\([^)]*\)", "", rights).split(), re.findall(r"\([^)]*\)", rights)
    redis.client.execute_command("ACL", "SETUSER", name, *words, *groups)
    return f"redis://{name}:secret@127.0.0.1:{redis.port}"


def test_the_rights_of_compose_s_users_suffice_and_too_few_are_named(stack, ledger, start):
    redis = stack.own_redis()
    call_id = dead_call(stack, ledger, start)
    users = {"REDIS_URL": user_of_compose(redis, stack.prefix, "board"),
             "BOARD_ACTIONS_REDIS_URL": user_of_compose(redis, stack.prefix, "actions")}
    board = acting(stack, **users)
    agent = f"127.0.0.1:{start.port}/start"
    for path, body in (("/api/pause", {"agent": agent}), ("/api/resume", {"agent": agent}),
                       ("/api/export", {"since": "1h"})):
        assert board.post(path, body, ANNA).status == 200
    plan = board.post("/api/plan", {"id": call_id}, ANNA).json()["plan"]
    assert board.post("/api/replay", {"plan": plan}, ANNA).status == 200
    ledger.wait_for_state(call_id + "~r1", "started")

    poor = acting(stack, **{**users, "BOARD_ACTIONS_REDIS_URL": users["REDIS_URL"]})
    answer = poor.post("/api/pause", {"agent": agent}, ANNA)
    assert (answer.status, answer.code) == (403, "no_right"), answer.body
    assert "'hget'" in answer.json()["error"]
    assert not redis.client.exists(ledger.key("paused"))
