"""The snapshot that board, `now` and metrics read, with many calls waiting; the board beside it, with all the viewers
it takes; and how soon a page in Debian's Chromium shows something."""

import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import daily

from lab import QUIET, ROOT, resident_mb
from stack import build_folder, wait_for
from table import Row, at_most, ratio_at_least, ratio_at_most

WAITING = 100000
HOLD_MS = 110000
AT_ONCE = 5000
SNAPSHOTS = 500
LONG_US = 1000
NAMED, WALK, MINUTES_BACK = 20, 64, 5  # as snapshot_query_all of worker/history/snapshot.c
SLOW_EVERY, NEW_A_SECOND = 5, 2  # SNAPSHOT_SLOW_MS; of the calls that are named
DEEP, PAGE = 1000, 100  # FORECAST_DEEP_WALK_MAX, SNAPSHOT_DEPTH_PAGE
AGENT = "bench"

VIEWERS = 32
LEAST_BYTES = 1000  # of a stream: its head and a snapshot are more
CALLS, ROUNDS = 20000, 3  # rounds: with viewers and without in turn
RATE, COUNT = 500, 2000
OPENINGS, RINGS = 9, 60

ROWS = [
    Row("snapshot_redis", "snapshot, 100,000 calls waiting: in Redis, mean", "µs", (at_most(250),)),
    Row("snapshot_long", "of 500 those that took Redis over 1 ms", "", (at_most(0),)),
    Row("snapshot_whole", "asked and read, median", "ms", (at_most(2),)),
    Row("page_redis", "a page of the deep walk, ten in 10 s: in Redis, mean", "µs"),
    Row("page_long", "of 500 those over 1 ms", "", (at_most(0),)),
    Row("calls_alone", "calls through one worker, no board", "/s"),
    Row("calls_watched", "beside a board with 32 viewers", "/s", (ratio_at_least(0.95),), of="calls_alone"),
    Row("through_alone", "webhook to start request, 500 calls a second, no board: p50", "ms"),
    Row("through_watched", "beside a board with 32 viewers", "ms", (ratio_at_most(1.1),), of="through_alone"),
    Row("board_cpu", "the board's processor meanwhile, of one core", "%"),
    Row("board_resident", "board, resident, with 32 viewers", "MB", (at_most(24),)),
    Row("first_sentence", "opening of the page to its first sentence, median", "ms", (at_most(300),)),
    Row("event_shown", "an event's record to its row on the page, median", "ms", (at_most(100),)),
    Row("event_shown_p95", "p95", "ms", (at_most(100),)),
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


def script_of(client, name):
    return client.script_load((build_folder() / "scripts" / f"{name}.lua").read_bytes())


class Snapshots:
    """Asks as the board does: for the fields of the calls that are new, and each five seconds for all that changes
    slowly."""

    def __init__(self, stack):
        self.head = ("EVALSHA_RO", script_of(stack.redis.client, "snapshot"), 1, stack.stream, WALK, NAMED, 0)
        self.client, self.count, self.known = stack.redis.client, 0, []

    def take(self):
        is_slow = self.count % SLOW_EVERY == 0
        self.count += 1
        slow = (1, MINUTES_BACK) if is_slow else (0, 0, *self.known)
        begun = time.perf_counter_ns()
        reply = self.client.execute_command(*self.head, *slow)
        took_us = (time.perf_counter_ns() - begun) / 1000
        self.known = [row[2] for row in reply[4]][:NAMED - NEW_A_SECOND]
        return took_us


def measured(client, count, ask):
    """What Redis says of `count` commands: the mean in microseconds, and how many took over a millisecond."""
    client.config_set("slowlog-log-slower-than", LONG_US)
    client.slowlog_reset()
    client.config_resetstat()
    took_us = [ask(number) for number in range(count)]
    stats = client.info("commandstats")["cmdstat_evalsha_ro"]
    too_long = client.slowlog_len()
    client.config_set("slowlog-log-slower-than", -1)
    return stats["usec_per_call"], too_long, sorted(took_us)[count // 2] / 1000


def take_snapshots(stack):
    client, snapshots = stack.redis.client, Snapshots(stack)
    snapshots.take()
    assert len(snapshots.known) == NAMED - NEW_A_SECOND
    mean_us, too_long, whole_ms = measured(client, SNAPSHOTS, lambda number: snapshots.take())
    depth = ("EVALSHA_RO", script_of(client, "depth"), 1, stack.stream, AGENT)

    def page(number):
        first = number % (DEEP // PAGE) * PAGE
        assert len(client.execute_command(*depth, first, first + PAGE - 1)[0]) == PAGE
        return 0
    page_us, long_pages, _ = measured(client, SNAPSHOTS, page)
    return {"snapshot_redis": mean_us, "snapshot_long": too_long, "snapshot_whole": whole_ms, "page_redis": page_us,
            "page_long": long_pages}


def page_kb():
    return sum(path.stat().st_size for path in (ROOT / "worker/board/page").iterdir()) / 1000


@contextlib.contextmanager
def viewers(stack):
    """A board with as many pages open as it takes. One process reads what all of them get and throws it away: what
    a browser does with it, the viewer's machine pays for."""
    board = stack.board(**QUIET)
    command = [build_folder() / "bench" / "read_streams", str(board.port), str(VIEWERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as readers:
        try:
            wait_for(lambda: board.total("dialin_board_viewers") == VIEWERS, what="all viewers")
            yield board
            assert board.total("dialin_board_viewers") == VIEWERS, "a viewer was ended"
        finally:
            readers.terminate()
            read = readers.stdout.read()
    stack.end(board)
    assert json.loads(read)["least"] > LEAST_BYTES, "a viewer was sent too little"


def board_of(stack):
    return next((process for process in stack.processes if process.name == "dialin-board"), None)


def cpu_s(process):
    """Of all its life; None has none."""
    if process is None:
        return 0
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def beside(is_watched, stack):
    return viewers(stack) if is_watched else contextlib.nullcontext()


def median_of(lab, measure):
    """(without viewers, with them), each the median of several rounds in turn."""
    samples = {False: [], True: []}
    for _ in range(ROUNDS):
        for is_watched in samples:
            with lab.stack() as stack, beside(is_watched, stack):
                samples[is_watched].append(measure(stack))
    return statistics.median(samples[False]), statistics.median(samples[True])


def take_viewers(lab):
    resident = []

    def calls(stack):
        rate = stack.calls_a_second(CALLS)
        board = board_of(stack)
        resident.append(resident_mb(board) if board else 0)
        return rate
    calls_alone, calls_watched = median_of(lab, calls)
    shares = []

    def through(stack):
        board = board_of(stack)
        before, begun = cpu_s(board), time.monotonic()
        p50_ms = statistics.median(stack.waits_ms(COUNT, RATE))
        shares.append(100 * (cpu_s(board) - before) / (time.monotonic() - begun))
        return p50_ms
    through_alone, through_watched = median_of(lab, through)
    return {"calls_alone": calls_alone, "calls_watched": calls_watched, "through_alone": through_alone,
            "through_watched": through_watched, "board_resident": max(resident), "board_cpu": max(shares)}


def take_page(lab):
    modules, chromium = Path(os.environ.get("BOARD_MODULES", build_folder() / "board")), shutil.which("chromium")
    if not chromium or not (modules / "times.mjs").exists():
        return {key: "needs Chromium and playwright-core: make test-board brings them"
                for key in ("first_sentence", "event_shown", "event_shown_p95")}
    with lab.stack() as stack:
        agent, ingress = stack.fast_agent(), stack.ingress()
        stack.worker(agent)
        board = stack.board(**QUIET)
        given = {"board": f"http://127.0.0.1:{board.port}/", "ingress": f"http://127.0.0.1:{ingress.port}",
                 "secret": daily.SECRET, "chromium": chromium, "openings": OPENINGS, "calls": RINGS}
        done = subprocess.run(["node", modules / "times.mjs", json.dumps(given)], stdout=subprocess.PIPE, text=True,
                              check=True, timeout=120)
    times = json.loads(done.stdout)
    shown = sorted(times["event"])
    return {"first_sentence": statistics.median(times["first"]), "event_shown": statistics.median(shown),
            "event_shown_p95": shown[len(shown) * 95 // 100]}


def take(lab):
    with lab.stack() as stack:
        put_in_line(stack)
        found = take_snapshots(stack)
    return {**found, **take_viewers(lab), **take_page(lab), "board_page": page_kb()}
