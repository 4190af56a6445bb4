"""A route's lookup: the customer database is asked once a call, and costs no caller when it is down
(CONTRACT, section 4, "lookup"). The database is a FakeStart of its own, `crm`."""

import base64
import hashlib
import hmac
import json
import time

import pytest

import daily
from audit import Audit
from fake_start import FakeStart, answers, closes, hangs, sends, http_answer, starts_a_bot
from routed import FULL, OTHER, SALES, overflows, ring, started_by
from stack import free_port, wait_for

SECRET = b"0123456789abcdef0123456789abcdef"
CRM_SECRET = "whsec_" + base64.b64encode(SECRET).decode()


@pytest.fixture
def crm():
    server = FakeStart()
    server.script(answers(204))
    yield server
    server.close()


def says(**answer):
    return answers(200, json.dumps(answer).encode(), [("Content-Type", "application/json")])


def lookup(crm, **fields):
    return {"url": crm.url, "secret_env": "CRM_SECRET", **fields}


def run_worker(stack, start, path, **values):
    return stack.worker(START_URL=start.url, ROUTES_FILE=path, CRM_SECRET=CRM_SECRET, **values)


def asked_of(crm, call_id):
    return [request for request in crm.requests if request.header("webhook-id") == call_id]


def test_what_is_asked_and_what_the_answer_does(stack, ledger, start, agents, routes, crm):
    sales = agents("sales")
    crm.script(says(agent="sales", body={"tier": "gold", "token": "crm-token-1", "dialin_settings": {"a": 1}},
                    room={"geo": "eu"}, why="a good customer", unknown=[1]))
    path = routes({"name": "all", "lookup": lookup(crm), "room": {"geo": "us", "x": 1},
                   "body": {"tier": "none", "kept": 2.50, "dialin_settings": {"a": 2, "b": 3}}},
                  sales={"start_url": sales.url})
    run_worker(stack, start, path)
    webhook = daily.webhook(To=SALES, sipHeaders={"X-Tenant": "acme"})
    ledger.queue(webhook)
    call_id = webhook["callId"]
    call = started_by(ledger, call_id, sales)
    assert (call["route"], call["agent"]) == ("all", "sales")

    request, = crm.requests
    asked = request.json()
    assert asked == {"call_id": call_id, "kind": "dialin", "from": daily.FROM, "to": SALES,
                     "sip_headers": {"X-Tenant": "acme"}, "received_ms": int(call["received_ms"]), "route": "all"}
    signed = f'{request.header("webhook-id")}.{request.header("webhook-timestamp")}.'.encode() + request.body
    digest = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert request.header("webhook-signature") == f"v1,{digest}" and request.header("webhook-id") == call_id
    assert abs(int(request.header("webhook-timestamp")) - time.time()) < 60

    sent = sales.requests[0].json()
    assert sent["body"]["tier"] == "gold" and sent["body"]["kept"] == 2.5 and sent["body"]["token"] == "crm-token-1"
    settings = sent["body"]["dialin_settings"]
    assert (settings["a"], settings["b"], settings["call_id"]) == (1, 3, call_id)
    assert (sent["dailyRoomProperties"]["geo"], sent["dailyRoomProperties"]["x"]) == ("eu", 1)
    event, = ledger.events(call_id, "lookup")
    assert "a good customer" in event["response"] and event["error"] == ""
    assert b"crm-token-1" not in ledger.everything() and CRM_SECRET.encode() not in ledger.everything()
    assert ledger.client.exists(ledger.key(f"lookup:{call_id}")) == 0
    attempt, = ledger.events(call_id, "attempt")
    assert attempt["lookup"] == event["id"]


