"""Daily's events at the ingress: their own headers and secret; noted whatever they are, and nothing
is lost or queued for it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

import daily
import http_raw
from clocks import Clock
from daily import EVENTS_SECRET
from fake_redis import HoldingRedis
from stack import wait_for
from test_reload import hang_up


BESIDE_CALLS_MAX = 16  # events in Redis while calls come


@pytest.fixture(scope="module")
def ingress(shared):
    return shared.ingress(DAILY_WEBHOOK_SECRET=EVENTS_SECRET, SIP_TRUNK_SECRET=daily.TRUNK_SECRET)


def bodies(ledger):
    return [fields[b"body"] for _, fields in ledger.client.xrange(ledger.key("daily"))]


def post(ingress, body, **signing):
    body = daily.body(body)
    return ingress.post(body, daily.event_headers(body, **signing), path="/api/daily-events")


@pytest.mark.parametrize("unit", [daily.in_s, daily.in_ms])
def test_an_event_is_noted_as_it_came(ingress, ledger, unit):
    event = daily.body(daily.event("dialin.connected", "room-a"))
    answer = post(ingress, event, timestamp=unit())
    assert (answer.status, answer.json()) == (200, {"status": "noted"})
    assert event in bodies(ledger)


@pytest.mark.parametrize("body", [
    daily.event("meeting.started", "no-room-of-ours"), {"type": 7}, [], b"not json", b"\xff\xfe", b"",
    b'{"payload":' * 100, {"type": "dialin.connected", "payload": {"room": "x" * 30000}}],
    ids=["foreign", "mistyped", "list", "text", "bytes", "empty", "deep", "long"])
def test_whatever_is_genuine_is_noted(ingress, ledger, body):
    before = len(bodies(ledger))
    assert post(ingress, body).status == 200
    assert len(bodies(ledger)) == before + 1


@pytest.mark.parametrize("body", [{"test": "test"}, {"Test": "test"}])
@pytest.mark.parametrize("secret", [EVENTS_SECRET, daily.OTHER_SECRET])
def test_the_probe(ingress, ledger, body, secret):
    before = len(bodies(ledger))
    assert post(ingress, body, secret=secret).status == 200
    raw = daily.body(body)
    assert ingress.post(raw, [], path="/api/daily-events").status == 200
    assert len(bodies(ledger)) == before


@pytest.mark.parametrize("signing, code", [pytest.param(signing, code, id=name)
                                           for name, signing, code in daily.FORGED])
def test_forged_and_stale_ones_are_refused(ingress, ledger, signing, code):
    before = len(bodies(ledger)), ledger.client.xlen(ledger.key("refused"))
    answer = post(ingress, daily.event("dialin.stopped", "room-b"), **signing())
    assert (answer.status, answer.code) == (401, code)
    assert (len(bodies(ledger)), ledger.client.xlen(ledger.key("refused"))) == before


def test_the_headers_and_secrets_of_one_door_do_not_open_another(ingress, ledger):
    event = daily.body(daily.event("dialin.stopped", "room-c"))
    call = daily.body(daily.webhook())
    before = len(bodies(ledger))
    assert ingress.post(event, daily.headers(event), path="/api/daily-events").status == 401
    assert ingress.post(event, daily.bearer(), path="/api/daily-events").status == 401
    assert ingress.post(call, daily.event_headers(call)).status == 401
    assert ingress.post(call, daily.headers(call, secret=EVENTS_SECRET)).status == 401
    assert len(bodies(ledger)) == before


def test_without_a_secret_no_event_is_genuine(stack, ledger):
    ingress = stack.ingress()
    assert post(ingress, daily.event("dialin.ready", "room-d")).status == 401
    assert post(ingress, {"test": "test"}).status == 200


def test_a_tied_secret_is_refused(stack):
    refused = stack.run("dialin-ingress", "--check-config", PINLESS_HMAC_SECRET=daily.SECRET,
                        DAILY_WEBHOOK_SECRET="+14155550100=" + EVENTS_SECRET)
    assert refused.returncode != 0 and "DAILY_WEBHOOK_SECRET" in refused.stderr


def test_a_huge_one_is_refused(ingress, ledger):
    before = len(bodies(ledger))
    huge = daily.event("dialin.connected", "x" * 70000)
    assert post(ingress, huge).code == "body_too_large"
    assert len(bodies(ledger)) == before


def test_a_replayed_one_is_noted_again(ingress, ledger):
    """The workers know it by its id."""
    body = daily.body(daily.event("dialin.stopped", "room-of-a-replay"))
    headers = daily.event_headers(body)
    for _ in range(2):
        assert ingress.post(body, headers, path="/api/daily-events").status == 200
    assert bodies(ledger).count(body) == 2


@pytest.mark.parametrize("apart_s", [420, -420], ids=["ahead", "behind"])
def test_this_hosts_clock_is_minutes_off(stack, ledger, tmp_path, apart_s):
    """Redis' time tells which clock is wrong."""
    clock = Clock(tmp_path / "clock")
    clock.step(apart_s)
    ingress = stack.ingress(DAILY_WEBHOOK_SECRET=EVENTS_SECRET, SIP_TRUNK_SECRET=daily.TRUNK_SECRET,
                            **clock.environment())
    assert post(ingress, daily.event("dialin.ready", "room-i")).status == 200
    assert post(ingress, daily.event("dialin.ready", "room-i"), timestamp=daily.in_ms(-apart_s)).status == 401
    call = daily.body(daily.trunk_call())
    assert ingress.post(call, daily.trunk_headers(call), path="/api/sip-trunk").status == 200


