"""Routes: the right bot for each caller (CONTRACT, section 4, "Routes").

Each agent here is a FakeStart of its own. The environment's agent is `start`.
"""

import hashlib
import json
import os
import pathlib
import time

import pytest

import daily
from audit import Audit
from fake_start import answers, starts_a_bot
from routed import FULL, OTHER, SALES, SUPPORT, in_line, overflows, ring, started_by
from stack import wait_for
from test_reload import hang_up


# --- where a call goes ----------------------------------------------------------------------------


def test_each_call_goes_to_the_agent_of_its_route(stack, ledger, start, agents, routes):
    sales, support = agents("sales"), agents("support")
    path = routes(
        {"name": "never", "share": 0, "agent": "support"},
        {"name": "in-1999", "hours": {"time_zone": "UTC", "from": "00:00", "to": "00:01"}, "from": "+1999*",
         "agent": "support"},
        {"name": "sales", "to": ["+1415*"], "agent": "sales", "start_url": sales.url, "api_key_env": "SALES_KEY",
         "body": {"tier": "gold", "dialin_settings": {"call_id": "stolen", "vip": True}},
         "room": {"enable_dialout": True, "enable_recording": "cloud", "exp": 1}},
        {"name": "by-header", "sip_header": {"x-tenant": "acme*"}, "agent": "support"},
        support={"start_url": support.url})
    stack.worker(START_URL=start.url, START_API_KEY="own-key-1", SALES_KEY="sales-key-1", ROUTES_FILE=path)
    first, third = ring(ledger, SALES), ring(ledger, OTHER)
    webhook = daily.webhook(To=OTHER, sipHeaders={"X-Tenant": "acme-eu"})
    ledger.queue(webhook)
    call = started_by(ledger, first, sales)
    assert (call["route"], call["agent"], call["step"]) == ("sales", "sales", "0")
    call = started_by(ledger, webhook["callId"], support)
    assert (call["route"], call["agent"]) == ("by-header", "support")
    call = started_by(ledger, third, start)
    assert "route" not in call and call["agent"] == start.url.removeprefix("http://")

    request = sales.requests[0]
    assert request.header("Authorization") == "Bearer sales-key-1"
    assert support.requests[0].header("Authorization") is None
    assert start.requests[0].header("Authorization") == "Bearer own-key-1"
    sent = request.json()
    assert sent["body"]["tier"] == "gold"
    assert sent["body"]["dialin_settings"]["call_id"] == first and sent["body"]["dialin_settings"]["vip"] is True
    room = sent["dailyRoomProperties"]
    assert room["enable_dialout"] is True and room["enable_recording"] == "cloud" and room["exp"] > time.time()

    attempt, = ledger.events(first, "attempt")
    assert attempt["route"] == "sales" and attempt["agent"] == "sales" and len(attempt["definition"]) == 16
    assert ledger.events(first, "started")[0]["route"] == "sales"
    assert "route" not in ledger.events(third, "attempt")[0]
    assert b"sales-key-1" not in ledger.everything() and b"sales-key-1" not in stack.logs()


def test_a_declined_call_asks_nobody(stack, ledger, start, routes):
    path = routes({"name": "robots", "from": daily.FROM, "decline": True})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    call_id = ring(ledger, SALES)
    call = ledger.wait_for_state(call_id, "dead")
    assert (call["reason"], call["route"], call["attempts"]) == ("declined", "robots", "0")
    assert ledger.dead(call_id)[0]["reason"] == "declined"
    assert start.requests == []
    ledger.check_account([ledger.entry_of(call_id)[0]])


# --- each agent has a line of its own -------------------------------------------------------------


def test_a_full_agent_holds_up_no_other(stack, ledger, start, agents, routes):
    sales = agents("sales")
    sales.script(FULL)
    path = routes({"name": "sales", "to": "+1415*", "agent": "sales", "start_url": sales.url},
                  {"name": "short", "to": "+1416*", "agent": "sales", "hold_limit_s": 1})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    waits, short = ring(ledger, SALES), ring(ledger, SUPPORT)
    wait_for(lambda: ledger.call(waits).get("state") == "waiting", what="a call in line")
    started_by(ledger, ring(ledger, OTHER), start)
    call = ledger.wait_for_state(short, "dead", timeout_s=5)
    assert call["reason"] == "expired" and ledger.call(waits)["state"] in ("waiting", "starting"), "it asks in its turn"
    sales.script(starts_a_bot())
    ledger.wait_for_state(waits, "started")


