"""Calls over Daily's SIP trunks: from POST /api/sip-trunk to the bot that joins the trunk's room."""

import hashlib
import json

import pytest

import daily
import fake_start
from audit import Audit
from daily import TRUNK_SECRET
from stack import wait_for
from test_reload import hang_up

PATH = "/api/sip-trunk"


@pytest.fixture(scope="module")
def ingress(shared):
    return shared.ingress(SIP_TRUNK_SECRET=f"sales={daily.OTHER_SECRET},support={TRUNK_SECRET}")


@pytest.fixture
def audit(stack):
    return Audit(stack, SIP_TRUNK_SECRET=TRUNK_SECRET)


def post(ingress, call, **signing):
    body = daily.body(call)
    return ingress.post(body, daily.trunk_headers(body, **signing), path=PATH)


def id_of(call):
    return "trunk-" + call["room"]["name"]


def queue(ledger, call, **fields):
    """As the ingress does it; gives back the call's id."""
    ledger.queue(call, call_id=id_of(call), kind="trunk", v="2", **fields)
    return id_of(call)


# --- the ingress ----------------------------------------------------------------------------------

@pytest.mark.parametrize("unit", [daily.in_ms, daily.in_s])
@pytest.mark.parametrize("secret", [TRUNK_SECRET, daily.OTHER_SECRET])
def test_a_call_is_queued_as_it_came(ingress, ledger, unit, secret):
    call = daily.trunk_call(token="t-1")
    answer = post(ingress, call, timestamp=unit(), secret=secret)
    entry, fields = ledger.entry_of(id_of(call))
    assert (answer.status, answer.json()) == (200, {"status": "queued", "id": entry, "call_id": id_of(call)})
    assert (fields["v"], fields["kind"], fields["body"]) == (b"2", b"trunk", daily.body(call))
    assert fields["sha256"].decode() == hashlib.sha256(daily.body(call)).hexdigest()
    assert fields["signature"] and "flaw" not in fields


@pytest.mark.parametrize("event", [{"type": "sip_trunk.test"}, {"event": "sip_trunk.test", "trunk_name": "support"}])
def test_the_signed_test_is_answered(ingress, ledger, event):
    before = ledger.client.xlen(ledger.key("webhooks"))
    answer = post(ingress, event)
    assert (answer.status, answer.json()["status"]) == (200, "success")
    assert post(ingress, event, secret=daily.SECRET).status == 401
    assert ingress.post(daily.body(event), [], path=PATH).code == "missing_signature"
    assert ledger.client.xlen(ledger.key("webhooks")) == before


@pytest.mark.parametrize("signing, code", [pytest.param(signing, code, id=name)
                                           for name, signing, code in daily.FORGED])
def test_forged_and_stale_ones_are_refused(ingress, ledger, signing, code):
    call = daily.trunk_call()
    answer = post(ingress, call, **signing())
    assert (answer.status, answer.code) == (401, code)
    assert not ledger.entries_of(id_of(call))


def test_the_headers_and_secrets_of_one_door_do_not_open_another(ingress, ledger):
    call, dialin = daily.body(daily.trunk_call()), daily.body(daily.webhook())
    before = ledger.client.xlen(ledger.key("webhooks"))
    assert ingress.post(call, daily.headers(call), path=PATH).status == 401
    assert ingress.post(call, daily.headers(call, secret=TRUNK_SECRET), path=PATH).status == 401
    assert ingress.post(call, daily.trunk_headers(call, secret=daily.SECRET), path=PATH).status == 401
    assert ingress.post(call, daily.bearer(), path=PATH).status == 401
    assert ingress.post(dialin, daily.headers(dialin, secret=TRUNK_SECRET)).status == 401
    assert ingress.post(dialin, daily.trunk_headers(dialin)).status == 401
    assert ledger.client.xlen(ledger.key("webhooks")) == before


