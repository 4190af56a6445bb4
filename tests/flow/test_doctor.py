"""dialin-audit doctor: what is wrong, and what to do, from Redis to Daily."""

import json
import os
import subprocess

import pytest

import daily
import fake_daily
from authority import Authority
from fake_start import answers
from stack import free_port, wait_for
from test_redis_settings import user_of_compose
from test_start_tls import TlsServer

URL = "https://calls.example/api/dial"
NUMBER, OTHER = "+14152251493", "+16285550100"
SENTENCE = "twice the music's length must exceed HOLD_LIMIT_S + HOLD_GRACE_S (120 s); not checked"


def wrong(audit, *arguments, code=1, **values):
    """(check, text) of the lines that are wrong; each says what to do."""
    lines = audit("doctor", "--json", *arguments, code=code, **values).objects()
    assert all(line["do"] for line in lines if line["level"] == "wrong"), lines
    return [(line["check"], line["text"]) for line in lines if line["level"] == "wrong"]


def texts(audit, *arguments, code=0, **values):
    lines = audit("doctor", "--json", *arguments, code=code, **values).objects()
    return [f"{line['level']} {line['check']}: {line['text']}" for line in lines]


def has(lines, part):
    assert any(part in line for line in lines), (part, lines)


# --- Redis and the programs ---------------------------------------------------------------------

def wait_for_programs(client, prefix, count):
    """The first status of a program may be older than its readiness."""
    def are_ready():
        told = client.mget([f"{prefix}:status:none", *client.keys(f"{prefix}:status:*")])
        return sum(json.loads(status)["ready"] for status in told if status) >= count
    wait_for(are_ready, 20, f"{count} programs to tell that they are ready")


def test_all_is_well(stack, ledger, start, audit, phone, tmp_path):
    phone.add(NUMBER, daily.SECRET, room_creation_api=URL, hold_music_url="https://m.example/a.mp3",
              timeout_config={"message": "nobody is here"})
    spool = tmp_path / "spool"
    spool.mkdir()
    ingress = stack.ingress(SPOOL_DIR=spool)
    stack.worker(START_URL=start.url)
    assert ingress.ring().status == 200
    ledger.wait_until_finished()
    wait_for_programs(ledger.client, stack.prefix, 2)
    values = {**phone.values, "START_URL": start.url, "PINLESS_HMAC_SECRET": daily.SECRET}
    lines = texts(audit, "--url", URL, **values)
    assert not [line for line in lines if line.startswith("wrong")], lines
    for part in ("fine Redis: ", "never evicts", "allows all that is needed", "fine clock:",
                 "its spool is empty", f"its agent is {start.url}; its routes: none",
                 "fine account: adds up: 1 entries", "takes calls", "the key is not tried",
                 "none that was genuine in the last 24 hours", f"fine {NUMBER}: calls {URL}",
                 f"fine {NUMBER}: its secret is one of ours",
                 'https://m.example/a.mp3; timeout_config: {"message":"nobody is here"}', SENTENCE):
        has(lines, part)
    out = audit("doctor", "--url", URL, **values).out
    assert out.endswith("0 wrong\n") and "fine  Redis" in out
    assert len(start.requests) == 1
    assert fake_daily.KEY not in out and daily.SECRET not in out
    assert {method for method, _, _ in phone.requests} == {"GET"}


def test_nothing_runs(ledger, audit):
    found = wrong(audit)
    assert {check for check, _ in found} == {"ingress", "worker"}, found
    assert all("none has written to this Redis" in text for _, text in found)
    lines = texts(audit, code=1)
    has(lines, "note Daily: not asked: DAILY_API_KEY is not set")
    has(lines, "note agent: not checked: neither START_URL nor")


def test_redis_is_away_and_the_rest_is_checked(audit, start, phone):
    phone.add(NUMBER, room_creation_api=URL)
    lines = texts(audit, "--url", URL, code=1, REDIS_URL=f"redis://127.0.0.1:{free_port()}",
                  START_URL=start.url, **phone.values)
    has(lines, "wrong Redis: cannot be reached (REDIS_URL): Connection refused")
    has(lines, "note record: programs, agents and refused webhooks are not checked")
    has(lines, "can be reached; the key is not tried")
    has(lines, f"fine {NUMBER}: calls {URL}")
    has(lines, "set PINLESS_HMAC_SECRET here as the ingress has it")


