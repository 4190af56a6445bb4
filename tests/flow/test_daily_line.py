"""With Daily's events, a full agent's line goes on when a session ends, not when the pace says so."""

import daily
from conversation import Conversations
from fake_start import answers, starts_a_bot
from stack import wait_for

REFUSES = answers(429, headers=[("Retry-After", "10")])


def test_the_end_of_a_session_lets_the_next_ask_at_once(stack, ledger, start):
    """Two are told to wait for 10 s; one session ends, and one of them asks, the oldest."""
    start.script(starts_a_bot())
    stack.worker(START_URL=start.url)
    talking = daily.webhook()
    ledger.queue(talking)
    ledger.wait_for_state(talking["callId"], "started")
    start.script(REFUSES)
    waiting = [daily.webhook(), daily.webhook()]
    for webhook in waiting:
        ledger.queue(webhook)
        ledger.wait_for_state(webhook["callId"], "waiting")
    asked = len(start.requests)
    start.script(starts_a_bot())
    pace = ledger.key(f"pace:{ledger.call(talking['callId'])['agent']}")
    paused_ms = int(ledger.client.hget(pace, "next_ms"))
    room = f"room-{talking['callId']}"
    ledger.client.xadd(ledger.key("daily"), {"v": "1", "body": daily.body(daily.event("dialin.stopped", room))})
    ledger.wait_for_state(waiting[0]["callId"], "started")
    assert int(ledger.call(waiting[0]["callId"])["started_ms"]) < paused_ms
    assert len(start.requests) == asked + 1, "one place, one request"
    assert ledger.call(waiting[1]["callId"])["state"] == "waiting"


def test_all_are_served_and_the_account_adds_up(stack, ledger):
    agent = stack.agent("--pool", "3", "--session-ms", "300")
    for _ in range(2):
        stack.worker(START_URL=agent.url)
    ingress = stack.ingress(DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET)
    conversations = Conversations(ledger, ingress.port, session_s=0.3)
    webhooks = [daily.webhook() for _ in range(20)]
    acknowledged = [ingress.ring(webhook).json()["id"] for webhook in webhooks]
    ledger.wait_until_finished()
    wait_for(lambda: ledger.counts().get("verdict:ended") == 20, 30)
    conversations.stop()
    ledger.check_account(acknowledged)
    assert agent.starts() == {webhook["callId"]: 1 for webhook in webhooks}
    assert conversations.refused == 0
