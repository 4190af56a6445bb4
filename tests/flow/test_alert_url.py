"""ALERT_URL: what the first eight rules of alerts.yml find, and callers who never reached their bot, is
told to people by one POST, once for a kind and five minutes over all workers (worker/alert)."""

import json
import re
import signal
import ssl
import time

import pytest

import daily
from authority import Authority
from fake_start import FakeStart, answers, closes, floods, hangs, sends, starts_a_bot
from stack import free_port, wait_for
from test_now import fill

SECRET_PATH = "/services/T000/B000/a-secret-that-nobody-may-see"
CALLER = "+14158483432"
FIVE_MINUTES_MS = 300_000


class Chat(FakeStart):
    """Takes alerts, as Slack does."""

    def __init__(self):
        super().__init__()
        self.script(answers(200, b"ok"))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{SECRET_PATH}"

    def texts(self):
        with self.lock:
            return [request.json()["text"] for request in self.requests]

    def wait_for_text(self, pattern, timeout_s=25):
        return wait_for(lambda: [text for text in self.texts() if re.search(pattern, text)], timeout_s,
                        f"an alert that says {pattern}")[0]


@pytest.fixture
def chat():
    server = Chat()
    yield server
    server.close()


@pytest.fixture
def watched(stack, start, chat):
    """Starts a worker that tells `chat`."""
    def run(**values):
        return stack.worker(**{"START_URL": start.url, "ALERT_URL": chat.url, "HOLD_LIMIT_S": "1",
                               "HOLD_GRACE_S": "0", **values})
    return run


def watch_commands(ledger, is_enough):
    """Looks at what Redis is asked until it is enough."""
    with ledger.client.monitor() as monitor:
        deadline = time.monotonic() + 60
        while not is_enough(monitor.next_command()):
            assert time.monotonic() < deadline


def readings(ledger, count=4):
    """Waits for whole readings of the queue."""
    seen = []

    def is_enough(command):
        words = command["command"].split()
        seen.extend(words[:1] if f"{ledger.prefix}:webhooks" in words and words[-2:] == ["1", "15"] else [])
        return len(seen) > count
    watch_commands(ledger, is_enough)


def wait_for_claims(ledger, kind, count):
    """Each of so many workers has looked whether the kind was told."""
    workers = set()

    def is_enough(command):
        if f"alerted:{kind}" in command["command"] and " NX " in command["command"]:
            workers.add(command["client_port"])
        return len(workers) == count
    watch_commands(ledger, is_enough)


def lose_one(ledger):
    webhook = daily.webhook(From=CALLER)
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "dead", timeout_s=20)
    return webhook["callId"]


def told(ledger, kind):
    value = ledger.client.get(ledger.key(f"alerted:{kind}"))
    return value.decode() if value else None


def wait_until_told(ledger, kind):
    return wait_for(lambda: (told(ledger, kind) or "").isdigit(), 20, f"{kind} to be told")


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
    wait_for(lambda: ledger.client.keys(ledger.key("status:worker:*")))
    for body in (b"[]", b"{}", b"nonsense"):
        assert ingress.post(body, daily.headers(body)).status == 400
    text = chat.wait_for_text("refused")
    assert re.search(r"3 webhooks have been refused since .* Each is a lost caller", text), text
    wait_until_told(ledger, "webhooks_refused")


def test_callers_who_will_be_lost_are_told_before_they_are(ledger, chat, watched):
    watched()
    ledger.client.hset(ledger.key("paused"), "sales", "1 anna")  # so that they stay
    fill(ledger, count=3, waited_ms=lambda i: 61_000 - i)
    text = chat.wait_for_text("Of the 3 callers who wait for sales one has waited for [67]. s since")
    assert CALLER not in text
    wait_until_told(ledger, "callers_will_be_lost")


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
    readings(ledger, 8)
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


# --- hosts that are not well --------------------------------------------------------------------

def is_unharmed(ledger, start):
    """Calls are served as ever."""
    start.script(starts_a_bot())
    webhook = daily.webhook()
    began = time.monotonic()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "started")
    assert time.monotonic() - began < 4  # a request to the host takes 5 s


