"""The caller of a trunk's call hangs up before a bot was started: the call ends as abandoned, whenever
Daily's event comes, and nobody is asked for a bot in an empty room."""

import signal
import threading

import pytest

import daily
import fake_start
from audit import Audit
from stack import wait_for
from test_daily_events import Scene

# With characters that no call's id has, the call is named by a digest.
ROOMS = pytest.mark.parametrize("form", ["{}", "{}~r1", "a.{}", "{}%20x"])


@pytest.fixture
def scene(stack, ledger, start):
    return Scene(stack, ledger, start)


class Trunk:
    """A trunk's call, as the ingress queues it."""

    def __init__(self, stack, ledger, form="{}"):
        self.ledger = ledger
        self.room = form.format(daily.new_call_id("room"))
        self.call = daily.trunk_call(self.room)
        self.ingress = stack.ingress(SIP_TRUNK_SECRET=daily.TRUNK_SECRET, DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET)

    def ring(self):
        body = daily.body(self.call)
        answer = self.ingress.post(body, daily.trunk_headers(body), path="/api/sip-trunk")
        assert answer.status == 200
        self.id = answer.json()["call_id"]
        return self.id

    def stopped(self, **fields):
        return daily.event("dialin.stopped", self.room, **fields)

    def check_is_abandoned(self, attempts):
        call = self.ledger.wait_for_state(self.id, "dead")
        assert (call["reason"], call["attempts"]) == ("abandoned", str(attempts))
        assert call["error"] == "the caller hung up while waiting"
        assert len(self.ledger.dead(self.id)) == 1 and self.ledger.counts()["dead:abandoned"] == 1
        end, = self.ledger.events(self.id, "dead")
        assert end["reason"] == "abandoned" and abs(int(end["happened_ms"]) - int(end["at_ms"])) < 60_000
        self.ledger.wait_until_finished()
        self.ledger.check_account([entry for entry, _ in self.ledger.entries()])


@ROOMS
def test_before_the_call_began(scene, form):
    worker = scene.worker()
    trunk = Trunk(scene.stack, scene.ledger, form)
    scene.note(daily.event("dialin.connected", trunk.room))
    for event in (trunk.stopped(event_id="the same"), trunk.stopped(event_id="the same")):
        scene.note(event)
    scene.wait_until_read()
    trunk.ring()
    trunk.check_is_abandoned(attempts=0)
    scene.note(trunk.stopped(event_id="the same"))
    scene.wait_until_read()
    trunk.check_is_abandoned(attempts=0)
    assert not scene.start.requests
    wait_for(lambda: worker.total("dialin_calls_total", outcome="abandoned") == 1)
    assert worker.total("dialin_calls_total") == 1


def test_an_event_of_something_else_ends_no_call(scene):
    scene.start.script(fake_start.starts_a_bot())
    scene.worker()
    trunk = Trunk(scene.stack, scene.ledger)
    for kind in ("dialin.connected", "dialin.error", "dialout.stopped"):
        scene.note(daily.event(kind, trunk.room))
    scene.note(daily.event("dialin.stopped", trunk.room + "x"))
    scene.wait_until_read()
    scene.ledger.wait_for_state(trunk.ring(), "started")


@ROOMS
def test_while_the_call_stands_in_line(scene, form):
    scene.start.script(fake_start.answers(429, headers=[("Retry-After", "10")]))
    worker = scene.worker(TRUNK_LIMIT_S=600)
    trunk = Trunk(scene.stack, scene.ledger, form)
    scene.ledger.wait_for_state(trunk.ring(), "waiting")
    event = trunk.stopped()
    for _ in range(2):
        scene.note(event)
    scene.wait_until_read()
    assert scene.ledger.call(trunk.id)["state"] == "dead", "by the event, and not when it would be asked again"
    trunk.check_is_abandoned(attempts=1)
    assert len(scene.start.requests) == 1
    wait_for(lambda: worker.total("dialin_calls_total", outcome="abandoned") == 1)


