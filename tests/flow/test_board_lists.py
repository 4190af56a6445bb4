"""What the Calls screen shows besides calls: refused webhooks, and both lists as CSV."""

import csv
import io
import json
import re

import pytest

import daily
from stack import wait_for

FORMULAS = ["=HYPERLINK(1)", "+1+1", "-1+1", "@SUM(1)", "\tx", "\rx", "＝1", "＋1", "－1", "＠1"]
ANNA = [("X-User", "anna"), ("X-Forwarded-For", "203.0.113.9"), ("Sec-Fetch-Site", "same-origin")]


@pytest.fixture
def board(stack):
    return stack.board()


def rows_of(answer):
    assert answer.status == 200, answer.body
    assert answer.header("Content-Type") == "text/csv; charset=utf-8"
    assert answer.header("Content-Disposition").startswith("attachment; filename=")
    assert answer.header("Cache-Control") == "no-store"
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline=""), strict=True))
    assert answer.header("X-Rows") == str(len(rows))
    assert all(None not in row for row in rows)
    return rows


def refuse(stack, **fields):
    """A genuine webhook that is no call."""
    body = json.dumps({"To": daily.TO, "From": daily.FROM, "callId": 7, "callDomain": "d", **fields}).encode()
    ingress = stack.ingress(PINLESS_HMAC_SECRET=daily.SECRET)
    assert ingress.post(body, daily.headers(body)).status == 400


def test_refused_webhooks_are_listed_without_their_numbers(stack, ledger, board):
    refuse(stack, sipHeaders={"X-Name": "<img src=x onerror=alert(1)>"})
    wait_for(lambda: ledger.client.xlen(ledger.key("refused")) == 1)
    answer = board.post("/api/refused", {"since": "1h"})
    [row] = answer.json()["refused"]
    assert (row["code"], row["peer"]) == ("invalid_field", "127.0.0.1")
    assert row["sentence"] == "callId must be a string" and row["body_bytes"] > 0
    assert "<img src=x" in row["body"] and "+1…3432" in row["body"]
    assert b"8483432" not in answer.body and daily.TO[2:].encode() not in answer.body
    assert board.post("/api/refused", {"until": "1h"}).json()["refused"] == []
    for wrong in ({"state": "dead"}, {"from": daily.FROM}, {"limit": 501}, {"format": "json"}, {"format": 1}):
        assert board.post("/api/refused", wrong).code == "invalid_question"


def test_a_cut_body_of_a_refused_webhook_hides_its_numbers_too(stack, ledger, board):
    refuse(stack, x="y" * 3900, more=["+1 415 848 3432"] * 20)
    wait_for(lambda: ledger.client.xlen(ledger.key("refused")) == 1)
    answer = board.post("/api/refused", {})
    [row] = answer.json()["refused"]
    assert row["body_bytes"] > 4096 and row["body"].startswith("{")
    assert b"848 3432" not in answer.body and b"8483432" not in answer.body


def test_refused_webhooks_as_csv(stack, ledger, board):
    assert rows_of(board.post("/api/refused", {"format": "csv"})) == []
    refuse(stack)
    wait_for(lambda: ledger.client.xlen(ledger.key("refused")) == 1)
    [row] = rows_of(board.post("/api/refused", {"format": "csv"}))
    assert (row["code"], row["sentence"]) == ("invalid_field", "callId must be a string")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["received"])
    assert "body" not in row


def queue(ledger, **fields):
    webhook = daily.webhook(**fields)
    ledger.queue(webhook)
    return webhook["callId"]


def test_the_selection_as_csv_has_no_number(stack, start, ledger, board):
    stack.worker(START_URL=start.url)
    ids = [queue(ledger), queue(ledger, From="sip:anna.berger@pbx.example")]
    for call_id in ids:
        ledger.wait_for_state(call_id, "started")
    answer = board.post("/api/calls", {"state": "started", "format": "csv"})
    rows = rows_of(answer)
    assert [row["call_id"] for row in rows] == ids[::-1]
    assert [row["from"] for row in rows] == ["sip:…@pbx.example", "'+1…3432"]
    assert b"anna.berger" not in answer.body and b"8483432" not in answer.body
    assert [row["state"] for row in rows] == ["started"] * 2 and int(rows[0]["attempts"]) == 1
    assert rows_of(board.post("/api/calls", {"state": "dead", "format": "csv"})) == []
    assert len(rows_of(board.post("/api/calls", {"from": daily.FROM, "format": "csv"}))) == 1
    assert len(rows_of(board.post("/api/calls", {"limit": 1, "format": "csv"}))) == 1


