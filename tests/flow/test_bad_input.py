"""Bodies that are genuine and still not what they should be, and callers who try their luck.

A signature proves Daily's hand, not the caller's: From, To and sipHeaders are whatever somebody
dialled with.
"""

import json
import re

import pytest

import daily

LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info|debug) +"
                      r"dialin-(ingress|worker): ")


@pytest.fixture(scope="module")
def ingress(shared):
    return shared.ingress()


def refused_as(ingress, ledger, body, *codes):
    entries = len(ledger.entries())
    body = daily.body(body)
    answer = ingress.post(body, daily.headers(body))
    assert answer.status == 400, answer
    assert answer.code in codes, answer
    assert len(ledger.entries()) == entries
    return answer.json()["error"]


def taken(ingress, ledger, body):
    """A genuine call is never refused over a part of it; what was repaired is in the record."""
    body = daily.body(body)
    answer = ingress.post(body, daily.headers(body))
    assert answer.status == 200, answer
    fields = ledger.entry_of(answer.json()["call_id"])[1]
    assert fields["body"] == body, "the raw bytes stay as they came"
    return fields.get("flaw", b"").decode()


WRONG_TYPES = [5, 0, -1.5, True, False, [], ["x"], {}, {"a": "b"}]


@pytest.mark.parametrize("field", ["callId", "callDomain"])
@pytest.mark.parametrize("value", WRONG_TYPES, ids=json.dumps)
def test_a_wrong_type_is_named(ingress, ledger, field, value):
    sentence = refused_as(ingress, ledger, daily.webhook() | {field: value}, "invalid_field",
                          "missing_fields")
    assert field in sentence


@pytest.mark.parametrize("field", ["callId", "callDomain"])
@pytest.mark.parametrize("value", ["", None], ids=json.dumps)
def test_an_empty_field_is_named(ingress, ledger, field, value):
    sentence = refused_as(ingress, ledger, daily.webhook() | {field: value}, "invalid_field",
                          "missing_fields")
    assert field in sentence


@pytest.mark.parametrize("field", ["To", "From"])
@pytest.mark.parametrize("value", WRONG_TYPES, ids=json.dumps)
def test_a_number_of_a_wrong_type_costs_no_call(ingress, ledger, field, value):
    assert field in taken(ingress, ledger, daily.webhook() | {field: value})


@pytest.mark.parametrize("value", ["", None], ids=json.dumps)
def test_an_absent_number_costs_no_call(ingress, ledger, value):
    assert taken(ingress, ledger, daily.webhook() | {"From": value}) == "", "it is only withheld"
    assert "To is absent" in taken(ingress, ledger, daily.webhook() | {"To": value})


@pytest.mark.parametrize("value", [5, True, "x", [], ["x"], {"a": 5}, {"a": None}, {"a": {}},
                                   {"a": ["b"]}], ids=json.dumps)
def test_sip_headers_of_a_wrong_type(ingress, ledger, value):
    flaw = taken(ingress, ledger, daily.webhook(sipHeaders=value))
    assert "sipHeaders" in flaw or "SIP header" in flaw


@pytest.mark.parametrize("value", [5, True, "x", {"number": "+1"}], ids=json.dumps)
def test_dialout_settings_of_a_wrong_type(ingress, ledger, value):
    sentence = refused_as(ingress, ledger, {"dialout_settings": value}, "invalid_field")
    assert "dialout_settings" in sentence
    assert "dialout_settings" in taken(ingress, ledger, daily.webhook(dialout_settings=value))


@pytest.mark.parametrize("value", [[], {}], ids=json.dumps)
def test_an_empty_dialout_beside_a_dialin_costs_no_call(ingress, ledger, value):
    assert "is empty" in taken(ingress, ledger, daily.webhook(dialout_settings=value))


def test_an_empty_dialout_is_none(ingress, ledger):
    refused_as(ingress, ledger, {"dialout_settings": []}, "missing_fields", "invalid_field")


