"""What the ingress answers: each row of both tables of CONTRACT, section 2."""

import hashlib
import json
import signal
import threading
import time

import pytest

import daily
from stack import wait_for


@pytest.fixture(scope="module")
def ingress(shared):
    return shared.ingress(PINLESS_HMAC_SECRET=f"{daily.SECRET}, {daily.OTHER_SECRET}",
                          INGRESS_API_KEY=daily.API_KEY)


def check_queued(answer, ledger, call_id=None):
    """200 as for a queued webhook, and the entry it names is there; gives back its fields."""
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "application/json"
    said = answer.json()
    assert said["status"] == "queued" and set(said) == {"status", "id", "call_id"}
    assert call_id is None or said["call_id"] == call_id
    entry, fields = ledger.entry_of(said["call_id"])
    assert said["id"] == entry
    return fields


# --- what is queued -------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/api/dial", "/daily-dialin-webhook", "/"])
def test_a_dialin_is_queued_as_it_came(ingress, ledger, path):
    call_id = daily.new_call_id()
    # Blanks, an escape and a field of tomorrow: the bytes must survive as they are.
    body = json.dumps(daily.webhook(call_id, From="sip:ann@example.org", later={"a": [1.50, None]}),
                      indent=3).encode() + b"\n "
    headers = daily.headers(body)
    before_ms = time.time() * 1000
    fields = check_queued(ingress.post(body, headers, path), ledger, call_id)
    after_ms = time.time() * 1000
    assert fields["body"] == body
    assert fields["sha256"].decode() == hashlib.sha256(body).hexdigest()
    assert fields["v"] == b"1"
    assert fields["kind"] == b"dialin"
    assert fields["peer"] == b"127.0.0.1"
    assert fields["timestamp"].decode() == dict(headers)["X-Pinless-Timestamp"]
    assert fields["signature"].decode() == dict(headers)["X-Pinless-Signature"]
    assert before_ms - 5 <= int(fields["received_ms"]) <= after_ms + 5
    assert set(fields) == {"v", "kind", "call_id", "received_ms", "timestamp", "signature", "peer",
                           "body", "sha256"}


@pytest.mark.parametrize("caller", ["anonymous", "sip:bob@example.org;transport=tls", "14158483432",
                                    "+1" + "4" * 40, "Zoë ☎"])
def test_any_caller_is_taken(ingress, ledger, caller):
    answer = ingress.ring(daily.webhook(From=caller))
    assert json.loads(check_queued(answer, ledger)["body"])["From"] == caller


def test_a_dialout_by_signature(ingress, ledger):
    fields = check_queued(ingress.ring(daily.dialout()), ledger)
    assert fields["kind"] == b"dialout"
    assert len(fields["call_id"]) >= 16, "an id of our own has to be hard to meet twice"


def test_a_dialout_by_key(ingress, ledger):
    body = daily.body(daily.dialout())
    fields = check_queued(ingress.post(body, daily.bearer()), ledger)
    assert (fields["kind"], fields["timestamp"], fields["signature"]) == (b"dialout", b"", b"")
    again = check_queued(ingress.post(body, daily.bearer()), ledger)
    assert again["call_id"] != fields["call_id"]


def test_a_dialout_is_called_by_its_idempotency_key(ingress, ledger):
    body, call_id = daily.body(daily.dialout()), daily.new_call_id("order/7")
    answer = ingress.post(body, [*daily.bearer(), ("Idempotency-Key", call_id)])
    assert check_queued(answer, ledger, call_id)["kind"] == b"dialout"


@pytest.mark.parametrize("key", ["", "x" * 129, "caf\xe9", "order~r1", "~"])
def test_an_unusable_idempotency_key_is_refused(ingress, ledger, key):
    body, entries = daily.body(daily.dialout()), len(ledger.entries())
    answer = ingress.post(body, [*daily.bearer(), ("Idempotency-Key", key)])
    assert answer.status == 400 and answer.code in ("invalid_field", "bad_request")
    body = daily.body(daily.dialout(idempotency_key=key))
    answer = ingress.post(body, daily.headers(body))
    assert (answer.status, answer.code) == (400, "invalid_field")
    assert len(ledger.entries()) == entries