def test_a_priority_stands_earlier_in_line(stack, ledger, start, routes):
    """But a dial-out never passes a dial-in."""
    start.script(FULL)
    path = routes({"name": "vip", "to": "+1415*", "priority_s": 30},
                  {"name": "rest", "priority_s": 1},
                  {"name": "never"})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    first = ring(ledger, OTHER)
    wait_for(lambda: ledger.call(first).get("state") == "waiting", what="a line")
    out = daily.dialout(To=SALES)
    ledger.queue(out, "out-vip", "dialout")
    second, vip = ring(ledger, OTHER), ring(ledger, SALES)
    agent = start.url.removeprefix("http://")
    waiting = {first, second, vip, "out-vip"}
    wait_for(lambda: set(in_line(ledger, agent)) == waiting, what="all to stand in line")
    assert [call_id for call_id in in_line(ledger, agent) if call_id != first] == [vip, second, "out-vip"]


def test_an_agent_is_asked_by_no_more_than_its_limit(stack, ledger, start, agents, routes):
    """Over all workers, and a worker that dies leaks no slot."""
    slow = agents("slow")
    release = slow.closing.__class__()

    def held(exchange):
        release.wait(20)
        starts_a_bot()(exchange)
    slow.script(held)
    path = routes({"name": "slow", "agent": "slow"}, slow={"start_url": slow.url, "max_in_flight": 2})
    values = {"START_URL": start.url, "ROUTES_FILE": path, "LEASE_S": "3"}
    workers = [stack.worker(**values) for _ in range(2)]
    calls = [ring(ledger, SALES) for _ in range(5)]
    wait_for(lambda: len(slow.requests) == 2 and len(in_line(ledger, "slow")) == 3, what="two requests out")
    assert ledger.client.zcard(ledger.key("out:slow")) == 2
    workers[0].kill()
    workers[1].kill()
    stack.worker(**values)
    wait_for(lambda: len(slow.requests) == 4, timeout_s=15, what="the requests of the dead to be made again")
    assert ledger.client.zcard(ledger.key("out:slow")) == 2 and len(in_line(ledger, "slow")) == 3
    release.set()
    for call_id in calls:
        ledger.wait_for_state(call_id, "started", timeout_s=15)
    assert ledger.client.exists(ledger.key("out:slow")) == 0 and not in_line(ledger, "slow")
    assert len(slow.requests) == 7


# --- the place of a call is in its record ---------------------------------------------------------


@pytest.mark.parametrize("is_group_lost", [False, True])
def test_a_call_keeps_its_route(stack, ledger, start, agents, routes, is_group_lost):
    """Even if another worker takes it whose file would send it elsewhere."""
    sales, support = agents("sales"), agents("support")
    sales.script(FULL)
    of_sales = {"name": "sales", "to": "+1415*", "agent": "sales", "start_url": sales.url}
    worker = stack.worker(START_URL=start.url, ROUTES_FILE=routes(of_sales))
    call_id = ring(ledger, SALES)
    wait_for(lambda: ledger.call(call_id).get("state") == "waiting", what="a call in line")
    worker.terminate()
    worker.wait()
    if is_group_lost:
        ledger.client.xgroup_destroy(ledger.key("webhooks"), "workers")
    sales.script(starts_a_bot())
    first = {"name": "support", "agent": "support", "start_url": support.url}
    stack.worker(START_URL=start.url, ROUTES_FILE=routes(first, of_sales))
    call = ledger.wait_for_state(call_id, "started")
    assert (call["route"], call["agent"]) == ("sales", "sales") and support.requests == []
    assert ledger.events(call_id, "route") == []