@pytest.mark.parametrize("status", [429, 503, 422])
def test_while_its_request_is_out(scene, status):
    """It is not asked again, and does not wait for a further event."""
    may_answer = threading.Event()

    def step(exchange):
        may_answer.wait(30)
        fake_start.answers(status, b"{}")(exchange)
    scene.start.script(step)
    worker = scene.worker(TRUNK_LIMIT_S=600)
    trunk = Trunk(scene.stack, scene.ledger, "{}~r1")
    trunk.ring()
    wait_for(lambda: scene.start.requests)
    scene.note(trunk.stopped())
    scene.wait_until_read()
    may_answer.set()
    trunk.check_is_abandoned(attempts=1)
    assert [event["event"] for event in scene.ledger.events(trunk.id)] == ["attempt", "dead"]
    wait_for(lambda: worker.total("dialin_calls_total", outcome="abandoned") == 1)
    # The agent's refusal is heard all the same.
    agent = scene.ledger.call(trunk.id)["agent"]
    assert scene.ledger.client.exists(scene.ledger.key("pace:" + agent)) == (status == 429)


def test_a_bot_that_was_started_hears_of_it(scene):
    may_answer = threading.Event()

    def step(exchange):
        may_answer.wait(30)
        fake_start.starts_a_bot()(exchange)
    scene.start.script(step)
    scene.worker()
    trunk = Trunk(scene.stack, scene.ledger)
    trunk.ring()
    wait_for(lambda: scene.start.requests)
    scene.note(trunk.stopped())
    scene.wait_until_read()
    may_answer.set()
    call = scene.ledger.wait_for_state(trunk.id, "started")
    assert (call["verdict"], scene.ledger.counts().get("dead", 0)) == ("ended", 0)


def check_is_unknown(scene, trunk, attempts):
    """A bot may have been in that room, and the event the end of its session: nobody says that there was none."""
    call = scene.ledger.wait_for_state(trunk.id, "dead", timeout_s=30)
    assert (call["reason"], call["attempts"]) == ("unknown", str(attempts))
    assert "hung up" in call["error"] and "a bot may have started" in call["error"]
    assert scene.ledger.counts()["dead:unknown"] == 1 and len(scene.ledger.dead(trunk.id)) == 1
    scene.ledger.wait_until_finished()
    scene.ledger.check_account([entry for entry, _ in scene.ledger.entries()])


@pytest.mark.parametrize("when", ["in line", "request out"])
def test_after_a_request_without_an_answer(scene, when):
    may_answer = threading.Event()

    def full(exchange):
        may_answer.wait(30)
        fake_start.answers(429, headers=[("Retry-After", "10")])(exchange)
    scene.start.script(fake_start.resets(), full)
    worker = scene.worker(TRUNK_LIMIT_S=600)
    trunk = Trunk(scene.stack, scene.ledger)
    trunk.ring()
    wait_for(lambda: len(scene.start.requests) == 2)
    if when == "in line":
        may_answer.set()
        scene.ledger.wait_for_state(trunk.id, "waiting")
    scene.note(trunk.stopped())
    scene.wait_until_read()
    assert (scene.ledger.call(trunk.id)["state"] == "dead") == (when == "in line")
    may_answer.set()
    check_is_unknown(scene, trunk, attempts=2)
    assert len(scene.start.requests) == 2
    wait_for(lambda: worker.total("dialin_calls_total", outcome="unknown") == 1)
    assert worker.total("dialin_calls_total") == 1


