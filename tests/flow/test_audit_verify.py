"""dialin-audit verify: what was sent is computed again from the webhook."""

import json

import pytest

import daily


@pytest.fixture
def worker(stack, start):
    return stack.worker(START_URL=start.url)


def attempt_of(ledger, call_id):
    """The id and the fields of its event."""
    for entry, fields in ledger.client.xrange(ledger.key("audit")):
        if fields[b"call_id"] == call_id.encode() and fields[b"event"] == b"attempt":
            return entry, fields
    raise AssertionError(f"{call_id} has no attempt")


def rewrite(ledger, call_id, change):
    """Replaces what is recorded as sent. The stream's ids go up only, so the event becomes the
    newest."""
    entry, fields = attempt_of(ledger, call_id)
    fields[b"request"] = change(fields[b"request"])
    ledger.client.xdel(ledger.key("audit"), entry)
    ledger.client.xadd(ledger.key("audit"), fields)


def drain(ledger, *webhooks):
    for webhook in webhooks:
        ledger.queue(webhook)
    ledger.wait_until_finished()


WEBHOOKS = [
    {}, {"From": "sip:caller@example.com", "sipHeaders": {"X-Tenant": "a\u00e4\u20ac\U0001f600"}},
    {"call_transfer": {"to": [1, 2.50, 1e300, None, True]}, "newField": "new", "aBC": {"x": {}}},
    {"dialout_settings": [{"phoneNumber": "+14155550123"}], "voicemail_detection": {"on": True}},
    {"nested": json.loads("[" * 30 + "]" * 30)},
]


def test_what_was_sent_is_made_again(ledger, start, worker, audit):
    drain(ledger, *[daily.webhook(**fields) for fields in WEBHOOKS])
    ledger.queue(daily.dialout(), "out-1", "dialout")
    ledger.wait_until_finished()
    assert len(start.requests) == len(WEBHOOKS) + 1
    assert "verified 6 requests: 6 as recorded, 0 differ" in audit("verify").out
    assert audit.json("verify") == []


def test_secrets_are_compared_as_such(stack, ledger, start, audit):
    """Also where the key that the worker had is not set for the audit, or is another one."""
    stack.worker(START_URL=start.url, DAILY_API_KEY="daily-key-of-old", START_API_KEY="start-key-1")
    drain(ledger, daily.webhook(note="my start-key-1 is out"))
    assert b"daily-key-of-old" not in ledger.everything()
    for key in ("daily-key-of-old", "another-daily-key"):
        assert audit("verify", DAILY_API_KEY=key, START_API_KEY="start-key-1").code == 0
    assert "1 recorded ones were taken as good" in \
        audit("verify", START_API_KEY="start-key-1").err
    # What is no secret here was one there: text against [redacted] inside a text is a difference.
    differences = audit("verify", "--json", DAILY_API_KEY="k-e-y", code=1).objects()
    assert [found["path"] for found in differences] == ["body.dialin_settings.note"]


@pytest.mark.parametrize("change, path, recorded, now", [
    (lambda text: text.replace(b'"num_endpoints":1', b'"num_endpoints":2'),
     "dailyRoomProperties.sip.num_endpoints", "2", "1"),
    (lambda text: text.replace(b'"OPUS"', b'"OPUS","PCMU"'),
     "dailyRoomProperties.sip.codecs.audio[1]", '"PCMU"', "absent"),
    (lambda text: text.replace(b'"voicemail_detection":null,', b''),
     "body.voicemail_detection", "absent", "null"),
    (lambda text: text[:-1] + b',"extra":{"a":1}}', "extra", '{"a":1}', "absent"),
    (lambda text: b"no JSON", "(request)", "absent", None),
])
def test_each_difference_is_named(ledger, start, worker, audit, change, path, recorded, now):
    webhooks = [daily.webhook(), daily.webhook()]
    drain(ledger, *webhooks)
    rewrite(ledger, webhooks[0]["callId"], change)
    found = audit("verify", "--json", code=1).objects()
    assert len(found) == 1
    assert found[0]["call_id"] == webhooks[0]["callId"] and found[0]["attempt"] == 1
    assert (found[0]["path"], found[0]["recorded"]) == (path, recorded)
    assert now is None or found[0]["now"] == now
    table = audit("verify", code=1).out
    assert path in table and "2 requests: 1 as recorded, 1 differ" in table


