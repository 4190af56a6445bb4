"""ALERT_URL: what the first eight rules of alerts.yml find, and callers who never reached their bot, is
told to people by one POST, once for a kind and five minutes over all workers (worker/alert)."""

import re

import pytest

import daily
from chat import CALLER, SECRET_PATH, lose_one, readings, snapshots, wait_for_claims, wait_until_told
from clocks import Clock
from fake_start import answers, closes
from stack import wait_for
from test_now import fill

FIVE_MINUTES_MS = 300_000
STEP_S = 10


# --- each kind ---------------------------------------------------------------------------------

def is_one_post(chat, text):
    request, = [each for each in chat.requests if each.json()["text"] == text]
    assert request.method == "POST" and request.path == SECRET_PATH
    assert request.header("Content-Type") == "application/json" and set(request.json()) == {"text"}


def test_a_lost_caller_is_told_in_one_message(ledger, start, chat, watched, stack):
    start.script(answers(429))
    worker = watched()
    lose_one(ledger)
    text = chat.wait_for_text("lost")
    is_one_post(chat, text)
    assert re.fullmatch(re.escape(f"dialin {stack.prefix}: ") +
                        r"1 caller has been lost since \d\d:\d\d:\d\d UTC\. No bot was started before their hold "
                        r"ended: `dialin-audit now` shows who waits; if the agent is full, raise its pool\.", text)
    wait_until_told(ledger, "callers_lost")
    assert FIVE_MINUTES_MS - 30_000 < ledger.client.pttl(ledger.key("alerted:callers_lost")) <= FIVE_MINUTES_MS
    assert worker.total("dialin_alerts_total", result="sent") == 1
    assert CALLER not in text and SECRET_PATH.encode() not in worker.log()


@pytest.mark.parametrize("step, kind, words", [
    (lambda: answers(401), "agent_rejects_us", r"request.* been rejected as not allowed by 127\.0\.0\.1:\S+ \(\d+\)"),
    (lambda: answers(503), "agent_fails", r"(\d+) requests have failed at 127\.0\.0\.1:\S+ \(\1\)"),
    (closes, "outcomes_unknown", r"request.* had no answer from 127\.0\.0\.1:\S+ \(\d+\)"),
    (lambda: answers(422), "calls_rejected", r"1 call has ended rejected or invalid"),
], ids=["rejects", "fails", "unknown", "rejected"])
def test_what_the_agent_does_is_told(ledger, start, chat, watched, step, kind, words):
    start.script(step())
    watched(HOLD_LIMIT_S="60")
    for _ in range(1 if kind == "calls_rejected" else 6):
        ledger.queue(daily.webhook())
    is_one_post(chat, chat.wait_for_text(words, 40))
    wait_until_told(ledger, kind)


def test_a_refused_webhook_is_told(ledger, chat, watched, stack):
    ingress = stack.ingress()
    watched()
    wait_for(lambda: ledger.client.keys(ledger.key("status:ingress:*")))
    readings(ledger, 0)  # what was refused before is not told
    for body in (b"[]", b"{}", b"nonsense"):
        assert ingress.post(body, daily.headers(body)).status == 400
    text = chat.wait_for_text("refused")
    assert re.search(r"[123] webhooks? ha(s|ve) been refused since .* Each is a lost caller", text), text
    wait_until_told(ledger, "webhooks_refused")


def test_webhooks_that_were_refused_while_redis_was_away_are_told_after_that(ledger, chat, watched, stack):
    redis = stack.own_redis()
    ingress, worker = stack.ingress(), watched()
    wait_for(lambda: ledger.client.keys(ledger.key("status:ingress:*")))
    readings(ledger)
    redis.kill()
    assert ingress.ring().status == 503
    assert chat.texts() == []
    stack.restart_redis()
    wait_for(worker.is_ready, 20)
    chat.wait_for_text("1 webhook has been refused", 40)
    assert len(chat.texts()) == 1


def test_callers_who_will_be_lost_are_told_before_they_are(ledger, chat, watched):
    watched()
    ledger.client.hset(ledger.key("paused"), "sales", "1 anna")  # so that they stay
    fill(ledger, count=3, waited_ms=lambda i: 61_000 - i)
    text = chat.wait_for_text("Of the 3 callers who wait for sales one has waited for [67]. s since")
    assert CALLER not in text
    wait_until_told(ledger, "callers_will_be_lost")


