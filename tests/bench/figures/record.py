"""A record of a million calls over a week: how long the questions take that people ask of it. Not in the
figures of every run: ONLY=record."""

import statistics
import subprocess
import time

import many_calls
from figures.board import Snapshots
from stack import build_folder, clean_environment
from table import Row, at_most

CALLS = 1_000_000
STEP_MS = 600  # a call each 600 ms: a week
DEAD_OF = 20  # one of so many is lost
LIMIT_S = 10  # of a question on the board
MB = 1 << 20

ROWS = [
    Row("record_memory", "a record of 1,000,000 calls, in Redis", "MB"),
    Row("record_now", "dialin-audit now", "s", (at_most(1),)),
    Row("record_list", "list (the newest 20)", "s", (at_most(1),)),
    Row("record_number", "list --from a number that called once", "s", (at_most(LIMIT_S),)),
    Row("record_nobody", "list --from a number that never called", "s", (at_most(LIMIT_S),)),
    Row("record_prefix", "list --from a prefix of ten who called", "s", (at_most(LIMIT_S),)),
    Row("record_no_prefix", "list --from a prefix of nobody", "s", (at_most(LIMIT_S),)),
    Row("record_word", "list --from anonymous, nobody", "s", (at_most(LIMIT_S),)),
    Row("record_dead", "list --state dead --limit 200", "s", (at_most(LIMIT_S),)),
    Row("record_show", "show of one call", "s", (at_most(1),)),
    Row("record_day", "stats --since 24h", "s", (at_most(LIMIT_S),)),
    Row("record_stats", "stats of all", "s"),
    Row("record_stats_cpu", "its processor time, without that of Redis", "s"),
    Row("record_stats_redis", "processor time of Redis for it", "s"),
    Row("record_stats_mb", "its memory, resident at most", "MB", (at_most(32),)),
    Row("record_snapshot", "the board's snapshot, asked and read, median", "ms", (at_most(2),)),
    Row("record_calls", "the board's screen of calls", "s", (at_most(LIMIT_S),)),
    Row("record_search", "the board's search for a prefix of nobody", "s", (at_most(LIMIT_S),)),
    Row("record_system", "the board's account", "s", (at_most(LIMIT_S),)),
]


def fill(stack):
    client = stack.redis.client
    client.config_set("appendonly", "no")  # it would take minutes
    many_calls.fill(client, stack.prefix, CALLS, int(time.time() * 1000) - CALLS * STEP_MS, STEP_MS, DEAD_OF)
    return client.info("memory")["used_memory"] / MB


def redis_cpu_s(stack):
    info = stack.redis.client.info("cpu")
    return info["used_cpu_user"] + info["used_cpu_sys"]


def ask(stack, *words):
    """How long it took, its processor time, that of Redis meanwhile, and how much it had resident at most."""
    environment = clean_environment({"REDIS_URL": stack.redis.url, "REDIS_PREFIX": stack.prefix, "TERM": "dumb"})
    begun, of_redis_s = time.monotonic(), redis_cpu_s(stack)
    done = subprocess.run(["/usr/bin/time", "-f", "%U %S %M", build_folder() / "dialin-audit", *words], env=environment,
                          capture_output=True, text=True, check=False)
    took_s = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    user_s, system_s, resident_kb = map(float, done.stderr.split()[-3:])
    return took_s, user_s + system_s, redis_cpu_s(stack) - of_redis_s, resident_kb / 1024


def ask_board(board, path, question=None):
    begun = time.monotonic()
    answer = board.post(path, question) if question is not None else board.get(path)
    took_s = time.monotonic() - begun
    return took_s if answer.status == 200 else f"HTTP {answer.status} after {took_s:.1f} s"


def take(lab):
    with lab.stack() as stack:
        found = {"record_memory": fill(stack)}
        middle = CALLS // 2 + 1
        for key, words in {
                "record_now": ["now"], "record_list": ["list"],
                "record_number": ["list", "--from", many_calls.NUMBER.format(middle)],
                "record_nobody": ["list", "--from", "+4930123456"],
                "record_prefix": ["list", "--from", many_calls.NUMBER.format(middle)[:-1] + "*"],
                "record_no_prefix": ["list", "--from", "+4930*"], "record_word": ["list", "--from", "anonymous"],
                "record_dead": ["list", "--state", "dead", "--limit", "200"],
                "record_show": ["show", many_calls.CALL_ID.format(middle)],
                "record_day": ["stats", "--since", "24h"], "record_stats": ["stats"]}.items():
            found[key], cpu_s, of_redis_s, resident_mb = ask(stack, *words)
            if key == "record_stats":
                found.update(record_stats_cpu=cpu_s, record_stats_redis=of_redis_s, record_stats_mb=resident_mb)
        snapshots = Snapshots(stack)
        found["record_snapshot"] = statistics.median(snapshots.take() for _ in range(100)) / 1000
        board = stack.board()
        found["record_calls"] = ask_board(board, "/api/calls", {"state": "dead"})
        found["record_search"] = ask_board(board, "/api/calls", {"from": "+493*"})
        found["record_system"] = ask_board(board, "/api/account")
        return found
