"""What is genuine and refused all the same leaves a trace: a caller was lost by it."""

import json
import time

import pytest

import daily
from stack import wait_for
from stopwatch import Stopwatch

TIED = "+14155550100"


@pytest.fixture
def ingress(stack):
    return stack.ingress(PINLESS_HMAC_SECRET=f"{daily.SECRET},{TIED}={daily.OTHER_SECRET}",
                         INGRESS_API_KEY=daily.API_KEY)


def traces(ledger, count):
    wait_for(lambda: ledger.client.xlen(ledger.key("refused")) == count)
    return [{name.decode(): value for name, value in fields.items()}
            for _, fields in ledger.client.xrange(ledger.key("refused"))]


def test_a_genuine_webhook_that_is_no_call(ledger, ingress, audit):
    body = b'{"To":"+1","callId":7,"x":"' + b"y" * 9000 + b'"}'
    answer = ingress.post(body, daily.headers(body))
    assert (answer.status, answer.code) == (400, "invalid_field")
    trace, = traces(ledger, 1)
    assert trace["code"] == b"invalid_field"
    assert trace["sentence"] == b"callId must be a string"
    assert trace["peer"] == b"127.0.0.1"
    assert trace["secret"] == b"1 of the list"
    assert abs(int(trace["received_ms"]) / 1000 - time.time()) < 60
    assert trace["body"] == body[:4096] and int(trace["body_bytes"]) == len(body)
    line, = [line for line in ingress.log_lines() if "was refused" in line]
    assert " error " in line and "code=invalid_field" in line and "dialin-audit refused" in line

    listed, = audit.json("refused")
    assert listed["code"] == "invalid_field" and listed["peer"] == "127.0.0.1"
    assert listed["body"].encode() == body[:4096] and listed["body_bytes"] == len(body)
    table = audit("refused").out
    assert "callId must be a string" in table and "invalid_field" in table


@pytest.mark.parametrize("row", [
    ("no JSON", b"{", lambda body: daily.headers(body), "invalid_json", b"1 of the list"),
    ("a tied secret for another number", daily.webhook(),
     lambda body: daily.headers(body, daily.OTHER_SECRET), "invalid_signature",
     b"2 of the list (+14155550100)"),
    ("a tied secret for a dial-out", daily.dialout(),
     lambda body: daily.headers(body, daily.OTHER_SECRET), "invalid_signature",
     b"2 of the list (+14155550100)"),
    ("a key for a dial-in", daily.webhook(), lambda body: daily.bearer(), "missing_signature",
     b"INGRESS_API_KEY"),
    ("a clock that is wrong", daily.webhook(),
     lambda body: daily.headers(body, timestamp=daily.in_s(-999)), "stale_timestamp",
     b"1 of the list"),
    ("a dial-out's key", daily.dialout(idempotency_key="a~r1"), lambda body: daily.headers(body),
     "invalid_field", b"1 of the list"),
], ids=lambda row: row[0])
def test_which_are_traced(ledger, ingress, row):
    _, webhook, headers, code, secret = row
    body = daily.body(webhook)
    assert ingress.post(body, headers(body)).code == code
    trace, = traces(ledger, 1)
    assert (trace["code"].decode(), trace["secret"], trace["body"]) == (code, secret, body)


def test_what_is_not_genuine_stays_out_of_redis_and_is_told(ledger, ingress):
    for _ in range(30):
        assert ingress.ring(secret=daily.DEMONSTRATION_SECRET).code == "invalid_signature"
    ingress.post(b"{}", [])
    ingress.post(b"{}", daily.bearer("wrong-key-of-our-own-application"))
    assert ingress.ring().status == 200  # in the same pipeline, behind any trace
    assert not ledger.client.exists(ledger.key("refused"))
    lines = [line for line in ingress.log_lines() if "code=invalid_signature" in line]
    assert len(lines) == 1, "one line in 10 s"
    assert " error " in lines[0] and "to_ends_in=1493" in lines[0] and "4152251493" not in lines[0]


def test_too_large_is_told_once(ingress):
    for _ in range(5):
        ingress.post(b"x" * 70000, daily.headers(b"x"))
    lines = [line for line in ingress.log_lines() if "code=body_too_large" in line]
    assert len(lines) == 1 and " error " in lines[0]


def test_at_most_ten_traces_a_second(ledger, ingress):
    from concurrent.futures import ThreadPoolExecutor
    begun = time.time()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ingress.post(b"{", daily.headers(b"{")), range(200)))
    took_s = time.time() - begun
    assert {answer.code for answer in answers} == {"invalid_json"}
    assert ingress.ring().status == 200
    count = ledger.client.xlen(ledger.key("refused"))
    assert 10 <= count <= 10 * (int(took_s) + 2) < 200


def test_at_most_ten_thousand_are_kept(ledger, ingress):
    pipeline = ledger.client.pipeline()
    for _ in range(10100):
        pipeline.xadd(ledger.key("refused"), {"code": "old", "body": "x"})
    pipeline.execute()
    assert ingress.post(b"{", daily.headers(b"{")).code == "invalid_json"
    wait_for(lambda: ledger.client.xlen(ledger.key("refused")) == 10000)


def test_they_go_with_the_history(stack, ledger, start):
    old = ledger.client.xadd(ledger.key("refused"), {"code": "old"},
                             id=f"{int((time.time() - 2 * 86400) * 1000)}-0")
    new = ledger.client.xadd(ledger.key("refused"), {"code": "new"})
    stack.worker(START_URL=start.url, RETENTION_DAYS=1)
    wait_for(lambda: [row[0] for row in ledger.client.xrange(ledger.key("refused"))] == [new],
             20, f"{old} to go")


def test_the_answer_does_not_wait_for_the_trace(stack, ledger):
    redis = stack.own_redis()
    ingress = stack.ingress()
    redis.signal(__import__("signal").SIGSTOP)
    try:
        watch = Stopwatch()
        assert ingress.post(b"{", daily.headers(b"{")).code == "invalid_json"
        assert watch.seconds() < 2
    finally:
        redis.signal(__import__("signal").SIGCONT)


def test_an_empty_list_says_so(audit):
    result = audit("refused")
    assert result.out == "" and "no genuine webhook was refused" in result.err
    assert audit.json("refused") == []
    assert json.dumps(audit("refused", "--since", "1h", "--limit", "5").code) == "0"
