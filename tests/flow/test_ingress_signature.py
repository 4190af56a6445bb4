"""Who may send a webhook: signatures, timestamps, secrets and keys."""

import base64
import time

import pytest

import daily

TENANT_NUMBER = "+14155550100"
TENANT_SECRET = base64.b64encode(b"tenant one, only its own").decode()
REFUSALS = ("missing_signature", "invalid_signature", "stale_timestamp")


@pytest.fixture(scope="module")
def ingress(shared):
    return shared.ingress(
        PINLESS_HMAC_SECRET=f"{daily.SECRET},{daily.OTHER_SECRET},{TENANT_NUMBER}={TENANT_SECRET}",
        INGRESS_API_KEY=daily.API_KEY)


def check_refused(answer, ledger, call_id, codes=REFUSALS):
    assert answer.status == 401, answer
    assert answer.code in codes
    assert ledger.entries_of(call_id) == []


@pytest.mark.parametrize("secret", [daily.SECRET, daily.OTHER_SECRET])
@pytest.mark.parametrize("unit", [daily.in_s, daily.in_ms])
@pytest.mark.parametrize("offset_s", [0, -290, 290])
def test_every_secret_and_either_unit_counts(ingress, secret, unit, offset_s):
    answer = ingress.ring(secret=secret, timestamp=unit(offset_s))
    assert answer.status == 200


@pytest.mark.parametrize("unit", [daily.in_s, daily.in_ms])
@pytest.mark.parametrize("offset_s", [-305, 305, -86400, 86400 * 365])
def test_stale_timestamps(ingress, ledger, unit, offset_s):
    call_id = daily.new_call_id()
    answer = ingress.ring(daily.webhook(call_id), timestamp=unit(offset_s))
    check_refused(answer, ledger, call_id, ["stale_timestamp"])


def test_a_wrong_secret(ingress, ledger):
    call_id = daily.new_call_id()
    answer = ingress.ring(daily.webhook(call_id), secret=daily.DEMONSTRATION_SECRET)
    check_refused(answer, ledger, call_id, ["invalid_signature"])


def test_a_changed_body(ingress, ledger):
    call_id = daily.new_call_id()
    body = daily.body(daily.webhook(call_id))
    answer = ingress.post(body.replace(b"+1415848", b"+1415849"), daily.headers(body))
    check_refused(answer, ledger, call_id, ["invalid_signature"])


def test_a_changed_timestamp(ingress, ledger):
    call_id = daily.new_call_id()
    body, timestamp = daily.body(daily.webhook(call_id)), daily.in_ms(-1)
    signature = daily.sign(daily.SECRET, timestamp, body)
    answer = ingress.post(body, daily.headers(body, timestamp=daily.in_ms(), signature=signature))
    check_refused(answer, ledger, call_id, ["invalid_signature"])


def as_hex(signature):
    return base64.b64decode(signature).hex()