@pytest.mark.parametrize("body", [
    b"", b" ", b"{", b"}", b"{}}", b"null", b"[]", b'"x"', b"5", b"{'To':1}", b'{"To":"x",}',
    b'{"To":"x"} {}', b'{"To":"x"}\0', b"\xef\xbb\xbf{}", b'{"To":"a\nb"}', b'{"To":"a\x01b"}',
    b'{"To":"a\x00b"}', b'{"To":01}', b'{"To":NaN}', b'{"To":1e}', b'{"To":"\\x"}',
    b'{"To":"\\u12"}', b'{"To":"x"// y\n}', b'{"To" "x"}', b'{To:"x"}', b'{"To":tru}', b'{"a":+1}',
    b'\xff\xfe{\x00}\x00', b'{"To":"x"'], ids=repr)
def test_what_is_no_json_object(ingress, ledger, body):
    refused_as(ingress, ledger, body, "invalid_json")


@pytest.mark.parametrize("bad", [
    b"\xff", b"\xc3", b"\xc3(", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80", b"\x80", b"\xe2\x82", b"\xf0\x9f\x98"], ids=repr)
@pytest.mark.parametrize("field", [b"From", b"later"])
def test_bad_utf8(ingress, ledger, bad, field):
    body = daily.body(daily.webhook(From=None, From_="x", later="x"))
    body = body.replace(b"From_", b"From").replace(b'"%s": "x' % field, b'"%s": "%s' % (field, bad))
    assert bad in body
    assert "not UTF-8" in taken(ingress, ledger, body)


@pytest.mark.parametrize("bad", ["\\ud800", "\\udc00", "\\ud800\\u0041", "\\ud800x"])
def test_half_a_surrogate_pair(ingress, ledger, bad):
    body = daily.body(daily.webhook(From="x")).replace(b'"x"', b'"%s"' % bad.encode())
    assert "surrogate" in taken(ingress, ledger, body)


@pytest.mark.parametrize("field", ["callId", "callDomain"])
def test_an_escaped_nul_in_an_id(ingress, ledger, field):
    refused_as(ingress, ledger, daily.webhook() | {field: "abc\0def"}, "invalid_json",
               "invalid_field")


@pytest.mark.parametrize("field", ["To", "From", "Other"])
def test_an_escaped_nul_elsewhere(ingress, ledger, field):
    assert "u0000" in taken(ingress, ledger, daily.webhook() | {field: "abc\0def"})


def test_a_repeated_id(ingress, ledger):
    body = daily.body(daily.webhook())[:-1] + b', "callId": "y"}'
    refused_as(ingress, ledger, body, "invalid_json", "invalid_field")


@pytest.mark.parametrize("field", ["To", "Other"])
def test_another_repeated_key(ingress, ledger, field):
    body = daily.body(daily.webhook(Other="x"))[:-1] + b', "%s": "y"}' % field.encode()
    assert "repeated" in taken(ingress, ledger, body)


def test_a_repeated_key_in_other_letters_is_another_key(ingress, ledger):
    """cJSON's own look-up takes `TO` for `To`."""
    call_id = daily.new_call_id()
    fields = daily.webhook(call_id)
    body = json.dumps({"TO": "+1999", "CALLID": "x", **fields}).encode()
    assert ingress.post(body, daily.headers(body)).json()["call_id"] == call_id
    body = json.dumps({"to": daily.TO, "from": "x", "callid": "x", "calldomain": "y"}).encode()
    refused_as(ingress, ledger, body, "missing_fields")


def nested(depth, opening, closing):
    """An object nested `depth` deep, itself counted."""
    inner = opening * (depth - 1) + "1" + closing * (depth - 1)
    body = json.dumps(daily.webhook(later="@"))
    return body.replace('"@"', inner).encode()


@pytest.mark.parametrize("opening, closing", [("[", "]"), ('{"a":', "}")])
def test_depth(ingress, ledger, opening, closing):
    body = nested(32, opening, closing)
    assert ingress.post(body, daily.headers(body)).status == 200
    for depth in (33, 1000, 10000):
        refused_as(ingress, ledger, nested(depth, opening, closing), "invalid_json")
    refused_as(ingress, ledger, opening.encode() * 10000, "invalid_json")


# --- callId ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("call_id", ["x" * 128, '"quoted"', "a'b\\c", "{dialin}:call:1", "../../x",
                                     "%s%n%d", "a*b?c[d]", "$(reboot)", "<b>", "~r1"])