@pytest.mark.parametrize("body, code", [
    ({"type": "sip_trunk.incoming"}, "missing_fields"),
    ({"room": {"url": ""}}, "missing_fields"),
    ({"room": {"url": ["https://d/r"]}}, "invalid_field"),
    ({"room": "https://example.daily.co/r"}, "invalid_field"),
    ({"type": "sip_trunk.ended", "room": {"url": "https://example.daily.co/r"}}, "invalid_field"),
    (b'{"room":{"url":"https://d/r\\u0000"}}', "invalid_field"),
    (b'{"room":{"url":"https://d/r"},"room":{"url":"https://d/s"}}', "invalid_field"),
    (b'{"room":{"url":"https://d/r"}', "invalid_json"),
    (b'{"room":{"url":"https://d/r"},"x":' + b"[" * 40 + b"]" * 40 + b"}", "invalid_json"),
    (b"[]", "invalid_json"),
    (b"", "invalid_json"),
], ids=["no room", "empty", "list", "text", "another event", "nul", "two rooms", "cut", "deep", "no object",
        "nothing"])
def test_a_genuine_one_that_is_no_call_leaves_a_trace(stack, ledger, audit, body, code):
    ingress = stack.ingress(SIP_TRUNK_SECRET="support=" + TRUNK_SECRET)
    answer = post(ingress, body)
    assert (answer.status, answer.code) == (400, code)
    wait_for(lambda: ledger.client.xlen(ledger.key("refused")) == 1)
    trace, = audit.json("refused")
    assert (trace["code"], trace["secret"]) == (code, "1 of the list (support)")
    assert not ledger.entries()


def test_one_that_is_too_large(ingress, ledger):
    call = daily.trunk_call(x="y" * 70000)
    assert post(ingress, call).code == "body_too_large"
    assert not ledger.entries_of(id_of(call))


@pytest.mark.parametrize("url", [
    "javascript:alert(1)", "https://example.daily.co/", "https://example.daily.co/a~r1", "{dialin}:call:x",
    "https://example.daily.co/\u00e9\n", "https://example.daily.co/../../x y", "https://example.daily.co/" + "a" * 200])
def test_a_room_of_any_form_is_a_call(ingress, ledger, url):
    call = daily.trunk_call()
    call["room"] = {"url": url}
    answer = post(ingress, call)
    digest = hashlib.sha256(url.encode()).hexdigest()[:32]
    assert (answer.status, answer.json()["call_id"]) == (200, f"trunk-{digest}")
    assert len(ledger.entries_of(f"trunk-{digest}")) == 1


def test_what_is_not_strict_json_is_a_call(ingress, ledger):
    room = daily.new_call_id("room")
    body = b'{"from":"\xff","x":"\\ud800","from":1,"room":{"url":"https://d/%s"}}' % room.encode()
    assert post(ingress, body).status == 200
    _, fields = ledger.entry_of("trunk-" + room)
    assert fields["body"] == body and b"U+FFFD" in fields["flaw"]


def test_without_a_secret_no_call_is_genuine(stack, ledger):
    ingress = stack.ingress()
    assert post(ingress, daily.trunk_call()).code == "invalid_signature"
    assert not ledger.entries()


def test_with_the_secret_of_a_trunk_alone_only_trunks_call(stack, ledger):
    ingress = stack.ingress(PINLESS_HMAC_SECRET=None, SIP_TRUNK_SECRET=TRUNK_SECRET)
    assert b"only calls over SIP trunks are accepted" in ingress.log()
    assert post(ingress, daily.trunk_call()).status == 200
    assert ingress.post(b'{"Test":"test"}', []).status == 200
    call = daily.body(daily.webhook())
    assert ingress.post(call, []).code == "missing_signature"
    assert ingress.post(call, daily.bearer()).code == "invalid_signature"
    for secret in (TRUNK_SECRET, daily.SECRET, daily.DEMONSTRATION_SECRET):
        assert ingress.post(call, daily.headers(call, secret)).code == "invalid_signature"
    assert ingress.post(daily.body(daily.dialout()), []).status == 401
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize("secrets", ["support=x", "a b=" + TRUNK_SECRET, TRUNK_SECRET + ",",
                                     ",".join([TRUNK_SECRET] * 17)])
