"""The snapshot that board, `now` and metrics read: what the script finds in a real queue."""

import pytest

import daily
from fake_start import answers, starts_a_bot
from stack import build_folder, wait_for


@pytest.fixture
def snapshot(stack, ledger):
    """Reads it as the board does: by EVAL_RO, which refuses every script that may write."""
    text = (build_folder() / "scripts" / "snapshot.lua").read_bytes()

    def read(walk=64, waiting=20, events=0, programs=1, minutes_back=5):
        return ledger.client.execute_command("EVAL_RO", text, 1, ledger.key("webhooks"), walk,
                                             waiting, events, programs, minutes_back)
    return read


def put_in_queue(ledger, agent, call_id, rang_ms, hold_ms=110_000):
    ledger.client.zadd(ledger.key("line:" + agent), {call_id: rang_ms})
    ledger.client.zadd(ledger.key("holds"), {call_id: rang_ms % 4e15 + hold_ms})
    ledger.client.sadd(ledger.key("lines"), agent)
    ledger.client.hset(ledger.key("call:" + call_id), mapping={"from": "+14158483432",
                                                               "received_ms": int(rang_ms % 4e15)})


def test_an_empty_redis_has_a_snapshot(snapshot):
    now, queue, counts, agents, waiting, programs, events, sample = snapshot(events=25)
    assert now > 0 and queue == [0, 0, 0, 0, 0, 0, 0]
    assert [counts, agents, waiting, programs, events, sample] == [[]] * 6


def test_the_first_to_have_rung_are_named_over_all_agents(stack, ledger, snapshot):
    for number in range(30):
        put_in_queue(ledger, f"agent-{number % 3}", f"c-{number:02}", 1_000_000 + number)
    put_in_queue(ledger, "agent-0", "dialout", 4e15 + 999_000)
    agents, waiting = snapshot()[3:5]
    assert [call[2].decode() for call in waiting] == [f"c-{number:02}" for number in range(20)]
    assert [call[1] for call in waiting[:4]] == [1, 1, 1, 2]  # the place in its own queue
    by_name = {agent[0].decode(): agent for agent in agents}
    assert by_name["agent-0"][1] == 11 and len(by_name["agent-0"][8]) == 11
    assert by_name["agent-0"][6] == b"1110027" and by_name["agent-0"][9] == 10  # the last dial-in's hold; dial-ins
    assert by_name["agent-1"][7] == 1_000_001  # when its first one rang
    assert len(snapshot(walk=4)[3][0][8]) == 4


def test_who_is_called_back_does_not_hold(stack, ledger, snapshot):
    put_in_queue(ledger, "a", "c-1~cb", 4e15 + 1_000_000)
    agent, = snapshot()[3]
    assert (agent[1], agent[6], agent[7], agent[9]) == (1, b"0", 0, 0)


def test_starts_are_counted_in_slots_of_the_last_30_s(stack, ledger, snapshot):
    now = snapshot()[0]
    slot = now // 5000
    ledger.client.hset(ledger.key("starts:a"), mapping={
        slot - 7: 100, slot - 3: 2, slot: 1, slot + 4: 100})
    ledger.client.zadd(ledger.key("agents"), {"a": now, "of yesterday": now - 25 * 3600 * 1000})
    rows = snapshot()[3]
    assert [row[0] for row in rows] == [b"a"]
    assert rows[0][3] == 3 and 25_000 < rows[0][4] <= 30_000


def test_a_worker_counts_starts_and_how_long_callers_waited(stack, ledger, start, snapshot):
    start.script(answers(429), answers(429), starts_a_bot())
    stack.worker(START_URL=start.url)
    for number in range(8):
        ledger.queue(daily.webhook(f"c-{number}"))
    wait_for(lambda: ledger.counts().get("started") == 8)
    _, queue, counts, agents, waiting, *_ = snapshot()
    counts = dict(zip(counts[::2], map(int, counts[1::2])))
    buckets = {name: count for name, count in counts.items() if name.startswith(b"waited:")}
    assert sum(buckets.values()) == 8
    assert counts[b"waited_ms"] >= 250  # those who were refused waited for the pace
    assert [agent[3] for agent in agents] == [8] and waiting == []
    assert queue[0] == 8 and queue[1] == 0 and queue[4] == 1  # entries, unread, live workers


def test_unread_entries_and_their_age_are_known_before_any_worker_came(stack, ledger, snapshot):
    entry = ledger.queue(daily.webhook())
    queue = snapshot()[1]
    assert queue == [1, 1, 0, 0, 0] + [int(entry.split("-")[0])] * 2


def test_events_come_without_what_was_sent(stack, ledger, snapshot):
    for number in range(30):
        ledger.client.xadd(ledger.key("audit"), {"call_id": f"c-{number}", "request": "secret",
                                                 "event": "attempt", "response": "secret"})
    events = snapshot(events=25)[6]
    assert len(events) == 25 and events[0][1] == [b"call_id", b"c-29", b"event", b"attempt"]


def test_programs_are_listed_while_their_status_lives(stack, ledger, snapshot):
    for name, at_ms in (("worker:old", 1), ("worker:w1", 2), ("ingress:i1", 3)):
        ledger.client.zadd(ledger.key("programs"), {name: at_ms})
    ledger.client.set(ledger.key("status:worker:w1"), "{}", ex=15)
    ledger.client.set(ledger.key("status:ingress:i1"), "{}", ex=15)
    assert snapshot()[5] == [[b"ingress:i1", b"{}"], [b"worker:w1", b"{}"]]
    assert snapshot(programs=0)[5] == []