def test_a_service_level_that_stays_low_is_told(ledger, start, chat, watched, stack, tmp_path):
    """Redis' clock is stepped, each time by less than the gap after which a state begins anew."""
    clock = Clock(tmp_path / "clock")
    stack.own_redis(environment=clock.environment())
    minute = ledger.client.time()[0] // 60
    for ago in range(1, 17):  # of that time nobody was served and nobody lost
        ledger.client.hset(ledger.key(f"minute:{minute - ago}"), "at_ms", (minute - ago) * 60_000)
    watched(LEASE_S="60")
    served = daily.webhook()
    ledger.queue(served)
    ledger.wait_for_state(served["callId"], "started")
    start.script(answers(429))
    lose_one(ledger)
    lose_one(ledger)
    steps, began_s = 0, ledger.client.time()[0]

    def is_told():
        return any("80 %" in text for text in chat.texts())
    while not is_told() and steps < 100:
        snapshots(ledger)
        steps += 1
        clock.step(STEP_S * steps)
    text = chat.wait_for_text("80 %")
    assert re.search(r"Fewer than 80 % of the callers of the last 15 minutes have been served within 20 s, now 33 % "
                     r"of 3, since \d\d:\d\d:\d\d UTC\. .*`dialin-audit staffing`", text), text
    assert ledger.client.time()[0] - began_s >= 300, "a level that has just fallen is not told"
    wait_until_told(ledger, "service_level_low")


def test_callers_who_never_reached_their_bot_are_told(ledger, chat, watched):
    watched()
    readings(ledger, 1)
    ledger.client.hincrby(ledger.key("counts"), "verdict:never_connected", 2)  # as room.lua counts
    chat.wait_for_text("2 bots have been started whose callers never reached them")
    wait_until_told(ledger, "never_connected")


# --- once, by one, and nothing old --------------------------------------------------------------

def test_two_workers_tell_it_once_and_what_came_since_after_five_minutes(ledger, start, chat, watched):
    start.script(answers(429))
    workers = [watched(WORKER_NAME="a"), watched(WORKER_NAME="b")]
    lose_one(ledger)
    chat.wait_for_text("1 caller")
    wait_until_told(ledger, "callers_lost")
    lose_one(ledger)
    lose_one(ledger)
    wait_for_claims(ledger, "callers_lost", 2)
    assert len(chat.texts()) == 1
    ledger.client.delete(ledger.key("alerted:callers_lost"))  # five minutes have passed
    chat.wait_for_text("2 callers have been lost")
    readings(ledger, 2)
    assert len(chat.texts()) == 2 and sum(
        worker.total("dialin_alerts_total", result="sent") for worker in workers) == 2


def test_what_was_lost_before_a_worker_came_is_not_told(ledger, start, chat, watched, stack):
    start.script(answers(429))
    before = stack.worker(START_URL=start.url, HOLD_LIMIT_S="1", HOLD_GRACE_S="0")
    ingress = stack.ingress()
    lose_one(ledger)
    assert ingress.post(b"[]", daily.headers(b"[]")).status == 400
    wait_for(lambda: b'"refused":1' in ledger.client.get(ledger.client.keys(ledger.key("status:ingress:*"))[0]))
    before.terminate()
    before.wait()
    watched()
    readings(ledger)
    assert chat.texts() == []
    lose_one(ledger)
    chat.wait_for_text("1 caller has been lost")
    assert len(chat.texts()) == 1


def test_redis_goes_and_comes_back_with_less(ledger, start, chat, watched, stack):
    redis = stack.own_redis()
    start.script(answers(429))
    worker = watched()
    lose_one(ledger)
    wait_until_told(ledger, "callers_lost")
    redis.kill()
    wait_for(lambda: not worker.is_ready())
    stack.restart_redis()
    wait_for(worker.is_ready, 20)
    ledger.client.flushall()
    wait_for(lambda: b"Redis has lost" in worker.log(), 30)
    assert len(chat.texts()) == 1
    wait_for(worker.is_ready, 20)
    lose_one(ledger)
    wait_for(lambda: len(chat.texts()) == 2, 25)
    assert "1 caller has been lost" in chat.texts()[1]
