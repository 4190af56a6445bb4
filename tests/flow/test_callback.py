"""Call backs: a caller whose hold ran out is called back, once (CONTRACT, section 4, "Routes")."""

import json
import threading

import pytest

import daily
from audit import Audit
from fake_start import answers, resets, starts_a_bot
from stack import wait_for

FULL = answers(429, b"{}")
OURS, CALLER = "+14150000001", "+14158483432"
DIGITS = CALLER[1:]
CALLS_BACK = {"name": "sales", "to": "+1415*", "hold_limit_s": 1, "body": {"tier": "gold"},
              "callback": {"within_s": 600, "to": ["+1415*", "+1416*"], "caller_id": "number-1"}}


def ring(ledger, caller=CALLER, to=OURS, call_id=None, **fields):
    webhook = daily.webhook(call_id, From=caller, To=to)
    ledger.queue(webhook, **fields)
    return webhook["callId"]


def expire(ledger, start, *callers, to=OURS):
    """Each rings, and waits until the hold is over: the agent is full."""
    start.script(FULL)
    calls = [ring(ledger, caller, to) for caller in callers]
    for call_id in calls:
        assert ledger.wait_for_state(call_id, "dead")["reason"] == "expired"
    return calls


def callbacks(ledger):
    return [fields["call_id"].decode() for _, fields in ledger.entries() if "callback_of" in fields]


def keys_of(ledger, name):
    return list(ledger.client.scan_iter(match=ledger.key(f"{name}:*").replace("{", "[{]"), count=1000))


def texts_of(ledger, name):
    key, = keys_of(ledger, name)
    return {field.decode(): value.decode() for field, value in ledger.client.hgetall(key).items()}


def test_who_was_lost_is_called_back(stack, ledger, start, routes):
    stack.worker(START_URL=start.url, ROUTES_FILE=routes(CALLS_BACK))
    call_id, = expire(ledger, start, CALLER)
    name = call_id + "~cb"
    assert ledger.call(call_id)["callback"] == name
    assert ledger.events(call_id, "dead")[0]["callback"] == name
    entry, fields = ledger.entry_of(name)
    assert (fields["kind"], fields["callback_of"], fields["hold_ms"]) == (b"dialout", call_id.encode(), b"600000")
    assert 0 < ledger.client.pttl(keys_of(ledger, "callback")[0]) <= 600000 + 130000

    start.script(starts_a_bot())
    call = ledger.wait_for_state(name, "started")
    assert (call["kind"], call["callback_of"], call["route"]) == ("dialout", call_id, "sales")
    request = start.requests_of(name)[-1].json()
    body = request["body"]
    assert body["callback"] == {"call_id": call_id, "rang_ms": int(ledger.call(call_id)["received_ms"])}
    assert body["dialout_settings"] == [{"phoneNumber": CALLER, "phone_number": CALLER,
                                         "callerId": "number-1", "caller_id": "number-1"}]
    assert body["dialin_settings"] is None and body["tier"] == "gold"
    assert request["dailyRoomProperties"]["enable_dialout"] is True and "sip" not in request["dailyRoomProperties"]
    assert not keys_of(ledger, "callback"), "the number may be called back another time"
    assert ledger.counts() == {"started": 1, "dead": 1, "dead:expired": 1, "callbacks": 1}
    ledger.check_account([entry, ledger.entry_of(call_id)[0]])


@pytest.mark.parametrize("caller, is_called", [
    ('"Ann" <sip:+14165550100@trunk.example>', True), ("+14175550100", False), ("anonymous", False)])
def test_only_a_number_that_may_be_called(stack, ledger, start, routes, caller, is_called):
    stack.worker(START_URL=start.url, ROUTES_FILE=routes(CALLS_BACK))
    call_id, = expire(ledger, start, caller)
    assert callbacks(ledger) == ([call_id + "~cb"] if is_called else [])
    if is_called:
        body = json.loads(ledger.entry_of(call_id + "~cb")[1]["body"])
        assert body["dialout_settings"][0]["phoneNumber"] == "+14165550100"


def test_neither_the_unknown_nor_the_declined_nor_others(stack, ledger, start, routes):
    start.script(resets())
    declines = {**CALLS_BACK, "name": "robots", "to": "+1416*", "decline": True}
    without = {"name": "without", "to": "+1417*", "hold_limit_s": 1}
    stack.worker(START_URL=start.url, ROUTES_FILE=routes(CALLS_BACK, declines, without))
    unknown, declined = ring(ledger), ring(ledger, to="+14160000001")
    assert ledger.wait_for_state(unknown, "dead")["reason"] == "unknown"
    assert ledger.wait_for_state(declined, "dead")["reason"] == "declined"
    plain, = expire(ledger, start, CALLER, to="+14170000001")
    replay = ring(ledger, call_id="c-1~r1", replay_of="1-1")
    assert ledger.wait_for_state(replay, "dead")["reason"] == "expired"
    assert callbacks(ledger) == [] and "callback" not in ledger.call(plain)