def test_too_few_rights_are_named(stack, audit):
    redis = stack.own_redis()
    redis.client.execute_command("ACL", "SETUSER", "one", "on", ">secret", "~*", "+@all", "-eval_ro",
                                 "-xclaim")
    found = wrong(audit, REDIS_URL=redis.url.replace("redis://", "redis://one:secret@"))
    assert ("Redis", "cannot run its scripts (EVAL): NOPERM xclaim") in found
    assert ("record", "the queue cannot be read") in found


def test_the_user_of_compose_has_rights_enough(stack, start, audit):
    redis = stack.own_redis()
    redis.client.execute_command("ACL", "SETUSER", *user_of_compose("audit", stack.prefix))
    stack.ingress(PINLESS_HMAC_SECRET=daily.SECRET)
    stack.worker(START_URL=start.url)
    wait_for_programs(redis.client, stack.prefix, 2)
    lines = texts(audit, REDIS_URL=redis.url.replace("redis://", "redis://audit:any@"))
    assert not [line for line in lines if "NOPERM" in line or line.startswith("wrong")], lines


@pytest.mark.parametrize("status, remedy", [(401, "PIPECAT_CLOUD_API_KEY or START_API_KEY"),
                                            (404, "AGENT_NAME or START_URL")])
def test_an_agent_that_refuses(stack, ledger, start, audit, status, remedy):
    start.script(answers(status, b"{}"))
    stack.worker(START_URL=start.url)
    ledger.queue(daily.webhook())

    def found():
        lines = audit("doctor", "--json", code=1).objects()
        return [line for line in lines if line["check"].startswith("agent ") and f" {status} " in line["text"]]
    line = wait_for(found, 20)[0]
    assert line["level"] == "wrong" and remedy in line["do"], line


def test_a_spool_and_a_worker_that_is_not_ready(stack, ledger, audit):
    """Programs as they tell of themselves."""
    def tell(name, **fields):
        ledger.client.set(ledger.key(f"status:{name}"), json.dumps({
            "version": "9", "ready": True, "in_work": 1, "in_work_max": 2, **fields}))
        ledger.client.zadd(ledger.key("programs"), {name: int(ledger.client.time()[0]) * 1000})
    tell("ingress:a:1", spool_bytes=5_000_000, spool_bytes_max=9_000_000,
         settings={"ALLOW_UNSIGNED": "true"})
    tell("worker:b", ready=False, not_ready_reason="Redis refuses: OOM", settings={"AGENT_NAME": "x"})
    tell("ingress:a:2", in_work=1e18, in_work_max=-1, spool_bytes=0)
    tell("ingress:a:3", spool_bytes=0, spool_events_bytes=7_000)
    tell("worker:c", settings={"AGENT_NAME": "y", "ROUTES_FILE": "/r.json"})
    ledger.client.set(ledger.key("status:worker:d"), "no json")
    found = dict(wrong(audit))
    assert found == {"ingress:a:1": found["ingress:a:1"], "worker:b": "is not ready: Redis refuses: OOM",
                     "ingress:a:3": "its spool holds 8 kB of Daily's events"}
    lines = texts(audit, code=1)
    has(lines, "its spool holds 5001 kB of 9000 kB")
    has(lines, "anybody can forge calls")
    has(lines, "note worker:c: is version 9, this tool ")
    has(lines, "fine ingress:a:2: is ready (0 of 0 in work)")
    has(lines, "the workers differ in agent or routes")
    has(lines, "fine worker:c: its agent is y; its routes: /r.json")


def test_webhooks_that_were_refused(stack, ledger, audit):
    ingress = stack.ingress()
    body = daily.body({"To": daily.TO, "callId": "", "callDomain": "d"})
    assert ingress.post(body, daily.headers(body)).status == 400
    wait_for(lambda: ledger.client.xlen(ledger.key("refused")) == 1)
    assert any(check == "refused webhook" and "callId" in text for check, text in wrong(audit))


def test_an_agents_certificate(audit, authority):
    server = TlsServer(*authority.certificate("server"))
    values = {"START_URL": f"https://127.0.0.1:{server.port}/start"}
    try:
        has(texts(audit, code=1, START_CA_FILE=authority.file, **values),
            "can be reached, and its certificate is good")
        assert any("certificate" in text for check, text in wrong(audit, **values)
                   if check.startswith("agent "))
    finally:
        server.close()
    assert server.received == b""