def test_after_its_worker_died_with_a_request_out(scene):
    scene.start.script(fake_start.hangs(), fake_start.starts_a_bot())
    first = scene.worker(TRUNK_LIMIT_S=600, LEASE_S=3)
    trunk = Trunk(scene.stack, scene.ledger)
    trunk.ring()
    wait_for(lambda: scene.start.requests)
    first.kill()
    second = scene.worker(TRUNK_LIMIT_S=600, LEASE_S=3)
    scene.note(trunk.stopped())
    scene.wait_until_read()
    check_is_unknown(scene, trunk, attempts=1)
    assert len(scene.start.requests) == 1
    wait_for(lambda: second.total("dialin_calls_total", outcome="unknown") == 1)


def test_a_late_start_has_the_events_of_its_session(scene):
    """The worker with the request out is stopped; another closes the call as unknown, by the event of that bot's
    session; then the answer is read."""
    may_answer = threading.Event()

    def late(exchange):
        may_answer.wait(30)
        fake_start.starts_a_bot()(exchange)
    scene.start.script(late, fake_start.answers(429, headers=[("Retry-After", "10")]))
    first = scene.worker(TRUNK_LIMIT_S=600, LEASE_S=3)
    trunk = Trunk(scene.stack, scene.ledger)
    trunk.ring()
    wait_for(lambda: scene.start.requests)
    first.signal(signal.SIGSTOP)
    may_answer.set()
    scene.worker(TRUNK_LIMIT_S=600, LEASE_S=3)
    scene.ledger.wait_for_state(trunk.id, "waiting", timeout_s=30)
    for event in (daily.event("dialin.connected", trunk.room), trunk.stopped()):
        scene.note(event)
    check_is_unknown(scene, trunk, attempts=scene.ledger.call(trunk.id)["attempts"])
    first.signal(signal.SIGCONT)
    call = scene.ledger.wait_for_state(trunk.id, "started", timeout_s=20)
    assert call["verdict"] == "ended" and scene.verdicts() == {"ended": 1}


def test_a_replay_of_a_caller_who_has_gone(scene):
    scene.start.script(fake_start.answers(413))
    scene.worker(TRUNK_LIMIT_S=600)
    trunk = Trunk(scene.stack, scene.ledger)
    scene.ledger.wait_for_state(trunk.ring(), "dead")
    scene.start.script(fake_start.answers(429, headers=[("Retry-After", "10")]))
    audit = Audit(scene.stack, SIP_TRUNK_SECRET=daily.TRUNK_SECRET)
    replay = threading.Thread(target=audit, args=("replay", trunk.id, "--live", "--yes"),
                              kwargs={"TRUNK_LIMIT_S": 600})
    replay.start()  # ends when the call has
    scene.ledger.wait_for_state(trunk.id + "~r1", "waiting")
    scene.note(trunk.stopped())
    scene.wait_until_read()
    call = scene.ledger.call(trunk.id + "~r1")
    assert (call["state"], call["reason"]) == ("dead", "abandoned")
    replay.join()


def test_the_others_stay_in_line(stack, ledger, start):
    """Through the ingress, and as people see it."""
    start.script(fake_start.answers(429))
    worker = stack.worker(START_URL=start.url, TRUNK_LIMIT_S=600)
    gone, stays = Trunk(stack, ledger), Trunk(stack, ledger)
    for trunk in (gone, stays):
        ledger.wait_for_state(trunk.ring(), "waiting")
    for event in (gone.stopped(), daily.event("dialin.ready", stays.room)):
        body = daily.body(event)
        answer = gone.ingress.post(body, daily.event_headers(body), path="/api/daily-events")
        assert answer.status == 200
    assert ledger.wait_for_state(gone.id, "dead")["reason"] == "abandoned"
    start.script(fake_start.starts_a_bot())
    ledger.wait_for_state(stays.id, "started", timeout_s=20)
    assert ledger.call(gone.id)["state"] == "dead"
    worker.read_account(ledger.client)
    audit = Audit(stack, SIP_TRUNK_SECRET=daily.TRUNK_SECRET)
    assert worker.metrics()["dialin_account_difference"] == 0 and audit("stats").code == 0
    assert audit.json("list", "--reason", "abandoned")[0]["call_id"] == gone.id