def test_one_number_has_one_call_back_at_a_time(stack, ledger, start, routes):
    stack.worker(START_URL=start.url, ROUTES_FILE=routes(CALLS_BACK))
    first, = expire(ledger, start, CALLER)
    second, third = expire(ledger, start, f"sip:{CALLER}@trunk.example", "+14158483433")
    assert callbacks(ledger) == [first + "~cb", third + "~cb"]
    assert "callback" not in ledger.call(second)


def test_a_number_that_was_served_is_not_called(stack, ledger, start, routes):
    """Not while the call back waits, nor if it was served between ring and death."""
    path = routes(CALLS_BACK, {"name": "free", "to": "+1416*"},
                  {**CALLS_BACK, "name": "slow", "to": "+1417*", "hold_limit_s": 4})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id, = expire(ledger, start, CALLER)
    name = call_id + "~cb"
    wait_for(lambda: ledger.call(name).get("state") == "waiting", what="the call back in line")
    start.script(FULL, call_id=name)
    start.script(starts_a_bot())
    served = ring(ledger, "00" + DIGITS, to="+14160000001")
    ledger.wait_for_state(served, "started")
    call = ledger.wait_for_state(name, "dead")
    assert (call["reason"], call["error"]) == ("served", "its number has been served since")
    assert not keys_of(ledger, "callback")
    assert ledger.counts()["dead:served"] == 1 and "dead:callback" not in ledger.counts()

    start.script(FULL, call_id="held")
    held = ring(ledger, to="+14170000001", call_id="held")
    ledger.wait_for_state(ring(ledger, to="+14160000001"), "started")
    assert ledger.wait_for_state(held, "dead", "started")["state"] == "dead"
    assert callbacks(ledger) == [name]


def dial_out(ledger, to, *numbers):
    """The user's own: `to` chooses its route."""
    call_id = daily.new_call_id("out")
    ledger.queue({"To": to, "dialout_settings": [{"phoneNumber": number} for number in numbers]}, call_id, "dialout")
    return call_id


def trunk_call(ledger, to, caller):
    call = daily.trunk_call(**{"from": caller, "to": to})
    call_id = "trunk-" + call["room"]["name"]
    ledger.queue(call, call_id=call_id, kind="trunk", v="2")
    return call_id


@pytest.mark.parametrize("serve", [
    lambda ledger, to: dial_out(ledger, to, "+14150000099", "+1 (415) 848-3432"),
    lambda ledger, to: trunk_call(ledger, to, CALLER)], ids=["own dial-out", "trunk"])
def test_a_number_that_a_bot_reached_otherwise_is_not_called(stack, ledger, start, agents, routes, serve):
    """As for one that rang again: while the call back waits, and between ring and death."""
    other = agents("other")
    other.script(starts_a_bot())
    path = routes(CALLS_BACK, {"name": "out", "to": "+1416*", "agent": "other"},
                  {**CALLS_BACK, "name": "slow", "to": "+1417*", "hold_limit_s": 4},
                  other={"start_url": other.url})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id, = expire(ledger, start, CALLER)
    name = call_id + "~cb"
    wait_for(lambda: ledger.call(name).get("state") == "waiting", what="the call back in line")
    ledger.wait_for_state(dial_out(ledger, "+14160000001", "+14158483433", "1001"), "started")
    assert "served_ms" not in texts_of(ledger, "callback"), "another number was called"
    assert ledger.wait_for_state(serve(ledger, "+14160000001"), "started")["agent"] == "other"
    start.script(starts_a_bot())
    call = ledger.wait_for_state(name, "dead", "started")
    assert (call["state"], call["reason"]) == ("dead", "served")
    assert not keys_of(ledger, "callback") and ledger.counts()["dead:served"] == 1

    start.script(FULL)
    held = ring(ledger, to="+14170000001")
    ledger.wait_for_state(serve(ledger, "+14160000001"), "started")
    assert ledger.wait_for_state(held, "dead", "started")["reason"] == "expired"
    assert callbacks(ledger) == [name]


def test_an_own_dial_out_that_failed_serves_nobody(stack, ledger, start, agents, routes):
    other = agents("other")
    other.script(answers(413, b"{}"))
    path = routes(CALLS_BACK, {"name": "out", "to": "+1416*", "agent": "other"}, other={"start_url": other.url})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id, = expire(ledger, start, CALLER)
    ledger.wait_for_state(dial_out(ledger, "+14160000001", CALLER), "dead")
    start.script(starts_a_bot())
    ledger.wait_for_state(call_id + "~cb", "started")