# --- Daily --------------------------------------------------------------------------------------

def of_daily(audit, phone, *arguments, code=1, **values):
    lines = texts(audit, *arguments, code=code, **{**phone.values, **values})
    return [line for line in lines if line.split(" ", 1)[1].startswith(("+", "sip:", "Daily"))]


def test_numbers_that_are_wrong(audit, phone):
    phone.add(NUMBER, daily.OTHER_SECRET, room_creation_api="https://old.example/")
    phone.add(OTHER, daily.SECRET)
    phone.add("+1999", kind="pin_dialin")
    phone.add(None, daily.SECRET, sip_uri="user--1@daily.example", room_creation_api=URL)
    phone.older = [{"phone_number": "+14990001", "hmac": daily.SECRET, "room_creation_api": URL},
                   {"phone_number": OTHER, "hmac": "x", "room_creation_api": "an older one"}]
    lines = of_daily(audit, phone, "--url", URL, PINLESS_HMAC_SECRET=f"{daily.SECRET},{OTHER}={daily.OTHER_SECRET}")
    has(lines, f"wrong {NUMBER}: calls https://old.example/, not {URL}")
    has(lines, f"wrong {NUMBER}: its secret at Daily is not among ours: every caller of it is refused")
    has(lines, f"wrong {OTHER}: has no room_creation_api: Daily calls nobody")
    has(lines, f"fine {OTHER}: its secret is one of ours")
    has(lines, f"fine sip:user--1@daily.example: calls {URL}")
    has(lines, "fine +14990001: its secret is one of ours")
    assert not any("+1999" in line or "an older one" in line for line in lines), lines


def test_a_long_list_and_members_that_the_list_leaves_out(audit, phone):
    for number in range(45):
        phone.add(f"+1415225{number:04}", daily.SECRET, room_creation_api=URL)
    phone.list_hides = ("hmac", "room_creation_api")
    lines = of_daily(audit, phone, "--url", URL, PINLESS_HMAC_SECRET=daily.SECRET)
    assert len([line for line in lines if "is one of ours" in line]) == 45
    assert not [line for line in lines if line.startswith("wrong")], lines


@pytest.mark.parametrize("fault, sentence", [
    (fake_daily.answers(401, {"error": "authentication-error", "info": "go\x1b[2Jaway"}),
     "does not accept DAILY_API_KEY (401): go?[2Jaway"),
    (fake_daily.answers(401, {"info": f"no such key: {fake_daily.KEY}"}),
     "does not accept DAILY_API_KEY (401): (not shown: it repeats a secret)"),
    (fake_daily.answers(404, b"<html>"), "knows nothing there (404)"),
    (fake_daily.answers(429, {"error": "rate-limit-error"}, [("Retry-After", "7")]),
     "is asked too often with this key (429): rate-limit-error"),
    (fake_daily.answers(500), "answers 500"),
    (fake_daily.answers(302, b"", [("Location", "http://127.0.0.1/")]), "answers 302"),
    (fake_daily.answers(200, b"<html>hello</html>"), "sends something else than a JSON object"),
    (fake_daily.answers(200, {"data": 5}), "sends a list of numbers that is not understood"),
    (fake_daily.answers(200, {"data": [{"id": "../x", "type": "pinless_dialin", "config": {}}]}),
     "sends a list of numbers that is not understood"),
    (fake_daily.answers(200, {"data": "x" * 70000}), "sends an answer that is too long"),
    (fake_daily.closes, "does not answer: "),
])
def test_daily_fails(audit, phone, fault, sentence):
    phone.add(NUMBER)
    phone.fail(fault)
    lines = of_daily(audit, phone)
    assert len(lines) == 1 and lines[0].startswith(f"wrong Daily: {sentence}"), lines


def test_a_list_without_an_end(audit, phone):
    """Every page is the same: the list is not understood, and soon."""
    phone.add(NUMBER)
    page = phone.page({})
    phone.fail(fake_daily.answers(200, page), path="/domain-dialin-config")
    has(of_daily(audit, phone), "wrong Daily: sends a list of numbers that is not understood")


def test_daily_does_not_answer(audit, phone):
    phone.fail(fake_daily.hangs)
    has(of_daily(audit, phone), "wrong Daily: does not answer: ")