def test_the_record_is_exact_with_lookups(stack, ledger, start, agents, routes, crm):
    """verify merges the recorded answer, which is redacted, and compares these members as redacted."""
    audit, sales = Audit(stack), agents("sales")
    crm.script(says(agent="sales", body={"tier": "gold", "n": 1.50, "token": "crm-token-1",
                                         "dialin_settings": {"a": 1}}, room={"geo": "eu"}),
               answers(204), answers(500), says(route="vip", body={"by_crm": 1}))
    path = routes({"name": "all", "to": "+1415*", "lookup": lookup(crm), "room": {"geo": "us", "x": 1},
                   "body": {"tier": "none", "kept": 2.50, "dialin_settings": {"a": 2, "b": 3}}},
                  {"name": "vip", "agent": "sales", "body": {"from_vip": True}},
                  sales={"start_url": sales.url})
    run_worker(stack, start, path)
    calls = []
    for _ in range(4):
        calls.append(ring(ledger, SALES))
        ledger.wait_for_state(calls[-1], "started")
    assert ledger.call(calls[3])["route"] == "vip"
    values = {"START_URL": start.url, "ROUTES_FILE": path, "CRM_SECRET": CRM_SECRET}
    said = audit("verify", **values)
    assert "verified 4 requests: 4 as recorded, 0 differ" in said.out and "cannot be compared" not in said.out
    assert "verified 4 requests: 4 as recorded" in audit("verify", "--routes", path, **values).out

    event, = ledger.events(calls[0], "lookup")
    ledger.client.xdel(ledger.key("audit"), event["id"])
    said = audit("verify", **values)
    assert "verified 3 requests: 3 as recorded" in said.out and "1 cannot be compared: the answer" in said.out


def test_a_difference_under_a_lookup_is_seen(stack, ledger, start, routes, crm):
    crm.script(says(body={"tier": "gold"}))
    path = routes({"name": "all", "lookup": lookup(crm)})
    run_worker(stack, start, path)
    call_id = ring(ledger, SALES)
    ledger.wait_for_state(call_id, "started")
    event, = ledger.events(call_id, "lookup")
    attempt, = ledger.events(call_id, "attempt")
    changed = {name: value for name, value in event.items() if name != "id"}
    other = ledger.client.xadd(ledger.key("audit"), {**changed, "response": '{"body":{"tier":"silver"}}'})
    ledger.client.xadd(ledger.key("audit"), {**{name: value for name, value in attempt.items() if name != "id"},
                                             "lookup": other})
    found = Audit(stack)("verify", "--json", code=1, START_URL=start.url, ROUTES_FILE=path,
                         CRM_SECRET=CRM_SECRET).objects()
    assert [(each["path"], each["recorded"], each["now"]) for each in found] == [("body.tier", '"gold"', '"silver"')]


def test_a_route_may_be_named_and_a_call_declined(stack, ledger, start, agents, routes, crm):
    sales = agents("sales")
    path = routes({"name": "all", "lookup": lookup(crm)},
                  {"name": "vip", "agent": "sales", "body": {"from_vip": True}, "priority_s": 7},
                  sales={"start_url": sales.url})
    run_worker(stack, start, path)
    crm.script(says(route="vip", body={"by_crm": 1}))
    call_id = ring(ledger, OTHER)
    assert started_by(ledger, call_id, sales)["route"] == "vip"
    body = sales.requests[0].json()["body"]
    assert body["from_vip"] is True and body["by_crm"] == 1 and len(asked_of(crm, call_id)) == 1


@pytest.mark.parametrize("answer, why", [({"decline": True, "why": "a robot"}, "a robot"),
                                         ({"route": "robots"}, "its route declines it")])
def test_a_call_that_it_declines(stack, ledger, start, routes, crm, answer, why):
    """The event `lookup` is there all the same."""
    path = routes({"name": "all", "to": "+1415*", "lookup": lookup(crm)}, {"name": "robots", "decline": True})
    run_worker(stack, start, path)
    crm.script(says(**answer))
    call_id = ring(ledger, SALES)
    call = ledger.wait_for_state(call_id, "dead")
    assert (call["reason"], call["error"], call["attempts"]) == ("declined", why, "0")
    assert json.loads(ledger.events(call_id, "lookup")[0]["response"]) == answer
    assert [each["event"] for each in ledger.events(call_id)] == ["lookup", "dead"]
    assert ledger.client.exists(ledger.key(f"lookup:{call_id}")) == 0 and start.requests == []
    ledger.check_account([ledger.entry_of(call_id)[0]])


