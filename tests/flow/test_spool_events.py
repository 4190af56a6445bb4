"""Daily's events in the spool: an outage of Redis turns none of them off, and takes no caller's place.

By default three answers in a row that are not 200 stop all events until the webhook is registered again.
"""

import hashlib
import signal
import threading
import time

import pytest

import daily
from audit import Audit
from daily import EVENTS_SECRET
from fake_redis import HoldingRedis
from fake_start import starts_a_bot
from redis_between import Between
from spool_disk import files, under
from stack import free_port, wait_for
from stopwatch import Stopwatch
from test_daily_events import Scene, connected, stopped

EVENTS_AT_ONCE_MAX = 16  # from the spool, before a call that comes
SPOOLED = {"status": "noted", "spooled": True}


def open_ingress(stack, folder=None, **values):
    spool = {"SPOOL_DIR": folder} if folder else {}
    return stack.ingress(is_ready=False, DAILY_WEBHOOK_SECRET=EVENTS_SECRET, **spool, **values)


def post(ingress, event):
    body = daily.body(event)
    return ingress.post(body, daily.event_headers(body), path="/api/daily-events")


def post_spooled(ingress, room="a-room", **payload):
    body = daily.body(daily.event("dialin.connected", room, **payload))
    answer = post(ingress, body)
    assert (answer.status, answer.json()) == (200, SPOOLED), answer
    return body


def ring_spooled(ingress, **fields):
    answer = ingress.ring({**daily.webhook(), **fields})
    assert answer.status == 200 and answer.json()["spooled"], answer


def in_stream(ledger):
    return [fields[b"body"] for _, fields in ledger.client.xrange(ledger.key("daily"))]


def record(fields):
    """As ingress/spool_record.h has it."""
    payload = b"".join(b"%08x%s" % (len(each), each) for pair in fields.items() for each in pair)
    return b"dialinS1%08x%s%s" % (len(payload), hashlib.sha256(payload).hexdigest().encode(), payload)


# --- an outage -----------------------------------------------------------------------------------

def test_an_outage_of_redis_is_no_failed_event(stack, ledger, own, folder):
    ingress = open_ingress(stack, folder)
    wait_for(ingress.is_ready)
    own.kill()
    begun, watch = time.time(), Stopwatch()
    bodies = [post_spooled(ingress) for _ in range(20)]
    assert watch.seconds() < 10, "only the first is waited with"
    assert [path.stat().st_mode & 0o777 for path in files(folder, ".events")] == [0o600]
    assert files(folder) == [], "an older program reads these, and takes what is in them for calls"
    assert ingress.total("dialin_daily_events_total", result="spooled") == 20
    assert ingress.total("dialin_spool_events_total", result="kept") == 20
    assert ingress.total("dialin_spool_events_bytes") > 20 * len(bodies[0])
    assert ingress.total("dialin_spool_bytes") == ingress.total("dialin_spool_records_total") == 0
    stack.restart_redis()
    back = time.time()
    assert wait_for(lambda: len(in_stream(ledger)) >= 20 and in_stream(ledger)) == bodies
    for _, fields in ledger.client.xrange(ledger.key("daily")):
        assert begun - 1 < int(fields[b"received_ms"]) / 1000 < back
    wait_for(lambda: files(folder, ".events") == [], what="the file to be removed")
    assert ledger.entries() == []
    assert post(ingress, daily.event("dialin.stopped", "a-room")).json() == {"status": "noted"}


def test_a_redis_that_is_silent(stack, ledger, own, folder):
    """Its answer comes late: the event is in the stream twice at most, and the workers know its id."""
    ingress = open_ingress(stack, folder)
    wait_for(ingress.is_ready)
    own.signal(signal.SIGSTOP)
    body = post_spooled(ingress)
    own.signal(signal.SIGCONT)
    wait_for(lambda: files(folder, ".events") == [])
    assert set(in_stream(ledger)) == {body} and len(in_stream(ledger)) <= 2


