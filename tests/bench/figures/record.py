"""A record of a million calls over a week: how long the questions take that people ask of it. Not in the
figures of every run: ONLY=record."""

import statistics
import subprocess
import time

from figures.board import Snapshots
from stack import build_folder, clean_environment
from table import Row, at_most

CALLS, AT_ONCE = 1_000_000, 5000
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
    Row("record_dead", "list --state dead --limit 200", "s", (at_most(LIMIT_S),)),
    Row("record_show", "show of one call", "s", (at_most(1),)),
    Row("record_day", "stats --since 24h", "s", (at_most(LIMIT_S),)),
    Row("record_stats", "stats of all", "s"),
    Row("record_stats_mb", "its memory, resident at most", "MB", (at_most(32),)),
    Row("record_snapshot", "the board's snapshot, asked and read, median", "ms", (at_most(2),)),
    Row("record_calls", "the board's screen of calls", "s", (at_most(LIMIT_S),)),
    Row("record_system", "the board's account", "s", (at_most(LIMIT_S),)),
]

# As ingress and worker leave them: entry, hash, index, and two events a call.
FILL = """
local prefix, first_ms, step_ms, first, count, dead_of = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
for number = first, first + count - 1 do
    local ms = first_ms + number * step_ms
    local entry, at, started_at = string.format('%.0f-0', ms), string.format('%.0f', ms), string.format('%.0f', ms + 150)
    local id, from, to = string.format('5c0d45cf-100b-4f35-8a41-%012d', number), string.format('+1415%07d', number), '+14152251493'
    local body = string.format('{"To":"%s","From":"%s","callId":"%s","callDomain":"5d1a6fb3-1a4a-4c61-b5b9-8d0e4e5b9c1f"}', to, from, id)
    local is_dead = number % dead_of == 0
    local state, reason, status = is_dead and 'dead' or 'started', is_dead and 'expired' or '', is_dead and '429' or '200'
    redis.call('XADD', prefix .. ':webhooks', entry, 'v', '1', 'kind', 'dialin', 'call_id', id, 'received_ms', at,
        'timestamp', at, 'signature', 'c2lnbmVkIHdpdGggYSBzZWNyZXQgb2YgYSBudW1iZXI=', 'peer', '127.0.0.1', 'body', body,
        'sha256', 'fb3ff586a0077a6a3248e90d80ddd1e6a518beefec3d9dd9ddc1095e0cb83b63')
    redis.call('HSET', prefix .. ':call:' .. id, 'state', state, 'attempts', is_dead and '9' or '1', 'token', entry, 'reason',
        reason, 'kind', 'dialin', 'entry', entry, 'from', from, 'to', to, 'agent', 'agent', 'worker', 'w1', 'received_ms', at,
        'sha256', 'fb3ff586a0077a6a3248e90d80ddd1e6a518beefec3d9dd9ddc1095e0cb83b63', 'updated_ms', started_at, 'error', '',
        'http_status', status, 'event:' .. entry, '', 'started_ms', is_dead and '' or started_at, 'session_id',
        '7a4b2e5c-0c6f-4b9e-9a55-1d2f3c4b5a69', 'room_url', 'https://example.daily.co/q8cBHFrPbDCXPXqyZaoM')
    redis.call('SADD', prefix .. ':index:' .. string.format('%d', math.floor(ms / 60000)), 'from:' .. from, 'to:' .. to,
        'agent:agent', 'state:' .. state, 'reason:' .. reason)
    redis.call('XADD', prefix .. ':audit', string.format('%.0f-0', ms + 100), 'call_id', id, 'entry', entry, 'event', 'attempt',
        'attempt', '1', 'worker', 'w1', 'at_ms', at, 'agent', 'agent', 'reason', '', 'error', '', 'http_status', status,
        'latency_ms', '50', 'request', body, 'response', '{"sessionId":"7a4b2e5c-0c6f-4b9e-9a55-1d2f3c4b5a69"}')
    redis.call('XADD', prefix .. ':audit', string.format('%.0f-0', ms + 150), 'call_id', id, 'entry', entry, 'event', state,
        'attempt', '1', 'worker', 'w1', 'at_ms', started_at, 'agent', 'agent', 'reason', reason, 'error', '')
end
"""


def fill(stack):
    client, prefix = stack.redis.client, stack.prefix
    client.config_set("appendonly", "no")  # it would take minutes
    script, first_ms = client.register_script(FILL), int(time.time() * 1000) - CALLS * STEP_MS
    for first in range(0, CALLS, AT_ONCE):
        script(keys=[prefix], args=[first_ms, STEP_MS, first, AT_ONCE, DEAD_OF])
    newest = client.xinfo_stream(stack.stream)["last-generated-id"]
    client.xgroup_create(stack.stream, "workers", "$", entries_read=CALLS)
    client.set(f"{prefix}:low", newest)
    client.hset(stack.counts, mapping={"started": CALLS - CALLS // DEAD_OF, "dead": CALLS // DEAD_OF,
                                       "dead:expired": CALLS // DEAD_OF, "waited:0.5": CALLS - CALLS // DEAD_OF})
    return client.info("memory")["used_memory"] / MB


def ask(stack, *words):
    """How long it took, its output, and how much it had resident at most."""
    environment = clean_environment({"REDIS_URL": stack.redis.url, "REDIS_PREFIX": stack.prefix, "TERM": "dumb"})
    begun = time.monotonic()
    done = subprocess.run(["/usr/bin/time", "-f", "%M", build_folder() / "dialin-audit", *words], env=environment,
                          capture_output=True, text=True, check=False)
    took_s = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    return took_s, done.stdout, int(done.stderr.split()[-1]) / 1024


def call_id(number):
    return f"5c0d45cf-100b-4f35-8a41-{number:012}"


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
                "record_now": ["now"], "record_list": ["list"], "record_number": ["list", "--from", f"+1415{middle:07}"],
                "record_nobody": ["list", "--from", "+4930123456"],
                "record_dead": ["list", "--state", "dead", "--limit", "200"],
                "record_show": ["show", call_id(middle)],
                "record_day": ["stats", "--since", "24h"], "record_stats": ["stats"]}.items():
            found[key], _, resident = ask(stack, *words)
            if key == "record_stats":
                found["record_stats_mb"] = resident
        snapshots = Snapshots(stack)
        found["record_snapshot"] = statistics.median(snapshots.take() for _ in range(100)) / 1000
        board = stack.board()
        found["record_calls"] = ask_board(board, "/api/calls", {"state": "dead"})
        found["record_system"] = ask_board(board, "/api/account")
        return found
