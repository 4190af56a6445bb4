"""What operators do by dialin-audit: pause, resume, cancel (CONTRACT, sections 4 and 7)."""

import threading

import daily
from fake_start import answers, starts_a_bot
from stack import wait_for


def agent_of(start):
    return f"127.0.0.1:{start.port}/start"


def keys_of(start):
    return [request.key for request in list(start.requests)]


def operators(ledger):
    return [{name.decode(): value.decode() for name, value in fields.items()}
            for _, fields in ledger.client.xrange(ledger.key("operators"))]


def ring(ledger, call_id=None):
    call_id = call_id or daily.new_call_id()
    ledger.queue(daily.webhook(call_id))
    return call_id


def serve_one(stack, ledger, start, **values):
    """A worker that has started a call: its agent is known."""
    worker = stack.worker(START_URL=start.url, **values)
    ledger.wait_for_state(ring(ledger), "started")
    return worker


def end(worker):
    worker.terminate()
    assert worker.wait() == 0


def adds_up(audit, unfinished=0):
    shown, = audit.json("stats")
    account = shown["account"]
    assert account["adds_up"] and account["unfinished"] == unfinished, shown


def test_nothing_is_done_without_yes(stack, ledger, start, audit):
    serve_one(stack, ledger, start)
    assert "would be paused" in audit("pause", agent_of(start)).out
    assert "is not known" in audit("pause", "no-such-agent").err
    assert "is not paused" in audit("resume", agent_of(start), code=1).err
    assert "is not known under" in audit("cancel", "no-such-call", code=1).err
    assert operators(ledger) == [] and not ledger.client.exists(ledger.key("paused"))


def test_a_paused_agent_is_asked_by_no_worker_until_it_is_resumed(stack, ledger, start, audit):
    serve_one(stack, ledger, start)
    other = stack.worker(START_URL=start.url, WORKER_NAME="w2")
    agent = agent_of(start)
    audit("pause", agent, "--yes", "--operator", "anna")
    asked = len(start.requests)
    calls = [ring(ledger) for _ in range(20)]
    for call_id in calls:
        ledger.wait_for_state(call_id, "waiting")
    other.kill()
    stack.worker(START_URL=start.url, WORKER_NAME="w3")  # a worker that comes later knows it as well
    late = ring(ledger)
    ledger.wait_for_state(late, "waiting", timeout_s=20)

    shown = audit("now", "--json").object()
    row, = [row for row in shown["agents"] if row["agent"] == agent]
    assert row["state"] == "paused" and row["waiting"] == 21
    assert row["paused_by"] == "anna" and row["paused_ms"] > 0
    assert "paused" in shown["sentence"]
    assert "paused since" in audit("pause", agent, "--yes").err  # a second time changes nothing
    assert len(start.requests) == asked
    adds_up(audit, unfinished=21)

    audit("resume", agent, "--yes", "--operator", "ben")
    for call_id in [*calls, late]:
        ledger.wait_for_state(call_id, "started", timeout_s=30)
    assert sorted(keys_of(start)[asked:]) == sorted([*calls, late])
    assert [(row.get("action"), row.get("operator")) for row in operators(ledger)
            if "action" in row][0::2] == [("pause", "anna"), ("resume", "ben")]
    adds_up(audit)


def test_a_pause_is_no_sign_that_the_agent_has_more_room(stack, ledger, start, audit):
    """A full agent of a known turnover: those who wait are not all let ask together when it goes on."""
    serve_one(stack, ledger, start)
    agent = agent_of(start)
    start.script(answers(429))
    audit("pause", agent, "--yes")
    for _ in range(40):
        ring(ledger)
    wait_for(lambda: ledger.client.zcard(ledger.key("line:" + agent)) == 40)
    pace, now_ms = ledger.key("pace:" + agent), daily.in_ms(0)
    ledger.client.hset(pace, mapping={"slowed_ms": now_ms, "refused_ms": int(now_ms) - 60_000, "turnover": "10"})
    audit("resume", agent, "--yes")
    tokens = float(wait_for(lambda: ledger.client.hget(pace, "tokens")))
    assert tokens < 10, "calls that may be asked at once, beside those that were"


