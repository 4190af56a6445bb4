"""The snapshot that board, `now` and metrics read, with many calls waiting; the board beside it."""

import random
import time

from lab import ROOT, resident_mb
from stack import build_folder, wait_for
from table import Row, at_most

WAITING = 100000
HOLD_MS = 110000
AT_ONCE = 5000
SNAPSHOTS = 500
LONG_US = 1000
NAMED, WALK, MINUTES_BACK = 20, 64, 5  # as snapshot_query_all of worker/history/snapshot.c
AGENT = "bench"

ROWS = [
    Row("snapshot_redis", "snapshot, 100,000 calls waiting: in Redis, mean", "µs", (at_most(250),)),
    Row("snapshot_long", "of 500 those that took Redis over 1 ms", "", (at_most(0),)),
    Row("snapshot_whole", "asked and read, median", "ms", (at_most(2),)),
    Row("board_resident", "board, resident", "MB", (at_most(24),)),
    Row("board_page", "board's page, all files", "kB", (at_most(60),)),
]


def put_in_line(stack):
    """As begin.lua and admit.lua leave them: the line, the ends of the holds, the calls."""
    client, prefix, now_ms = stack.redis.client, stack.prefix, int(time.time() * 1000)
    client.sadd(f"{prefix}:lines", AGENT)
    client.zadd(f"{prefix}:agents", {AGENT: now_ms})
    for begin in range(0, WAITING, AT_ONCE):
        pipeline = client.pipeline(transaction=False)
        rang = {f"{random.getrandbits(128):032x}": now_ms - WAITING // 10 + number // 10
                for number in range(begin, begin + AT_ONCE)}
        pipeline.zadd(f"{prefix}:line:{AGENT}", rang)
        pipeline.zadd(f"{prefix}:holds", {call: at_ms + HOLD_MS for call, at_ms in rang.items()})
        for call, at_ms in rang.items():
            pipeline.hset(f"{prefix}:call:{call}", mapping={
                "state": "waiting", "from": "+14158483432", "to": "+14152251493", "kind": "dialin",
                "received_ms": at_ms, "attempts": 2, "http_status": 429, "error": ""})
        pipeline.execute()


def take_snapshots(stack):
    client = stack.redis.client
    text = (build_folder() / "scripts" / "snapshot.lua").read_bytes()
    words = ("EVALSHA_RO", client.script_load(text), 1, stack.stream, WALK, NAMED, 0, 1, MINUTES_BACK)
    reply = client.execute_command(*words)
    assert reply[1][3] == WAITING and len(reply[4]) == NAMED, reply
    client.config_set("slowlog-log-slower-than", LONG_US)
    client.slowlog_reset()
    client.config_resetstat()
    whole_us = []
    for _ in range(SNAPSHOTS):
        begun = time.perf_counter_ns()
        client.execute_command(*words)
        whole_us.append((time.perf_counter_ns() - begun) / 1000)
    stats = client.info("commandstats")["cmdstat_evalsha_ro"]
    too_long = client.slowlog_len()
    client.config_set("slowlog-log-slower-than", -1)
    return {"snapshot_redis": stats["usec_per_call"], "snapshot_long": too_long,
            "snapshot_whole": sorted(whole_us)[SNAPSHOTS // 2] / 1000}


def page_kb():
    return sum(path.stat().st_size for path in (ROOT / "worker/board/page").iterdir()) / 1000


def take(lab):
    with lab.stack() as stack:
        put_in_line(stack)
        found = take_snapshots(stack)
        board = stack.board()
        wait_for(lambda: b'"waiting":100000' in board.get("/api/now").body, what="its snapshot")
        return {**found, "board_resident": resident_mb(board), "board_page": page_kb()}
