"""dialin-board: each address and each refusal, over HTTP as a browser and a stranger send it."""

import re
import shutil
from pathlib import Path

import pytest

import daily
import http_raw
import stack as stack_module
from event_stream import EventStream
from stack import wait_for

TOKEN = "a-token-of-the-test"
OURS = [("Sec-Fetch-Site", "same-origin")]
PAGE = ["/", "/board.css", "/board.js", "/dom.js", "/live.js", "/now.js", "/calls.js", "/search.js",
        "/system.js", "/icon.svg"]
READS = ["/api/now", "/api/stream", "/api/account", "/api/redis", "/api/operators"]
ASKS = ["/api/call", "/api/calls", "/api/refused", "/api/reveal", "/api/pause", "/api/resume",
        "/api/cancel", "/api/plan", "/api/replay", "/api/export"]
NUMBER = re.compile(rb"\d{7}")


@pytest.fixture
def board(stack):
    return stack.board()


@pytest.fixture
def guarded(stack):
    return stack.board(BOARD_TOKEN=TOKEN, TRUSTED_PROXIES="127.0.0.2")


def children_of(board):
    return Path(f"/proc/{board.pid}/task/{board.pid}/children").read_text().split()


def cookie_of(answer):
    return [("Cookie", answer.header("Set-Cookie").split(";")[0]), *OURS]


def log_in(board, token=TOKEN, headers=()):
    return board.post("/api/login", {"token": token}, [*OURS, *headers])


# --- the page -------------------------------------------------------------------------------------

def test_the_page_is_small_and_tagged(board):
    answers = {path: board.get(path) for path in PAGE}
    assert all(answer.status == 200 for answer in answers.values())
    assert sum(len(answer.body) for answer in answers.values()) < 60_000
    for path, answer in answers.items():
        tag = answer.header("ETag")
        again = board.get(path, [("If-None-Match", tag)])
        assert (again.status, again.body) == (304, b"")


def test_every_answer_has_the_policies(board):
    for path in ["/", "/board.js", "/api/me", "/nowhere", "/api/calls"]:
        answer = board.get(path)
        policy = answer.header("Content-Security-Policy")
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "trusted-types 'none'" in policy and "unsafe" not in policy
        assert answer.header("X-Content-Type-Options") == "nosniff"
        assert answer.header("Referrer-Policy") == "no-referrer"
        assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"
        assert answer.header("Cross-Origin-Opener-Policy") == "same-origin"
    for path in ["/api/me", "/api/now"]:
        assert board.get(path).header("Cache-Control") == "no-store"


def test_the_page_makes_no_markup_and_calls_nobody(board):
    """What the browser's policy enforces, seen before any browser is there."""
    for path in PAGE:
        text = board.get(path).body.decode()
        assert "innerHTML" not in text and "eval(" not in text and "document.write" not in text
        assert set(re.findall(r"https?://[^\s'\"]+", text)) <= {"http://www.w3.org/2000/svg"}
        assert " style=" not in text and "onclick=" not in text


# --- who may ask ----------------------------------------------------------------------------------

@pytest.mark.parametrize("path", [*PAGE, "/api/me", *READS, *ASKS])
def test_foreign_names_are_refused(board, path):
    method = "POST" if path in ASKS else "GET"
    body = b"{}" if path in ASKS else None
    answer = http_raw.ask(board.port, method, path,
                          [("Host", "evil.example"), ("Content-Type", "application/json")], body)
    assert (answer.status, answer.code) == (421, "wrong_host")


@pytest.mark.parametrize("path", ["/api/me", *READS, *ASKS, "/api/login", "/api/logout"])
def test_other_pages_are_refused(board, path):
    method = "GET" if path in READS or path == "/api/me" else "POST"
    body = b"{}" if method == "POST" else None
    for headers in ([("Sec-Fetch-Site", "cross-site")], [("Origin", "http://evil.example")]):
        answer = http_raw.ask(board.port, method, path,
                              [*headers, ("Content-Type", "application/json")], body)
        assert (answer.status, answer.code) == (403, "cross_site")


