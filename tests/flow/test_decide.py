"""What becomes of a call by what /start answers: CONTRACT, section 4, "Decide".

Most rows need seconds by their nature, so all trials run at once: each has a call, a worker, a
prefix and an agent of its own, is begun by the first test, and is looked at by its own.
"""

import email.utils
import time

import pytest

import daily
from fake_start import (FakeStart, answers, closes, delays, drips, floods, hangs, http_answer,
                        resets, sends, starts_a_bot)
from ledger import Ledger, new_prefix
from stack import Worker, free_port
from stopwatch import awake_s

TRIALS = {}
KEY = "key-of-the-bot-0123456789"


class Trial:
    def __init__(self, stack, steps, values, kind, fields):
        self.start = FakeStart()
        self.start.script(*(steps or [starts_a_bot()]))
        self.elsewhere = FakeStart()  # where a redirect leads
        self.start.elsewhere = self.elsewhere
        self.ledger = Ledger(stack.redis, new_prefix())
        self.worker = stack.keep(Worker(stack.folder, {
            "REDIS_URL": stack.redis.url, "REDIS_PREFIX": self.ledger.prefix,
            "START_URL": self.start.url, "START_API_KEY": KEY, "WORKER_NAME": "w", **values}))
        self.call_id = daily.new_call_id()
        webhook = daily.dialout() if kind == "dialout" else daily.webhook(self.call_id)
        self.begun, self.begun_awake_s = time.time(), awake_s()
        now = {name: value() for name, value in fields.items()}
        self.entry = self.ledger.queue(webhook, self.call_id, kind, **now)

    def wait_for(self, *states, timeout_s=20):
        return self.ledger.wait_for_state(self.call_id, *states, timeout_s=timeout_s)

    def seconds_to_the_end(self):
        return int(self.ledger.call(self.call_id)["updated_ms"]) / 1000 - self.begun

    def pauses(self):
        """The seconds between one request and the next."""
        times = [request.at for request in self.start.requests]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def pauses_awake(self):
        """The same for upper limits."""
        times = [request.at_awake_s for request in self.start.requests]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def paused(self, *limits):
        """Each was so long: at least, and less than."""
        pauses = list(zip(self.pauses(), self.pauses_awake()))
        assert len(pauses) == len(limits), pauses
        for (least, most), (pause, awake) in zip(limits, pauses):
            assert least <= pause and awake < most, pauses

    def attempts(self):
        return self.ledger.events(event="attempt")

    def check(self):
        """What holds of every call that has ended: one event for each POST, one key, one end."""
        assert len(self.attempts()) == len(self.start.requests)
        assert [int(event["attempt"]) for event in self.attempts()] == list(
            range(1, len(self.attempts()) + 1))
        assert {request.key for request in self.start.requests} <= {self.call_id}
        assert self.elsewhere.requests == []
        assert self.ledger.call(self.call_id)["attempts"] == str(len(self.attempts()))
        self.ledger.check_account([self.entry])
        assert self.ledger.unfinished() == 0

    def close(self):
        self.start.close()
        self.elsewhere.close()


def trial(name, *steps, kind="dialin", fields=None, **values):
    """Registers a trial; the function below it says what has to come of it."""
    def register(check):
        assert name not in TRIALS
        TRIALS[name] = (steps, values, kind, fields or {}, check)
        return check
    return register


@pytest.fixture(scope="module")
def trials(shared):
    begun = {}
    try:
        for name, (steps, values, kind, fields, _) in TRIALS.items():
            begun[name] = Trial(shared, steps, values, kind, fields)
        yield begun
    finally:
        for each in begun.values():
            each.close()


# --- 2xx ------------------------------------------------------------------------------------------

for body in (b"", b"null", b"[]", b"{", b"<html>", b'{"dailyRoom":5}', b"\xff\xfe", b'"x"',
             b"[" * 5000, b"{}" * 3):
    @trial(f"2xx with {body[:12]!r}", answers(200, body))
    def is_started_all_the_same(this):
        call = this.wait_for("started")
        assert call["attempts"] == "1" and call["http_status"] == "200"
        assert call["error"] or call["session_id"] == "", "what is odd about it is not said"

for status in (201, 202, 204):
    @trial(f"{status}", sends(b"HTTP/1.1 %d x\r\n%s\r\n" % (
        status, b"" if status == 204 else b"Content-Length: 0\r\n")))
    def is_a_start_too(this):
        assert this.wait_for("started")["http_status"] in ("201", "202", "204")


# --- 429 ------------------------------------------------------------------------------------------

def full(retry_after=None):
    headers = [] if retry_after is None else [("Retry-After", retry_after)]
    return answers(429, b'{"error":"full","code":"PCC-AGENT-AT-CAPACITY"}', headers)


