"""A genuine call is never refused over a part of it (CONTRACT, section 2): from the ingress to the
bot, with the payloads that trunks, phones and Daily's SIP addresses really send."""

import json

import pytest

import daily
from audit import Audit

WITHHELD = ["anonymous", "Anonymous", "Restricted", "unknown", "unavailable", "Private Number",
            "+266696687", "sip:anonymous@anonymous.invalid",
            '"Anonymous" <sip:anonymous@anonymous.invalid>']
STATIC_ADDRESS = "sip:0123456789abcdef--1700000000000@daily-0123456789abcdef-pinless-sip.dapp.example"


@pytest.fixture(scope="module")
def chain(shared):
    from fake_start import FakeStart
    server = FakeStart()
    server.stack = shared
    server.ingress = shared.ingress()
    server.worker = shared.worker(START_URL=server.url)
    yield server
    server.close()


def ring(chain, ledger, webhook):
    """What the bot hears of a webhook, and the flaw in the record."""
    body = daily.body(webhook)
    answer = chain.ingress.post(body, daily.headers(body))
    assert answer.status == 200, answer
    call_id = answer.json()["call_id"]
    ledger.wait_for_state(call_id, "started")
    request, = chain.requests_of(call_id)
    flaw = ledger.entry_of(call_id)[1].get("flaw", b"").decode()
    call = json.loads(Audit(chain.stack)("show", call_id, "--json").out)
    assert call.get("flaw", "") == flaw
    assert call["webhook"]["body"].encode() == body or b"\xff" in body, "as it came"
    return request.json(), flaw


@pytest.mark.parametrize("caller", WITHHELD)
def test_withheld_in_words(chain, ledger, caller):
    sent, flaw = ring(chain, ledger, daily.webhook(From=caller))
    assert sent["body"]["dialin_settings"]["From"] == caller and flaw == ""


@pytest.mark.parametrize("fields", [{"From": None}, {"From": ""}, {}], ids=json.dumps)
def test_withheld(chain, ledger, fields):
    sent, flaw = ring(chain, ledger, {**daily.webhook(From=None), **fields})
    assert sent["body"]["dialin_settings"]["From"] == "anonymous"
    assert sent["body"]["dialin_settings"]["from"] == "anonymous"
    assert sent["dailyRoomProperties"]["sip"]["display_name"] == "anonymous"
    assert flaw == ""


def test_a_static_sip_address(chain, ledger):
    caller = '"+493012345678" <sip:493012345678--' + "t" * 100 + "@trunk.example.org>"
    sent, flaw = ring(chain, ledger, daily.webhook(To=STATIC_ADDRESS, From=caller, sipHeaders={}))
    assert sent["body"]["dialin_settings"]["To"] == STATIC_ADDRESS
    assert sent["body"]["dialin_settings"]["From"] == caller and flaw == ""