def test_daily_is_somebody_else(audit, phone, tmp_path):
    folder = tmp_path / "others"
    folder.mkdir()
    has(of_daily(audit, phone, DAILY_CA_FILE=Authority(folder, "other").file), "wrong Daily: cannot be reached: ")
    has(of_daily(audit, phone, DAILY_API_URL="http://api.example/v1"),
        "wrong Daily: DAILY_API_URL must begin with https://: the key goes there")
    has(of_daily(audit, phone, DAILY_API_URL="http://127.0.0.1:443@api.example/v1"),
        "wrong Daily: DAILY_API_URL must begin with https://: the key goes there")
    assert not phone.requests


# --- the webhook of Daily's events ---------------------------------------------------------------

EVENTS_URL = "https://calls.example/api/daily-events"
DIALIN = ("dialin.connected", "dialin.stopped", "dialin.error")
TYPES = (*DIALIN, "dialout.answered", "dialout.stopped", "dialout.error", "meeting.started")


def of_events(audit, phone, *arguments, **values):
    """(level, text, do) of what is said of the events."""
    if not phone.configs:
        phone.add(NUMBER, daily.SECRET, room_creation_api=URL)
    lines = audit.run("doctor", "--json", *arguments, **{
        **phone.values, "DAILY_WEBHOOK_SECRET": daily.EVENTS_SECRET, **values}).objects()
    return [(line["level"], line["text"], line["do"]) for line in lines if line["check"] == "Daily's events"]


def test_the_webhook_of_events_is_well(audit, phone):
    phone.add_webhook("https://somebody.example/hook", ["recording.started"], state="FAILED")
    phone.add_webhook(EVENTS_URL, TYPES, hmac=daily.EVENTS_SECRET, retryType="exponential")
    for arguments in (["--url", URL], []):
        assert of_events(audit, phone, *arguments) == [
            ("fine", f"go to {EVENTS_URL}; the last was pushed: 2026-01-29T01:43:12.000Z", ""),
            ("fine", "their secret is ours", "")]
    assert {method for method, _, _ in phone.requests} == {"GET"}