def test_secrets_that_cannot_be_used(stack, secrets):
    refused = stack.run("dialin-ingress", "--check-config", PINLESS_HMAC_SECRET=daily.SECRET,
                        SIP_TRUNK_SECRET=secrets)
    assert refused.returncode != 0 and "SIP_TRUNK_SECRET" in refused.stderr
    assert TRUNK_SECRET not in refused.stderr


def test_a_reload_changes_the_secrets(stack, ledger, tmp_path):
    path = tmp_path / "secret"
    path.write_text(TRUNK_SECRET)
    ingress = stack.ingress(SIP_TRUNK_SECRET_FILE=path)
    assert post(ingress, daily.trunk_call()).status == 200
    path.write_text("new=" + daily.OTHER_SECRET)
    hang_up(ingress)
    assert post(ingress, daily.trunk_call(), secret=daily.OTHER_SECRET).status == 200
    assert post(ingress, daily.trunk_call()).status == 401
    assert len(ledger.entries()) == 2


def test_the_spool_keeps_it_while_redis_is_away(stack, ledger, tmp_path):
    redis = stack.own_redis()
    folder = tmp_path / "spool"
    folder.mkdir()
    ingress = stack.ingress(SIP_TRUNK_SECRET=TRUNK_SECRET, SPOOL_DIR=folder)
    call = daily.trunk_call()
    redis.kill()
    answer = post(ingress, call)
    assert (answer.status, answer.json()) == (200, {"status": "queued", "spooled": True, "call_id": id_of(call)})
    stack.restart_redis()
    wait_for(lambda: ledger.entries_of(id_of(call)), timeout_s=20)
    _, fields = ledger.entry_of(id_of(call))
    assert (fields["v"], fields["kind"], fields["body"]) == (b"2", b"trunk", daily.body(call))


# --- the worker -----------------------------------------------------------------------------------

def test_the_bot_gets_the_trunks_room(stack, ledger, start, audit):
    ingress = stack.ingress(SIP_TRUNK_SECRET=TRUNK_SECRET)
    stack.worker(START_URL=start.url, DAILY_API_KEY="the-key-of-daily")
    call = daily.trunk_call(sip_headers={"X-Tenant": "acme"}, n=1.50)
    assert post(ingress, call).status == 200
    record = ledger.wait_for_state(id_of(call), "started")
    request, = start.requests
    assert request.key == id_of(call) and request.json() == {
        "createDailyRoom": False,
        "body": {"dialin_settings": None, "dialout_settings": None, "voicemail_detection": None,
                 "call_transfer": None, "sip_headers": {"X-Tenant": "acme"}, "sip_trunk": call,
                 "room_url": call["room"]["url"], "daily_api_key": "the-key-of-daily",
                 "daily_api_url": "https://api.daily.co/v1"}}
    assert (record["kind"], record["from"], record["to"]) == ("trunk", daily.FROM, daily.TO)
    assert record["room_url"] == call["room"]["url"]

    listed, = audit.json("list", "--kind", "trunk")
    assert (listed["call_id"], listed["kind"]) == (id_of(call), "trunk")
    assert audit.json("list", "--kind", "dialin") == [] and audit.run("list", "--kind", "fax").code == 2
    assert "good, by a secret configured here" in audit("show", id_of(call)).out
    assert "SIP_TRUNK_SECRET is not set" in audit("show", id_of(call), SIP_TRUNK_SECRET="").out
    assert "not by any secret" in audit("show", id_of(call), SIP_TRUNK_SECRET=daily.SECRET).out
    assert "verified 1 requests: 1 as recorded" in audit("verify", DAILY_API_KEY="the-key-of-daily").out
    assert audit("stats").code == 0


