"""The start request: CONTRACT, section 4, "Transform", from real webhooks to a real socket."""

import json
import time

import pytest

import daily


@pytest.fixture(scope="module")
def chain(shared):
    """An ingress and a worker, and the server that gets the start requests."""
    from fake_start import FakeStart
    server = FakeStart()
    server.ingress = shared.ingress()
    server.worker = shared.worker(START_URL=server.url, START_API_KEY="key-of-the-bot")
    yield server
    server.close()


def ring(chain, ledger, webhook, call_id=None):
    """Sends a webhook and gives back the start request that came of it."""
    answer = chain.ingress.ring(webhook)
    assert answer.status == 200, answer
    call_id = call_id or answer.json()["call_id"]
    ledger.wait_for_state(call_id, "started")
    request, = chain.requests_of(call_id)
    return request


def test_the_example_of_the_contract(chain, ledger):
    before = time.time()
    request = ring(chain, ledger, {
        "To": "+14152251493", "From": "+14158483432", "callId": "c-1", "callDomain": "d-1",
        "sipHeaders": {"X-Tenant": "acme"}})
    sent = request.json()
    assert before + 299 <= sent["dailyRoomProperties"].pop("exp") <= time.time() + 301
    assert sent == json.loads("""
{"createDailyRoom": true,
 "dailyRoomProperties": {"enable_dialout": false, "eject_at_room_exp": false,
   "sip": {"display_name": "+14158483432", "sip_mode": "dial-in", "num_endpoints": 1,
           "codecs": {"audio": ["OPUS"]}}},
 "body": {"dialin_settings": {"From": "+14158483432", "To": "+14152251493",
                              "from": "+14158483432", "to": "+14152251493",
                              "call_id": "c-1", "call_domain": "d-1",
                              "sip_headers": {"X-Tenant": "acme"}},
          "dialout_settings": null, "voicemail_detection": null, "call_transfer": null,
          "sip_headers": {"X-Tenant": "acme"}}}""")


def test_the_request_itself(chain, ledger):
    call_id = daily.new_call_id()
    request = ring(chain, ledger, daily.webhook(call_id))
    assert (request.method, request.path) == ("POST", "/start")
    assert request.key == call_id
    assert request.header("Authorization") == "Bearer key-of-the-bot"
    assert request.header("Content-Type") == "application/json"
    assert request.header("Host") == f"127.0.0.1:{chain.port}"
    assert request.header("Expect") is None, "a round trip more for every call"
    assert request.header("Content-Length") == str(len(request.body))


def test_exp_is_a_whole_number(chain, ledger):
    exp = ring(chain, ledger, daily.webhook()).json()["dailyRoomProperties"]["exp"]
    assert isinstance(exp, int)


def test_without_sip_headers(chain, ledger):
    body = ring(chain, ledger, daily.webhook()).json()["body"]
    assert body["sip_headers"] is None
    assert "sip_headers" not in body["dialin_settings"]


@pytest.mark.parametrize("caller", ["anonymous", "sip:ann@example.org", "14158483432", 'A "quoted"',
                                    "Zoë ☎ \\ / \t", "\U0001f600"])
def test_the_caller_as_it_is(chain, ledger, caller):
    sent = ring(chain, ledger, daily.webhook(From=caller)).json()
    assert sent["body"]["dialin_settings"]["From"] == caller
    assert sent["body"]["dialin_settings"]["from"] == caller
    assert sent["dailyRoomProperties"]["sip"]["display_name"] == caller


def test_a_call_transfer_needs_a_second_endpoint(chain, ledger):
    transfer = {"mode": "dialout", "speakSummary": True, "operatorNumber": "+1415", "n": [1, 2.5]}
    sent = ring(chain, ledger, daily.webhook(call_transfer=transfer)).json()
    assert sent["dailyRoomProperties"]["sip"]["num_endpoints"] == 2
    assert sent["body"]["call_transfer"] == transfer
    assert "call_transfer" not in sent["body"]["dialin_settings"]


def test_voicemail_detection_goes_through(chain, ledger):
    detection = {"testInPrebuilt": True, "nested": {"camelCase": [None]}}
    sent = ring(chain, ledger, daily.webhook(voicemail_detection=detection)).json()
    assert sent["body"]["voicemail_detection"] == detection
    assert sent["dailyRoomProperties"]["sip"]["num_endpoints"] == 1


def test_a_dialin_that_may_dial_out(chain, ledger):
    settings = [{"phoneNumber": "+14155550123", "callerId": "x"}, {"sipUri": "sip:a@b"}]
    sent = ring(chain, ledger, daily.webhook(dialout_settings=settings)).json()
    assert sent["dailyRoomProperties"]["enable_dialout"] is True
    assert sent["dailyRoomProperties"]["sip"]["num_endpoints"] == 1
    assert sent["body"]["dialout_settings"] == settings
    assert sent["body"]["dialin_settings"]["To"] == daily.TO


def test_a_dialout_alone(chain, ledger):
    settings = [{"phoneNumber": "+14155550123"}]
    request = ring(chain, ledger, daily.dialout(dialout_settings=settings))
    sent = request.json()
    exp = sent["dailyRoomProperties"].pop("exp")
    assert time.time() + 290 <= exp <= time.time() + 301
    assert sent == {
        "createDailyRoom": True,
        "dailyRoomProperties": {"enable_dialout": True, "eject_at_room_exp": False},
        "body": {"dialin_settings": None, "dialout_settings": settings,
                 "voicemail_detection": None, "call_transfer": None, "sip_headers": None}}
    assert len(request.key) >= 16


