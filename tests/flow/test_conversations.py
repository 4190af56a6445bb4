"""The whole conversation, with both programs that play the other side: dialin-caller rings, dialin-agent takes
the call and tells, as Daily does, when its caller was connected and when the session was over."""

import collections
import json

import pytest

import daily
from stack import wait_for


def agent_with_events(stack, ingress, *arguments):
    return stack.agent("--events-url", f"http://127.0.0.1:{ingress.port}/api/daily-events",
                       "--events-secret", daily.EVENTS_SECRET, *arguments)


@pytest.fixture
def ingress(stack):
    return stack.ingress(DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET, SIP_TRUNK_SECRET=daily.TRUNK_SECRET)


def caller(stack, ingress, *arguments, path="/api/dial"):
    settings = {**stack.values({}), "PINLESS_HMAC_SECRET": daily.SECRET, "SIP_TRUNK_SECRET": daily.TRUNK_SECRET,
                "DAILY_WEBHOOK_SECRET": daily.EVENTS_SECRET}
    done = stack.run("dialin-caller", "--url", f"http://127.0.0.1:{ingress.port}{path}", *arguments, **settings)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("path, flags", [("/api/dial", []), ("/api/sip-trunk", ["--trunk"])], ids=["dial-in", "trunk"])
def test_ring_webhook_start_connected_stopped(stack, ledger, ingress, path, flags):
    agent = agent_with_events(stack, ingress, "--pool", "2", "--session-ms", "200")
    stack.worker(START_URL=agent.url)
    caller(stack, ingress, *flags, "--count", "6", "--wait", path=path)
    wait_for(lambda: ledger.counts().get("verdict:ended") == 6, 30, "every call to have ended")
    calls = [ledger.call(fields["call_id"].decode()) for _, fields in ledger.entries()]
    assert {call["state"] for call in calls} == {"started"} and {call["talked_s"] for call in calls} <= {"0", "1"}
    assert len({call["room_url"] for call in calls}) == 6
    assert agent.get("/control")["events"] == {"posted": 12, "acknowledged": 12, "given_up": 0, "dropped": 0, "left": 0}
    ledger.check_account([entry for entry, _ in ledger.entries()])


def test_a_session_ends_when_the_agent_is_told_so(stack, ledger, ingress):
    agent = agent_with_events(stack, ingress, "--session-ms", "0")
    stack.worker(START_URL=agent.url)
    caller(stack, ingress, "--count", "2", "--wait")
    wait_for(lambda: ledger.counts().get("verdict:connected") == 2)
    agent.control(end_sessions=1)
    wait_for(lambda: ledger.counts().get("verdict:ended") == 1)
    assert ledger.counts()["verdict:connected"] == 1


def test_an_event_that_is_not_acknowledged_comes_again(stack, ledger):
    """The secret becomes the right one later."""
    secret = stack.folder / "secret"
    secret.write_text(daily.OTHER_SECRET)
    ingress = stack.ingress(DAILY_WEBHOOK_SECRET_FILE=secret)
    agent = agent_with_events(stack, ingress, "--session-ms", "100")
    stack.worker(START_URL=agent.url)
    caller(stack, ingress, "--wait")
    wait_for(lambda: agent.get("/control")["events"]["posted"] >= 3)
    assert agent.get("/control")["events"]["acknowledged"] == 0
    secret.write_text(daily.EVENTS_SECRET)
    ingress.signal(1)
    wait_for(lambda: ledger.counts().get("verdict:ended") == 1, 30)


def test_the_caller_plays_events_of_rooms_that_no_call_has(stack, ledger, ingress):
    told = caller(stack, ingress, "--events", "--count", "20", "--repeat", "2", "--rate", "500", "--json",
                  path="/api/daily-events")
    assert json.loads(told.stdout)["acknowledged"] == 40
    events = [json.loads(fields[b"body"]) for _, fields in ledger.client.xrange(ledger.key("daily"))]
    assert len({event["id"] for event in events}) == 20 and len(events) == 40
    rooms = collections.Counter((event["payload"]["room"], event["type"]) for event in events)
    assert len(rooms) == 20 and set(rooms.values()) == {2}
    assert {kind for _, kind in rooms} == {"dialin.connected", "dialin.stopped"}
    assert len({room for room, _ in rooms}) == 10


def test_the_caller_plays_events_of_a_call(stack, ledger, ingress):
    agent = stack.agent()
    stack.worker(START_URL=agent.url)
    caller(stack, ingress, "--call-id", "a-call", "--wait")
    room = ledger.call("a-call")["room_url"].rpartition("/")[2]
    caller(stack, ingress, "--events", "--room", room, "--count", "2", path="/api/daily-events")
    wait_for(lambda: ledger.call("a-call").get("verdict") == "ended")
    caller(stack, ingress, "--events", "--room", room, "--event", "dialin.error", path="/api/daily-events")
    wait_for(lambda: ledger.call("a-call").get("failed_ms"))


@pytest.mark.parametrize("flags", [["--events"], ["--events", "--wait"], ["--events", "--trunk"], ["--room", "r"],
                                   ["--events", "--room", ""], ["--event", "dialin.error"]])
def test_flags_of_events_that_cannot_be_used(stack, flags):
    values = {"PINLESS_HMAC_SECRET": daily.SECRET, "SIP_TRUNK_SECRET": daily.TRUNK_SECRET}
    if flags != ["--events"]:
        values["DAILY_WEBHOOK_SECRET"] = daily.EVENTS_SECRET
    done = stack.run("dialin-caller", *flags, **values)
    assert done.returncode == 2 and done.stderr


@pytest.mark.parametrize("flags", [["--events-url", "127.0.0.1"], ["--events-url", "http://127.0.0.1:1"],
                                   ["--events-url", "http://127.0.0.1:1", "--events-secret", "x"]])
def test_settings_of_events_that_cannot_be_used(stack, flags):
    done = stack.run("dialin-agent", *flags)
    assert done.returncode == 2 and "--events-" in done.stderr
