"""Calls that a route takes: numbers, and what became of them. The fixtures `agents` and `routes` are in
tests/flow/conftest.py.
"""
import daily
from fake_start import answers

FULL = answers(429, b"{}")
SALES, SUPPORT, OTHER = "+14150000001", "+14160000001", "+16500000001"


def ring(ledger, to, call_id=None, **fields):
    webhook = daily.webhook(call_id, To=to)
    ledger.queue(webhook, **fields)
    return webhook["callId"]


def started_by(ledger, call_id, server):
    call = ledger.wait_for_state(call_id, "started")
    assert len(server.requests_of(call_id)) == 1
    return call


def in_line(ledger, agent):
    return [call_id.decode() for call_id in ledger.client.zrange(ledger.key(f"line:{agent}"), 0, -1)]


def overflows(ledger, call_id):
    return [(event["from_agent"], event["agent"], event["step"], event["reason"])
            for event in ledger.events(call_id, "overflow")]
