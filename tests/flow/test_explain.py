"""dialin-worker --explain: what a route does with a call beside choosing its agent."""

import datetime
import json
import re
import zoneinfo

import pytest

import daily
from stack import wait_for
from test_callback import CALLER, CALLS_BACK, expire
from test_lookup import CRM_SECRET

TO = "+14150000001"
FULL_ROUTE = {**CALLS_BACK, "priority_s": 30, "limit_per_caller": {"calls": 5, "within_s": 60},
              "lookup": {"url": "https://crm.example/inbound?token=hidden", "secret_env": "CRM_SECRET"},
              "overflow": [{"after_s": 20, "agent": "second"}, {"after_s": "forecast", "agent": "third"}]}
AGENTS = {name: {"start_url": f"https://{name}.example/start"} for name in ("second", "third")}


def explain(stack, asked, path, code=0, **values):
    asked = asked if isinstance(asked, str) else json.dumps(asked)
    done = stack.run("dialin-worker", "--explain", asked, ROUTES_FILE=path, CRM_SECRET=CRM_SECRET,
                     **{"START_URL": "http://127.0.0.1:1/start", **values})
    assert done.returncode == code, done.stderr
    return done.stdout


def said(out, word):
    """What stands after a word at the beginning of a line."""
    return [line[len(word):].strip() for line in out.splitlines() if line.startswith(word + " ")]


def test_each_part_of_a_route_is_there(stack, routes):
    out = explain(stack, daily.webhook(To=TO), routes(FULL_ROUTE, **AGENTS))
    assert said(out, "limit") == ["5 calls of 14158483432 within 60 s; more are declined"]
    assert said(out, "lookup") == ["https://crm.example/inbound, not asked here: its answer may change all that follows"]
    assert said(out, "hold") == ["1 s"] and said(out, "priority") == ["as if it had rung 30 s earlier"]
    assert said(out, "overflow") == ["after 20 s to second, https://second.example/start",
                                     "by the forecast to third, https://third.example/start"]
    assert said(out, "callback") == ["if the hold runs out: +14158483432, within 600 s, as number-1"]
    assert "hidden" not in out and "crm.example" not in said(out, "request")[0]


@pytest.mark.parametrize("webhook, reason", [
    (lambda: daily.webhook(To=TO, From="+14175550100"), "does not allow the number"),
    (lambda: daily.webhook(To=TO, From="anonymous"), "From is not a whole number"),
    (lambda: daily.webhook(To=TO, From="sip:1001@pbx.example"), "From is not a whole number"),
    (lambda: daily.webhook(To=TO, From=None), "From is not a whole number"),
    (lambda: daily.webhook(To="+14160000001"), 'its route has no "callback"'),
    (lambda: daily.webhook(To="+14170000001"), "no route takes the call"),
    (lambda: daily.dialout(To=TO), "it is a dial-out"),
    (lambda: daily.trunk_call(to=TO), "it came over a SIP trunk"),
    (lambda: daily.webhook("c-1~r1", To=TO), "it is a replay"),
], ids=range(9))
def test_why_a_call_is_not_called_back(stack, routes, webhook, reason):
    out = explain(stack, webhook(), routes(CALLS_BACK, {"name": "plain", "to": "+1416*"}))
    line, = said(out, "callback")
    assert line.startswith("no: ") and reason in line


def test_why_a_route_does_not_take_the_call(stack, routes):
    """By the hour there, as it is now."""
    now = datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Kolkata"))
    hours = {"days": (now + datetime.timedelta(days=3)).strftime("%a").lower(), "time_zone": "Asia/Kolkata"}
    out = explain(stack, daily.webhook(To=TO), routes({"name": "later", "hours": hours}, {"name": "some", "share": 0}))
    later, some, none = said(out, "route")
    weekday, clock = re.fullmatch(r"later +no: hours \((\w+) (\d\d:\d\d) in Asia/Kolkata\)", later).groups()
    passed = datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Kolkata"))
    minutes = int((passed - now).total_seconds() // 60) + 2
    at = [now + datetime.timedelta(minutes=minute) for minute in range(minutes)]
    assert (weekday, clock) in [(each.strftime("%A"), each.strftime("%H:%M")) for each in at]
    assert re.fullmatch(r"some +no: share \(0 %\)", some) and none.startswith("none: ")


@pytest.mark.parametrize("webhook", [
    lambda: daily.webhook(To=TO, From="anonymous"), lambda: daily.dialout(To=TO, From=CALLER),
    lambda: daily.webhook("c-1~r1", To=TO)], ids=range(3))
def test_which_calls_are_not_limited(stack, routes, webhook):
    line, = said(explain(stack, webhook(), routes(FULL_ROUTE, **AGENTS)), "limit")
    assert line.startswith("none: ")


def test_without_these_parts_nothing_is_said_of_them(stack, routes):
    out = explain(stack, daily.webhook(To=TO), routes({"name": "plain"}))
    assert not [word for word in ("limit", "lookup", "priority", "overflow") if said(out, word)]
    assert said(explain(stack, daily.webhook(To=TO), None), "callback") == []
    declined = explain(stack, daily.webhook(To=TO), routes({**FULL_ROUTE, "decline": True}, **AGENTS))
    assert said(declined, "agent") == ["none: the route declines the call"] and not said(declined, "callback")


def test_a_recorded_call_back_keeps_its_route(stack, ledger, start, routes):
    """Also if another one would take it now."""
    first = {"name": "first", "from": CALLER}
    stack.worker(START_URL=start.url, ROUTES_FILE=routes(CALLS_BACK))
    call_id, = expire(ledger, start, CALLER)
    wait_for(lambda: ledger.call(call_id + "~cb").get("state") == "waiting", what="the call back in line")
    values = stack.values({"START_URL": start.url})
    out = explain(stack, call_id + "~cb", routes(first, CALLS_BACK), **values)
    assert said(out, "route") == ["sales                had the call that is called back"]
    assert said(out, "hold") == ["600 s"] and said(out, "callback") == ["no: it is a dial-out"]
    request = json.loads(out.split("request", 1)[1])
    assert request["body"]["callback"]["call_id"] == call_id and request["body"]["tier"] == "gold"
    gone = explain(stack, call_id + "~cb", routes(first), **values)
    assert said(gone, "route") == ["first                takes the call"]