def test_both_is_a_dialin(ingress, ledger):
    call_id = daily.new_call_id()
    answer = ingress.ring(daily.webhook(call_id, **daily.dialout()))
    assert check_queued(answer, ledger, call_id)["kind"] == b"dialin"


def test_a_dialin_keeps_dailys_call_id_beside_an_idempotency_key(ingress, ledger):
    call_id = daily.new_call_id()
    body = daily.body(daily.webhook(call_id))
    answer = ingress.post(body, [*daily.headers(body), ("Idempotency-Key", "something-else")])
    check_queued(answer, ledger, call_id)


def test_the_answer_waits_for_redis(stack, ledger):
    redis = stack.own_redis(fsync="always")
    ingress = stack.ingress()
    redis.signal(signal.SIGSTOP)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ingress.ring()))
    thread.start()
    wait_for(lambda: ingress.metrics()["dialin_webhooks_in_flight"] == 1)
    time.sleep(0.3)  # not to pass: an answer in this time is the defect looked for
    assert not answers
    redis.signal(signal.SIGCONT)
    thread.join(10)
    check_queued(answers[0], ledger)


# --- verification requests ------------------------------------------------------------------------

VERIFICATIONS = [b'{"Test":"test"}', b'{"test":"test"}', b'{"To":"+14152251493"}',
                 b' {\n "Test" : "test" }\r\n']


@pytest.mark.parametrize("signed", ["not", "well", "wrongly", "by a new secret", "too late"])
@pytest.mark.parametrize("body", VERIFICATIONS)
def test_verification_requests_succeed_and_queue_nothing(ingress, ledger, body, signed):
    entries = len(ledger.entries())
    headers = {
        "not": [("Content-Type", "application/json")],
        "well": daily.headers(body),
        "wrongly": daily.headers(body, signature="nonsense"),
        "by a new secret": daily.headers(body, daily.DEMONSTRATION_SECRET),
        "too late": daily.headers(body, timestamp=daily.in_s(-4000)),
    }[signed]
    answer = ingress.post(body, headers)
    assert answer.status == 200
    assert answer.json() == {"status": "success", "message": "Test request received"}
    assert len(ledger.entries()) == entries


@pytest.mark.parametrize("body", [
    b'{"Test":"test","more":1}', b'{"Test":"test","test":"test"}', b'{"Test":"other"}',
    b'{"Test":1}', b'{"To":""}', b'{"To":5}', b'{"To":"+1415","From":"+1415"}', b'{}', b'[]',
    b'{"Test":"test"} x', b'{"Test":"test"', b'"Test"', b'', b'\xff', b'{"to":"+14152251493"}'])
def test_what_is_nearly_a_verification_request_needs_a_signature(ingress, ledger, body):
    entries = len(ledger.entries())
    answer = ingress.post(body, [("Content-Type", "application/json")])
    assert (answer.status, answer.code) == (401, "missing_signature")
    assert len(ledger.entries()) == entries


def test_a_long_unsigned_body_is_not_even_looked_at(ingress):
    answer = ingress.post(b'{"Test":"test"}' + b" " * 1010, [])
    assert (answer.status, answer.code) == (401, "missing_signature")


# --- refusals -------------------------------------------------------------------------------------

@pytest.mark.parametrize("missing", ["callId", "callDomain"])
def test_missing_fields_are_named(ingress, missing):
    answer = ingress.ring({key: value for key, value in daily.webhook().items() if key != missing})
    assert (answer.status, answer.code) == (400, "missing_fields")
    assert missing in answer.json()["error"]


def test_all_missing_fields_are_named_at_once(ingress):
    answer = ingress.ring({"To": daily.TO, "other": 1})
    assert (answer.status, answer.code) == (400, "missing_fields")
    sentence = answer.json()["error"]
    assert "callId" in sentence and "callDomain" in sentence and "To" not in sentence.split()


