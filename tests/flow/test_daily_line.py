"""With Daily's events, a full agent's line goes on when a session ends, not when the pace says so."""

import pytest

import daily
from conversation import Conversations
from fake_start import answers, starts_a_bot
from stack import wait_for

REFUSES = answers(429, headers=[("Retry-After", "10")])


class Line:
    """A full agent's sessions, and the calls that wait for it."""

    def __init__(self, stack, ledger, start, talking, waiting, refuses=answers(429)):
        self.ledger, self.start = ledger, start
        start.script(starts_a_bot())
        stack.worker(START_URL=start.url, LOG_LEVEL="warning")
        self.talking = [self.ring("started") for _ in range(talking)]
        start.script(refuses)
        self.waiting = [self.ring("waiting") for _ in range(waiting)]
        self.pace = ledger.key(f"pace:{ledger.call(self.waiting[0])['agent']}")

    def ring(self, state):
        webhook = daily.webhook()
        self.ledger.queue(webhook)
        self.ledger.wait_for_state(webhook["callId"], state)
        return webhook["callId"]

    def end(self, call_id, ago_s=0):
        """Daily says that the session has ended."""
        now_s, now_us = self.ledger.client.time()
        now_ms = now_s * 1000 + now_us // 1000
        event = daily.event("dialin.stopped", f"room-{call_id}", at_s=now_ms / 1000 - ago_s)
        self.ledger.client.xadd(self.ledger.key("daily"), {
            "v": "1", "received_ms": str(now_ms), "timestamp": str(now_ms), "body": daily.body(event)})

    def wait_until_read(self):
        key = self.ledger.key("daily")
        def is_read():
            groups = self.ledger.client.xinfo_groups(key)
            return groups and groups[0]["pending"] == 0 and \
                groups[0]["last-delivered-id"] == self.ledger.client.xinfo_stream(key)["last-generated-id"]
        wait_for(is_read)

    def known(self, *names):
        return [int(value or 0) for value in self.ledger.client.hmget(self.pace, *names)]

    def refused_again(self):
        """Waits for the next refusal; gives back the pause after it, in ms."""
        slowed_ms, = self.known("slowed_ms")
        wait_for(lambda: self.known("slowed_ms")[0] > slowed_ms, 20, "a further refusal")
        slowed_ms, next_ms = self.known("slowed_ms", "next_ms")
        return next_ms - slowed_ms

    def told_of_all(self, refusals=40):
        """As if Daily's events had told of every place for long."""
        now_ms = self.ledger.client.time()[0] * 1000
        self.ledger.client.hset(self.pace, mapping={"freed_ms": now_ms - 30_000, "refusals": refusals, "next_ms": 0})


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


def test_a_session_that_ends_later_than_daily_says_is_asked_for_at_the_usual_pace(stack, ledger, start):
    line = Line(stack, ledger, start, talking=1, waiting=1)
    line.told_of_all()
    assert line.refused_again() == 5000
    line.end(line.talking[0])
    assert line.refused_again() <= 500, "by the event, before the pause is over"
    assert line.known("expected") == [1]
    assert line.refused_again() <= 500
    start.script(starts_a_bot())
    ledger.wait_for_state(line.waiting[0], "started")


def test_sessions_that_end_later_are_asked_for_by_one_at_a_time(stack, ledger, start):
    line = Line(stack, ledger, start, talking=5, waiting=6)
    line.told_of_all()
    line.ledger.client.hset(line.pace, "lag_ms", ledger.client.time()[0] * 1000)
    line.refused_again()
    for call_id in line.talking:
        line.end(call_id)
    line.wait_until_read()
    for _ in range(3):
        expected, freed, pause_ms = *line.known("expected", "freed"), line.refused_again()
        assert (expected, freed) == (5, 0) and pause_ms <= 500
    start.script(starts_a_bot())
    ledger.wait_until_finished()


def test_a_full_agent_is_not_asked_for_each_of_many_events(stack, ledger, start):
    """They came while no worker read: nobody knows how many of these places are free yet."""
    line = Line(stack, ledger, start, talking=12, waiting=12, refuses=REFUSES)
    asked = len(start.requests)
    for call_id in line.talking[:4]:
        line.end(call_id)
    line.wait_until_read()
    wait_for(lambda: line.known("expected", "freed") == [4, 0] and ledger.client.zcard(
        ledger.key("line:" + line.pace.partition(":pace:")[2])) == 12)
    assert len(start.requests) <= asked + 4
    for call_id in line.talking[4:]:
        line.end(call_id, ago_s=60)
    line.wait_until_read()
    assert line.known("expected", "freed") == [4, 0] and len(start.requests) <= asked + 5


def test_a_place_that_no_event_tells_of_makes_the_line_ask_more_often(stack, ledger, start):
    line = Line(stack, ledger, start, talking=0, waiting=4)
    line.told_of_all()
    assert line.refused_again() == 5000
    start.script(starts_a_bot(), answers(429))
    wait_for(lambda: line.known("untold") == [1], 20, "a start that no event told of")
    line.ledger.client.hset(line.pace, "refusals", 40)
    pauses = [line.refused_again() for _ in range(2)]
    assert max(pauses) <= 1000
    line.ledger.client.hset(line.pace, "untold", 3)
    assert line.refused_again() <= 500


@pytest.mark.parametrize("is_lost", [False, True])
def test_without_events_of_late_the_usual_pace_holds(stack, ledger, start, is_lost):
    line = Line(stack, ledger, start, talking=0, waiting=1)
    if is_lost:
        line.told_of_all()
        line.ledger.client.hset(line.pace, "freed_ms", (ledger.client.time()[0] - 700) * 1000)
    assert line.refused_again() <= 500
