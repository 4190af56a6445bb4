"""Daily's events and their calls: joined by room, in any order, twice, early, late; and the callers that
never reached their bot."""

import hashlib
import signal
import time

import pytest

import daily
from audit import Audit
from fake_start import answers, starts_a_bot
from redis_between import Between
from stack import wait_for

LATER_S = 12
TAKEN_AGAIN_S = 40  # a worker looks for events that were not acknowledged every 10 s


@pytest.fixture
def scene(stack, ledger, start):
    start.script(starts_a_bot())
    return Scene(stack, ledger, start)


@pytest.fixture
def audit_of(stack):
    return Audit(stack)


class Scene:
    def __init__(self, stack, ledger, start):
        self.stack, self.ledger, self.start = stack, ledger, start

    def worker(self, **values):
        return self.stack.worker(START_URL=self.start.url, **values)

    def started(self, **fields):
        """A call whose bot is in its room."""
        webhook = daily.webhook(**fields)
        self.ledger.queue(webhook)
        self.ledger.wait_for_state(webhook["callId"], "started")
        return webhook["callId"]

    def note(self, event, offset_s=0, sent_after_s=0):
        """Puts an event in as the ingress does. Daily's clock is `offset_s` from ours."""
        now_s, now_us = self.ledger.client.time()
        sent_s = time.time() + offset_s
        if isinstance(event, dict) and isinstance(event.get("payload"), dict):
            at_s = sent_s - sent_after_s
            event = {**event, "event_ts": at_s,
                     "payload": {**event["payload"], "timestamp": str(int(at_s))}}
        return self.ledger.client.xadd(self.ledger.key("daily"), {
            "v": "1", "received_ms": str(now_s * 1000 + now_us // 1000),
            "timestamp": str(int(sent_s * 1000)), "peer": "127.0.0.1", "body": daily.body(event)})

    def events_of(self, call_id):
        return [event["event"] for event in self.ledger.events(call_id)
                if event["event"] in ("connected", "ended", "failed", "never_connected")]

    def wait_for(self, call_id, timeout_s=LATER_S, **values):
        def is_so():
            call = self.ledger.call(call_id)
            return call if all(call.get(name) == value for name, value in values.items()) else None
        return wait_for(is_so, timeout_s, f"{call_id} to have {values}")

    def wait_until_read(self):
        """No event is unread or out."""
        def is_read():
            groups = self.ledger.client.xinfo_groups(self.ledger.key("daily"))
            newest = self.ledger.client.xinfo_stream(self.ledger.key("daily"))["last-generated-id"]
            return groups and groups[0]["pending"] == 0 and \
                groups[0]["last-delivered-id"] == newest
        wait_for(is_read, LATER_S, "all events to be read")

    def verdicts(self):
        counts = self.ledger.counts()
        return {name.partition(":")[2]: count for name, count in counts.items()
                if name.startswith("verdict:") and count}


def room_of(call_id):
    return f"room-{call_id}"


def connected(call_id, **fields):
    return daily.event("dialin.connected", room_of(call_id), **fields)


def stopped(call_id, **fields):
    return daily.event("dialin.stopped", room_of(call_id), **fields)


def test_a_whole_conversation(stack, ledger, start):
    """Ring, webhook, start, connected, stopped: through every program."""
    start.script(starts_a_bot())
    stack.worker(START_URL=start.url)
    ingress = stack.ingress(DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET)
    scene = Scene(stack, ledger, start)
    webhook = daily.webhook()
    assert ingress.ring(webhook).status == 200
    call_id = webhook["callId"]
    ledger.wait_for_state(call_id, "started")
    for event in (connected(call_id), stopped(call_id)):
        body = daily.body(event)
        assert ingress.post(body, daily.event_headers(body), path="/api/daily-events").status == 200
    call = scene.wait_for(call_id, verdict="ended")
    assert {"connected_ms", "ended_ms"} <= set(call) and int(call["talked_s"]) < 60
    assert sorted(scene.events_of(call_id)) == ["connected", "ended"]
    assert scene.verdicts() == {"ended": 1}
    ledger.check_account([entry for entry, _ in ledger.entries()])


@pytest.mark.parametrize("offset_s", [0, 420, -420], ids=["same", "ahead", "behind"])
def test_talked_is_as_long_as_daily_says_whatever_its_clock(scene, offset_s):
    scene.worker()
    call_id = scene.started()
    scene.note(stopped(call_id), offset_s, sent_after_s=3)
    scene.note(connected(call_id), offset_s, sent_after_s=33)
    call = scene.wait_for(call_id, verdict="ended", talked_s="30")
    now_s, _ = scene.ledger.client.time()
    assert abs(now_s - int(call["ended_ms"]) / 1000) < 60


def test_an_event_that_comes_twice_counts_once(scene):
    scene.worker()
    call_id = scene.started()
    event = connected(call_id)
    for each in (event, event, stopped(call_id), event):
        scene.note(each)
    scene.wait_for(call_id, verdict="ended")
    scene.wait_until_read()
    assert sorted(scene.events_of(call_id)) == ["connected", "ended"]
    assert scene.verdicts() == {"ended": 1}


def test_events_that_came_before_their_call(scene):
    call_id = daily.new_call_id()
    scene.worker()
    for event in (stopped(call_id), connected(call_id), connected(call_id, event_id="the same"),
                  connected(call_id, event_id="the same")):
        scene.note(event)
    scene.wait_until_read()
    assert scene.ledger.client.zcard(scene.ledger.key("earlies")) == 1
    key, = scene.ledger.client.keys(scene.ledger.key("early:*"))
    assert 0 < scene.ledger.client.pttl(key) <= 600_000
    scene.started(callId=call_id)
    call = scene.wait_for(call_id, verdict="ended")
    assert call["daily_events"] == "3"
    assert sorted(scene.events_of(call_id)) == ["connected", "connected", "ended"]
    assert not scene.ledger.client.keys(scene.ledger.key("early:*"))
    assert scene.ledger.client.zcard(scene.ledger.key("earlies")) == 0


def test_two_calls_in_one_room_join_neither(scene):
    scene.start.script(starts_a_bot(dailyRoom="https://example.daily.co/the-runners-room"))
    scene.worker(CONNECT_LIMIT_S=1)
    scene.note(daily.event("dialin.ready", "foreign"))
    scene.wait_until_read()
    calls = [scene.started(), scene.started()]
    scene.note(daily.event("dialin.connected", "the-runners-room"))
    scene.wait_until_read()
    assert [scene.events_of(call_id) for call_id in calls] == [[], []]
    assert scene.ledger.client.zcard(scene.ledger.key("unheard")) == 0
    assert scene.verdicts() == {}


@pytest.mark.parametrize("kind, verdict", [("dialin.error", "failed"), ("dialin.stopped", "ended")])
def test_verdicts_of_one_event(scene, kind, verdict):
    scene.worker()
    call_id = scene.started()
    scene.note(daily.event(kind, room_of(call_id), error_msg="no common codec"))
    call = scene.wait_for(call_id, verdict=verdict)
    assert "talked_s" not in call
    event, = [each for each in scene.ledger.events(call_id) if each["event"] == verdict]
    assert event["error"] == ("no common codec" if verdict == "failed" else "")


def test_events_of_a_transfer_are_not_about_the_caller(scene):
    scene.worker()
    call_id = scene.started(call_transfer={"mode": "warm"})
    scene.note(daily.event("dialout.answered", room_of(call_id)))
    scene.note(daily.event("dialout.stopped", room_of(call_id)))
    scene.wait_until_read()
    assert "verdict" not in scene.ledger.call(call_id)


MALFORMED = [b"", b"not json", b"[1]", b"\xff", {"type": 7}, {"no": "type"},
             {"type": "dialin.connected"}, {"type": "dialin.connected", "id": "x", "payload": []},
             {"type": "dialin.stopped", "id": "x", "payload": {"room": 7}},
             {"type": "dialin.stopped", "id": "x" * 9000, "payload": {"room": "r"}},
             {"type": "dialin.stopped", "id": "x", "payload": {"room": "r" * 9000}}]


def test_malformed_and_foreign_events_hold_up_nothing(scene):
    worker = scene.worker()
    call_id = scene.started()
    for body in MALFORMED:
        scene.note(body)
    scene.ledger.client.xadd(scene.ledger.key("daily"), {"nothing": "of an event"})
    scene.note(daily.event("meeting.started", room_of(call_id)))
    scene.note(connected(call_id))
    scene.wait_for(call_id, verdict="connected")
    assert worker.total("dialin_daily_events_read_total", result="malformed") == len(MALFORMED) + 1
    assert worker.total("dialin_daily_events_read_total", result="other") == 1
    assert b"cannot be read" in worker.log()


def test_a_call_that_nobody_reached_is_told(scene):
    worker = scene.worker(CONNECT_LIMIT_S=1)
    scene.note(daily.event("dialin.ready", "foreign"))
    scene.wait_until_read()
    call_id = scene.started()
    scene.wait_for(call_id, verdict="never_connected")
    assert b"the caller never reached it" in worker.log()
    assert worker.total("dialin_never_connected_total") == 1
    assert scene.events_of(call_id) == ["never_connected"]
    wait_for(lambda: worker.total("dialin_verdicts", verdict="never_connected") == 1)
    scene.note(connected(call_id))  # after all
    scene.wait_for(call_id, verdict="connected")
    assert scene.verdicts() == {"connected": 1}


def test_what_it_says_of_the_trade(scene):
    """stats: the share that never connected, and how long the others talked."""
    scene.worker(CONNECT_LIMIT_S=1)
    scene.note(daily.event("dialin.ready", "foreign"))
    scene.wait_until_read()
    calls = [daily.new_call_id() for _ in range(2)]
    for call_id, talked_s in zip(calls, (10, 30)):
        scene.note(connected(call_id), sent_after_s=talked_s)
        scene.note(stopped(call_id))
    scene.wait_until_read()
    for call_id in calls:
        scene.started(callId=call_id)
    silent = scene.started()
    scene.wait_for(silent, verdict="never_connected")
    audit = Audit(scene.stack)
    stats = audit("stats", "--json").object()
    assert stats["verdicts"] == {"connected": 0, "ended": 2, "failed": 0, "never_connected": 1}
    assert stats["talked"] == 2 and 38 <= stats["talked_s"] <= 42  # each may cross a second
    shown = audit("stats").out
    assert "never reached their bot 1, 33.3 % of 3" in shown and "mean talk" in shown
    assert audit("show", calls[0], "--json").object()["verdict"] == "ended"
    told = audit("show", silent).out
    assert "never_connected" in told and "the caller never reached it" in " ".join(told.split())


def test_a_call_that_was_reached_is_not_told(scene):
    worker = scene.worker(CONNECT_LIMIT_S=1)
    reached = daily.new_call_id()
    scene.note(connected(reached))
    scene.wait_until_read()
    scene.started(callId=reached)
    silent = scene.started()  # judged after the other
    scene.wait_for(silent, verdict="never_connected")
    assert scene.ledger.call(reached)["verdict"] == "connected"
    assert worker.total("dialin_never_connected_total") == 1


def test_while_no_event_comes_nobody_is_judged_and_one_error_says_so(scene):
    worker = scene.worker(CONNECT_LIMIT_S=1)
    now_s, _ = scene.ledger.client.time()
    old_ms = now_s * 1000 - 700_000
    scene.ledger.client.xadd(scene.ledger.key("daily"), {"body": "{}"}, id=f"{old_ms}-0")
    scene.wait_until_read()
    calls = [scene.started(), scene.started()]
    wait_for(lambda: scene.ledger.client.zcard(scene.ledger.key("unheard")) == 0, LATER_S)
    wait_for(lambda: b"no event of Daily's comes any more" in worker.log())
    assert worker.log().count(b"no event of Daily's comes any more") == 1
    assert f"since_ms={old_ms}".encode() in worker.log()
    assert all("verdict" not in scene.ledger.call(call_id) for call_id in calls)


def test_without_any_event_ever_nobody_is_judged(scene):
    worker = scene.worker(CONNECT_LIMIT_S=1)
    call_id = scene.started()
    assert scene.ledger.client.zcard(scene.ledger.key("unheard")) == 0
    assert "verdict" not in scene.ledger.call(call_id)
    assert b"Daily's" not in worker.log().replace(b"DAILY_API_KEY", b"")


def test_events_that_a_dead_worker_took_are_taken_again(scene):
    """Taken by the group, and never acknowledged."""
    call_id = daily.new_call_id()
    scene.note(connected(call_id))
    key = scene.ledger.key("daily")
    scene.ledger.client.xgroup_create(key, "events", "0")
    scene.ledger.client.xreadgroup("events", "workers", {key: ">"})
    entry, = [each["message_id"] for each in
              scene.ledger.client.xpending_range(key, "events", "-", "+", 1)]
    scene.ledger.client.xclaim(key, "events", "workers", 0, [entry], idle=60_000)
    scene.worker()
    scene.started(callId=call_id)
    scene.wait_for(call_id, verdict="connected")


def test_events_of_a_call_that_is_not_kept(scene):
    scene.worker()
    call_id = scene.started()
    scene.ledger.client.delete(scene.ledger.key(f"call:{call_id}"))
    scene.note(connected(call_id))
    scene.wait_until_read()
    assert scene.ledger.call(call_id) == {} and scene.verdicts() == {}


def test_an_event_of_minutes_ago_is_enough_to_judge_by(scene):
    scene.worker(CONNECT_LIMIT_S=1)
    now_s, _ = scene.ledger.client.time()
    scene.ledger.client.xadd(scene.ledger.key("daily"), {"body": "{}"}, id=f"{now_s * 1000 - 500_000}-0")
    scene.wait_until_read()
    scene.wait_for(scene.started(), verdict="never_connected")


def test_events_that_were_trimmed_unread_accuse_nobody(scene):
    """Redis was short of room, or a flood of others pushed them out: the call may have been connected."""
    worker = scene.worker(CONNECT_LIMIT_S=3600)
    scene.note(daily.event("dialin.ready", "foreign"))
    scene.wait_until_read()
    call_id, unheard = scene.started(), scene.ledger.key("unheard")
    assert scene.ledger.client.zrange(unheard, 0, -1) == [call_id.encode()]
    scene.note(daily.event("dialin.ready", "foreign"))
    scene.wait_until_read()
    assert scene.ledger.client.zcard(unheard) == 1
    worker.signal(signal.SIGSTOP)
    scene.note(connected(call_id))
    scene.ledger.client.xtrim(scene.ledger.key("daily"), maxlen=0, approximate=False)
    scene.note(daily.event("dialin.ready", "foreign"))
    worker.signal(signal.SIGCONT)
    scene.wait_until_read()
    assert scene.ledger.client.zcard(unheard) == 0


def grow_old(scene, deliveries):
    """As if every event that is out had been taken so often, the last time a minute ago."""
    key = scene.ledger.key("daily")
    for each in scene.ledger.client.xpending_range(key, "events", "-", "+", 100):
        scene.ledger.client.xclaim(key, "events", "workers", 0, [each["message_id"]], idle=60_000,
                                   retrycount=deliveries, justid=True)


def test_an_event_that_fails_each_time_harms_no_other(scene):
    """Its room's call is no call: the step fails, and with it that of the events beside it."""
    key = scene.ledger.key("daily")
    broken = hashlib.sha1(b"broken").hexdigest()
    scene.ledger.client.set(scene.ledger.key("room:" + broken), "broken")
    scene.ledger.client.set(scene.ledger.key("call:broken"), "no hash")
    call_id = daily.new_call_id()
    scene.note(daily.event("dialin.connected", "broken"))
    scene.note(connected(call_id))
    worker = scene.worker()
    scene.started(callId=call_id)
    wait_for(lambda: b"cannot be joined" in worker.log())
    grow_old(scene, deliveries=2)
    scene.wait_for(call_id, TAKEN_AGAIN_S, verdict="connected")
    assert scene.ledger.client.xpending(key, "events")["pending"] == 1
    grow_old(scene, deliveries=5)
    wait_for(lambda: scene.ledger.client.xpending(key, "events")["pending"] == 0, TAKEN_AGAIN_S)
    wait_for(lambda: b"were given up" in worker.log())


def test_redis_is_away_between_taking_and_joining(scene):
    """The reply with the events is cut off: they are taken again, and no call is judged meanwhile."""
    between = scene.stack.keep_wire(Between(scene.stack.redis.port))
    worker = scene.worker(REDIS_URL=between.url, CONNECT_LIMIT_S=1)
    scene.note(daily.event("dialin.ready", "foreign"))
    scene.wait_until_read()
    call_id, key = daily.new_call_id(), scene.ledger.key("daily")
    between.is_held = lambda answer: b"dialin.connected" in answer
    scene.note(connected(call_id))
    wait_for(lambda: scene.ledger.client.xpending(key, "events")["pending"] == 1)
    between.cut()
    between.is_held = None
    scene.started(callId=call_id)
    assert scene.ledger.client.zscore(scene.ledger.key("unheard"), call_id)
    grow_old(scene, deliveries=1)
    scene.wait_for(call_id, TAKEN_AGAIN_S, verdict="connected")
    assert worker.total("dialin_never_connected_total") == 0


def test_an_event_without_the_time_of_its_arrival(scene):
    scene.worker()
    call_id = scene.started()
    entry = scene.ledger.client.xadd(scene.ledger.key("daily"), {"v": "1", "body": daily.body(stopped(call_id))})
    assert scene.wait_for(call_id, verdict="ended")["ended_ms"] == entry.decode().partition("-")[0]


def test_an_error_that_is_cut_within_a_character(scene):
    scene.worker()
    call_id = scene.started()
    scene.note(daily.event("dialin.error", room_of(call_id), error_msg="\u00fc" * 200))
    scene.wait_for(call_id, verdict="failed")
    shown = Audit(scene.stack).json("show", call_id)[0]
    event, = [each for each in shown["events"] if each["event"] == "failed"]
    assert event["error"].startswith("\u00fc" * 127)


def test_events_as_large_as_the_ingress_takes(scene):
    """32 of them in one step, each of nearly 64 KiB."""
    call_id = daily.new_call_id()
    for event in [daily.event("meeting.started", "x", padding="y" * 64_000) for _ in range(40)] + [
            {**connected(call_id), "padding": ["y" * 1000] * 60}]:
        scene.note(event)
    worker = scene.worker()
    scene.started(callId=call_id)
    scene.wait_for(call_id, verdict="connected")
    scene.wait_until_read()
    assert worker.total("dialin_daily_events_read_total", result="other") == 40


@pytest.mark.parametrize("count", [2, 3])
def test_several_workers_read_each_event_once(scene, count):
    calls = [daily.new_call_id() for _ in range(40)]
    workers = [scene.worker() for _ in range(count)]
    for call_id in calls:
        scene.ledger.queue(daily.webhook(call_id))
    scene.ledger.wait_until_finished()
    for call_id in calls:
        for event in (connected(call_id), stopped(call_id)):
            scene.note(event)
            scene.note(event)
    scene.wait_until_read()
    wait_for(lambda: scene.verdicts() == {"ended": 40}, LATER_S)
    assert all(sorted(scene.events_of(call_id)) == ["connected", "ended"] for call_id in calls)
    assert sum(worker.total("dialin_daily_events_read_total", result="joined") for worker in workers) == 160


def test_how_busy_a_full_agent_is(scene, audit_of):
    """occupancy: of two sessions, both are busy at one look, and one at the next."""
    ledger = scene.ledger
    worker = scene.worker()
    scene.note(daily.event("dialin.ready", "foreign"))
    scene.wait_until_read()

    def look():
        """A minute has passed."""
        minutes = ledger.client.keys(ledger.key("minute:*"))
        if minutes:
            ledger.client.delete(*minutes)
        worker.read_account(ledger.client)
        wait_for(lambda: ledger.client.keys(ledger.key("minute:*")))
    look()
    assert "pool_s" not in ledger.counts()
    talking = [scene.started(), scene.started()]
    scene.start.script(answers(429, b"{}"))
    waiting = daily.webhook()
    ledger.queue(waiting)
    agent = ledger.wait_for_state(waiting["callId"], "waiting")["agent"]
    count, at_ms = ledger.client.hget(ledger.key("sessions"), agent).split()
    assert count == b"2" and int(at_ms) > 0
    look()
    assert (ledger.counts()["busy_s"], ledger.counts()["pool_s"]) == (120, 120)
    scene.note(stopped(talking[0]))
    scene.wait_for(talking[0], verdict="ended")
    assert ledger.client.zrange(ledger.key("running:" + agent), 0, -1) == [talking[1].encode()]
    look()
    assert (ledger.counts()["busy_s"], ledger.counts()["pool_s"]) == (180, 240)
    stats = audit_of("stats", "--json").object()
    assert (stats["busy_s"], stats["pool_s"]) == (180, 240)
    assert "occupancy    75.0 %" in audit_of("stats").out


@pytest.mark.parametrize("how", ["shared", "never_connected"])
def test_a_session_whose_end_nobody_will_tell_is_not_busy(scene, how):
    scene.start.script(starts_a_bot(dailyRoom="https://example.daily.co/one-room"))
    scene.worker(CONNECT_LIMIT_S=1 if how == "never_connected" else 3600)
    scene.note(daily.event("dialin.ready", "foreign"))
    scene.wait_until_read()
    call_id = scene.started()
    agent = scene.ledger.call(call_id)["agent"]
    if how == "shared":
        assert scene.ledger.client.zcard(scene.ledger.key("running:" + agent)) == 1
        scene.started()
    else:
        scene.wait_for(call_id, verdict="never_connected")
    assert scene.ledger.client.zcard(scene.ledger.key("running:" + agent)) == 0


def test_sessions_whose_end_is_never_told_are_not_kept_for_ever(scene):
    """Daily's webhook was taken away: no event comes any more, and no agent refuses a call."""
    scene.worker()
    scene.note(daily.event("dialin.ready", "foreign"))
    scene.wait_until_read()
    running = scene.ledger.key("running:" + scene.ledger.call(scene.started())["agent"])
    assert scene.ledger.client.zcard(running) == 1
    hours_ago = time.time() * 1000 - 5 * 3600 * 1000
    scene.ledger.client.zadd(running, {f"old-{n}": hours_ago for n in range(1000)})
    scene.started()
    assert scene.ledger.client.zcard(running) == 2