def test_a_form_of_another_page_is_refused(board):
    answer = http_raw.ask(board.port, "POST", "/api/calls",
                          [*OURS, ("Content-Type", "text/plain")], b"{}")
    assert (answer.status, answer.code) == (415, "not_json")


def test_a_careless_proxy_is_refused(board):
    for header in ("Forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Anything"):
        for path in ("/", "/api/now"):
            answer = board.get(path, [(header, "for=192.0.2.1")])
            assert (answer.status, answer.code) == (403, "proxied")
            assert "BOARD_TOKEN" in answer.json()["error"]


def test_a_user_header_needs_its_proxy(stack):
    board = stack.board(BOARD_USER_HEADER="X-Remote-User", TRUSTED_PROXIES="127.0.0.1")
    assert board.get("/").code == "no_user"
    answer = board.get("/api/me", [("X-Remote-User", "anna"), ("X-Forwarded-For", "192.0.2.1")])
    assert answer.json()["user"] == "anna" and answer.json()["is_logged_in"]
    other = stack.board(BOARD_USER_HEADER="X-Remote-User", TRUSTED_PROXIES="192.0.2.1")
    assert other.get("/", [("X-Remote-User", "anna")]).code == "not_a_proxy"


@pytest.mark.parametrize("values, names", [
    ({"LISTEN_ADDR": "0.0.0.0"}, "LISTEN_ADDR"),
    ({"BOARD_TOKEN": "short"}, "BOARD_TOKEN"),
    ({"BOARD_USER_HEADER": "X-User"}, "BOARD_USER_HEADER"),
    ({"BOARD_USER_HEADER": "X-User", "TRUSTED_PROXIES": "10.0.0.1", "BOARD_TOKEN": TOKEN},
     "BOARD_USER_HEADER"),
    ({"TRUSTED_PROXIES": "nonsense"}, "TRUSTED_PROXIES"),
    ({"PINLESS_HMAC_SECRET": "not base64!"}, "PINLESS_HMAC_SECRET"),
    ({"BOARD_ACTIONS": "true"}, "BOARD_ACTIONS"),
    ({"BOARD_ACTIONS": "true", "BOARD_TOKEN": TOKEN}, "BOARD_ACTIONS"),
    ({"BOARD_ACTIONS": "true", "BOARD_TOKEN": TOKEN, "BOARD_ACTIONS_REDIS_URL": "nonsense"},
     "BOARD_ACTIONS_REDIS_URL"),
    ({"BOARD_ACTIONS": "true", "BOARD_TOKEN": TOKEN, "BOARD_LOCAL_ONLY": "true"}, "BOARD_ACTIONS"),
    ({"BOARD_ACTIONS_REDIS_URL": "redis://x"}, "BOARD_ACTIONS_REDIS_URL"),
])
def test_an_open_board_does_not_start(stack, values, names):
    ended = stack.run("dialin-board", "--check-config", **values)
    assert ended.returncode == 1
    assert re.search(rf"^\s*{names}: ", ended.stderr, re.MULTILINE), ended.stderr


@pytest.mark.parametrize("values", [
    {"LISTEN_ADDR": "0.0.0.0", "BOARD_LOCAL_ONLY": "true"},
    {"LISTEN_ADDR": "0.0.0.0", "BOARD_TOKEN": TOKEN},
    {"LISTEN_ADDR": "::1"}])
def test_a_guarded_board_starts(stack, values):
    assert stack.run("dialin-board", "--check-config", **values).returncode == 0


# --- the token ------------------------------------------------------------------------------------

def test_without_the_token_nothing_is_seen(guarded):
    assert guarded.get("/").status == 200
    me = guarded.get("/api/me").json()
    assert (me["is_logged_in"], me["version"]) == (False, None)
    for path in READS:
        assert (guarded.get(path).status, guarded.get(path).code) == (401, "not_logged_in")
    for path in ASKS:
        assert guarded.post(path, {}).code == "not_logged_in"