@pytest.mark.parametrize("path", ["/api/dial/", "/api", "/api/dial2", "/API/DIAL", "//", "/*",
                                  "/readyz", "/metrics", "/%61pi/dial", "/" + "x" * 3000])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_other_paths_are_not_there(ingress, path, method):
    answer = ingress_ask(ingress, method, path)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
@pytest.mark.parametrize("path", ["/api/dial", "/daily-dialin-webhook"])
def test_other_methods_are_not_allowed(ingress, method, path):
    answer = ingress_ask(ingress, method, path)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.header("Allow") == "POST"


@pytest.mark.parametrize("path", ["/", "/healthz", "/?from=balancer"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_load_balancers_get_200_and_nothing_else(ingress, method, path):
    answer = ingress_ask(ingress, method, path)
    assert answer.status == 200
    assert answer.body == (b"" if method == "HEAD" else b'{"status":"ok"}')


@pytest.mark.parametrize("path, allow", [("/", {"GET", "HEAD", "POST"}), ("/healthz", {"GET", "HEAD"})])
def test_what_else_the_paths_of_load_balancers_take(ingress, path, allow):
    answer = ingress_ask(ingress, "PUT", path)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert set(answer.header("Allow").replace(" ", "").split(",")) == allow


def test_head_is_not_allowed_and_has_no_body(ingress):
    from http_raw import Connection
    with Connection(ingress.port) as connection:
        answer = connection.ask("HEAD", "/api/dial")
        assert answer.status == 405 and answer.header("Allow") == "POST"
        assert answer.header("Connection") == "close"
        assert connection.is_closed_by_peer(), "something came behind the head"


def test_a_query_does_not_change_the_path(ingress, ledger):
    body = daily.body(daily.webhook())
    check_queued(ingress.post(body, daily.headers(body), "/api/dial?x=1&y"), ledger)


def ingress_ask(ingress, method, path, headers=None, body=None):
    from http_raw import ask
    return ask(ingress.port, method, path, headers, body)


REPEATED_LENGTH = [("Content-Length", "2"), ("Content-Length", "3")]
TOO_LONG = [("Content-Length", "65537")]


@pytest.mark.parametrize("row", [
    ("path before method", "GET", "/nowhere", REPEATED_LENGTH, 404, "not_found"),
    ("method before headers", "GET", "/api/dial", REPEATED_LENGTH, 405, "method_not_allowed"),
    ("method before length", "PUT", "/api/dial", TOO_LONG, 405, "method_not_allowed"),
    ("headers before length", "POST", "/api/dial",
     [*TOO_LONG, ("X-Pinless-Signature", "x"), ("X-Pinless-Signature", "y")], 400, "bad_request"),
    ("length before signature", "POST", "/api/dial", TOO_LONG, 413, "body_too_large"),
    ("length before a wrong signature", "POST", "/api/dial",
     [*TOO_LONG, ("X-Pinless-Signature", "x"), ("X-Pinless-Timestamp", "1")], 413,
     "body_too_large"),
], ids=lambda row: row[0])
def test_order_of_checks_in_the_head(ingress, row):
    _, method, path, headers, status, code = row
    answer = ingress_ask(ingress, method, path, headers)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("row", [
    ("not signed", [], "missing_signature"),
    ("wrongly signed", daily.headers(b"other"), "invalid_signature"),
    ("stale, and wrongly signed", daily.headers(b"other", timestamp=daily.in_s(-999)),
     "invalid_signature"),
    ("stale", daily.headers(b"{", timestamp=daily.in_s(-999)), "stale_timestamp"),
    ("by a wrong key", daily.bearer("wrong-key-of-our-own-application"), "invalid_signature"),
], ids=lambda row: row[0])
def test_credentials_are_checked_before_json(ingress, row):
    _, headers, code = row
    answer = ingress.post(b"{", headers)
    assert (answer.status, answer.code) == (401, code)


def test_malformed_json_that_is_genuine(ingress):
    answer = ingress.post(b"{", daily.headers(b"{"))
    assert (answer.status, answer.code) == (400, "invalid_json")