CASES = {
    "an absent To": ({"To": None}, {"To": ""}, "To is absent"),
    "a number as a number": ({"From": 493012345678}, {"From": "493012345678"}, "From is not a text"),
    "a list for From": ({"From": ["x"]}, {"From": "anonymous"}, "From is neither"),
    "a very long From": ({"From": "9" * 5000}, {"From": "9" * 1024}, "From was shortened"),
    "a header that is a number": ({"sipHeaders": {"X-Queue": 7, "X-Tenant": "acme"}},
                                  {"sip_headers": {"X-Queue": "7", "X-Tenant": "acme"}}, "SIP header"),
    "a header that is a list": (
        {"sipHeaders": {"Diversion": ["<sip:+493011111111@a.example>;reason=no-answer", 2.50, None]}},
        {"sip_headers": {"Diversion": "<sip:+493011111111@a.example>;reason=no-answer, 2.5"}},
        "SIP header"),
    "headers without a text": ({"sipHeaders": {"a": None, "b": {}, "c": True}},
                               {"sip_headers": {"c": "true"}}, "SIP header"),
    "headers that are none": ({"sipHeaders": "x"}, {"sip_headers": None}, "sipHeaders is not"),
    "an empty dial-out": ({"dialout_settings": {}}, {}, "dialout_settings is empty"),
    "a mistyped dial-out": ({"dialout_settings": "+1"}, {}, "dialout_settings names nobody"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_part_that_cannot_be_used(chain, ledger, name):
    fields, heard, flaw_wanted = CASES[name]
    webhook = {**daily.webhook(), **fields}
    sent, flaw = ring(chain, ledger, {key: value for key, value in webhook.items()
                                      if value is not None})
    settings = sent["body"]["dialin_settings"]
    for key, value in heard.items():
        assert settings.get(key) == value
    assert sent["dailyRoomProperties"]["enable_dialout"] is False
    assert sent["body"]["dialout_settings"] is None
    assert flaw_wanted in flaw


RAW = {
    "bad UTF-8": (b'"name": "a\xffb"', "name", "a\ufffdb", "not UTF-8"),
    "half a surrogate pair": (b'"name": "a\\ud83db"', "name", "a\ufffdb", "surrogate"),
    "NUL": (b'"name": "a\\u0000b"', "name", "ab", "u0000"),
    "a repeated field": (b'"name": "a", "name": "b"', "name", "a", "repeated"),
    "a number too long for anybody": (b'"name": ' + b"1" * 70, "name", "1" * 70, "63 characters"),
    "many members": (b",".join(b'"f%d": %d' % (i, i) for i in range(300)), "f1", None, "256"),
}


@pytest.mark.parametrize("name", RAW)
def test_json_with_a_flaw(chain, ledger, name):
    members, key, value, flaw_wanted = RAW[name]
    body = daily.body(daily.webhook(sipHeaders={"X": "1"}))[:-1] + b", " + members + b"}"
    sent, flaw = ring(chain, ledger, body)
    assert sent["body"]["dialin_settings"].get(key) == value
    assert sent["body"]["sip_headers"] == {"X": "1"}
    assert flaw_wanted in flaw


def test_flaws_are_told_in_the_log_too(chain, ledger):
    ring(chain, ledger, daily.webhook(From=7))
    assert b"From is not a text" in chain.ingress.log()


def test_what_was_repaired_is_verified(chain):
    result = Audit(chain.stack)("verify")
    assert " 0 different" in result.out or "0 differ" in result.out or "no difference" in result.out, result


# --- dial-outs ------------------------------------------------------------------------------------

@pytest.mark.parametrize("settings", [
    {"phone_number": "+493012345678"}, {"phoneNumber": "+493012345678"},
    {"sip_uri": "sip:+493012345678@example.org"}, {"sipUri": "sip:+493012345678@example.org"},
    [{"phoneNumber": "+493012345678"}], [{"sip_uri": "sip:a@b", "extension": 7}]], ids=json.dumps)
def test_dialouts_in_both_shapes(chain, ledger, settings):
    answer = chain.ingress.ring({"dialout_settings": settings})
    assert answer.status == 200
    ledger.wait_for_state(answer.json()["call_id"], "started")
    request, = chain.requests_of(answer.json()["call_id"])
    assert request.json()["body"]["dialout_settings"] == settings
    assert request.json()["dailyRoomProperties"]["enable_dialout"] is True


def test_a_replayed_signed_dialout_starts_one_call(chain, ledger):
    """Its id is what the signature covers: other headers make no other call."""
    body = daily.body(daily.dialout(note=daily.new_call_id()))
    signed = daily.headers(body)
    first = chain.ingress.post(body, signed)
    call_id = first.json()["call_id"]
    assert call_id.startswith("out-") and len(call_id) == 36
    ledger.wait_for_state(call_id, "started")
    for key in ("other-1", "other-2", None):
        extra = [("Idempotency-Key", key)] if key else []
        again = chain.ingress.post(body, [*signed, *extra])
        assert again.json() == {"status": "duplicate", "call_id": call_id, "state": "started",
                                "reason": ""}
    assert b"Idempotency-Key is ignored" in chain.ingress.log()
    assert len(chain.requests_of(call_id)) == 1
    assert len(ledger.entries_of(call_id)) == 1
    answer = chain.ingress.ring(daily.dialout(note="another"))
    assert answer.json()["call_id"] != call_id


def test_repeats_are_one_line_of_the_log(stack, ledger, start):
    """Whoever sends one signed dial-out again and again fills no disk."""
    ingress = stack.ingress()
    stack.worker(START_URL=start.url)
    body = daily.body(daily.dialout(note=daily.new_call_id()))
    headers = [*daily.headers(body), ("Idempotency-Key", "mine")]
    call_id = ingress.post(body, headers).json()["call_id"]
    ledger.wait_for_state(call_id, "started")
    for _ in range(200):
        assert ingress.post(body, headers).json()["status"] == "duplicate"
    for line in (b"Idempotency-Key is ignored", b"dial-out already recorded"):
        assert 1 <= ingress.log().count(line) <= 20, line  # a slow machine takes more than ten seconds


def test_a_dialout_that_died_says_so(stack, ledger, start):
    from fake_start import answers
    start.script(answers(413, b"{}"))
    ingress = stack.ingress(INGRESS_API_KEY=daily.API_KEY)
    stack.worker(START_URL=start.url)
    key, body = daily.new_call_id("order"), daily.body(daily.dialout())
    headers = [*daily.bearer(), ("Idempotency-Key", key)]
    assert ingress.post(body, headers).json()["status"] == "queued"
    ledger.wait_for_state(key, "dead", timeout_s=20)
    again = ingress.post(body, headers)
    assert again.status == 200
    assert again.json() == {"status": "duplicate", "call_id": key, "state": "dead",
                            "reason": "rejected"}
    assert len(ledger.entries_of(key)) == 1
    metrics = ingress.metrics()
    assert metrics['dialin_webhooks_total{result="duplicate"}'] == 1


# --- secrets for one number -------------------------------------------------------------------------

def test_a_tied_secret_without_to(stack, ledger, start):
    """Its number stands in, and it allows no dial-out."""
    ingress = stack.ingress(PINLESS_HMAC_SECRET=f"14155550100={daily.SECRET}")
    stack.worker(START_URL=start.url)
    webhook = daily.webhook(To=None, dialout_settings=[{"phoneNumber": "+1900"}])
    assert ingress.ring(webhook).status == 200
    ledger.wait_for_state(webhook["callId"], "started")
    sent = start.requests[0].json()
    assert sent["body"]["dialin_settings"]["To"] == "+14155550100"
    assert sent["body"]["dialout_settings"] is None
    assert sent["dailyRoomProperties"]["enable_dialout"] is False
    assert ledger.call(webhook["callId"])["to"] == "+14155550100"
    flaw = ledger.entry_of(webhook["callId"])[1]["flaw"]
    assert b"number of the secret" in flaw and b"dialout_settings was left out" in flaw
    answer = ingress.ring(daily.dialout(To="+14155550100"))
    assert (answer.status, answer.code) == (401, "invalid_signature")


def test_of_many_secrets_only_some_are_tried(stack, ledger):
    import base64
    secrets = {f"+1415555{i:04}": base64.b64encode(b"secret of the number %4d" % i).decode()
               for i in range(200)}
    secrets["sip:bot--7@d.example"] = base64.b64encode(b"secret of an address").decode()
    ingress = stack.ingress(PINLESS_HMAC_SECRET=",".join(f"{to}={secret}"
                                                        for to, secret in secrets.items()))
    for to in ("+14155550000", "+14155550123", "+14155550199", "sip:bot--7@d.example"):
        assert ingress.ring(daily.webhook(To=to), secret=secrets[to]).status == 200
    answer = ingress.ring(daily.webhook(To="+14155550123"), secret=secrets["+14155550124"])
    assert (answer.status, answer.code) == (401, "invalid_signature")