def test_the_token_opens_a_session(guarded):
    answer = log_in(guarded)
    assert answer.status == 200
    cookie = answer.header("Set-Cookie")
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Max-Age=43200" in cookie
    assert "Path" not in cookie and "Secure" not in cookie
    assert TOKEN not in cookie
    headers = cookie_of(answer)
    assert guarded.get("/api/now", headers).status == 200
    assert guarded.post("/api/calls", {}, headers).status == 200
    broken = [(name, value.replace(value[-1], "x")) for name, value in headers[:1]]
    assert guarded.get("/api/now", broken).status == 401
    left = guarded.post("/api/logout", {}, headers)
    assert "Max-Age=0" in left.header("Set-Cookie")


def test_wrong_tokens_wait_and_cookies_go_on(guarded):
    headers = cookie_of(log_in(guarded))
    for _ in range(10):
        assert log_in(guarded, "a-wrong-token-16").code == "wrong_token"
    for token in (TOKEN, "a-wrong-token-16"):
        answer = log_in(guarded, token)
        assert (answer.status, answer.code) == (429, "too_many_tokens")
        assert 0 < int(answer.header("Retry-After")) <= 60
    assert guarded.get("/api/now", headers).status == 200
    assert b"a-wrong-token" not in guarded.log() and TOKEN.encode() not in guarded.log()


def test_a_token_does_not_travel_over_plain_http(guarded):
    """The proxy of the test connects from an address that is not trusted."""
    answer = log_in(guarded, headers=[("X-Forwarded-Proto", "https")])
    assert (answer.status, answer.code) == (403, "insecure")
    assert "TRUSTED_PROXIES" in answer.json()["error"]
    problem = guarded.get("/api/me", [("X-Forwarded-For", "192.0.2.1")]).json()["login_problem"]
    assert "plain http" in problem


def test_https_of_a_proxy_makes_the_cookie_secure(stack):
    board = stack.board(BOARD_TOKEN=TOKEN, TRUSTED_PROXIES="127.0.0.1", BOARD_HOSTS="board.example")
    proxied = [("Host", "board.example"), ("X-Forwarded-For", "192.0.2.7"),
               ("X-Forwarded-Proto", "https")]
    answer = log_in(board, headers=proxied)
    assert answer.status == 200 and "; Secure" in answer.header("Set-Cookie")
    plain = log_in(board, headers=[*proxied[:2], ("X-Forwarded-Proto", "http")])
    assert plain.code == "insecure" and "X-Forwarded-Proto" in plain.json()["error"]


# --- the record -----------------------------------------------------------------------------------

@pytest.fixture
def called(stack, start, ledger):
    """A call with a hostile name, and one with a SIP address."""
    stack.worker(START_URL=start.url)
    ids = ["6a4408fe-91ef-41b4-9786-c29dfe6cc74d", "5c0d45cf-100b-4f35-8a41-c36f0fae1e72"]
    ledger.queue(daily.webhook(ids[0], sipHeaders={"X-Name": "<img src=x onerror=alert(1)>"}))
    ledger.queue(daily.webhook(ids[1], From="sip:anna.berger@pbx.example", To="sip:bot@x.example"))
    ledger.wait_until_finished()
    return ids


def without_times(body):
    """What may hold digits: ids and times, which no caller has chosen."""
    text = re.sub(rb'"(\w+_ms|exp|timestamp)\\?":\s?\\?"?\d+', b"", body)
    text = re.sub(rb'"(id|entry)":"\d{13}-\d+"', b"", text)
    return re.sub(rb'"(sha256|signature|worker|session_id)":"[^"]*"', b"", text)