def test_a_repeated_notification_is_a_duplicate(stack, ledger, start):
    ingress = stack.ingress(SIP_TRUNK_SECRET=TRUNK_SECRET)
    stack.worker(START_URL=start.url)
    call = daily.trunk_call()
    assert [post(ingress, call).status for _ in range(3)] == [200] * 3
    ledger.wait_for_state(id_of(call), "started")
    ledger.wait_until_finished()
    assert len(start.requests) == 1
    assert ledger.counts() == {"started": 1, "duplicate": 2}


def test_tokens_are_redacted(stack, ledger, start):
    stack.worker(START_URL=start.url)
    call = daily.trunk_call(token="a-token-of-the-room", auth={"apiKey": "another-secret"})
    call["room"]["url"] += "?t=eyJhbGciOiJIUzI1NiJ9.eyJyIjoicm9vbSJ9.c2lnbmF0dXJlLW9mLWl0"
    queue(ledger, call)
    record = ledger.wait_for_state(id_of(call), "started")
    sent = start.requests[0].json()["body"]
    assert sent["sip_trunk"] == call and sent["room_url"] == call["room"]["url"]
    attempt, = ledger.events(id_of(call), "attempt")
    kept = json.loads(attempt["request"])["body"]
    assert kept["sip_trunk"]["token"] == kept["sip_trunk"]["auth"]["apiKey"] == "[redacted]"
    for secret in ("a-token-of-the-room", "another-secret", "eyJyIjoicm9vbSJ9"):
        assert secret not in attempt["request"] and secret not in json.dumps(record)


ROUTES = {"agents": {}, "routes": [
    {"name": "acme", "sip_header": {"X-Tenant": "acme"}, "body": {"tier": "gold", "room_url": "theirs", "sip_trunk": 1},
     "room": {"enable_recording": "cloud"}},
    {"name": "by-number", "to": ["+1415225*"], "from": ["+1 (415) 848-3432"]},
    {"name": "short", "to": ["sip:a@b"], "hold_limit_s": 1}, {"name": "blocked", "from": ["+1900*"], "decline": True}]}


def test_routes_match_by_its_numbers(stack, ledger, start, audit, tmp_path):
    routes = tmp_path / "routes.json"
    routes.write_text(json.dumps(ROUTES))
    stack.worker(START_URL=start.url, ROUTES_FILE=routes)
    calls = {"acme": daily.trunk_call(sip_headers={"X-Tenant": "acme"}),
             "by-number": daily.trunk_call(**{"from": None, "to": None}, call={"from": "14158483432", "to": daily.TO}),
             "": daily.trunk_call(**{"from": None, "to": None})}
    for name, call in calls.items():
        record = ledger.wait_for_state(queue(ledger, call), "started")
        assert record.get("route", "") == name
    equipped = start.requests[0].json()
    assert equipped["body"]["tier"] == "gold" and equipped["createDailyRoom"] is False
    assert equipped["body"]["room_url"] == calls["acme"]["room"]["url"]
    assert equipped["body"]["sip_trunk"] == calls["acme"] and "dailyRoomProperties" not in equipped
    declined = ledger.wait_for_state(queue(ledger, daily.trunk_call(**{"from": "+19005550100"})), "dead")
    assert declined["reason"] == "declined"
    assert "verified 3 requests: 3 as recorded" in audit("verify", ROUTES_FILE=routes, START_URL=start.url).out
    assert [call["call_id"] for call in audit.json("list", "--route", "by-number")] == [id_of(calls["by-number"])]


def test_it_waits_for_its_own_limit(stack, ledger, start):
    start.script(fake_start.answers(429))
    stack.worker(START_URL=start.url, TRUNK_LIMIT_S=1, HOLD_LIMIT_S=100, HOLD_GRACE_S=10)
    dialin = daily.webhook()
    ledger.queue(dialin)
    trunk = queue(ledger, daily.trunk_call())
    assert ledger.wait_for_state(trunk, "dead", timeout_s=30)["reason"] == "expired"
    ledger.wait_for_state(dialin["callId"], "starting", "waiting")