def test_a_call_goes_on_from_the_agent_that_its_lookup_chose(stack, ledger, start, agents, routes, crm):
    """Not to that agent again, and not to one before it, from which it would come back."""
    first, chosen, last = agents("first"), agents("chosen"), agents("last")
    chosen.script(FULL)
    crm.script(says(agent="chosen"))
    path = routes({"name": "all", "lookup": lookup(crm), "overflow": [
        {"after_s": 0, "agent": "first"}, {"after_s": 0, "agent": "chosen"}, {"after_s": 1, "agent": "last"}]},
        first={"start_url": first.url}, chosen={"start_url": chosen.url}, last={"start_url": last.url})
    run_worker(stack, start, path)
    call_id = ring(ledger, SALES)
    assert started_by(ledger, call_id, last)["step"] == "3"
    assert overflows(ledger, call_id) == [("chosen", "last", "3", "waited")]
    assert start.requests == first.requests == []


@pytest.mark.parametrize("trouble, error", [
    (answers(500), "it answered 500"), (closes(), "Empty reply"), (hangs(), "timed out"),
    (answers(302, headers=[("Location", "http://127.0.0.1:1/")]), "it answered 302: a redirect is not followed"),
    (says(agent="nobody"), "names an agent or a route that the file does not have"),
    (says(route="nobody"), "names an agent or a route that the file does not have"),
    (says(agent=7), "agent of its answer must be a text"), (says(route=["a"]), "route of its answer must be a text"),
    (says(body=[]), "body of its answer must be an object"), (says(room="x"), "room of its answer must be an object"),
    (says(priority_s=601), "priority_s of its answer must be a number from 0 to 600"),
    (says(priority_s="7"), "priority_s of its answer must be a number from 0 to 600"),
    (says(decline="no"), "decline of its answer must be true or false"), (says(why={}), "why of its answer must be a text"),
    (answers(200, b"not json"), "it is not a JSON object"), (answers(200, b"[]"), "it is not a JSON object"),
    (answers(200, b'{"body":{"a":"\xff"}}'), "UTF-8"),
    (sends(http_answer(200, b"{" + b" " * 70000 + b"}")), "longer than 64 KiB")], ids=range(18))
def test_a_lookup_that_fails_costs_no_caller(stack, ledger, start, routes, crm, trouble, error):
    crm.script(trouble)
    path = routes({"name": "all", "lookup": lookup(crm, timeout_ms=300), "body": {"of_route": 1}})
    run_worker(stack, start, path)
    call_id = ring(ledger, SALES)
    call = started_by(ledger, call_id, start)
    assert int(call["started_ms"]) - int(call["received_ms"]) < 3000
    event, = ledger.events(call_id, "lookup")
    assert error in event["error"] and start.requests[0].json()["body"]["of_route"] == 1


def test_a_lookup_that_cannot_be_reached_costs_no_caller(stack, ledger, start, routes, crm):
    path = routes({"name": "all", "lookup": {**lookup(crm), "url": f"http://127.0.0.1:{free_port()}/"}})
    run_worker(stack, start, path)
    call_id = ring(ledger, SALES)
    started_by(ledger, call_id, start)
    assert "connect" in ledger.events(call_id, "lookup")[0]["error"] and crm.requests == []


def test_it_is_asked_once_a_call(stack, ledger, start, routes, crm):
    """Also over waiting, a duplicate and a take-over; the answer is in the record."""
    crm.script(says(body={"tier": "gold"}))
    start.script(FULL)
    values = {"LEASE_S": "3"}
    path = routes({"name": "all", "lookup": lookup(crm)})
    worker = run_worker(stack, start, path, **values)
    webhook = daily.webhook(To=SALES)
    ledger.queue(webhook)
    call_id = webhook["callId"]
    wait_for(lambda: ledger.call(call_id).get("state") == "waiting", what="a call in line")
    ledger.queue(webhook)
    wait_for(lambda: ledger.events(call_id, "duplicate"), what="the duplicate")
    worker.kill()
    start.script(starts_a_bot())
    run_worker(stack, start, path, **values)
    ledger.wait_for_state(call_id, "started", timeout_s=15)
    assert start.requests_of(call_id)[-1].json()["body"]["tier"] == "gold"
    assert len(asked_of(crm, call_id)) == 1 and len(ledger.events(call_id, "lookup")) == 1