def test_calls_and_one_call(called, stack):
    board = stack.board(PINLESS_HMAC_SECRET=daily.SECRET)
    listed = board.post("/api/calls", {"state": "started", "limit": 10})
    assert [call["call_id"] for call in listed.json()["calls"]] == called[::-1]
    assert listed.json()["calls"][1]["from"] == "+1…3432"
    assert board.post("/api/calls", {"from": daily.FROM}).json()["calls"][0]["call_id"] == called[0]
    assert board.post("/api/calls", {"from": "+19990000000"}).json()["calls"] == []
    one = board.post("/api/call", {"id": called[0]}).json()
    assert one["webhook"]["signature_is"].startswith(("good", "none"))
    assert "<img src=x" in one["webhook"]["body"]  # text, and the page's to show as text
    assert [event["event"] for event in one["events"]] == ["attempt", "started"]


def test_no_number_leaves_the_board(called, board):
    shown = [board.post("/api/calls", {}), board.post("/api/refused", {}), board.get("/api/account"),
             board.get("/api/now"), *(board.post("/api/call", {"id": call}) for call in called)]
    for answer in shown:
        assert answer.status == 200
        for hidden in (daily.FROM, daily.TO, daily.FROM[2:], daily.TO[2:], "anna.berger"):
            assert hidden.encode() not in answer.body
        rest = without_times(answer.body)
        assert not NUMBER.search(re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"", rest)), rest


def test_a_call_id_that_is_a_number_is_hidden_and_found_by_its_entry(stack, start, ledger, board):
    stack.worker(START_URL=start.url)
    entry = ledger.queue(daily.webhook("+14158483432"))
    ledger.wait_until_finished()
    [call] = board.post("/api/calls", {}).json()["calls"]
    assert (call["call_id"], call["entry"]) == ("+1…3432", entry)
    one = board.post("/api/call", {"id": entry})
    assert one.status == 200 and one.json()["entry"] == entry
    assert b"8483432" not in re.sub(rb"session-[^\"\\]*", b"", one.body)  # the agent's own id
    assert board.post("/api/call", {"id": "1-1"}).code == "not_found"


def test_revealing_is_recorded_before_it_is_done(called, stack, ledger):
    board = stack.board(BOARD_USER_HEADER="X-User", TRUSTED_PROXIES="127.0.0.1", BOARD_ACTIONS="true",
                        BOARD_ACTIONS_REDIS_URL=stack.redis.url)
    anna = [("X-User", "anna"), ("X-Forwarded-For", "203.0.113.9"), *OURS]
    shown = board.post("/api/reveal", {"id": called[0]}, anna)
    assert shown.status == 200 and shown.json()["from"] == daily.FROM
    assert board.post("/api/call", {"id": called[0]}, anna).json()["from"] == "+1…3432"
    intent, outcome = wait_for(lambda: len(rows := ledger.client.xrange(ledger.key("operators"))) == 2
                               and rows)
    assert intent[1] == {b"action": b"reveal", b"operator": b"anna", b"peer": b"203.0.113.9",
                         b"call_id": called[0].encode()}
    assert outcome[1] == {b"intent": intent[0], b"outcome": b"shown"}
    assert board.post("/api/reveal", {"id": "nobody"}, anna).code == "not_found"
    listed = board.get("/api/operators", anna).json()["operators"]
    assert [row.get("outcome", row.get("action")) for row in listed] == [
        "not shown", "reveal", "shown", "reveal"]


def test_what_cannot_be_recorded_is_not_revealed(called, stack, ledger):
    ledger.client.set(ledger.key("operators"), "not a stream")
    board = stack.board(BOARD_TOKEN=TOKEN, BOARD_ACTIONS="true",
                        BOARD_ACTIONS_REDIS_URL=stack.redis.url)
    answer = board.post("/api/reveal", {"id": called[0]}, cookie_of(log_in(board)))
    assert (answer.status, answer.code) == (503, "not_recorded")
    assert b"8483432" not in answer.body


def test_a_board_without_actions_reveals_nothing(called, board, ledger):
    assert board.post("/api/reveal", {"id": called[0]}).code == "read_only"
    assert not ledger.client.exists(ledger.key("operators"))