def test_a_dialouts_idempotency_key_goes_on(chain, ledger):
    call_id = daily.new_call_id("order")
    answer = chain.ingress.ring(daily.dialout(idempotency_key=call_id))
    assert answer.status == 200
    ledger.wait_for_state(call_id, "started")
    request, = chain.requests_of(call_id)
    assert request.key == call_id


EXTRA_FIELDS = {
    "callerName": "caller_name", "already_snake": "already_snake", "SipUri": "sip_uri",
    "callID2": "call_id2", "line2Name": "line2_name", "x": "x", "HTTPCode": "httpcode",
    "aB": "a_b", "A": "a", "with-Dash": "with-dash", "été": "été", "URLOfX": "urlof_x",
}


def test_other_fields_become_snake_case(chain, ledger):
    values = [1, -2.5, "text", None, True, [], {"keepThis": 1}, [1, {"b": None}], "é", 0, "", False]
    fields = dict(zip(EXTRA_FIELDS, values))
    fields["callerName"] = 12345678901234567890123  # more digits than a double holds
    # None means "absent" to daily.webhook, and null is a value here.
    body = json.dumps({**daily.webhook(), **fields}).encode()
    answer = chain.ingress.post(body, daily.headers(body))
    assert answer.status == 200
    ledger.wait_for_state(answer.json()["call_id"], "started")
    request, = chain.requests_of(answer.json()["call_id"])
    settings = request.json()["body"]["dialin_settings"]
    for name, snake in EXTRA_FIELDS.items():
        assert settings[snake] == fields[name] and type(settings[snake]) is type(fields[name])
    assert b"12345678901234567890123" in request.body


@pytest.mark.parametrize("name", ["CallId", "call_id", "call_domain", "callDomaiN", "sip_headers",
                                  "from", "to", "TO", "FROM"])
def test_a_name_of_ours_is_never_overwritten(chain, ledger, name):
    webhook = {name: "evil", **daily.webhook(sipHeaders={"X": "1"}), name: "evil"}
    settings = ring(chain, ledger, webhook).json()["body"]["dialin_settings"]
    assert settings["call_id"] == webhook["callId"]
    assert settings["call_domain"] == webhook["callDomain"]
    assert settings["from"] == settings["From"] == daily.FROM
    assert settings["to"] == settings["To"] == daily.TO
    assert settings["sip_headers"] == {"X": "1"}


def test_two_fields_that_become_one_name(chain, ledger):
    request = ring(chain, ledger, daily.webhook(callerName="a", caller_name="b"))
    pairs = json.loads(request.body, object_pairs_hook=list)
    settings = dict(dict(pairs)["body"])["dialin_settings"]
    assert [name for name, _ in settings].count("caller_name") == 1


def test_no_key_of_daily_unless_it_is_set(chain, ledger):
    body = ring(chain, ledger, daily.webhook()).json()["body"]
    assert "daily_api_key" not in body and "daily_api_url" not in body


@pytest.mark.parametrize("url", [None, "https://daily.example.org/v2"])
def test_dailys_key_for_pipecats_own_runner(stack, ledger, start, url):
    stack.worker(START_URL=start.url, DAILY_API_KEY="key-of-daily-123", DAILY_API_URL=url)
    for webhook, kind in ((daily.webhook(), "dialin"), (daily.dialout(), "dialout")):
        call_id = daily.new_call_id()
        ledger.queue(webhook, call_id, kind)
        ledger.wait_for_state(call_id, "started")
        body = start.requests_of(call_id)[0].json()["body"]
        assert body["daily_api_key"] == "key-of-daily-123"
        assert body["daily_api_url"] == (url or "https://api.daily.co/v1")


def test_room_expiry(stack, ledger, start):
    stack.worker(START_URL=start.url, ROOM_EXPIRY_S=1000)
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "started")
    exp = start.requests[0].json()["dailyRoomProperties"]["exp"]
    assert time.time() + 990 <= exp <= time.time() + 1001


def test_exp_counts_from_the_request_not_from_the_webhook(stack, ledger, start):
    """A call that had to wait still has its five minutes."""
    stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    ledger.queue(webhook, received_ms=str(int(daily.in_ms(-90))))
    ledger.wait_for_state(webhook["callId"], "started")
    exp = start.requests[0].json()["dailyRoomProperties"]["exp"]
    assert time.time() + 290 <= exp <= time.time() + 301


def test_a_second_attempt_has_an_exp_of_its_own(stack, ledger, start):
    from fake_start import answers, delays, starts_a_bot
    start.script(delays(1.1, answers(503)), starts_a_bot())
    stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "started")
    first, second = [request.json()["dailyRoomProperties"]["exp"] for request in start.requests]
    assert second > first


def test_without_a_key_nothing_is_authorized(stack, ledger, start):
    stack.worker(START_URL=start.url, PIPECAT_CLOUD_API_KEY="key-of-the-cloud", AGENT_NAME="sales")
    webhook = daily.webhook()
    ledger.queue(webhook)
    call = ledger.wait_for_state(webhook["callId"], "started")
    request, = start.requests
    assert request.header("Authorization") is None, "the cloud's key is not for START_URL"
    assert call["agent"] == f"127.0.0.1:{start.port}/start"