def test_the_expiry_alone_is_no_difference(ledger, start, worker, audit):
    webhook = daily.webhook()
    drain(ledger, webhook)
    rewrite(ledger, webhook["callId"], lambda text: text.replace(b'"exp":1', b'"exp":9'))
    audit("verify")


def test_a_damaged_webhook_is_named(ledger, start, worker, audit):
    webhook = daily.webhook()
    drain(ledger, webhook)
    entry, fields = ledger.client.xrange(ledger.key("webhooks"))[0]
    ledger.client.delete(ledger.key("webhooks"))
    fields[b"body"] = fields[b"body"].replace(b"+14", b"+15")
    ledger.client.xadd(ledger.key("webhooks"), fields, id=entry)
    found = audit("verify", "--json", code=1).objects()
    assert [(one["path"], one["now"]) for one in found] == [
        ("(webhook)", "its body is not what its sha256 says")]


def test_what_cannot_be_made_again_is_counted(ledger, start, worker, audit):
    webhooks = [daily.webhook() for _ in range(3)]
    drain(ledger, *webhooks)
    entries = ledger.client.xrange(ledger.key("webhooks"))
    ledger.client.delete(ledger.key("webhooks"))
    entry, fields = entries[1]
    ledger.client.xadd(ledger.key("webhooks"), {**fields, b"v": b"3"}, id=entry)
    ledger.client.xadd(ledger.key("webhooks"), entries[2][1], id=entries[2][0])
    out = audit("verify").out
    assert "verified 1 requests: 1 as recorded" in out
    assert "1 webhooks are no longer kept" in out and "1 are of a newer version" in out


def test_an_attempt_of_unknown_outcome_has_nothing_to_verify(ledger, worker, audit):
    ledger.client.xadd(ledger.key("audit"), {
        "call_id": "c", "entry": "1-1", "event": "attempt", "attempt": "1", "worker": "w",
        "at_ms": "1", "agent": "a", "reason": "", "error": "unknown outcome"})
    assert "verified 0 requests" in audit("verify").out


# --- routes to be tried ---------------------------------------------------------------------------


def routes_file(tmp_path, *routes):
    path = tmp_path / "routes.json"
    path.write_text(json.dumps({"routes": list(routes)}))
    return path


def test_a_file_of_routes_is_tried(stack, ledger, start, worker, audit, tmp_path):
    """Which calls would go elsewhere, and what would be sent otherwise."""
    sales, rest = daily.webhook(To="+14150000001"), daily.webhook(To="+16500000001")
    drain(ledger, sales, rest)
    same = {"START_URL": start.url}
    path = routes_file(tmp_path, {"name": "none", "to": "+1212*", "agent": "nobody-rings"})
    audit("verify", "--routes", path, **same)
    path = routes_file(tmp_path, {"name": "sales", "to": "+1415*", "agent": "sales", "api_key_env": "SALES_KEY",
                                  "body": {"tenant": "acme"}, "room": {"geo": "eu"}})
    found = audit("verify", "--json", "--routes", path, code=1, SALES_KEY="key-1", **same).objects()
    assert {one["call_id"] for one in found} == {sales["callId"]}
    assert [(one["path"], one["recorded"], one["now"]) for one in found] == [
        ("(agent)", found[0]["recorded"], "sales"),
        ("dailyRoomProperties.geo", "absent", '"eu"'),
        ("body.tenant", "absent", '"acme"')]
    assert found[0]["recorded"] == start.url.removeprefix("http://")


@pytest.mark.parametrize("text, sentence", [
    (b'{"routes":[\n{"name":"a","agent":"a b","api_key_env":"PATH"}]}', "line 2: agent may have letters"),
    (b'{"routes":[{}', "line 1: "),
    (b"", "there is no text"),
    (b" " * (1 << 20) + b"{}", "longer than 1 MiB"),
    (b'{"routes":[{"name":"a","agent":"a","api_key_env":"NOT_SET"}]}', "NOT_SET is not set"),
])
def test_a_bad_file_of_routes_is_refused(audit, tmp_path, text, sentence):
    path = tmp_path / "routes.json"
    path.write_bytes(text)
    assert sentence in audit("verify", "--routes", path, code=1).err
    assert "No such file" in audit("verify", "--routes", str(path) + "x", code=1).err