def test_the_metric_says_that_it_is_paused(stack, ledger, start, audit):
    worker = serve_one(stack, ledger, start)
    name = f'dialin_line_paused{{agent="{agent_of(start)}"}}'
    audit("pause", agent_of(start), "--yes")
    wait_for(lambda: worker.metrics().get(name) == 1, 20)
    audit("resume", agent_of(start), "--yes")
    wait_for(lambda: worker.metrics().get(name) == 0, 20)


def test_a_request_that_is_out_finishes(stack, ledger, start, audit):
    serve_one(stack, ledger, start)
    may_answer = threading.Event()

    def step(exchange):
        may_answer.wait(60)
        starts_a_bot()(exchange)
    start.script(step)
    call_id = ring(ledger)
    wait_for(lambda: call_id in keys_of(start))
    audit("pause", agent_of(start), "--yes")
    refused = audit("cancel", call_id, "--yes", code=1)
    assert "its request is out" in refused.err
    may_answer.set()
    ledger.wait_for_state(call_id, "started")
    adds_up(audit)


def test_a_call_that_waits_is_over_with_its_hold_though_its_agent_is_paused(stack, ledger, start, audit):
    serve_one(stack, ledger, start, HOLD_LIMIT_S=3)
    audit("pause", agent_of(start), "--yes")
    call_id = ring(ledger)
    assert ledger.wait_for_state(call_id, "dead", timeout_s=30)["reason"] == "expired"
    assert call_id not in keys_of(start)
    adds_up(audit)


def test_a_call_of_a_full_agent_is_cancelled(stack, ledger, start, audit):
    start.script(answers(429, b"{}"))
    stack.worker(START_URL=start.url)
    calls = [ring(ledger) for _ in range(3)]
    for call_id in calls:
        ledger.wait_for_state(call_id, "waiting")
    wait_for(lambda: audit.run("cancel", calls[0], "--yes", "--operator", "anna").code == 0)
    call = ledger.call(calls[0])
    assert (call["state"], call["reason"], call["error"]) == ("dead", "cancelled", "cancelled by anna")
    assert [row["reason"] for row in audit.json("dead", "list")] == ["cancelled"]
    assert not ledger.client.zscore(ledger.key("line:" + agent_of(start)), calls[0])
    asked = keys_of(start).count(calls[0])
    start.script(starts_a_bot())
    for call_id in calls[1:]:
        ledger.wait_for_state(call_id, "started", timeout_s=30)
    assert keys_of(start).count(calls[0]) == asked
    assert "dead already" in audit("cancel", calls[0], "--yes", code=1).err
    adds_up(audit)
    outcomes = [row["outcome"] for row in operators(ledger) if "outcome" in row]
    assert outcomes[-2:] == ["cancelled", "refused"]


def test_a_call_that_a_worker_has_in_memory_gets_no_bot_once_it_is_cancelled(stack, ledger, start, audit):
    """A 503 is asked again by the worker that has the call, by itself."""
    start.script(answers(503, b"{}", [("Retry-After", "5")]))
    worker = stack.worker(START_URL=start.url)
    call_id = ring(ledger)
    ledger.wait_for_state(call_id, "waiting")
    wait_for(lambda: audit.run("cancel", call_id, "--yes").code == 0)
    asked = keys_of(start).count(call_id)
    start.script(starts_a_bot())
    wait_for(lambda: worker.metrics()["dialin_calls_in_work"] == 0, 20)
    ledger.wait_for_state(ring(ledger), "started", timeout_s=30)
    assert keys_of(start).count(call_id) == asked and ledger.call(call_id)["state"] == "dead"
    adds_up(audit)