def not_canonical(signature):
    """The same 32 bytes to a lax decoder: the bits behind the last one are not zero."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return signature[:-2] + alphabet[alphabet.index(signature[-2]) + 1] + "="


@pytest.mark.parametrize("change", [
    lambda signature: "", lambda signature: signature[:-1], lambda signature: signature[:-4],
    lambda signature: signature[:20], lambda signature: signature + "=",
    lambda signature: signature + "AAAA", lambda signature: signature + signature,
    lambda signature: "AAAA" + signature, as_hex, not_canonical,
    lambda signature: signature.swapcase(), lambda signature: "A" * 43 + "=",
    lambda signature: signature[:10] + " " + signature[10:], lambda signature: "=" * 44,
    lambda signature: f'"{signature}"', lambda signature: "sha256=" + signature,
    lambda signature: signature[:-1] + "\xe9", lambda signature: f"{signature}, {signature}",
    lambda signature: "A" * 4000,
], ids=["empty", "no padding", "40 bytes", "20 bytes", "two paddings", "longer", "twice", "shifted",
        "hex", "not canonical", "other case", "zeros", "a blank", "padding only", "quoted",
        "with a name", "not ASCII", "a list", "very long"])
def test_malformed_signatures(ingress, ledger, change):
    call_id = daily.new_call_id()
    body, timestamp = daily.body(daily.webhook(call_id)), daily.in_ms()
    signature = change(daily.sign(daily.SECRET, timestamp, body))
    answer = ingress.post(body, daily.headers(body, timestamp=timestamp, signature=signature))
    check_refused(answer, ledger, call_id)


NOW = time.time()


@pytest.mark.parametrize("timestamp", [
    "", "0", "-1", f"+{NOW:.0f}", f"-{NOW:.0f}", f"{NOW:.3f}", f"{NOW:.0f}.", f"{NOW:.0f} 1",
    f"{NOW:.0f}a", f"0x{int(NOW):x}", f"{NOW:e}", "NaN", "9" * 19, "9" * 30, "1" * 4000,
    f"{NOW * 1e6:.0f}", f"{NOW * 1e9:.0f}", f"{NOW:.0f},{NOW:.0f}", "\xb2\xb3",
    str((1 << 64) + int(NOW)), str((1 << 64) + int(NOW * 1000)), str((1 << 32) + int(NOW))],
    ids=[f"no. {i}" for i in range(22)])  # the same in every run, whatever the time is
def test_malformed_timestamps_though_signed(ingress, ledger, timestamp):
    call_id = daily.new_call_id()
    answer = ingress.ring(daily.webhook(call_id), timestamp=timestamp)
    check_refused(answer, ledger, call_id)


@pytest.mark.parametrize("left_out", ["X-Pinless-Timestamp", "X-Pinless-Signature"])
def test_one_header_of_the_two(ingress, ledger, left_out):
    call_id = daily.new_call_id()
    body = daily.body(daily.webhook(call_id))
    headers = [header for header in daily.headers(body) if header[0] != left_out]
    check_refused(ingress.post(body, headers), ledger, call_id)


@pytest.mark.parametrize("name", ["X-Pinless-Timestamp", "X-Pinless-Signature"])
@pytest.mark.parametrize("second", ["the same", "another"])
@pytest.mark.parametrize("spelled", [str, str.lower])
def test_repeated_headers(ingress, ledger, name, second, spelled):
    call_id = daily.new_call_id()
    body = daily.body(daily.webhook(call_id))
    headers = daily.headers(body)
    headers.append((spelled(name), dict(headers)[name] if second == "the same" else "1"))
    answer = ingress.post(body, headers)
    assert answer.status in (400, 401) and answer.code in (*REFUSALS, "bad_request")
    assert ledger.entries_of(call_id) == []


def test_header_names_have_no_case(ingress):
    body = daily.body(daily.webhook())
    headers = [(name.upper(), value) for name, value in daily.headers(body)]
    assert ingress.post(body, headers).status == 200


# --- secrets for one number -----------------------------------------------------------------------

def test_a_tenant_signs_for_its_own_number(ingress):
    answer = ingress.ring(daily.webhook(To=TENANT_NUMBER), secret=TENANT_SECRET)
    assert answer.status == 200


@pytest.mark.parametrize("number", [daily.TO, TENANT_NUMBER + "0", TENANT_NUMBER[:-1],
                                    "sip:x@example.org"])
def test_a_tenant_cannot_sign_for_another(ingress, ledger, number):
    call_id = daily.new_call_id()
    answer = ingress.ring(daily.webhook(call_id, To=number), secret=TENANT_SECRET)
    check_refused(answer, ledger, call_id, ["invalid_signature"])


def test_a_tenant_cannot_name_two_numbers(ingress, ledger):
    call_id = daily.new_call_id()
    body = daily.body(daily.webhook(call_id, To=TENANT_NUMBER))[:-1] + b',"To":"%s"}' % (
        daily.TO.encode())
    answer = ingress.post(body, daily.headers(body, TENANT_SECRET))
    assert answer.status == 200, "the first one counts"
    assert b"repeated" in ledger.entry_of(call_id)[1]["flaw"]
    body = body.replace(TENANT_NUMBER.encode(), daily.FROM.encode(), 1).replace(
        daily.TO.encode(), TENANT_NUMBER.encode())
    call_id = daily.new_call_id()
    answer = ingress.post(body, daily.headers(body, TENANT_SECRET))
    check_refused(answer, ledger, call_id, ["invalid_signature"])


@pytest.mark.parametrize("spelling", [TENANT_NUMBER[1:], "00" + TENANT_NUMBER[1:],
                                      f"sip:{TENANT_NUMBER}@example.org"])
def test_a_tenants_number_in_other_spellings(ingress, spelling):
    assert ingress.ring(daily.webhook(To=spelling), secret=TENANT_SECRET).status == 200


def test_a_tenant_cannot_dial_out_without_a_number(ingress):
    answer = ingress.ring(daily.dialout(), secret=TENANT_SECRET)
    assert (answer.status, answer.code) == (401, "invalid_signature")


# --- the bearer key -------------------------------------------------------------------------------

def test_the_key_is_not_for_dialins(ingress, ledger):
    call_id = daily.new_call_id()
    answer = ingress.post(daily.body(daily.webhook(call_id)), daily.bearer())
    check_refused(answer, ledger, call_id)


@pytest.mark.parametrize("authorization", [
    "", "Bearer", "Bearer ", f"Bearer {daily.API_KEY}x", f"Bearer {daily.API_KEY[:-1]}",
    f"Basic {daily.API_KEY}", daily.API_KEY, f"Bearer {daily.API_KEY.upper()}",
    f"Bearer {daily.API_KEY}, Bearer x"])
def test_wrong_keys(ingress, ledger, authorization):
    entries = len(ledger.entries())
    answer = ingress.post(daily.body(daily.dialout()), [("Authorization", authorization)])
    assert answer.status == 401 and answer.code in REFUSALS
    assert len(ledger.entries()) == entries


def test_the_scheme_has_no_case(ingress):
    headers = [("authorization", f"bearer {daily.API_KEY}")]
    assert ingress.post(daily.body(daily.dialout()), headers).status == 200


def test_a_key_does_not_excuse_a_wrong_signature(ingress, ledger):
    entries = len(ledger.entries())
    body = daily.body(daily.dialout())
    headers = [*daily.bearer(), *daily.headers(b"other")[1:]]
    answer = ingress.post(body, headers)
    assert (answer.status, answer.code) == (401, "invalid_signature")
    assert len(ledger.entries()) == entries


# --- other configurations -------------------------------------------------------------------------

def test_with_a_key_alone_nothing_signed_is_taken(stack, ledger):
    ingress = stack.ingress(PINLESS_HMAC_SECRET=None, INGRESS_API_KEY=daily.API_KEY)
    assert ingress.post(daily.body(daily.dialout()), daily.bearer()).status == 200
    answer = ingress.ring()
    assert (answer.status, answer.code) == (401, "invalid_signature")
    assert len(ledger.entries()) == 1


def test_allow_unsigned_takes_all_and_says_so(stack, ledger):
    ingress = stack.ingress(PINLESS_HMAC_SECRET=None, ALLOW_UNSIGNED="true")
    assert ingress.post(daily.body(daily.webhook()), []).status == 200
    assert ingress.post(daily.body(daily.dialout()), []).status == 200
    assert ingress.post(b'{"Test":"test"}', []).status == 200
    assert ingress.post(b"{", []).code == "invalid_json"
    assert len(ledger.entries()) == 2
    assert b"ALLOW_UNSIGNED" in ingress.log()


def test_the_demonstration_secret_where_it_is_allowed(stack):
    ingress = stack.ingress(PINLESS_HMAC_SECRET=daily.DEMONSTRATION_SECRET, DEMO_SECRET="allowed")
    assert ingress.ring(secret=daily.DEMONSTRATION_SECRET).status == 200


# --- who it came from -----------------------------------------------------------------------------

@pytest.mark.parametrize("row", [
    ("nobody is trusted", None, ["9.9.9.9"], b"127.0.0.1"),
    ("no header", "127.0.0.1", [], b"127.0.0.1"),
    ("the proxy says", "127.0.0.1", ["9.9.9.9"], b"9.9.9.9"),
    ("what the sender wrote itself does not count", "127.0.0.1", ["1.1.1.1, 9.9.9.9"], b"9.9.9.9"),
    ("a network of proxies", "127.0.0.0/8, 10.0.0.0/8", ["9.9.9.9, 10.1.2.3"], b"9.9.9.9"),
    ("IPv6", "127.0.0.1", ["2001:db8::7"], b"2001:db8::7"),
    ("nonsense ends the search", "127.0.0.1", ["9.9.9.9, unknown"], b"127.0.0.1"),
    ("nonsense behind the peer", "127.0.0.1", ["unknown, 9.9.9.9"], b"9.9.9.9"),
    ("a port", "127.0.0.1", ["9.9.9.9:54321"], b"9.9.9.9"),
    ("a port, and a proxy", "127.0.0.1", ["9.9.9.9:54321, 127.0.0.1"], b"9.9.9.9"),
    ("IPv6 in brackets", "127.0.0.1", ["[2001:db8::7]"], b"2001:db8::7"),
    ("IPv6 with a port", "127.0.0.1", ['"[2001:db8::7]:443"'], b"2001:db8::7"),
    ("a port that is none", "127.0.0.1", ["9.9.9.9:x:y"], b"127.0.0.1"),
    ("a proxy that adds a line of its own", "127.0.0.1", ["1.1.1.1", "9.9.9.9"], b"9.9.9.9"),
], ids=lambda row: row[0])
def test_the_peer(stack, ledger, row):
    _, trusted, lines, peer = row
    ingress = stack.ingress(TRUSTED_PROXIES=trusted)
    call_id = daily.new_call_id()
    body = daily.body(daily.webhook(call_id))
    headers = [*daily.headers(body), *(("X-Forwarded-For", line) for line in lines)]
    assert ingress.post(body, headers).status == 200
    assert ledger.entry_of(call_id)[1]["peer"] == peer