def test_without_secrets_signatures_are_not_judged(called, board, ledger):
    webhook = daily.webhook("7a4408fe-91ef-41b4-9786-c29dfe6cc74d")
    body = daily.body(webhook)
    stamp = daily.in_ms()
    ledger.queue(webhook, timestamp=stamp, signature=daily.sign(daily.SECRET, stamp, body))
    ledger.wait_until_finished()
    one = board.post("/api/call", {"id": webhook["callId"]}).json()
    assert "PINLESS_HMAC_SECRET is not set" in one["webhook"]["signature_is"]


@pytest.mark.parametrize("question, status, code", [
    ({"limit": 0}, 400, "invalid_question"),
    ({"limit": 501}, 400, "invalid_question"),
    ({"limit": "5"}, 400, "invalid_question"),
    ({"since": 5}, 400, "invalid_question"),
    ({"since": "yesterdayish"}, 400, "invalid_question"),
    ({"state": "lost"}, 400, "invalid_question"),
    ({"from": "+14158*"}, 400, "invalid_question"),
    ({"to": "1 4 1 5 8*"}, 400, "invalid_question"),
    ({"output": "/tmp/x"}, 400, "invalid_question"),
    ({"command": "forget"}, 400, "invalid_question"),
    ({"": "x"}, 400, "invalid_question"),
    ({"from": "x" * 257}, 400, "invalid_question"),
    ({"from": "+1415*"}, 200, None),
    ({"from": "--yes"}, 200, None),
])
def test_questions_are_checked(board, question, status, code):
    answer = board.post("/api/calls", question)
    assert answer.status == status, answer
    assert status == 200 or answer.code == code


def test_what_is_not_a_question(board):
    for body in (b"[]", b"{", b'{"id":1}', b'{"id":"' + b"x" * 20000 + b'"}'):
        answer = http_raw.ask(board.port, "POST", "/api/call",
                              [*OURS, ("Content-Type", "application/json")], body)
        assert answer.status in (400, 413), answer
    unknown = board.post("/api/call", {"id": "nobody"})
    assert (unknown.status, unknown.code) == (404, "not_found")
    assert board.post("/api/call", {}).code == "invalid_question"
    assert http_raw.ask(board.port, "GET", "/api/call").status == 405


def test_hostile_ids_are_only_unknown(board):
    for call in ("--help", "-x", "../..", "*", "a b", "'; DROP", "\u202e", "{dialin}:audit"):
        assert board.post("/api/call", {"id": call}).status == 404


def test_too_many_questions_are_refused(board, redis):
    """Four run, eight wait; Redis answers none of them meanwhile."""
    connections = [http_raw.Connection(board.port) for _ in range(16)]
    redis.client.client_pause(1500)
    try:
        for connection in connections:
            connection.send(http_raw.request("POST", "/api/calls", [
                *OURS, ("Content-Type", "application/json")], b"{}"))
        answers = [connection.read_answer() for connection in connections]
    finally:
        redis.client.client_unpause()
    assert sorted(answer.status for answer in answers) == [200] * 12 + [503] * 4
    refused = next(answer for answer in answers if answer.status == 503)
    assert refused.code == "busy" and refused.header("Retry-After") == "1"
    for connection in connections:
        connection.socket.close()


def test_who_leaves_is_not_worked_for(board, redis):
    """Four runs wait for Redis; once their viewers are gone they end, and others are served."""
    connections = [http_raw.Connection(board.port) for _ in range(4)]
    redis.client.client_pause(6000)
    try:
        for connection in connections:
            connection.send(http_raw.request("POST", "/api/calls", [
                *OURS, ("Content-Type", "application/json")], b"{}"))
        wait_for(lambda: len(children_of(board)) == 4, what="four runs of dialin-audit")
        for connection in connections:
            connection.socket.close()
        wait_for(lambda: not children_of(board), 5, what="the runs to end")
    finally:
        redis.client.client_unpause()
    assert board.post("/api/calls", {}).status == 200


