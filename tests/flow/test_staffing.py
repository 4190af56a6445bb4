"""`dialin-audit staffing`, the figures of `stats`, and what the command line says to mistakes."""

import pytest



def store(ledger, samples):
    """Samples as workers store them: {minutes ago: calls started by then}."""
    seconds, _ = ledger.client.time()
    for ago, started in samples.items():
        minute = seconds // 60 - ago
        ledger.client.hset(ledger.key(f"minute:{minute}"), mapping={
            "at_ms": minute * 60_000 + 5_000, "started": started, "dead:expired": 3})


def test_the_busiest_five_minutes_say_how_many_sessions_were_needed(ledger, audit):
    steady = {ago: 10 * (60 - ago) for ago in range(60, 30, -1)}  # 10 a minute
    burst = {ago: 300 + 54 * (30 - ago) for ago in range(30, 24, -1)}  # 54 a minute
    store(ledger, {**steady, **burst})
    found, = audit.json("staffing", "--aht", "60")
    assert found["calls"] == 270 and found["to_ms"] - found["from_ms"] == 300_000
    assert 54 <= found["sessions"] <= 64
    shown = audit("staffing", "--aht", "60").out
    assert "54.0 Erlang" in shown and f"needed: {found['sessions']} sessions" in shown
    assert audit.json("staffing", "--aht", "60", "--until", "32m")[0]["calls"] == 50


@pytest.mark.parametrize("samples, sentence", [({}, "too few samples"), ({ago: 7 for ago in range(9)}, "nobody rang")])
def test_without_calls_there_is_nothing_to_say(ledger, audit, samples, sentence):
    store(ledger, samples)
    assert sentence in audit("staffing", "--aht", "180", code=1).err


@pytest.mark.parametrize("arguments, sentence", [
    (["staffing"], "needs --aht"), (["staffing", "--aht", "0"], "must be a number of seconds"),
    (["lst"], "did you mean list?"), (["stat"], "did you mean stats?"), (["frobnicate"], "--help"),
    (["list", "--sin", "2h"], "did you mean --since?"), (["list", "--stat=dead"], "--state?"),
    (["list", "--reason", "expird"], "--reason is expired, unknown"),
    (["list", "--speed", "1"], "--speed is not a flag of this command")])
def test_a_mistake_is_named(audit, arguments, sentence):
    assert sentence in audit(*arguments, code=2).err


def test_help_in_every_spelling(audit):
    assert audit("-h").out == audit("--help").out == audit("help").out
    assert audit("help", "list").out == audit("list", "--help").out == audit("list", "-h").out
    assert audit("-V").out == audit("--version").out
    assert audit("list", "--from", "--since").out == ""  # a value may look like a flag


def test_the_figures_of_the_trade(ledger, audit):
    ledger.client.hset(ledger.key("counts"), mapping={
        "waited:2": 6, "waited:20": 2, "waited:45": 1, "waited_ms": 90_000, "dead:expired": 1,
        "dead:declined": 4})
    shown = audit("stats").out
    for line in ("offered      10", "answered     9", "lost         1", "within 20 s  80.0 %"):
        assert line in shown, shown
    assert "10.0 s" in shown  # the mean wait
    found, = audit.run("stats", "--json").objects()
    assert (found["offered"], found["answered_within_20s"], found["lost"]) == (10, 8, 1)


def test_many_equal_attempts_are_one_line(stack, ledger, audit):
    call_id = "c-1"
    entry = ledger.queue({"callId": call_id, "callDomain": "d", "From": "+1", "To": "+2"})
    fields = {"call_id": call_id, "entry": entry, "event": "attempt", "worker": "w", "at_ms": 1,
              "agent": "a", "reason": "", "request": "{}", "response": ""}
    events = {}
    for attempt in range(1, 501):
        status, error = (429, "") if attempt < 500 else (200, "")
        events["event:" + ledger.client.xadd(ledger.key("audit"), {
            **fields, "attempt": attempt, "http_status": status, "latency_ms": attempt,
            "error": error}).decode()] = ""
    ledger.client.hset(ledger.key("call:" + call_id), mapping={
        "entry": entry, "state": "waiting", "from": "+1", "to": "+2", **events})
    shown = audit("show", call_id).out
    assert "attempts 1 to 498 ended as the next one did" in shown
    assert "attempt 499" in shown and "attempt 500" in shown
    assert len(shown.splitlines()) < 40
    assert len(audit.json("show", call_id)[0]["events"]) == 500