def test_no_grace_is_added(stack, ledger, start):
    """A request that is out when the hold ends is cut then, not HOLD_GRACE_S later."""
    start.script(fake_start.hangs())
    stack.worker(START_URL=start.url, TRUNK_LIMIT_S=4, HOLD_GRACE_S=60)
    trunk = queue(ledger, daily.trunk_call())
    assert ledger.wait_for_state(trunk, "dead", timeout_s=40)["reason"] == "unknown"
    assert len(start.requests) == 1


@pytest.mark.parametrize("kind, version", [("trunk", "1"), ("dialin", "2"), ("fax", "2")])
def test_an_entry_of_another_kind_than_its_version(stack, ledger, start, kind, version):
    call = daily.trunk_call()
    ledger.queue(call, call_id=id_of(call), kind=kind, v=version)
    stack.worker(START_URL=start.url)
    assert ledger.wait_for_state(id_of(call), "dead")["reason"] == "invalid"
    assert not start.requests


def test_an_older_workers_leavings_are_taken(stack, ledger, start):
    """An older worker has put the entry aside."""
    stream, call = ledger.key("webhooks"), daily.trunk_call()
    ledger.client.xgroup_create(stream, "workers", "0", mkstream=True)
    queue(ledger, call)
    ledger.client.xreadgroup("workers", "unknown", {stream: ">"})
    stack.worker(START_URL=start.url)
    ledger.wait_for_state(id_of(call), "started")


def test_it_is_replayed(stack, ledger, start, audit):
    start.script(fake_start.answers(413), fake_start.starts_a_bot())
    stack.worker(START_URL=start.url)
    call = daily.trunk_call()
    assert ledger.wait_for_state(queue(ledger, call), "dead")["reason"] == "rejected"
    audit("replay", id_of(call), "--live", "--yes", TRUNK_LIMIT_S=300)
    ledger.wait_for_state(id_of(call) + "~r1", "started")
    assert [request.json() for request in start.requests][0] == start.requests[1].json()
    assert start.requests[1].key == id_of(call) + "~r1"


def test_a_persons_number_is_forgotten(stack, ledger, start, audit):
    stack.worker(START_URL=start.url)
    call = daily.trunk_call(**{"from": "+14155550177"})
    ledger.wait_for_state(queue(ledger, call), "started")
    ledger.wait_until_finished()
    audit("forget", "+1 415 555 0177", "--yes")
    assert "14155550177" not in str(ledger.client.hgetall(ledger.key(f"call:{id_of(call)}")))
    assert not ledger.entries_of(id_of(call))


def test_explain(stack, start):
    call = daily.trunk_call()
    done = stack.run("dialin-worker", "--explain", json.dumps(call), START_URL=start.url, TRUNK_LIMIT_S=7)
    assert done.returncode == 0, done.stderr
    assert "hold     7 s" in done.stdout and '"createDailyRoom":false' in done.stdout


def test_the_caller_plays_them(stack, ledger, start):
    ingress = stack.ingress(SIP_TRUNK_SECRET="support=" + TRUNK_SECRET)
    stack.worker(START_URL=start.url)
    settings = {**stack.values({}), "SIP_TRUNK_SECRET": "support=" + TRUNK_SECRET}
    url = f"http://127.0.0.1:{ingress.port}{PATH}"
    done = stack.run("dialin-caller", "--trunk", "--url", url, "--count", "5", "--repeat", "2", "--wait", "--json",
                     "--to", daily.TO, **settings)
    assert done.returncode == 0, done.stderr
    assert len(start.requests) == 5
    assert {request.json()["body"]["sip_trunk"]["to"] for request in start.requests} == {daily.TO}
    named = stack.run("dialin-caller", "--trunk", "--url", url, "--call-id", "my-room", "--wait", **settings)
    assert named.returncode == 0, named.stderr
    assert ledger.call("trunk-my-room")["state"] == "started"
    assert stack.run("dialin-caller", "--trunk", "--url", url, **stack.values({})).returncode == 2