def test_nothing_secret_reaches_the_child_or_the_command_line(stack, tmp_path, monkeypatch):
    """dialin-audit is found beside the board: here it is one that reports what it was given."""
    spy = tmp_path / "bin" / "dialin-audit"
    spy.parent.mkdir()
    shutil.copy(stack_module.build_folder() / "dialin-board", spy.parent)
    spy.write_text("#!/bin/sh\nread -r query\nprintf '{\"args\":\"%s\",\"query\":%s,\"env\":\"%s\"}\\n'"
                   " \"$*\" \"$query\" \"$(env | cut -d= -f1 | sort | tr '\\n' ' ')\"\n")
    spy.chmod(0o755)
    monkeypatch.setattr(stack_module, "build_folder", lambda: spy.parent)
    board = stack.board(BOARD_TOKEN=TOKEN, START_API_KEY="secret-key")
    seen = board.post("/api/call", {"id": "c-1"}, cookie_of(log_in(board))).json()
    assert seen["args"] == "--query"
    assert seen["query"] == {"command": "show", "argument": "c-1"}
    names = set(seen["env"].split()) - {"PWD", "_", "SHLVL", "OLDPWD"}
    assert names == {"REDIS_URL", "REDIS_PREFIX"}


def board_rights():
    """What compose gives the board's user, for the test's prefix and password."""
    text = (stack_module.REPOSITORY / "common/ship/compose/users.acl.in").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("user board ")]
    return line.split(" ", 2)[2]


def test_the_rights_of_composes_user_suffice(stack, start):
    redis = stack.own_redis()
    stack.worker(START_URL=start.url)
    ingress = stack.ingress()
    call = daily.new_call_id()
    assert ingress.ring(daily.webhook(call)).status == 200
    rights = board_rights().replace("{dialin}", stack.prefix).replace("PASSWORD", ">secret")
    words, groups = re.sub(r"\([^)]*\)", "", rights).split(), re.findall(r"\([^)]*\)", rights)
    redis.client.execute_command("ACL", "SETUSER", "board", *words, *groups)
    board = stack.board(REDIS_URL=f"redis://board:secret@127.0.0.1:{redis.port}")
    wait_for(lambda: board.post("/api/call", {"id": call}).json().get("state") == "started")
    for answer in (board.post("/api/calls", {"from": daily.FROM}), board.post("/api/refused", {}),
                   board.get("/api/account"), board.get("/api/redis"), board.get("/api/now")):
        assert answer.status == 200, answer
    assert board.get("/api/redis").json()["aof_enabled"] == 1
    assert board.get("/api/now").json()["account"]["started"] == 1
    with EventStream(board.port) as stream:
        assert stream.read_until(lambda messages: stream.events() and stream.named("now"))
        assert "redis_problem" not in stream.named("now")[-1]
    refused = {entry["object"] for entry in redis.client.acl_log()}
    assert refused <= {"config|get"}  # the log-in asks for appendfsync, and goes on without it


def test_too_few_rights_are_named(stack):
    redis = stack.own_redis()
    redis.client.execute_command("ACL", "SETUSER", "poor", "on", ">secret", "~*", "+@all", "-eval_ro",
                                 "-xread", "-xrevrange")
    board = stack.board(is_ready=False, REDIS_URL=f"redis://poor:secret@127.0.0.1:{redis.port}")
    wait_for(lambda: "eval_ro" in board.get("/api/now").json()["sentence"], what="the missing right")
    wait_for(lambda: "eval_ro" in board.admin("/readyz").body.decode(), what="not to be ready")


# --- Redis ----------------------------------------------------------------------------------------

def test_redis_goes_away_and_comes_back(stack):
    redis = stack.own_redis()
    board = stack.board()
    redis.kill()
    wait_for(lambda: not board.is_ready(), what="the board to notice")
    assert board.get("/").status == 200
    assert board.get("/api/now").json()["redis_problem"]
    answer = board.post("/api/calls", {})
    assert (answer.status, answer.code) == (503, "record_unavailable")
    stack.restart_redis()
    board.wait_until_ready()
    assert board.post("/api/calls", {}).status == 200
    wait_for(lambda: not board.get("/api/now").json().get("redis_problem"), what="a fresh snapshot")
