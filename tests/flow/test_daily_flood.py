"""More of Daily's events than anybody can use: what is kept of them is bounded, and no call suffers. And events
after Redis was restored from an older file."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

import daily
import http_raw
from fake_redis import HoldingRedis
from fake_start import starts_a_bot
from stack import wait_for
from test_backup import back_up, restore
from test_daily_events import Scene, connected, stopped

EARLY_ROOMS_MAX, EARLY_EVENTS_MAX = 10000, 16
STREAM_BYTES_MAX = 64 * 1024 * 1024
UNANSWERED_BYTES_MAX = 16 * 1024 * 1024
CONNECTIONS_IDLE_MAX = 1024  # beside those of MAX_IN_FLIGHT
STEP_EVENTS_MAX = 8  # a call waits for a step that has begun
FLOOD = EARLY_ROOMS_MAX + 300


def scene_of(stack, ledger, start):
    start.script(starts_a_bot())
    return Scene(stack, ledger, start)


def flood(ledger, rooms):
    """As the ingress does it, many in one step."""
    pipeline = ledger.client.pipeline(transaction=False)
    for room in rooms:
        pipeline.xadd(ledger.key("daily"), {"v": "1", "received_ms": daily.in_ms(), "timestamp": daily.in_ms(),
                                            "peer": "127.0.0.1", "body": daily.body(daily.event("dialin.connected", room))})
    pipeline.execute()


def unread(ledger):
    group, = ledger.client.xinfo_groups(ledger.key("daily"))
    return group["lag"]


def test_a_flood_of_rooms_that_no_call_has(stack, ledger, start):
    scene = scene_of(stack, ledger, start)
    worker = scene.worker()
    oldest, newest = daily.new_call_id(), daily.new_call_id()
    scene.note(connected(oldest))
    flood(ledger, [f"flood-{i}" for i in range(FLOOD)])
    scene.note(connected(newest))
    calls = [scene.started()]
    assert unread(ledger) > 0, "a call does not wait for events"
    calls += [scene.started() for _ in range(9)]
    wait_for(lambda: unread(ledger) == 0, 60)
    scene.wait_until_read()
    assert ledger.client.zcard(ledger.key("earlies")) == EARLY_ROOMS_MAX
    assert len(ledger.client.keys(ledger.key("early:*"))) == EARLY_ROOMS_MAX
    for call_id in (oldest, newest):
        scene.started(callId=call_id)
    assert ledger.call(newest)["verdict"] == "connected" and "verdict" not in ledger.call(oldest)
    for call_id in calls:
        scene.note(connected(call_id))
    wait_for(lambda: ledger.counts().get("verdict:connected") == 11, 20)
    ledger.check_account([entry for entry, _ in ledger.entries()])
    worker.read_account(ledger.client)
    assert worker.metrics()["dialin_account_difference"] == 0


def test_a_flood_is_read_in_small_steps(stack, ledger, start):
    client = stack.own_redis().client
    scene = scene_of(stack, ledger, start)
    scene.worker()
    client.config_resetstat()
    flood(ledger, [f"flood-{i}" for i in range(20 * STEP_EVENTS_MAX)])
    scene.wait_until_read()
    assert client.info("commandstats")["cmdstat_xack"]["calls"] >= 20


def test_a_flood_in_one_room(stack, ledger, start):
    scene = scene_of(stack, ledger, start)
    scene.worker()
    call_id = daily.new_call_id()
    for _ in range(3 * EARLY_EVENTS_MAX):
        scene.note(connected(call_id))
    scene.wait_until_read()
    key, = ledger.client.keys(ledger.key("early:*"))
    assert ledger.client.hlen(key) == EARLY_EVENTS_MAX
    scene.started(callId=call_id)
    assert ledger.call(call_id)["verdict"] == "connected"
    for _ in range(3 * EARLY_EVENTS_MAX):
        scene.note(connected(call_id))
    scene.wait_until_read()
    assert int(ledger.call(call_id)["daily_events"]) == 2 * EARLY_EVENTS_MAX
    assert scene.verdicts() == {"connected": 1}


@pytest.mark.parametrize("room_bytes", [6, 60000], ids=["half of the connections", "bytes"])
def test_more_than_the_ingress_holds(stack, room_bytes):
    """Redis does not answer: those beyond the limit are refused at once, and a call is not."""
    redis = HoldingRedis()
    ingress = stack.ingress(REDIS_URL=redis.url, DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET, MAX_IN_FLIGHT=256)
    redis.may_go_on.clear()
    body = daily.body(daily.event("dialin.ready", "x" * room_bytes))
    unanswered_max = min((256 + CONNECTIONS_IDLE_MAX) // 2, -(-UNANSWERED_BYTES_MAX // len(body)))
    headers = daily.event_headers(body)
    with contextlib.ExitStack() as open_connections:
        open_connections.callback(redis.close)
        senders = [open_connections.enter_context(http_raw.Connection(ingress.port)) for _ in range(unanswered_max)]
        for sender in senders:
            sender.send(http_raw.request("POST", "/api/daily-events", headers, body))
        wait_for(lambda: ingress.total("dialin_signatures_total", of="events") == unanswered_max)
        refused = ingress.post(body, headers, path="/api/daily-events")
        assert (refused.status, refused.code) == (503, "busy") and refused.header("Retry-After")
        with ThreadPoolExecutor(1) as caller:
            answer = caller.submit(ingress.ring)
            wait_for(lambda: ingress.total("dialin_signatures_total", of="dialin") == 1)
            redis.may_go_on.set()
            assert answer.result().status == 200
        told = [sender.read_answer().status for sender in senders]
        # A machine so slow that some waited for 5 s: Daily sends them again.
        assert set(told) <= {200, 503} and 200 in told


def test_large_ones_are_bounded_by_their_bytes(stack, ledger):
    stack.own_redis()
    ingress = stack.ingress(DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET)
    body = daily.body(daily.event("dialin.ready", "x" * 60000))
    most = STREAM_BYTES_MAX // len(body)
    with ThreadPoolExecutor(4) as senders:
        answers = senders.map(lambda _: ingress.post(body, daily.event_headers(body), path="/api/daily-events").status,
                              range(most + 300))
        assert set(answers) == {200}
    assert 0.95 * most < ledger.client.xlen(ledger.key("daily")) < 1.1 * most


def test_events_after_a_restore_from_an_older_file(stack, ledger, start):
    redis = stack.own_redis(fsync="always")
    scene = scene_of(stack, ledger, start)
    scene.worker()
    kept = scene.started()
    scene.note(connected(kept, event_id="came before"))
    scene.wait_for(kept, verdict="connected")
    scene.wait_until_read()
    backup = back_up(redis)
    lost = scene.started()  # what is brought back does not know of it
    for event in (stopped(kept, event_id="came after"), connected(lost), stopped(lost)):
        scene.note(event)
    scene.wait_for(lost, verdict="ended")
    scene.wait_for(kept, verdict="ended")

    restore(stack, backup)
    assert ledger.call(kept)["verdict"] == "connected" and not ledger.call(lost)
    scene.stack.worker(START_URL=start.url)  # beside the one that has run through it
    for event in (connected(kept, event_id="came before"), stopped(kept, event_id="came after"),
                  stopped(lost), connected(lost)):
        scene.note(event)
    scene.wait_for(kept, verdict="ended")
    wait_for(lambda: ledger.client.zcard(ledger.key("earlies")) == 1)
    scene.wait_until_read()
    assert sorted(scene.events_of(kept)) == ["connected", "ended"] and not scene.events_of(lost)
    assert scene.verdicts() == {"ended": 1}
    again = scene.started()
    scene.note(connected(again))
    scene.wait_for(again, verdict="connected")