@pytest.mark.parametrize("step, attempts, status, error", [
    (hangs, 2, 0, "timed out|Timeout|timeout"),
    (lambda: answers(500), 2, 500, "it did not take the alert"),
    (lambda: answers(404, b"no_team"), 2, 404, "it did not take the alert"),
    (lambda: sends(b"nonsense\r\n\r\n"), 2, 0, "."),
    (closes, 2, 0, "."),
], ids=["hangs", "500", "404", "nonsense", "closes"])
def test_a_host_that_does_not_take_it(ledger, start, chat, watched, step, attempts, status, error):
    start.script(answers(429))
    chat.script(step())
    worker = watched()
    lose_one(ledger)
    wait_for(lambda: len(chat.requests) == 1, 25)
    is_unharmed(ledger, start)
    line = wait_for(lambda: [line for line in worker.log_lines() if "alert could not be sent" in line], 30)[0]
    assert len(chat.requests) == attempts and chat.texts()[0] == chat.texts()[1]
    assert re.search(error, line) and f"host=127.0.0.1:{chat.port}" in line and f"status={status}" in line
    assert told(ledger, "callers_lost") == "failed"
    assert 0 < ledger.client.pttl(ledger.key("alerted:callers_lost")) <= 60_000
    assert worker.total("dialin_alerts_total", result="failed") == 1
    assert SECRET_PATH.encode() not in worker.log()
    assert SECRET_PATH.encode() not in ledger.everything()


def test_another_worker_tells_what_one_could_not(ledger, start, chat, watched):
    start.script(answers(429))
    cut_off = watched(ALERT_URL=f"http://127.0.0.1:{free_port()}{SECRET_PATH}", WORKER_NAME="a")
    lose_one(ledger)
    wait_for(lambda: b"alert could not be sent" in cut_off.log(), 30)
    watched(WORKER_NAME="b")
    lose_one(ledger)
    assert chat.texts() == []
    ledger.client.delete(ledger.key("alerted:callers_lost"))  # a minute has passed
    chat.wait_for_text("1 caller has been lost")  # b was not there when the first was lost
    assert SECRET_PATH.encode() not in cut_off.log()


def test_a_redirect_is_not_followed(ledger, start, chat, watched):
    other = Chat()
    try:
        start.script(answers(429))
        chat.script(answers(307, headers=[("Location", other.url)]))
        worker = watched()
        lose_one(ledger)
        wait_for(lambda: b"it redirects, which is not followed" in worker.log(), 25)
        assert other.requests == [] and SECRET_PATH.encode() not in worker.log()
    finally:
        other.close()


def test_an_answer_without_an_end_is_no_harm(ledger, start, chat, watched):
    start.script(answers(429))
    chat.script(floods(10 << 30))
    worker = watched()
    lose_one(ledger)
    wait_until_told(ledger, "callers_lost")  # the status was good
    assert worker.total("process_resident_memory_bytes") < 500_000_000
    is_unharmed(ledger, start)


class TlsChat(Chat):
    """The same over https."""

    def __init__(self, certificate):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        super().__init__()
        self.script(answers(200, b"ok", [("Connection", "close")]))

    @property
    def url(self):
        return super().url.replace("http:", "https:")

    def serve(self, client, connection_id):
        try:
            super().serve(self.context.wrap_socket(client, server_side=True), connection_id)
        except OSError:
            client.close()


def test_over_https_its_certificate_is_checked(ledger, start, stack, tmp_path):
    theirs, others = Authority(tmp_path, "theirs"), Authority(tmp_path, "others")
    chat = TlsChat(theirs.certificate("chat"))
    try:
        start.script(answers(429))
        values = {"START_URL": start.url, "ALERT_URL": chat.url, "HOLD_LIMIT_S": "1", "HOLD_GRACE_S": "0"}
        worker = stack.worker(ALERT_CA_FILE=others.file, START_CA_FILE=theirs.file, **values)
        lose_one(ledger)
        wait_for(lambda: b"alert could not be sent" in worker.log(), 25)
        assert b"certificate" in worker.log() and chat.requests == []
        worker.terminate()
        worker.wait()
        ledger.client.delete(ledger.key("alerted:callers_lost"))
        stack.worker(ALERT_CA_FILE=theirs.file, START_CA_FILE=others.file, **values)
        readings(ledger, 1)
        lose_one(ledger)
        chat.wait_for_text("1 caller has been lost")
    finally:
        chat.close()


