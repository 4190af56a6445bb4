"""ALERT_URL: hosts that do not take an alert harm no call and no secret; the setting, and its secrecy."""

import json
import re
import signal

import pytest

import daily
from authority import Authority
from chat import SECRET_PATH, Chat, TlsChat, lose_one, readings, told, wait_until_told
from fake_start import answers, closes, drips, floods, hangs, sends, starts_a_bot
from stack import free_port, wait_for
from stopwatch import Stopwatch
from test_redis_settings import user_of_compose


# --- hosts that are not well --------------------------------------------------------------------

def is_unharmed(ledger, start):
    """Calls are served as ever."""
    start.script(starts_a_bot())
    webhook = daily.webhook()
    watch = Stopwatch()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "started")
    assert watch.seconds() < 4  # a request to the host takes 5 s


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


def test_a_worker_that_leaves_amid_a_message_waits_for_nobody(ledger, start, chat, watched):
    start.script(answers(429))
    chat.script(hangs())
    worker = watched()
    lose_one(ledger)
    wait_for(lambda: len(chat.requests) == 1, 25)
    watch = Stopwatch()
    worker.terminate()
    assert worker.wait() == 0 and watch.seconds() < 4  # the message may take 5 s
    assert told(ledger, "callers_lost") == "sending"  # which ends soon, so that another worker tells it
    assert 0 < ledger.client.pttl(ledger.key("alerted:callers_lost")) <= 30_000


def test_another_url_takes_over_amid_a_message(ledger, start, chat, watched, tmp_path):
    other, path = Chat(), tmp_path / "alert-url"
    try:
        start.script(answers(429))
        chat.script(hangs())
        path.write_text(chat.url)
        worker = watched(ALERT_URL=None, ALERT_URL_FILE=path)
        lose_one(ledger)
        wait_for(lambda: len(chat.requests) == 1, 25)
        path.write_text(other.url)
        worker.signal(signal.SIGHUP)
        other.wait_for_text("1 caller has been lost")
        wait_until_told(ledger, "callers_lost")
        assert len(chat.requests) == 1
    finally:
        other.close()


def test_the_user_of_compose_may_do_it(ledger, start, chat, watched, stack):
    redis = stack.own_redis()
    redis.client.execute_command("ACL", "SETUSER", *user_of_compose("worker", stack.prefix))
    start.script(answers(429))
    watched(REDIS_URL=redis.url.replace("redis://", "redis://worker:any@"))
    lose_one(ledger)
    chat.wait_for_text("1 caller has been lost")
    wait_until_told(ledger, "callers_lost")


def test_a_right_that_is_missing_is_named_and_no_flood_follows(ledger, start, chat, watched, stack):
    redis = stack.own_redis()
    rights = user_of_compose("worker", stack.prefix)
    redis.client.execute_command("ACL", "SETUSER", *rights, "resetkeys", *(
        f"~{stack.prefix}:{part}" for part in ("[b-z]*", "admitted*", "agents", "answer*", "asking*", "audit")))
    start.script(answers(429))
    worker = watched(REDIS_URL=redis.url.replace("redis://", "redis://worker:any@"))
    lose_one(ledger)
    wait_for(lambda: b"Redis refuses its key kind=callers_lost" in worker.log(), 25)
    readings(ledger)
    assert worker.log().count(b"Redis refuses its key") == 1 and chat.requests == [] and worker.is_ready()


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


def test_a_certificate_that_has_expired_is_refused(ledger, start, stack, tmp_path):
    authority = Authority(tmp_path)
    chat = TlsChat(authority.certificate("chat", days=-1))
    try:
        start.script(answers(429))
        worker = stack.worker(START_URL=start.url, ALERT_URL=chat.url, ALERT_CA_FILE=authority.file,
                              HOLD_LIMIT_S="1", HOLD_GRACE_S="0")
        lose_one(ledger)
        line = wait_for(lambda: [line for line in worker.log_lines() if "alert could not be sent" in line], 30)[0]
        assert "expired" in line and chat.requests == [] and told(ledger, "callers_lost") == "failed"
        is_unharmed(ledger, start)
    finally:
        chat.close()


def test_a_proxy_of_the_environment_is_told_nothing(ledger, start, chat, watched):
    proxy = Chat()
    try:
        start.script(answers(429))
        url = f"http://127.0.0.1:{proxy.port}"
        watched(http_proxy=url, https_proxy=url, HTTPS_PROXY=url, all_proxy=url, ALL_PROXY=url, no_proxy="")
        lose_one(ledger)
        chat.wait_for_text("1 caller has been lost")
        assert proxy.requests == []
    finally:
        proxy.close()


def test_an_answer_byte_by_byte_ends_in_time(ledger, start, chat, watched):
    start.script(answers(429))
    chat.script(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1))
    worker = watched()
    lose_one(ledger)
    wait_for(lambda: len(chat.requests) == 1, 25)
    is_unharmed(ledger, start)
    wait_for(lambda: b"alert could not be sent" in worker.log(), 30)
    assert len(chat.requests) == 2


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