def test_a_redis_that_refuses_events_only(stack, ledger, folder):
    ingress = open_ingress(stack, folder)
    wait_for(ingress.is_ready)
    ledger.client.set(ledger.key("daily"), "not a stream")
    body = post_spooled(ingress)
    assert ingress.is_ready() and "id" in ingress.ring().json()
    ledger.client.delete(ledger.key("daily"))
    wait_for(lambda: body in in_stream(ledger))


@pytest.mark.slow
def test_without_a_spool_it_is_503(stack, own):
    ingress = open_ingress(stack)
    wait_for(ingress.is_ready)
    own.kill()
    answer = post(ingress, daily.event("dialin.ready", "a-room"))
    assert (answer.status, answer.code) == (503, "queue_unavailable") and answer.header("Retry-After")


def test_its_call_hears_of_it(stack, ledger, own, folder, start):
    """An event that waited in the spool is joined as any other."""
    start.script(starts_a_bot())
    scene = Scene(stack, ledger, start)
    scene.worker()
    ingress = stack.ingress(DAILY_WEBHOOK_SECRET=EVENTS_SECRET, SPOOL_DIR=folder)
    call_id = scene.started()
    own.kill()
    answer = post(ingress, connected(call_id))
    assert answer.json() == SPOOLED
    stack.restart_redis()
    scene.wait_for(call_id, timeout_s=30, verdict="connected")


def test_nobody_is_judged_before_the_spool_has_told(stack, ledger, own, folder, start):
    """When Redis is back, the calls' limits are over, and their events are still on the disk."""
    start.script(starts_a_bot())
    scene = Scene(stack, ledger, start)
    worker = scene.worker(CONNECT_LIMIT_S=4)
    ingress = open_ingress(stack, folder)
    wait_for(ingress.is_ready)
    assert post(ingress, daily.event("dialin.ready", "foreign")).status == 200  # events come at all
    scene.wait_until_read()
    call_id = scene.started()
    own.kill()
    assert post(ingress, connected(call_id)).json() == SPOOLED
    ingress.kill()
    time.sleep(4)  # the limit itself
    stack.restart_redis()
    wait_for(worker.is_ready)
    time.sleep(2)  # in which calls would be judged twice
    open_ingress(stack, folder)
    scene.wait_for(call_id, timeout_s=30, verdict="connected")
    assert worker.total("dialin_never_connected_total") == 0


def test_an_ingress_that_is_cut_off_alone(stack, ledger, folder, start):
    """The workers have Redis and judge without its events. When these come, all that was said is put right."""
    start.script(starts_a_bot())
    scene = Scene(stack, ledger, start)
    worker = scene.worker(CONNECT_LIMIT_S=1)
    wire = stack.keep_wire(Between(stack.redis.port))
    ingress = open_ingress(stack, folder, REDIS_URL=wire.url)
    wait_for(ingress.is_ready)
    assert post(ingress, daily.event("dialin.ready", "foreign")).json() == {"status": "noted"}
    scene.wait_until_read()
    wire.refuse()
    reached, left = (scene.started() for _ in range(2))
    for event in (connected(reached), connected(left), stopped(left)):
        assert post(ingress, event).json() == SPOOLED
    for call_id in (reached, left):
        scene.wait_for(call_id, verdict="never_connected")
    wait_for(lambda: worker.total("dialin_verdicts", verdict="never_connected") == 2)
    wire.open()
    scene.wait_for(reached, timeout_s=30, verdict="connected")
    scene.wait_for(left, timeout_s=30, verdict="ended")
    scene.wait_until_read()
    assert scene.events_of(reached) == ["never_connected", "connected"]
    assert sorted(scene.events_of(left)) == ["connected", "ended", "never_connected"]
    assert scene.verdicts() == {"connected": 1, "ended": 1}
    wait_for(lambda: worker.total("dialin_verdicts", verdict="never_connected") == 0)
    assert worker.total("dialin_never_connected_total") == 2  # it has said so
    wait_for(lambda: worker.total("dialin_never_connected_corrected_total") == 2)
    assert worker.log().count(b"its call is never_connected no more") == 2
    verdicts = Audit(stack).json("stats")[0]["verdicts"]
    assert verdicts == {"connected": 1, "ended": 1, "failed": 0, "never_connected": 0}
    assert Audit(stack).json("list", "--verdict", "never_connected") == []
    running, = ledger.client.keys(ledger.key("running:*"))
    assert ledger.client.zrange(running, 0, -1) == [reached.encode()], "its session goes on"