def test_a_route_that_is_gone_is_matched_anew(stack, ledger, start, agents, routes):
    sales, support = agents("sales"), agents("support")
    sales.script(FULL)
    worker = stack.worker(START_URL=start.url, ROUTES_FILE=routes(
        {"name": "sales", "agent": "sales", "start_url": sales.url}))
    call_id = ring(ledger, SALES)
    wait_for(lambda: ledger.call(call_id).get("state") == "waiting", what="a call in line")
    worker.terminate()
    worker.wait()
    stack.worker(START_URL=start.url, ROUTES_FILE=routes(
        {"name": "support", "agent": "support", "start_url": support.url}))
    call = ledger.wait_for_state(call_id, "started")
    assert (call["route"], call["agent"]) == ("support", "support")
    event, = ledger.events(call_id, "route")
    assert (event["reason"], event["route"], event["agent"]) == ("gone", "support", "support")
    assert len(support.requests_of(call_id)) == 1


# --- files that cannot be used --------------------------------------------------------------------


@pytest.mark.parametrize("text, sentence", [
    (b'{"routes":[\n{"name":"a"},\n{"name":"b","too":1}]}', "line 3: too is not a member of a route"),
    (b'{"routes":[{"name":"a","to":"+1', "line 1: "),
    (b'{"routes":[{"name":"\xff"}]}', "line 1: "),
    (b" " * (2 << 20), "it is longer than 1 MiB"),
    (b'{"routes":[{"name":"a","agent":"x","api_key_env":"NOT_SET"}]}', "NOT_SET is not set"),
    (b'{"routes":[{"name":"a","agent":"x"}]}', "it needs api_key_env, or PIPECAT_CLOUD_API_KEY"),
    (b'{"routes":[{"name":"a","agent":"x","api_key_env":"BAD_KEY"}]}', "BAD_KEY must be at most"),
    (b'{"routes":[{"name":"a",\n"hours":{"time_zone":"Mars/Base"}}]}', "line 2: hours.time_zone must name a time zone"),
    (b'{"routes":[{"name":"a","overflow":[{"after_s":1,\n"start_url":"http://127.0.0.1/start"}]}]}',
     "line 1: overflow leads back to an agent that the call has left"),
    (b'{"routes":[{"name":"a",\n"lookup":{"url":"http://crm.example/","secret_env":"BAD_KEY"}}]}',
     "line 2: lookup.url sends"),
    (pathlib.Path.mkdir, "Is a directory"), (os.mkfifo, "it is not a regular file"),
    (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    (lambda path: None, "No such file or directory"),
], ids=range(14))
def test_a_bad_file_is_refused_with_line_and_reason(stack, tmp_path, text, sentence):
    path = tmp_path / "bad"
    text(path) if callable(text) else path.write_bytes(text)
    done = stack.run("dialin-worker", "--check-config", START_URL="http://127.0.0.1/start", BAD_KEY="a b",
                     ROUTES_FILE=path)
    assert done.returncode == 1 and f"ROUTES_FILE: '{path}'" in done.stderr and sentence in done.stderr


def test_a_key_may_come_from_a_file(stack, ledger, start, agents, routes, tmp_path):
    sales = agents("sales")
    (tmp_path / "key").write_text("key-in-a-file\n")
    path = routes({"name": "sales", "agent": "sales", "start_url": sales.url, "api_key_env": "SALES_KEY"})
    stack.worker(START_URL=start.url, ROUTES_FILE=path, SALES_KEY_FILE=tmp_path / "key")
    started_by(ledger, ring(ledger, SALES), sales)
    assert sales.requests[0].header("Authorization") == "Bearer key-in-a-file"


# --- reading the file again -----------------------------------------------------------------------


def test_a_changed_file_is_read_again(stack, ledger, start, agents, routes, tmp_path):
    """By itself and on SIGHUP; as a whole or not at all."""
    sales, support = agents("sales"), agents("support")
    to_sales = {"name": "all", "agent": "sales", "start_url": sales.url}
    path = routes(to_sales)
    worker = stack.worker(START_URL=start.url, ROUTES_FILE=path)
    started_by(ledger, ring(ledger, SALES), sales)

    path.write_text('{"routes":[\n{"name":"all","agent":"support","start_url":"' + support.url + '"},\n{"nam')
    wait_for(lambda: b"the old one stays" in worker.log(), what="the bad file to be seen")
    assert b"line 3: " in worker.log()
    started_by(ledger, ring(ledger, SALES), sales)

    routes({"name": "all", "agent": "support", "start_url": support.url})
    wait_for(lambda: b"were read again" in worker.log(), what="the good file to be read")
    started_by(ledger, ring(ledger, SALES), support)
    path.unlink()
    hang_up(worker, b"the old one stays")
    started_by(ledger, ring(ledger, SALES), support)


def test_a_file_that_is_being_written_is_not_taken(stack, ledger, start, agents, routes):
    """However far the writer has come when it is read."""
    sales, support = agents("sales"), agents("support")
    path = routes({"name": "all", "agent": "sales", "start_url": sales.url})
    worker = stack.worker(START_URL=start.url, ROUTES_FILE=path)
    written = json.dumps({"routes": [{"name": f"r{i}", "to": f"+44{i}"} for i in range(50)] +
                         [{"name": "all", "agent": "support", "start_url": support.url}]}, indent=1).encode()
    for part in range(8):
        path.write_bytes(written[:len(written) * part // 8])
        hang_up(worker, b"the old one stays")
    path.write_bytes(written[:-1])
    hang_up(worker, b"the old one stays")
    started_by(ledger, ring(ledger, SALES), sales)
    path.write_bytes(written)
    hang_up(worker)
    started_by(ledger, ring(ledger, SALES), support)


def test_a_call_in_line_meets_the_new_file(stack, ledger, start, agents, routes):
    """Its route's definition is the new one; if its route is gone, it is matched anew."""
    sales, support = agents("sales"), agents("support")
    sales.script(FULL)
    of_sales = {"name": "sales", "to": "+1415*", "agent": "sales", "start_url": sales.url}
    worker = stack.worker(START_URL=start.url, ROUTES_FILE=routes(of_sales, {"name": "gone", "agent": "sales"}))
    keeps, moves = ring(ledger, SALES), ring(ledger, OTHER)
    wait_for(lambda: len(in_line(ledger, "sales")) == 2, what="two calls in line")
    routes({**of_sales, "body": {"is_new": True}}, {"name": "new", "agent": "support", "start_url": support.url})
    hang_up(worker)
    sales.script(starts_a_bot())
    started_by(ledger, moves, support)
    assert [event["reason"] for event in ledger.events(moves, "route")] == ["gone"]
    assert ledger.wait_for_state(keeps, "started")["route"] == "sales" and ledger.events(keeps, "route") == []
    assert sales.requests_of(keeps)[-1].json()["body"]["is_new"] is True
    first, last = [event["definition"] for event in ledger.events(keeps, "attempt")][::len(
        ledger.events(keeps, "attempt")) - 1]
    assert first != last


# --- why a call goes where it goes ----------------------------------------------------------------


def test_explain(stack, ledger, start, agents, routes):
    sales = agents("sales")
    path = routes({"name": "robots", "from": "+1900*", "decline": True},
                  {"name": "sales", "to": "+1415*", "agent": "sales", "start_url": sales.url,
                   "api_key_env": "SALES_KEY", "hold_limit_s": 60, "body": {"note": "key-of-sales"}})
    values = {"START_URL": start.url, "ROUTES_FILE": path, "SALES_KEY": "key-of-sales"}
    explained = stack.run("dialin-worker", "--explain", json.dumps(daily.webhook(To=SALES)), **values)
    assert explained.returncode == 0, explained.stderr
    words = [line.split() for line in explained.stdout.splitlines()]
    assert ["route", "robots", "no:", "from"] in words and ["route", "sales", "takes", "the", "call"] in words
    assert ["hold", "60", "s"] in words and sales.url in explained.stdout
    request = json.loads(explained.stdout.split("request", 1)[1].strip())
    assert request["body"]["note"] == "[redacted]" and request["body"]["dialin_settings"]["to"] == SALES
    declined = stack.run("dialin-worker", "--explain", json.dumps(daily.webhook(From="+19005550100")), **values)
    assert declined.returncode == 0 and "declines" in declined.stdout and "request" not in declined.stdout
    for bad in ("{}", '{"To":"+1"', '[]', '{"To":7}'):
        assert stack.run("dialin-worker", "--explain", bad, **values).returncode == 1, bad

    stack.worker(**values)
    call_id = ring(ledger, SALES)
    ledger.wait_for_state(call_id, "started")
    recorded = stack.run("dialin-worker", "--explain", call_id, **stack.values(values))
    assert recorded.returncode == 0, recorded.stderr
    assert f"call     {call_id}: started, route sales, agent sales" in recorded.stdout
    unknown = stack.run("dialin-worker", "--explain", "nobody-rang", **stack.values(values))
    assert unknown.returncode == 1 and "no call is recorded" in unknown.stderr


# --- overflow -------------------------------------------------------------------------------------


def test_a_call_that_has_waited_moves_on(stack, ledger, start, agents, routes):
    """Along two steps, to its place by age; and it does not come back."""
    first, second, third = agents("first"), agents("second"), agents("third")
    first.script(FULL)
    second.script(FULL)
    path = routes({"name": "sales", "agent": "first",
                   "overflow": [{"after_s": 1, "agent": "second"}, {"after_s": 3, "agent": "third"}]},
                  first={"start_url": first.url}, second={"start_url": second.url},
                  third={"start_url": third.url})
    workers = [stack.worker(START_URL=start.url, ROUTES_FILE=path) for _ in range(2)]
    calls = [ring(ledger, SALES) for _ in range(3)]
    wait_for(lambda: len(in_line(ledger, "second")) == 3, what="all to move to the second line")
    assert sorted(in_line(ledger, "second"), key=calls.index) == in_line(ledger, "second")
    assert not in_line(ledger, "first") and start.requests == []
    first.script(starts_a_bot())
    for call_id in calls:
        call = started_by(ledger, call_id, third)
        assert (call["route"], call["agent"], call["step"]) == ("sales", "third", "2")
        assert overflows(ledger, call_id) == [("first", "second", "1", "waited"), ("second", "third", "2", "waited")]
        since_ring_ms = int(call["started_ms"]) - int(call["received_ms"])
        assert 3000 <= since_ring_ms < 8000
    assert ledger.client.exists(ledger.key("moves")) == 0 and ledger.client.exists(ledger.key("holds")) == 0
    assert all(worker.is_running() for worker in workers)


def test_a_full_agent_may_be_left_at_once(stack, ledger, start, agents, routes):
    first, second = agents("first"), agents("second")
    first.script(FULL)
    path = routes({"name": "sales", "agent": "first", "overflow": [{"after_s": 0, "agent": "second"}]},
                  first={"start_url": first.url}, second={"start_url": second.url})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    for _ in range(3):
        call_id = ring(ledger, SALES)
        call = ledger.wait_for_state(call_id, "started")
        assert call["agent"] == "second" and int(call["started_ms"]) - int(call["received_ms"]) < 2000


@pytest.mark.parametrize("trouble", [answers(401, b"{}"), answers(503, b"")])
def test_an_agent_that_is_down_is_left_at_once(stack, ledger, start, agents, routes, trouble):
    """But for one call in 5 s, which still asks it first; the first 2xx ends that."""
    first, second = agents("first"), agents("second")
    first.script(trouble)
    path = routes({"name": "sales", "agent": "first", "overflow": [{"after_s": 60, "agent": "second"}]},
                  {"name": "waits", "agent": "first"},
                  first={"start_url": first.url}, second={"start_url": second.url})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)
    calls = [ring(ledger, SALES)]
    ledger.wait_for_state(calls[0], "started", timeout_s=15)
    calls += [ring(ledger, SALES) for _ in range(4)]
    for call_id in calls:
        assert ledger.wait_for_state(call_id, "started")["agent"] == "second"
        assert overflows(ledger, call_id) == [("first", "second", "1", "down")]
    first.script(starts_a_bot())

    def is_back():
        return ledger.wait_for_state(ring(ledger, SALES), "started")["agent"] == "first"
    wait_for(is_back, timeout_s=15, what="the first agent to be asked again")
    assert is_back()


def test_a_move_survives_its_worker(stack, ledger, start, agents, routes):
    """Killed while calls wait: another worker moves them on, each once."""
    first, second = agents("first"), agents("second")
    first.script(FULL)
    path = routes({"name": "sales", "agent": "first", "overflow": [{"after_s": 2, "agent": "second"}]},
                  first={"start_url": first.url}, second={"start_url": second.url})
    values = {"START_URL": start.url, "ROUTES_FILE": path, "LEASE_S": "3"}
    worker = stack.worker(**values)
    calls = [ring(ledger, SALES) for _ in range(20)]
    wait_for(lambda: len(in_line(ledger, "first")) >= 19, what="a line")
    worker.kill()
    stack.worker(**values)
    for call_id in calls:
        assert ledger.wait_for_state(call_id, "started", timeout_s=20)["agent"] == "second"
        assert len(second.requests_of(call_id)) == 1 and len(overflows(ledger, call_id)) == 1
    ledger.check_account([entry for entry, _ in ledger.entries()])


# --- a limit for each caller ----------------------------------------------------------------------


def test_a_caller_rings_no_more_often_than_the_limit(stack, ledger, start, routes):
    path = routes({"name": "limited", "to": "+1415*", "limit_per_caller": {"calls": 2, "within_s": 3}})
    stack.worker(START_URL=start.url, ROUTES_FILE=path)

    def ring_from(caller, to=SALES):
        webhook = daily.webhook(To=to, From=caller)
        ledger.queue(webhook)
        return webhook["callId"], ledger.wait_for_state(webhook["callId"], "started", "dead")
    (first, _), (_, second) = ring_from("+4930123456"), ring_from("sip:004930123456@trunk.example")
    assert second["state"] == "started"
    ledger.queue(daily.webhook(first, To=SALES, From="+4930123456"))  # a duplicate does not count
    _, third = ring_from("+49 (0) 30 123456")
    assert (third["state"], third["reason"], third["attempts"]) == ("dead", "declined", "0")
    assert ring_from("+4930999999")[1]["state"] == "started"
    assert ring_from("+4930123456", OTHER)[1]["state"] == "started"
    for _ in range(3):
        assert ring_from("anonymous")[1]["state"] == "started"
    wait_for(lambda: ring_from("+4930123456")[1]["state"] == "started", what="the window to slide")
    key = ledger.key("caller:limited:" + hashlib.sha1(b"4930123456").hexdigest())
    assert 0 < ledger.client.pttl(key) <= 3000
    ledger.client.persist(key)
    Audit(stack)("forget", "+4930123456", "--yes")
    assert not ledger.client.exists(key)


# --- the record -----------------------------------------------------------------------------------


def test_the_record_is_exact_with_routes(stack, ledger, start, agents, routes):
    """verify makes each request again by the recorded route; list finds calls by it."""
    audit = Audit(stack)
    first, second = agents("first"), agents("second")
    first.script(FULL)
    sales = {"name": "sales", "to": "+1415*", "agent": "first", "body": {"tier": "gold"},
             "overflow": [{"after_s": 0, "agent": "second"}]}
    named = {"first": {"start_url": first.url}, "second": {"start_url": second.url}}
    values = {"START_URL": start.url, "ROUTES_FILE": routes(sales, **named)}
    stack.worker(**values)
    moved, plain = ring(ledger, SALES), ring(ledger, OTHER)
    ledger.wait_for_state(moved, "started")
    ledger.wait_for_state(plain, "started")
    assert [call["call_id"] for call in audit.json("list", "--route", "sales")] == [moved]
    assert audit.json("list", "--route", "sales")[0]["route"] == "sales"
    by_route = {each["route"]: each for each in audit.json("stats", "--by", "route")}
    assert by_route["sales"]["started"] == 1 and by_route[None]["started"] == 1
    assert {each["agent"] for each in audit.json("stats", "--by", "agent")} == {"second", start.url[7:]}
    assert "sales" in audit("stats", "--by", "route").out and audit("stats", "--by", "x", code=2).err
    attempts = len(ledger.events(moved, "attempt"))
    assert f"verified {attempts + 1} requests: {attempts + 1} as recorded, 0 differ" in audit("verify", **values).out
    assert f"{attempts} cannot be compared" in audit("verify").out
    routes({**sales, "body": {"tier": "silver"}}, **named)
    said = audit("verify", **values).out
    assert "verified 1 requests: 1 as recorded" in said and f"{attempts} cannot be compared" in said