# --- the setting --------------------------------------------------------------------------------

def check(stack, **values):
    return stack.run("dialin-worker", "--check-config", START_URL="http://127.0.0.1:9/start", **values)


@pytest.mark.parametrize("url, problem", [
    ("http://chat.example.com" + SECRET_PATH, "sends alerts in the clear to 'chat.example.com'"),
    ("ftp://127.0.0.1" + SECRET_PATH, "must start with https://"),
    ("https://anna:word@chat.example.com" + SECRET_PATH, "is not a URL of the form https://host[:port]/path (a user"),
    ("https://" + SECRET_PATH, "is not a URL"),
], ids=["plain", "ftp", "user", "no host"])
def test_urls_that_are_refused_without_being_shown(stack, url, problem):
    done = check(stack, ALERT_URL=url)
    assert done.returncode == 1 and f"ALERT_URL: {problem}" in done.stderr
    assert SECRET_PATH not in done.stderr + done.stdout and "word@" not in done.stderr


def test_urls_that_are_good(stack):
    long = "https://prod-1.logic.azure.example:443/workflows/" + "a" * 400 + "?sig=" + "b" * 1000
    for values in ({"ALERT_URL": "https://chat.example.com" + SECRET_PATH}, {"ALERT_URL": long},
                   {"ALERT_URL": "http://chat.svc/x", "ALLOW_HTTP": "*.svc"}, {"ALERT_URL": "http://ntfy/t"}):
        assert check(stack, **values).returncode == 0, values


def test_online_it_is_reached_and_nobody_is_told(stack, start, chat):
    values = stack.values({"START_URL": start.url})
    done = stack.run("dialin-worker", "--check-config", "--online", ALERT_URL=chat.url, **values)
    assert done.returncode == 0 and "fine   ALERT_URL: can be reached; nothing is sent" in done.stdout
    url = f"http://127.0.0.1:{free_port()}{SECRET_PATH}"
    done = stack.run("dialin-worker", "--check-config", "--online", ALERT_URL=url, **values)
    assert done.returncode == 1 and re.search(r"wrong  ALERT_URL: cannot be reached at 127\.0\.0\.1:\d+: ", done.stdout)
    assert chat.requests == [] and SECRET_PATH not in done.stdout + done.stderr


def test_it_is_shown_as_set_and_read_again(ledger, start, chat, watched, stack, tmp_path):
    shown = stack.run("dialin-worker", "--print-config", START_URL=start.url, ALERT_URL=chat.url).stdout
    assert "ALERT_URL=set\n" in shown and SECRET_PATH not in shown
    path = tmp_path / "alert-url"
    path.write_text("")
    start.script(answers(429))
    worker = watched(ALERT_URL=None, ALERT_URL_FILE=path)
    lose_one(ledger)
    path.write_text(chat.url + "\n")
    worker.signal(signal.SIGHUP)
    wait_for(lambda: b"read again" in worker.log())
    readings(ledger)
    assert chat.texts() == []  # what was lost while nobody was to be told
    lose_one(ledger)
    chat.wait_for_text("1 caller has been lost")
    wait_until_told(ledger, "callers_lost")
    assert SECRET_PATH.encode() not in worker.log() + ledger.everything()
    path.write_text("")
    worker.signal(signal.SIGHUP)

    def is_shown_as_unset():
        key, = ledger.client.keys(ledger.key("status:worker:*"))
        return json.loads(ledger.client.get(key))["settings"]["ALERT_URL"] == ""
    wait_for(is_shown_as_unset, 20)
    ledger.client.delete(ledger.key("alerted:callers_lost"))
    before = worker.total("dialin_account_readings_total")
    lose_one(ledger)
    wait_for(lambda: worker.total("dialin_account_readings_total") > before, 30)
    assert len(chat.texts()) == 1