def test_a_call_that_nobody_has_read_yet_is_cancelled(stack, ledger, start, audit):
    end(serve_one(stack, ledger, start))
    first, second = ring(ledger), ring(ledger)
    assert audit.json("cancel", second, "--yes")[0]["state"] == "queued"
    call = ledger.call(second)
    assert (call["state"], call["reason"]) == ("dead", "cancelled")
    adds_up(audit, unfinished=1)
    assert audit.json("show", second)[0]["state"] == "dead"
    worker = stack.worker(START_URL=start.url)
    ledger.wait_for_state(first, "started")
    wait_for(lambda: audit.json("stats")[0]["account"]["unfinished"] == 0)
    adds_up(audit)
    worker.read_account(ledger.client)
    assert worker.metrics()["dialin_account_difference"] == 0
    assert second not in keys_of(start) and ledger.client.hget(ledger.key("counts"), "ended_unread") == b"0"


def test_a_cancelled_call_whose_entry_nobody_will_read(stack, ledger, start, audit):
    """Deleted by hand, or read by a worker of an older version, which takes nothing from `ended_unread`."""
    end(serve_one(stack, ledger, start))
    second = ring(ledger)
    audit("cancel", second, "--yes")
    stream = ledger.key("webhooks")
    entry, _ = ledger.entry_of(second)
    ledger.client.xreadgroup("workers", "older", {stream: ">"})
    ledger.client.xack(stream, "workers", entry)
    adds_up(audit)
    worker = stack.worker(START_URL=start.url)
    wait_for(lambda: ledger.client.hget(ledger.key("counts"), "ended_unread") == b"0")
    ledger.queue(daily.webhook())
    ledger.wait_until_finished()
    adds_up(audit)
    worker.read_account(ledger.client)
    assert worker.metrics()["dialin_account_difference"] == 0


def test_a_second_webhook_of_a_cancelled_call_is_a_duplicate(stack, ledger, start, audit):
    end(serve_one(stack, ledger, start))
    call_id = ring(ledger)
    audit("cancel", call_id, "--yes")
    ring(ledger, call_id)
    stack.worker(START_URL=start.url)
    wait_for(lambda: ledger.client.hget(ledger.key("counts"), "duplicate") == b"1")
    wait_for(lambda: audit.json("stats")[0]["account"]["unfinished"] == 0)
    adds_up(audit)
    assert call_id not in keys_of(start)


def test_what_cannot_be_recorded_is_not_done(stack, ledger, start, audit):
    serve_one(stack, ledger, start)
    ledger.client.set(ledger.key("operators"), "not a stream")
    assert "could not be recorded" in audit("pause", agent_of(start), "--yes", code=1).err
    assert not ledger.client.exists(ledger.key("paused"))


def test_a_paused_agent_s_calls_move_on_along_their_route(stack, ledger, start, audit, tmp_path):
    routes = tmp_path / "routes.json"
    routes.write_text("""{"agents": {"sales": {"start_url": "%s"}, "other": {"start_url": "%s"}},
        "routes": [{"name": "all", "to": ["*"], "agent": "sales",
                    "overflow": [{"after_s": 1, "agent": "other"}]}]}""" %
                      (start.url, start.url.replace("/start", "/other/start")))
    stack.worker(ROUTES_FILE=str(routes), START_URL=start.url)
    audit("pause", "sales", "--yes")
    call = ledger.wait_for_state(ring(ledger), "started", timeout_s=30)
    assert call["agent"] == "other"
    assert [request.path for request in start.requests] == ["/other/start"]


def test_a_call_whose_bot_is_known_to_be_there_is_not_cancelled(stack, ledger, start, audit):
    """Its 2xx came after another worker had taken the call over and put it into the line."""
    start.script(answers(429, b"{}"))
    stack.worker(START_URL=start.url)
    call_id = ring(ledger)
    ledger.wait_for_state(call_id, "waiting")
    ledger.client.hset(ledger.key("call:" + call_id), mapping={
        "late_ms": "1", "session_id": "s-1", "room_url": "https://rooms.example/late"})
    assert "started already" in audit.run("cancel", call_id, "--yes").err
    assert ledger.wait_for_state(call_id, "started")["session_id"] == "s-1"
    assert "started already" in audit.run("cancel", call_id, "--yes").err