def test_an_event_waits_for_redis(stack, ledger):
    redis = stack.own_redis()
    ingress = stack.ingress(DAILY_WEBHOOK_SECRET=EVENTS_SECRET)
    event = daily.body(daily.event("dialin.connected", "room-e"))
    redis.kill()
    wait_for(lambda: not ingress.is_ready())
    with ThreadPoolExecutor(1) as sender:
        answer = sender.submit(post, ingress, event)
        stack.restart_redis()
        status = answer.result().status
    if status == 503:  # a slow machine: Daily sends it again
        wait_for(lambda: post(ingress, event).status == 200)
    assert event in bodies(ledger)


def test_few_events_are_before_a_call(stack):
    redis = HoldingRedis()
    ingress = stack.ingress(REDIS_URL=redis.url, DAILY_WEBHOOK_SECRET=EVENTS_SECRET)
    redis.added.clear()
    redis.may_go_on.clear()

    def good(of):
        return ingress.total("dialin_signatures_total", of=of)
    with ThreadPoolExecutor(100) as senders:
        answers = [senders.submit(ingress.ring)]
        wait_for(lambda: good("dialin") == 1)
        answers += [senders.submit(post, ingress, daily.event("dialin.ready", f"room-{i}")) for i in range(90)]
        wait_for(lambda: good("events") == 90)
        answers.append(senders.submit(ingress.ring))
        wait_for(lambda: good("dialin") == 2)
        redis.may_go_on.set()
        assert {answer.result().status for answer in answers} == {200}
    redis.close()
    first, second = [place for place, name in enumerate(redis.added) if name == "webhooks"]
    assert redis.added.count("daily") == 90 and second - first - 1 <= BESIDE_CALLS_MAX


def test_an_events_stream_of_the_wrong_type_is_no_trouble_for_calls(stack, ledger):
    ingress = stack.ingress(DAILY_WEBHOOK_SECRET=EVENTS_SECRET)
    ledger.client.set(ledger.key("daily"), "not a stream")
    event = daily.event("dialin.ready", "room-f")
    with ThreadPoolExecutor(1) as sender:
        answer = sender.submit(post, ingress, event)
        wait_for(lambda: b"Redis refuses Daily's events" in ingress.log())
        assert ingress.ring().status == 200 and ingress.is_ready()
        ledger.client.delete(ledger.key("daily"))
        assert answer.result().status in (200, 503)


def test_a_reload_changes_the_secret(stack, ledger, tmp_path):
    path = tmp_path / "secret"
    path.write_text(EVENTS_SECRET)
    ingress = stack.ingress(DAILY_WEBHOOK_SECRET_FILE=path)
    event = daily.event("dialin.ready", "room-g")
    assert post(ingress, event).status == 200
    path.write_text(daily.OTHER_SECRET)
    hang_up(ingress)
    assert post(ingress, event, secret=daily.OTHER_SECRET).status == 200
    assert post(ingress, event).status == 401


def test_they_are_counted(ingress, ledger):
    before = ingress.total("dialin_daily_events_total", result="noted")
    assert post(ingress, daily.event("dialin.warning", "room-h")).status == 200
    assert ingress.total("dialin_daily_events_total", result="noted") == before + 1
    assert json.loads(bodies(ledger)[-1])["payload"]["room"] == "room-h"


SIGNING = {"/api/daily-events": daily.event_headers, "/api/sip-trunk": daily.trunk_headers, "/api/dial": daily.headers}


def refused_by_the_server(path, fault):
    """What the server refuses by itself, without a look at what is signed."""
    if fault == "method_not_allowed":
        return http_raw.request("GET", path)
    if fault == "bad_request":
        return http_raw.request("POST", path, [("Content-Length", "2"), ("Transfer-Encoding", "chunked")])
    if fault == "request_timeout":
        return http_raw.request("POST", path, [("Content-Length", "2")])
    if fault == "declared":
        return http_raw.request("POST", path, [("Content-Length", "70000")])
    return http_raw.request("POST", path, [("Transfer-Encoding", "chunked"), *SIGNING[path](b"x")]) + b"".join(
        http_raw.chunk(b"x" * 1000) for _ in range(70)) + http_raw.LAST_CHUNK


@pytest.mark.parametrize("path, own, others", [
    ("/api/daily-events", "dialin_daily_events_total", "dialin_webhooks_total"),
    ("/api/sip-trunk", "dialin_webhooks_total", "dialin_daily_events_total"),
    ("/api/dial", "dialin_webhooks_total", "dialin_daily_events_total")], ids=["event", "trunk", "call"])
@pytest.mark.parametrize("fault, code", [
    ("method_not_allowed", "method_not_allowed"), ("bad_request", "bad_request"),
    ("declared", "body_too_large"), ("in chunks", "body_too_large"),
    pytest.param("request_timeout", "request_timeout", marks=pytest.mark.slow)])
def test_what_the_server_refuses_counts_where_it_was_meant_for(ingress, path, own, others, fault, code):
    """Of an event it is no lost caller, which the alert on dialin_webhooks_total would say."""
    before = ingress.total(own, result=code), ingress.total(others)
    with http_raw.Connection(ingress.port) as sender:
        sender.send(refused_by_the_server(path, fault))
        assert sender.read_answer().code == code
    assert ingress.total(own, result=code) == before[0] + 1
    assert ingress.total(others) == before[1]