def full_until(seconds):
    """Retry-After as a date, made when it is asked for."""
    def step(exchange):
        full(email.utils.formatdate(time.time() + seconds, usegmt=True))(exchange)
    return step


@trial("429 with Retry-After: 1", full("1"), starts_a_bot())
def waits_as_long_as_told(this):
    this.wait_for("started")
    this.paused((0.95, 3))
    assert [event["event"] for event in this.ledger.events()] == [
        "attempt", "waiting", "attempt", "started"]


@trial("429 with a date", full_until(3), starts_a_bot())
def waits_until_the_date(this):
    this.wait_for("started")
    this.paused((1.9, 5))  # a date has whole seconds


@trial("429 with a Retry-After beyond all bounds", full("1000000000"), starts_a_bot())
def waits_ten_seconds_at_most(this):
    this.wait_for("started")
    this.paused((9.5, 12))


for value in (None, "", "-5", "soon", "1.5", "1 2", "0x10", "Fri, 99 Foo 2026 25:00:00 GMT"):
    @trial(f"429 with Retry-After: {value}", full(value), starts_a_bot())
    def waits_as_if_nothing_was_said(this):
        this.wait_for("started")
        this.paused((0.1, 0.95))

for value in ("0", "Mon, 01 Jan 2001 00:00:00 GMT"):
    @trial(f"429 with Retry-After: {value}, which is now", full(value), starts_a_bot())
    def asks_again_soon(this):
        this.wait_for("started")
        this.paused((0, 0.95))


@trial("429 five times", *[full()] * 5, starts_a_bot())
def asks_about_four_times_a_second(this):
    this.wait_for("started")
    pauses = this.pauses()
    assert len(pauses) == 5 and all(0.2 <= pause for pause in pauses), pauses
    assert all(pause < 1 for pause in this.pauses_awake()), pauses
    assert len(this.ledger.events(event="waiting")) == 1


@trial("429 for ever", full(), HOLD_LIMIT_S=2)
def expires_with_the_hold(this):
    call = this.wait_for("dead")
    assert call["reason"] == "expired" and call["error"]
    assert 1.9 < this.seconds_to_the_end() < 4
    assert all(request.at_awake_s - this.begun_awake_s < 2.05 for request in this.start.requests)
    assert this.ledger.counts() == {"dead": 1, "dead:expired": 1}


@trial("429 with Retry-After beyond the hold", full("10"), HOLD_LIMIT_S=2)
def is_dead_when_the_hold_is_over(this):
    assert this.wait_for("dead")["reason"] == "expired"
    assert 1.9 < this.seconds_to_the_end() < 4
    assert len(this.start.requests) == 1


# --- 408, 425, 5xx --------------------------------------------------------------------------------

for status in (408, 425, 500, 502, 503, 504, 529, 599):
    @trial(f"{status}", answers(status, b"upstream"), starts_a_bot())
    def is_tried_again(this):
        assert this.wait_for("started")["attempts"] == "2"
        this.paused((0.1, 0.95))
        assert this.attempts()[0]["response"] == "upstream"
        assert this.ledger.events(event="waiting") == []


@trial("503 with Retry-After: 1", answers(503, headers=[("Retry-After", "1")]), starts_a_bot())
def retry_after_counts_here_too(this):
    this.wait_for("started")
    this.paused((0.95, 3))


@trial("503 with Retry-After: 3600", answers(503, headers=[("Retry-After", "3600")]),
       starts_a_bot())
def retry_after_is_capped_here_too(this):
    this.wait_for("started")
    this.paused((9.5, 12))


@trial("500 six times", *[answers(500)] * 6, starts_a_bot())
def stands_in_line_after_five(this):
    this.wait_for("started")
    pauses = this.pauses()
    # 125 to 250 ms, then 250 to 500, and so on.
    assert all(0.95 * 0.125 * 2 ** i <= pause for i, pause in enumerate(pauses[:4])), "it does not back off"
    assert this.pauses_awake()[2] < 2 and all(pause < 6 for pause in this.pauses_awake()), pauses
    events = [event["event"] for event in this.ledger.events()]
    assert events.count("waiting") == 1 and events.index("waiting") == 5, events


@trial("500 for ever", answers(500), HOLD_LIMIT_S=2)
def is_tried_until_the_hold_is_over(this):
    assert this.wait_for("dead")["reason"] == "expired"
    assert len(this.start.requests) >= 3
    assert 1.9 < this.seconds_to_the_end() < 4


# --- 401, 402, 403, 404, redirects ----------------------------------------------------------------