# --- the ingress dies ----------------------------------------------------------------------------

def test_a_kill_between_answer_and_drain(stack, ledger, own, folder):
    dying = open_ingress(stack, folder)
    own.kill()
    bodies = [post_spooled(dying) for _ in range(3)]
    dying.kill()
    path, = files(folder, ".events")
    path.write_bytes(path.read_bytes() + record({b"v": b"1"})[:90])  # one that was being written
    heir = open_ingress(stack, folder)
    stack.restart_redis()
    assert wait_for(lambda: len(in_stream(ledger)) >= 3 and in_stream(ledger)) == bodies
    wait_for(lambda: files(folder, ".events") == [])
    assert heir.total("dialin_spool_events_total", result="torn") == 1
    assert b"adding Daily's events to their stream" in heir.log()


@pytest.mark.slow
def test_a_kill_amid_a_burst(stack, ledger, own, folder):
    dying = open_ingress(stack, folder)
    own.kill()
    noted, is_over = [], threading.Event()

    def send():
        while not is_over.is_set():
            body = daily.body(daily.event("dialin.connected", "a-room"))
            try:
                if post(dying, body).status == 200:
                    noted.append(body)
            except (OSError, AssertionError):
                return
    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    wait_for(lambda: len(noted) > 200)
    dying.kill()
    is_over.set()
    for sender in senders:
        sender.join()
    open_ingress(stack, folder)
    stack.restart_redis()
    wait_for(lambda: files(folder, ".events") == [])
    assert set(noted) <= set(in_stream(ledger))


def test_sigterm_leaves_the_file_to_the_next(stack, ledger, own, folder):
    leaving = open_ingress(stack, folder)
    own.kill()
    body = post_spooled(leaving)
    leaving.terminate()
    assert leaving.wait() == 0
    open_ingress(stack, folder)
    stack.restart_redis()
    wait_for(lambda: in_stream(ledger) == [body] and files(folder, ".events") == [])


def test_files_of_an_older_version(stack, ledger, folder):
    """It wrote calls only, in this form."""
    body = daily.body(daily.webhook("of-an-older-version"))
    (folder / "1700000000000-0badcafe.spool").write_bytes(record({
        b"v": b"1", b"kind": b"dialin", b"call_id": b"of-an-older-version", b"received_ms": b"1700000000000",
        b"timestamp": b"1700000000", b"signature": b"s", b"peer": b"127.0.0.1", b"body": body,
        b"sha256": hashlib.sha256(body).hexdigest().encode()}))
    (folder / "1700000000000-0badcafe.spool").chmod(0o600)
    open_ingress(stack, folder)
    wait_for(lambda: ledger.entries_of("of-an-older-version"))
    wait_for(lambda: files(folder) == [])
    assert in_stream(ledger) == []


# --- callers first -------------------------------------------------------------------------------