def test_it_is_asked_again_if_the_worker_died_before_the_answer(stack, ledger, start, routes, crm):
    crm.script(hangs())
    path = routes({"name": "all", "lookup": lookup(crm, timeout_ms=30000)})
    worker = run_worker(stack, start, path, LEASE_S="3")
    call_id = ring(ledger, SALES)
    wait_for(lambda: asked_of(crm, call_id), what="the lookup")
    assert ledger.call(call_id)["state"] == "queued"
    worker.kill()
    crm.script(says(body={"tier": "gold"}))
    run_worker(stack, start, path, LEASE_S="3")
    ledger.wait_for_state(call_id, "started", timeout_s=15)
    assert len(asked_of(crm, call_id)) == 2 and start.requests[0].json()["body"]["tier"] == "gold"


def test_a_slow_lookup_delays_no_other_route(stack, ledger, start, routes, crm):
    """And after five failures in a row its URL is left alone."""
    crm.script(hangs())
    path = routes({"name": "slow", "to": "+1415*", "lookup": lookup(crm, timeout_ms=1000)}, {"name": "rest"})
    worker = run_worker(stack, start, path)
    slow = [ring(ledger, SALES) for _ in range(6)]
    wait_for(lambda: len(crm.requests) == 6, what="the lookups")
    quick = ring(ledger, OTHER)
    started_by(ledger, quick, start)
    assert ledger.call(slow[0])["state"] == "queued"
    for call_id in slow:
        ledger.wait_for_state(call_id, "started")
    assert b"left alone for 10 s" in worker.log()
    ledger.wait_for_state(ring(ledger, SALES), "started")
    assert len(crm.requests) == 6


@pytest.mark.parametrize("trouble", [
    answers(200, b"not json"), says(decline="no"), sends(http_answer(200, b"{" + b" " * 70000 + b"}"))], ids=range(3))
def test_an_answer_that_cannot_be_used_is_a_failure(stack, ledger, start, routes, crm, trouble):
    crm.script(trouble)
    path = routes({"name": "all", "lookup": {**lookup(crm), "url": crm.url + "?key=secret-of-the-crm"}})
    worker = run_worker(stack, start, path)
    for _ in range(6):
        ledger.wait_for_state(call_id := ring(ledger, SALES), "started")
    assert len(crm.requests) == 5
    assert "left alone" in ledger.events(call_id, "lookup")[0]["error"]
    assert b"left alone for 10 s" in worker.log() and b"secret-of-the-crm" not in worker.log()


def test_failures_together_are_one_line_in_the_log(stack, ledger, start, routes, crm):
    crm.script(hangs())
    path = routes({"name": "all", "lookup": lookup(crm, timeout_ms=3000)})
    worker = run_worker(stack, start, path)
    calls = [ring(ledger, SALES) for _ in range(20)]
    wait_for(lambda: len(crm.requests) >= 10, what="lookups that are out together")
    for call_id in calls:
        ledger.wait_for_state(call_id, "started", timeout_s=20)
    assert worker.log().count(b"left alone for 10 s") == 1


def test_a_worker_that_leaves_asks_no_required_lookup_again(stack, ledger, start, routes, crm):
    crm.script(hangs())
    path = routes({"name": "all", "lookup": lookup(crm, required=True, timeout_ms=1000)})
    worker = run_worker(stack, start, path)
    call_id = ring(ledger, SALES)
    wait_for(lambda: asked_of(crm, call_id), what="the lookup")
    worker.terminate()
    assert worker.wait() == 0
    assert len(asked_of(crm, call_id)) <= 2 and ledger.call(call_id)["state"] == "queued"
    crm.script(says(body={"tier": "gold"}))
    run_worker(stack, start, path)
    ledger.wait_for_state(call_id, "started", timeout_s=20)
    assert len(start.requests) == 1 and start.requests[0].json()["body"]["tier"] == "gold"


def test_a_required_lookup_is_asked_until_the_hold_ends(stack, ledger, start, routes, crm):
    crm.script(answers(500), answers(500), says(body={"tier": "gold"}))
    path = routes({"name": "all", "to": "+1415*", "lookup": lookup(crm, required=True)},
                  {"name": "short", "hold_limit_s": 3, "lookup": lookup(crm, required=True)})
    run_worker(stack, start, path)
    call_id = ring(ledger, SALES)
    ledger.wait_for_state(call_id, "started")
    assert len(asked_of(crm, call_id)) == 3 and start.requests[0].json()["body"]["tier"] == "gold"
    crm.script(answers(500))
    lost = ring(ledger, OTHER)
    assert ledger.wait_for_state(lost, "dead")["reason"] == "expired"
    assert start.requests_of(lost) == []