for status in (401, 402, 403, 404):
    @trial(f"{status}", answers(status, b'{"error":"no"}'), starts_a_bot())
    def is_our_configurations_fault(this):
        call = this.wait_for("started")
        assert call["attempts"] == "2"
        this.paused((4.5, 7))
        assert len(this.ledger.events(event="waiting")) == 1
        assert any(" error " in line and "START_URL" in line for line in this.worker.log_lines())
        assert KEY.encode() not in this.worker.log()


@trial("400 with PCC-1001",
       answers(400, b'{"error":"deployment is not in ready state","code":"PCC-1001"}'),
       starts_a_bot())
def is_about_the_agent_not_the_call(this):
    assert this.wait_for("started")["attempts"] == "2"
    this.paused((4.5, 7))


@trial("400 of a runner for another transport",
       answers(400, b'{"detail":"Transport \'daily\' is not allowed. Server is configured for '
                    b'\'webrtc\' only (-t webrtc)."}'), starts_a_bot())
def is_about_the_agent_too(this):
    assert this.wait_for("started")["attempts"] == "2"
    this.paused((4.5, 7))
    assert any("rejected our configuration" in line for line in this.worker.log_lines())


@trial("400 with PCC-AGENT-AT-CAPACITY", answers(400, b'{"code":"PCC-AGENT-AT-CAPACITY"}'),
       starts_a_bot())
def is_a_429_whatever_the_status(this):
    assert this.wait_for("started")["attempts"] == "2"
    this.paused((0, 0.95))


def redirects(status):
    def step(exchange):
        url = exchange.server.elsewhere.url.replace("http://", "http://user:password@")
        answers(status, b"", [("Location", url + "\x1b[31m?ticket=of-the-query")])(exchange)
    return step


for status in (301, 302, 303, 307, 308):
    @trial(f"{status}", redirects(status), starts_a_bot())
    def is_never_followed(this):
        call = this.wait_for("started")
        assert call["attempts"] == "2"
        this.paused((4.5, 7))
        assert this.elsewhere.connections == 0, "the key went elsewhere"
        told = [line for line in this.worker.log_lines() if "redirects to" in line]
        assert f"127.0.0.1:{this.elsewhere.port}/start%1B[31m, which" in told[0], told
        for secret in ("of-the-query", "password"):
            assert secret not in "".join(told) + call["error"] + this.attempts()[0]["error"]


# --- other 4xx ------------------------------------------------------------------------------------

for status in (400, 405, 406, 409, 410, 415, 418, 422, 431, 451, 499):
    @trial(f"{status}", answers(status, b'{"detail":"no"}'))
    def is_rejected_by_the_third(this):
        call = this.wait_for("dead")
        assert (call["reason"], call["attempts"]) == ("rejected", "3")
        this.paused((0.95, 3), (3.95, 7))
        assert this.ledger.counts() == {"dead": 1, "dead:rejected": 1}
        assert this.ledger.events(event="waiting") == []


@trial("413", answers(413, b'{"detail":"no"}'))
def is_not_repeated(this):
    call = this.wait_for("dead")
    assert (call["reason"], call["attempts"]) == ("rejected", "1")
    assert this.ledger.counts() == {"dead": 1, "dead:rejected": 1}


@trial("a rejection, a failure, and another rejection", answers(400), answers(503), answers(422),
       starts_a_bot())
def rejections_are_counted_alone(this):
    assert this.wait_for("started")["attempts"] == "4"
    this.paused((0.95, 3), (0, 0.95), (3.95, 7))


@trial("a rejection, and the hold is over", answers(400), HOLD_LIMIT_S=2)
def expires_all_the_same(this):
    call = this.wait_for("dead")
    assert (call["reason"], call["attempts"]) == ("expired", "2")


# --- no answer ------------------------------------------------------------------------------------

def check_unknown_then_started(this):
    """The first POST may have started a bot; the second carries the same key."""
    call = this.wait_for("started")
    first, second = this.attempts()
    assert first["error"] == "unknown outcome" and not int(first["http_status"] or 0)
    assert second["error"] == "" and second["http_status"] == "200"
    assert call["attempts"] == "2" and call["error"] == ""
    assert first["request"].encode() == this.start.requests[0].body


for name, step in {"closed": closes(), "reset": resets(), "half a status line": sends(b"HTTP/1."),
                   "HTTP/0.9": sends(b"hello, all is well"),
                   "garbage": sends(b"\0\xff\r\n\r\n" * 9),
                   "a continue and no more": sends(b"HTTP/1.1 100 Continue\r\n\r\n")}.items():
    trial(f"{name} instead of an answer", step, starts_a_bot())(check_unknown_then_started)