def test_more_rows_than_the_screen_has(stack, ledger, board):
    with ledger.client.pipeline(transaction=False) as pipeline:
        for _ in range(700):
            body = daily.body(daily.webhook())
            pipeline.xadd(ledger.key("webhooks"), {"v": "1", "body": body, "received_ms": "1795408783000"})
        pipeline.execute()
    assert len(board.post("/api/calls", {"limit": 100}).json()["calls"]) == 100
    assert len(rows_of(board.post("/api/calls", {"format": "csv"}))) == 700


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(stack, start, ledger, board, text):
    """The caller, the agent and whoever signs choose what stands in them."""
    call_id = queue(ledger, From=text, To=f'{text}","=1')
    [row] = rows_of(board.post("/api/calls", {"format": "csv"}))
    assert row["call_id"] == call_id
    for cell in (row["from"], row["to"]):
        assert cell[:1] == "'" and cell[1:2] == text[0], row


def acting(stack):
    return stack.board(BOARD_USER_HEADER="X-User", TRUSTED_PROXIES="127.0.0.1", BOARD_ACTIONS="true",
                       BOARD_ACTIONS_REDIS_URL=stack.redis.url)


def test_an_export_has_the_numbers_of_the_selection_and_is_recorded(stack, start, ledger):
    stack.worker(START_URL=start.url)
    first, other = queue(ledger), queue(ledger, From="+13105550100")
    for call_id in (first, other):
        ledger.wait_for_state(call_id, "started")
    board = acting(stack)
    rows = rows_of(board.post("/api/export", {"since": "1h", "from": daily.FROM}, ANNA))
    assert [(row["call_id"], row["from"]) for row in rows] == [(first, "'" + daily.FROM)]
    intent, outcome = wait_for(lambda: len(noted := ledger.client.xrange(ledger.key("operators"))) == 2 and noted)
    asked = json.loads(intent[1][b"query"])
    assert (asked["since"], asked["from"], asked["limit"]) == ("1h", daily.FROM, 3000)
    assert (intent[1][b"action"], intent[1][b"operator"], outcome[1][b"outcome"]) == (b"export", b"anna", b"done")
    listed = board.get("/api/operators", ANNA)
    assert b"8483432" not in listed.body and b"1h" in listed.body


def test_the_record_of_an_export_is_whole(stack, ledger):
    """The longest selection that a page may ask for."""
    board = acting(stack)
    asked = {name: '"' * 256 for name in ("from", "to", "agent", "route")}
    assert rows_of(board.post("/api/export", asked, ANNA)) == []
    [intent, _] = wait_for(lambda: len(noted := ledger.client.xrange(ledger.key("operators"))) == 2 and noted)
    recorded = json.loads(intent[1][b"query"])
    assert {name: recorded[name] for name in asked} == asked


def test_a_bad_selection_is_neither_exported_nor_recorded(stack, ledger):
    board = acting(stack)
    for wrong in ({"output": "/tmp/x"}, {"limit": 0}, {"since": 5}, {"from": "+14158*"}):
        assert board.post("/api/export", wrong, ANNA).code == "invalid_question"
    assert not ledger.client.exists(ledger.key("operators"))


def test_calls_whose_caller_never_reached_the_bot(stack, start, ledger, board):
    """As Daily's events leave them (test_daily_events.py)."""
    stack.worker(START_URL=start.url)
    ids = [queue(ledger) for _ in range(3)]
    for call_id, verdict in zip(ids, ["never_connected", "connected", None]):
        ledger.wait_for_state(call_id, "started")
        if verdict:
            ledger.client.hset(ledger.key("call:" + call_id), "verdict", verdict)
    for verdict, call_id in (("never_connected", ids[0]), ("connected", ids[1])):
        [call] = board.post("/api/calls", {"verdict": verdict}).json()["calls"]
        assert (call["call_id"], call["verdict"]) == (call_id, verdict)
    assert board.post("/api/calls", {"verdict": "ended"}).json()["calls"] == []
    [row] = rows_of(board.post("/api/calls", {"verdict": "never_connected", "format": "csv"}))
    assert (row["call_id"], row["verdict"]) == (ids[0], "never_connected")
    answer = board.post("/api/calls", {"verdict": "lost"})
    assert answer.code == "invalid_question" and "never_connected" in answer.json()["error"]
