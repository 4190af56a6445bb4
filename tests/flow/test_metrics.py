"""/metrics: what the README lists is there, nothing else, and it counts what it says."""

import pathlib
import re

import daily
import http_raw
from fake_start import answers, starts_a_bot
from stack import wait_for
from test_now import fill

TOP = pathlib.Path(__file__).parents[2]


def names_in_readme():
    text = (TOP / "README.md").read_text(encoding="utf-8")
    table = text[text.index("### Metrics"):].split("**Scaling.**")[0]
    rows = re.findall(r"^\| (`[a-z_`, ]+) \|", table, re.M)
    return {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}


def names_of(metrics):
    return {re.sub(r"_(bucket|sum|count)$", "", name.split("{")[0]) for name in metrics}


def ring(ingress, webhook):
    body = daily.body(webhook)
    assert http_raw.ask(ingress.port, "POST", "/api/dial", daily.headers(body), body).status == 200


def test_the_readme_lists_every_metric_and_no_other(stack, ledger, start, tmp_path):
    start.script(starts_a_bot())
    worker = stack.worker(START_URL=start.url)
    ingress = stack.ingress(SPOOL_DIR=str(tmp_path))
    ring(ingress, daily.webhook())
    ledger.wait_until_finished()
    wait_for(lambda: "dialin_line_calls" in names_of(worker.metrics()))
    found = names_of(worker.metrics()) | names_of(ingress.metrics()) | names_of(
        stack.board().metrics())
    assert found - names_in_readme() == set() and names_in_readme() - found == set()


def test_attempts_and_calls_are_counted_by_agent_and_result(stack, ledger, start):
    start.script(answers(429), answers(500), starts_a_bot())
    worker = stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "started")
    ledger.queue(webhook)
    wait_for(lambda: worker.total("dialin_calls_total", outcome="duplicate") == 1)
    for result in ("full", "failed", "started"):
        assert worker.total("dialin_attempts_total", result=result) == 1, result
    assert worker.total("dialin_calls_total", outcome="started") == 1
    assert worker.total("dialin_start_seconds_count") == 1
    assert worker.total("dialin_ring_to_start_seconds_count") == 1
    agents = {re.search(r'agent="([^"]*)"', name)[1] for name in worker.metrics()
              if "agent=" in name}
    assert agents == {start.url.split("//")[1]}


def test_the_wait_queue_is_read_every_second(stack, ledger, start):
    worker = stack.worker(START_URL=start.url)
    now_s, _ = ledger.client.time()
    ledger.client.hset(ledger.key("pace:sales"), "next_ms", now_s * 1000 + 10_000)  # else some are asked first
    fill(ledger, count=40, starts=12)
    wait_for(lambda: worker.total("dialin_line_calls", agent="sales") == 40)
    assert 50 < worker.total("dialin_line_oldest_seconds", agent="sales") < 70
    assert 0 < worker.total("dialin_line_lost_forecast", agent="sales") < 40
    wait_for(lambda: worker.total("dialin_workers") == 1)
    ledger.client.delete(ledger.key("line:sales"), ledger.key("holds"))
    wait_for(lambda: worker.total("dialin_line_calls", agent="sales") == 0)
    assert worker.total("dialin_line_oldest_seconds", agent="sales") == 0


def samples_of_line(program):
    return {name: value for name, value in program.metrics().items() if name.startswith("dialin_line_")}


def test_the_board_has_the_gauges_of_the_wait_queue_as_the_worker_has_them(stack, ledger, start):
    worker, board = stack.worker(START_URL=start.url), stack.board()
    now_s, _ = ledger.client.time()
    for agent in ("support", "sales"):  # nobody is admitted
        ledger.client.hset(ledger.key("paused"), agent, f"{now_s}000 anna")
    fill(ledger, agent="support", count=3)
    fill(ledger, count=40, starts=12)

    def are_alike():
        ours, theirs = samples_of_line(board), samples_of_line(worker)
        return len(ours) == 10 and set(ours) == set(theirs) and all(
            value == theirs[name] or "_seconds" in name and abs(value - theirs[name]) < 5
            for name, value in ours.items())
    wait_for(are_alike, 20)
    assert board.total("dialin_line_calls", agent="sales") == 40
    assert board.total("dialin_line_paused", agent="sales") == 1
    ledger.client.hdel(ledger.key("paused"), "sales")
    wait_for(lambda: 0 < board.total("dialin_line_lost_forecast", agent="sales") < 40)
    assert board.total("dialin_line_paused", agent="sales") == 0
    # Nobody looks at the page, and it reads every second, because its metrics are read.
    seen = {board.total("dialin_line_oldest_seconds", agent="support")}
    wait_for(lambda: seen.add(board.total("dialin_line_oldest_seconds", agent="support")) or len(seen) > 3, 20)
    assert max(seen) - min(seen) < 3 * 4
    ledger.client.delete(ledger.key("line:sales"), ledger.key("holds"))
    wait_for(lambda: board.total("dialin_line_calls", agent="sales") == 0)
    assert board.total("dialin_line_oldest_seconds", agent="sales") == 0


def test_the_board_says_how_its_redis_is(stack):
    redis = stack.own_redis()
    board = stack.board()
    assert board.total("dialin_redis_up") == 1 and board.total("dialin_redis_reconnects_total") == 0
    assert abs(board.total("dialin_clock_offset_seconds")) < 5
    redis.kill()
    wait_for(lambda: board.total("dialin_redis_up") == 0)
    stack.restart_redis()
    wait_for(lambda: board.total("dialin_redis_up") == 1, 20)
    assert board.total("dialin_redis_reconnects_total") == 1
    names = names_of(board.metrics())
    assert {"dialin_build_info", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
            "process_max_fds", "process_start_time_seconds", "dialin_redis_ping_seconds"} <= names


def test_signatures_are_counted_by_the_place_of_their_secret(stack, ledger):
    ingress = stack.ingress(PINLESS_HMAC_SECRET=f"{daily.OTHER_SECRET},{daily.SECRET}")
    ring(ingress, daily.webhook())
    assert ingress.total("dialin_signatures_total", secret="2") == 1
    assert ingress.total("dialin_signatures_total") == 1


def test_each_door_counts_the_signatures_of_its_own_secrets(stack, ledger):
    ingress = stack.ingress(DAILY_WEBHOOK_SECRET=f"{daily.SECRET},{daily.EVENTS_SECRET}",
                            SIP_TRUNK_SECRET=f"old={daily.SECRET},spare={daily.OTHER_SECRET},new={daily.TRUNK_SECRET}")
    event, call = daily.body(daily.event("dialin.ready", "a-room")), daily.body(daily.trunk_call())
    assert ingress.post(event, daily.event_headers(event), path="/api/daily-events").status == 200
    assert ingress.post(call, daily.trunk_headers(call), path="/api/sip-trunk").status == 200
    assert ingress.post(call, daily.trunk_headers(call, secret=daily.SECRET_OF_NOBODY), path="/api/sip-trunk").status == 401
    ring(ingress, daily.webhook())
    assert [ingress.total("dialin_signatures_total", of=of, secret=place) for of, place in
            (("dialin", "1"), ("trunk", "3"), ("events", "2"))] == [1, 1, 1]
    assert ingress.total("dialin_signatures_total") == 3