def test_any_printable_call_id_is_taken_as_it_is(ingress, ledger, call_id):
    if len(call_id) < 100:
        call_id += daily.new_call_id()
    answer = ingress.ring(daily.webhook(call_id))
    assert answer.status == 200 and answer.json()["call_id"] == call_id
    assert ledger.entry_of(call_id)[0] == answer.json()["id"]


@pytest.mark.parametrize("call_id", ["a\nb", "a\r\nb", "a\tb", "\x7f", "\x1b[31m", "caf\xe9",
                                     "☎", "x" * 129, "x" * 10240, "a\u2028b"],
                         ids=lambda call_id: ascii(call_id)[:20])
def test_an_unprintable_or_long_call_id_is_refused(ingress, ledger, call_id):
    sentence = refused_as(ingress, ledger, daily.webhook(call_id), "invalid_field")
    assert "callId" in sentence
    assert all(32 <= ord(character) < 127 for character in sentence)


# --- what a caller may write ----------------------------------------------------------------------

INJECTION = "+1415\r\nX-Evil: 1\r\nAuthorization: Bearer evil\r\n\r\nPOST /evil HTTP/1.1\r\n\r\n"
EVIL_LINE = "x\n2026-01-01T00:00:00.000Z error   dialin-worker: evil\x1b[2J\u2028"


def test_nothing_a_caller_writes_leaves_its_json(stack, ledger, start):
    ingress = stack.ingress()
    worker = stack.worker(START_URL=start.url, START_API_KEY="key-of-the-bot")
    call_id = daily.new_call_id('"quoted"\\')
    webhook = daily.webhook(call_id, From=INJECTION, callDomain=EVIL_LINE,
                            sipHeaders={"X-A\r\nX-Evil": INJECTION, "b\n": EVIL_LINE,
                                        "c\"": "\"},{\"evil\":\"", "d": "%s%n" * 20},
                            evil_key={"\n": "\r"}, call_transfer={"x": INJECTION})
    answer = ingress.ring(webhook)
    assert answer.status == 200, "a caller is not refused for an odd name"
    ledger.wait_for_state(call_id, "started")
    assert len(start.requests) == 1
    request = start.requests[0]
    assert {name for name, _ in request.headers} <= {
        "host", "authorization", "content-type", "content-length", "transfer-encoding", "accept",
        "user-agent", "idempotency-key", "expect"}
    assert request.key == call_id
    assert request.header("Authorization") == "Bearer key-of-the-bot"
    settings = request.json()["body"]["dialin_settings"]
    assert settings["From"] == settings["from"] == INJECTION
    assert settings["call_domain"] == EVIL_LINE
    assert settings["sip_headers"] == webhook["sipHeaders"]
    assert request.json()["body"]["call_transfer"] == {"x": INJECTION}
    for program in (ingress, worker):
        for line in program.log_lines():
            assert LOG_LINE.match(line), line
            assert line.isprintable()


def test_a_secret_in_a_field_is_no_way_to_read_secrets(stack, ledger, start):
    """A caller who guesses a key learns nothing from the record, which must stay readable."""
    ingress = stack.ingress()
    stack.worker(START_URL=start.url, START_API_KEY="key-of-the-bot")
    call_id = daily.new_call_id()
    ingress.ring(daily.webhook(call_id, sipHeaders={"X": "key-of-the-bot", "token": "mine"}))
    ledger.wait_for_state(call_id, "started")
    attempt, = ledger.events(call_id, "attempt")
    assert "key-of-the-bot" not in attempt["request"]
    json.loads(attempt["request"])