@pytest.mark.parametrize("state", ["FAILED", 0])
def test_daily_has_stopped_the_events(audit, phone, state):
    hook = phone.add_webhook(EVENTS_URL, TYPES, hmac=daily.EVENTS_SECRET, state=state, failedCount=3)
    (level, text, remedy), *others = of_events(audit, phone, "--url", URL)
    assert level == "wrong" and "is FAILED at Daily after 3 failures in a row" in text, text
    assert [level for level, _, _ in others] == ["note", "fine"]
    assert "retryType circuit-breaker" in others[0][1]
    # The command as it stands, with an authority that is ours.
    done = subprocess.run(["bash", "-c", remedy.replace("curl ", f"curl -sf --cacert {phone.values['DAILY_CA_FILE']} ", 1)],
                          env={**os.environ, "DAILY_API_KEY": fake_daily.KEY}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (remedy, done.stderr)
    assert phone.asked("POST") == [(f"/webhooks/{hook['uuid']}", {"url": EVENTS_URL, "retryType": "exponential"})]
    assert [level for level, _, _ in of_events(audit, phone, "--url", URL)] == ["fine", "fine"]


@pytest.mark.parametrize("webhooks", [[], ["https://other.example/api/daily-events"]], ids=["none", "elsewhere"])
def test_no_webhook_is_there_for_the_events(audit, phone, webhooks):
    for url in webhooks:
        phone.add_webhook(url, TYPES)
    (level, text, remedy), = of_events(audit, phone, "--url", URL)
    assert level == "wrong" and text.startswith(f"none comes: DAILY_WEBHOOK_SECRET is set, and Daily has no webhook for {EVENTS_URL}")
    done = subprocess.run(["bash", "-c", remedy.replace("curl ", f"curl -sf --cacert {phone.values['DAILY_CA_FILE']} ", 1)],
                          env={**os.environ, "DAILY_API_KEY": fake_daily.KEY, "DAILY_WEBHOOK_SECRET": daily.EVENTS_SECRET},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, (remedy, done.stderr)
    assert phone.asked("POST") == [("/webhooks", {"url": EVENTS_URL, "retryType": "exponential",
                                                  "hmac": daily.EVENTS_SECRET, "eventTypes": list(DIALIN)})]
    assert ("fine", "their secret is ours", "") in of_events(audit, phone, "--url", URL)


def test_without_a_secret_events_are_not_missed(audit, phone):
    (level, text, _), = of_events(audit, phone, DAILY_WEBHOOK_SECRET="")
    assert level == "note" and "DAILY_WEBHOOK_SECRET is not set here" in text


def test_types_that_are_missing_and_a_secret_that_is_not_ours(audit, phone):
    phone.add_webhook(EVENTS_URL, ["dialin.connected"], failedCount=2)
    found = of_events(audit, phone, "--url", URL)
    has([text for level, text, _ in found if level == "wrong"], "lack dialin.stopped, dialin.error: what became of callers")
    has([text for level, text, _ in found if level == "wrong"], "their secret at Daily is not ours")
    has([text for level, text, _ in found if level == "note"], "lack dialout.answered, dialout.stopped, dialout.error")
    has([text for level, text, _ in found if level == "note"], "the last 2 answers of ours were not 200")
    assert daily.EVENTS_SECRET not in str(found) and phone.webhooks[0]["hmac"] not in str(found)


@pytest.mark.parametrize("answer, sentence", [
    (fake_daily.answers(403), "note not checked: Daily does not allow DAILY_API_KEY to do this (403)"),
    (fake_daily.answers(200, {"data": 5}), "note not checked: Daily sends a list of webhooks that is not understood"),
    (fake_daily.answers(200, b"[{}, 7"), "note not checked: Daily sends something else than a JSON object"),
    (fake_daily.answers(200, [{"uuid": "$(reboot)", "url": EVENTS_URL, "state": "FAILED"}]),
     "note not checked: Daily sends a list of webhooks that is not understood"),
    (fake_daily.answers(200, b' \n[{"uuid":"u","url":"' + EVENTS_URL.encode() + b'","state":"INACTIVE"}]'),
     f'note go to {EVENTS_URL}, whose state "INACTIVE" Daily does not explain'),
    (fake_daily.answers(200, {"data": [{"uuid": "u", "url": EVENTS_URL, "state": 1}]}), f"fine go to {EVENTS_URL}"),
])
def test_what_daily_says_of_its_webhooks(audit, phone, answer, sentence):
    phone.fail(answer, path="/webhooks")
    (level, text, _), *_ = of_events(audit, phone, "--url", URL)
    assert f"{level} {text}".startswith(sentence), text


# --- a number is pointed at a URL ---------------------------------------------------------------

MEMBERS = {"room_creation_api": "https://old.example/", "name_prefix": "one", "sip_uri": "u@s.example",
           "hold_music_url": "https://m.example/a.mp3", "timeout_config": {"message": "a", "n": 1.5},
           "new_member_of_daily": [1, {"a": None}], "ivr_greeting": None}


def change(audit, phone, *arguments, code=0, number=NUMBER):
    lines = texts(audit, "--number", number, "--url", URL, *arguments, code=code, **phone.values)
    assert len(lines) == 1
    return lines[0]


def test_what_would_change_is_said_and_nothing_done(audit, phone):
    phone.add(NUMBER, **MEMBERS)
    said = change(audit, phone, number="+1 (415) 225-1493")
    assert said == (f"note {NUMBER}: would call {URL} instead of https://old.example/; its secret and "
                    "all else stay. Do it with --yes")
    assert not phone.asked("PUT") and not phone.asked("POST")


@pytest.mark.parametrize("hidden", [(), ("hmac", "name_prefix")])
def test_a_number_keeps_its_secret_and_all_else(audit, phone, hidden):
    before = dict(phone.add(NUMBER, daily.SECRET, **MEMBERS))
    phone.add(OTHER, room_creation_api="https://other.example/")
    phone.list_hides = hidden
    assert change(audit, phone, "--yes") == (
        f"fine {NUMBER}: calls {URL}; its secret and all else are as before")
    wanted = {**before, "room_creation_api": URL}
    del wanted["ivr_greeting"]  # was null
    assert phone.config(NUMBER) == wanted
    (_, sent), = phone.asked("PUT")
    assert sent == wanted and sent["hmac"] == daily.SECRET
    assert phone.config(OTHER)["room_creation_api"] == "https://other.example/"


def test_without_its_secret_nothing_is_sent(audit, phone):
    phone.add(NUMBER, **MEMBERS)["hmac"] = ""
    said = change(audit, phone, "--yes", code=1)
    assert said.startswith(f"wrong {NUMBER}: nothing was changed: Daily does not show its secret"), said
    assert not phone.asked("PUT")


@pytest.mark.parametrize("forgets, sentence", [
    (("hmac",), "was changed, and Daily gave it a new secret although the old one was sent"),
    (("hold_music_url",), "was changed, but Daily has another hold_music_url than was sent")])
def test_what_daily_has_is_read_back(audit, phone, forgets, sentence):
    phone.add(NUMBER, **MEMBERS)
    phone.put_forgets = forgets
    assert change(audit, phone, "--yes", code=1) == f"wrong {NUMBER}: {sentence}"


@pytest.mark.parametrize("fault, sentence", [
    (fake_daily.answers(400, {"error": "invalid-request-error", "info": "sip_uri is not allowed"}),
     "was not changed: Daily refuses the request (400): sip_uri is not allowed"),
    (fake_daily.answers(400, {"info": f"hmac {daily.SECRET} is bad"}),
     "was not changed: Daily refuses the request (400): (not shown: it repeats a secret)"),
    (fake_daily.answers(302, b"", [("Location", "/")]), "was not changed: Daily answers 302"),
    (fake_daily.answers(504), "may have been changed or not: Daily answers 504"),
    (fake_daily.answers(200, b"<html>"), "may have been changed or not: Daily sends something else"),
    (fake_daily.closes, "may have been changed or not: Daily does not answer: ")])
def test_a_change_that_fails(audit, phone, fault, sentence):
    phone.add(NUMBER, daily.SECRET, **MEMBERS)
    phone.fail(fault, method="PUT")
    assert change(audit, phone, "--yes", code=1).startswith(f"wrong {NUMBER}: {sentence}")
    assert len(phone.asked("PUT")) == 1  # it is not repeated


def test_a_number_that_is_not_configured_yet(audit, phone):
    phone.add(OTHER)
    assert "is not configured for dial-in: would be, to call" in change(audit, phone)
    assert not phone.asked("POST")
    assert "is configured, and calls" in change(audit, phone, "--yes")
    (_, sent), = phone.asked("POST")
    assert sent == {"type": "pinless_dialin", "phone_number": NUMBER, "room_creation_api": URL}
    assert "its secret and all else stay" in change(audit, phone)


@pytest.mark.parametrize("fault, sentence", [
    (fake_daily.answers(400), "was not configured: Daily refuses the request (400)"),
    (fake_daily.answers(503), "may have been configured or not: Daily answers 503"),
    (fake_daily.closes, "may have been configured or not: Daily does not answer: ")])
def test_a_number_that_cannot_be_configured(audit, phone, fault, sentence):
    phone.add(OTHER)
    phone.fail(fault, method="POST")
    assert change(audit, phone, "--yes", code=1).startswith(f"wrong {NUMBER}: {sentence}")
    assert len(phone.asked("POST")) == 1


def test_a_member_that_would_come_back_as_another_number(audit, phone):
    phone.add(NUMBER, daily.SECRET, **MEMBERS, limits={"bytes": [2**53 + 1]})
    assert change(audit, phone, "--yes", code=1).startswith(
        f"wrong {NUMBER}: nothing was changed: its limits has a number too large to be sent back")
    assert not phone.asked("PUT")


def test_a_number_of_the_older_kind_is_not_changed(audit, phone):
    phone.older = [{"phone_number": NUMBER, "hmac": daily.SECRET, "room_creation_api": URL}]
    said = change(audit, phone, "--yes", code=1)
    assert "stands in the domain's own configuration, which this tool does not change" in said
    assert {method for method, _, _ in phone.requests} == {"GET"}


@pytest.mark.parametrize("arguments, sentence", [
    (["--number", NUMBER], "--number needs --url"),
    (["--yes"], "--yes needs --number and --url"),
    (["--number", "nobody", "--url", URL], "--number is not a telephone number"),
    (["--url", "http://calls.example/"], "--url must begin with https://"),
    (["--url", "https://calls.example/ x"], "--url must begin with https://")])
def test_wrong_usage(audit, arguments, sentence):
    assert sentence in audit("doctor", *arguments, code=2).err