trial("an answer later than the timeout", hangs(), starts_a_bot(),
      START_TIMEOUT_S=1)(check_unknown_then_started)
trial("a byte a second", drips(http_answer(200, b"{}"), 0.3), starts_a_bot(),
      START_TIMEOUT_S=1)(check_unknown_then_started)


for rest in (b"", b"Content-Le", b"Content-Length: 99\r\n\r\n{"):
    @trial(f"200, and the connection ends behind {rest}", sends(b"HTTP/1.1 200 OK\r\n" + rest))
    def a_status_is_an_answer(this):
        assert this.wait_for("started")["attempts"] == "1"


@trial("an answer late but in time", delays(1.5, starts_a_bot()))
def is_waited_for(this):
    assert this.wait_for("started")["attempts"] == "1"
    assert 1500 <= int(this.attempts()[0]["latency_ms"]) < 4000


@trial("no answer, and the hold shorter than the timeout", hangs(), HOLD_LIMIT_S=2,
       HOLD_GRACE_S=1)
def the_hold_and_its_grace_cut_the_timeout(this):
    call = this.wait_for("dead")
    assert call["reason"] == "unknown" and "a bot may have started" in call["error"]
    assert this.ledger.counts() == {"dead": 1, "dead:unknown": 1}
    assert 2.9 < this.seconds_to_the_end() < 5
    assert len(this.start.requests) == 1


# The worker is given an address where nobody listens.
@trial("connection refused", HOLD_LIMIT_S=6, START_URL=f"http://127.0.0.1:{free_port()}/start")
def nobody_listens(this):
    call = this.wait_for("dead")
    assert call["reason"] == "expired" and int(call["attempts"]) >= 2
    for attempt in this.attempts():
        assert attempt["error"] not in ("", "unknown outcome"), "nothing was sent: that is known"


# --- answers that have no end, or are not what they say -------------------------------------------

@trial("10 GB", floods(10 << 30))
def is_cut_off(this):
    call = this.wait_for("started", timeout_s=10)
    assert call["attempts"] == "1"
    assert len(this.attempts()[0]["response"]) <= 4096


FILLER = b"X-Filler: %s\r\n" % (b"y" * 1000)


@trial("endless headers", sends(b"HTTP/1.1 200 OK\r\n" + FILLER * 400), HOLD_LIMIT_S=4)
def is_cut_off_too(this):
    this.wait_for("started", "dead")


@trial("a gzip bomb", answers(200, b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"\0" * 1000,
                              [("Content-Encoding", "gzip")]))
def is_not_unpacked(this):
    assert this.wait_for("started")["attempts"] == "1"


@trial("100, 103, and then an answer",
       lambda exchange: (exchange.client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n"
                                                 b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
                         starts_a_bot()(exchange)))
def interim_answers_are_none(this):
    assert this.wait_for("started")["http_status"] == "200"


@trial("101", sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), starts_a_bot(),
       HOLD_LIMIT_S=4)
def other_protocols_are_not_spoken(this):
    this.wait_for("started", "dead")


# --- the hold -------------------------------------------------------------------------------------

@trial("a webhook that is too old", fields={"received_ms": lambda: daily.in_ms(-111)})
def no_bot_is_started_for_a_caller_who_has_gone(this):
    call = this.wait_for("dead")
    assert (call["reason"], call["attempts"]) == ("expired", "0")
    assert [event["event"] for event in this.ledger.events()] == ["dead"]


@trial("a webhook that is old, but not too old", fields={"received_ms": lambda: daily.in_ms(-80)})
def is_started(this):
    this.wait_for("started")


@trial("a dial-out has a hold of its own", kind="dialout",
       fields={"received_ms": lambda: daily.in_ms(-300)})
def nobody_is_on_hold_yet(this):
    assert this.wait_for("started")["kind"] == "dialout"


@trial("a dial-out that is too old", kind="dialout", fields={"received_ms": lambda: daily.in_ms(-601)})
def is_given_up(this):
    assert this.wait_for("dead")["reason"] == "expired"


@trial("a dial-out while the agent is full", full(), kind="dialout", DIALOUT_LIMIT_S=2,
       HOLD_LIMIT_S=100)
def is_given_up_in_its_time(this):
    assert this.wait_for("dead")["reason"] == "expired"
    assert 1.9 < this.seconds_to_the_end() < 4


# --- looking --------------------------------------------------------------------------------------

@pytest.mark.slow
@pytest.mark.parametrize("name", TRIALS)
def test_what_becomes_of_a_call(trials, name):
    this = trials[name]
    TRIALS[name][-1](this)
    if name != "connection refused":
        this.check()
    assert KEY.encode() not in this.ledger.everything() + this.worker.log()