def test_the_record_names_each_from_the_other(stack, ledger, start, routes):
    """Both ways, in list, show, export and stats; verify makes its request again; no replay repeats it."""
    values = {"START_URL": start.url, "ROUTES_FILE": routes(CALLS_BACK)}
    stack.worker(**values)
    call_id, = expire(ledger, start, CALLER)
    start.script(starts_a_bot())
    name = call_id + "~cb"
    ledger.wait_for_state(name, "started")
    audit = Audit(stack)
    listed = {call["call_id"]: call for call in audit.json("list")}
    assert listed[call_id]["callback"] == name and "callback_of" not in listed[call_id]
    assert listed[name]["callback_of"] == call_id and "callback" not in listed[name]
    assert {call["call_id"] for call in audit.json("list", "--from", CALLER)} == {call_id, name}
    assert f"back {CALLER[:7]}" in audit("list").out
    assert f"is called back by {name}" in audit("show", call_id).out
    assert f"calls back   {call_id}" in audit("show", name).out
    exported = [row for row in audit("export").objects() if row["record"] == "webhook" and row.get("callback_of")]
    assert [(row["call_id"], row["callback_of"]) for row in exported] == [(name, call_id)]
    by_route, = [each for each in audit.json("stats", "--by", "route") if each["route"] == "sales"]
    assert (by_route["started"], by_route["dead"]) == (1, 1)
    assert audit.json("stats")[0]["callbacks"] == {"queued": 1, "served": 0, "dead": 0}
    assert "0 differ" in audit("verify", **values).out
    planned = audit("replay", "--to", start.url)
    assert "would replay 1 calls" in planned.out and "1 left out: call backs" in planned.err
    assert keys_of(ledger, "served")
    audit("forget", CALLER, "--yes")
    assert not keys_of(ledger, "served") and CALLER.encode() not in ledger.everything()


def test_a_call_back_that_dies_is_no_second_lost_caller(stack, ledger, start, routes):
    path = routes({**CALLS_BACK, "callback": {"within_s": 1, "to": "*"}})
    worker = stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id, = expire(ledger, start, CALLER)
    name = call_id + "~cb"
    assert ledger.wait_for_state(name, "dead")["reason"] == "expired"
    assert ledger.counts() == {"dead": 2, "dead:expired": 1, "dead:callback": 1, "callbacks": 1}
    assert callbacks(ledger) == [name], "a call back is not called back"
    assert not keys_of(ledger, "callback")
    stats = Audit(stack).json("stats")[0]
    def counted(outcome):
        return worker.total("dialin_calls_total", outcome=outcome)
    wait_for(lambda: counted("callback_dead") == 1, what="the metrics to have it")
    assert counted("expired") == 1
    assert stats["lost"] == 1 and stats["account"]["adds_up"] is True
    assert stats["callbacks"] == {"queued": 1, "dead": 1, "served": 0}


def test_whose_call_back_was_cancelled_is_called_back_again(stack, ledger, start, routes):
    stack.worker(START_URL=start.url, ROUTES_FILE=routes(CALLS_BACK))
    first, = expire(ledger, start, f'"Room 12" <sip:{CALLER}@trunk.example>')
    audit = Audit(stack)
    wait_for(lambda: audit.run("cancel", first + "~cb", "--yes").code == 0, what="the call back to be cancelled")
    assert not keys_of(ledger, "callback")
    second, = expire(ledger, start, CALLER)
    assert callbacks(ledger) == [first + "~cb", second + "~cb"]


def test_whose_call_back_was_rejected_is_called_back_again(stack, ledger, start, routes):
    """Three rejections make a death: not the worker decides it, but the step that records the third."""
    stack.worker(START_URL=start.url, ROUTES_FILE=routes(CALLS_BACK))
    first, = expire(ledger, start, CALLER)
    start.script(answers(422, b"{}"), call_id=first + "~cb")
    assert ledger.wait_for_state(first + "~cb", "dead", timeout_s=30)["reason"] == "rejected"
    assert not keys_of(ledger, "callback")
    second, = expire(ledger, start, CALLER)
    assert callbacks(ledger) == [first + "~cb", second + "~cb"]


def test_a_number_whose_bot_was_heard_of_late_is_not_called(stack, ledger, start, agents, routes):
    """By a step that was to record that another request was refused."""
    other, may_answer = agents("other"), threading.Event()

    def refuses(exchange):
        may_answer.wait(30)
        FULL(exchange)
    other.script(refuses)
    path = routes(CALLS_BACK, {"name": "free", "to": "+1416*", "agent": "other"}, other={"start_url": other.url})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id, = expire(ledger, start, CALLER)
    again = ring(ledger, to="+14160000001")
    wait_for(lambda: other.requests_of(again), what="the request")
    ledger.client.hset(ledger.key("call:" + again), mapping={  # as finish.lua does it
        "late_ms": "1", "session_id": "session-late", "room_url": "https://example.daily.co/late"})
    may_answer.set()
    assert ledger.wait_for_state(again, "started")["session_id"] == "session-late"
    start.script(starts_a_bot())
    assert ledger.wait_for_state(call_id + "~cb", "dead", "started")["reason"] == "served"