@pytest.mark.slow
def test_a_full_share_leaves_calls_their_place(stack, own, folder):
    ingress = open_ingress(stack, folder, SPOOL_MAX_MB=1, MAX_BODY_BYTES=600000)
    own.kill()
    assert ingress.total("dialin_spool_events_bytes_max") == 100000
    for _ in range(3):
        post_spooled(ingress, display_name="x" * 30000)
    answer = post(ingress, daily.event("dialin.ready", "a-room", display_name="x" * 30000))
    assert (answer.status, answer.code) == (503, "queue_unavailable")
    assert b"no more of Daily's events" in ingress.log() and b"their share is used" in ingress.log()
    for size in (480000, 480000, 30000):
        ring_spooled(ingress, note="x" * size)
    answer = ingress.ring({**daily.webhook(), "note": "x" * 30000})
    assert (answer.status, answer.code) == (503, "queue_unavailable"), "the calls' own bytes are counted"
    post_spooled(ingress)


@pytest.mark.slow
def test_a_disk_that_has_room_for_calls_only(stack, own, folder, shim, tmp_path):
    control = tmp_path / "fault"
    control.write_text("room 1005000")
    ingress = open_ingress(stack, folder, SPOOL_MAX_MB=1, **under(shim, control, ".events"))
    own.kill()
    post_spooled(ingress)
    answer = post(ingress, daily.event("dialin.ready", "a-room", display_name="x" * 5000))
    assert (answer.status, answer.code) == (503, "queue_unavailable")
    assert b"the disk has no more than calls may take" in ingress.log()
    ring_spooled(ingress)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["fdatasync", "write", "short", "open"])
def test_a_disk_that_fails_is_no_answer(stack, ledger, own, folder, shim, tmp_path, fault):
    """Under the events only: calls are kept all the same."""
    control = tmp_path / "fault"
    control.write_text("" if fault != "open" else fault)
    ingress = open_ingress(stack, folder, **under(shim, control, ".events"))
    own.kill()
    kept = [post_spooled(ingress)] if fault != "open" else []
    control.write_text(fault)
    answer = post(ingress, daily.event("dialin.ready", "a-room"))
    assert (answer.status, answer.code) == (503, "queue_unavailable"), answer
    assert b"Daily's events wait for Redis instead" in ingress.log()
    ring_spooled(ingress)
    control.write_text("")

    def try_again():
        body = daily.body(daily.event("dialin.ready", "a-room"))
        return post(ingress, body).status == 200 and kept.append(body) is None
    wait_for(try_again, what="the disk to be tried again")
    stack.restart_redis()
    wait_for(lambda: set(kept) <= set(in_stream(ledger)), what="what was kept, in the stream")
    wait_for(lambda: not files(folder) and not files(folder, ".events"))


def leave_behind(stack, folder, calls, events):
    """Spooled in this order: events, calls."""
    ingress = open_ingress(stack, folder, REDIS_URL=f"redis://127.0.0.1:{free_port()}")
    for _ in range(events):
        post_spooled(ingress)
    for _ in range(calls):
        ring_spooled(ingress)
    ingress.kill()


def test_calls_are_drained_before_events(stack, folder):
    calls, events = 70, 5  # more calls than are sent at once
    leave_behind(stack, folder, calls, events)
    redis = HoldingRedis()
    open_ingress(stack, folder, REDIS_URL=redis.url)
    wait_for(lambda: len(redis.added) == calls + events and not files(folder, ".events"))
    redis.close()
    assert redis.added == ["webhooks"] * calls + ["daily"] * events


def test_few_events_of_the_spool_are_before_a_call_that_comes(stack, folder):
    leave_behind(stack, folder, 0, 50)
    redis = HoldingRedis()
    redis.may_go_on.clear()
    ingress = open_ingress(stack, folder, REDIS_URL=redis.url)
    answers = []
    caller = threading.Thread(target=lambda: answers.append(ingress.ring()))
    wait_for(redis.is_holding.is_set)
    caller.start()
    wait_for(lambda: ingress.total("dialin_signatures_total", of="dialin") == 1)
    redis.may_go_on.set()
    caller.join()
    wait_for(lambda: redis.added.count("daily") >= 50)
    redis.close()
    assert answers[0].status == 200 and redis.added.index("webhooks") <= EVENTS_AT_ONCE_MAX
