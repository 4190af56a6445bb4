"""From the webhook to the start request. What is measured begins when the caller sends the webhook
and ends when the agent has read the start request: two ways over the loopback, both processes waking
up, the ingress, the worker, and each write that Redis syncs in between. Once more with a Redis that
syncs each second: what is left is not the disk's."""

import contextlib
import statistics
import time

from table import Row, at_most

RATE, COUNT = 100, 800
WRITES = 200
BURST, BURST_LATENCY_MS, BURST_CONCURRENCY = 5000, 300, 8192

ROWS = [
    Row("write", "one synced XADD, 100 a second: p50", "ms"),
    Row("idle_p50", "webhook to start request, 100 a second: p50", "ms",
        (at_most(0.5),), of="write"),
    Row("idle_p99", "the same: p99", "ms", (at_most(2),)),
    Row("unsynced_p50", "the same with appendfsync everysec: p50", "ms"),
    Row("unsynced_p99", "the same with appendfsync everysec: p99", "ms"),
    Row("burst", "5,000 calls in 1 s: last request after last webhook",
        "ms", (at_most(500),)),
]


def write_ms(stack):
    waits = []
    for _ in range(WRITES):
        time.sleep(1 / RATE)
        begun = time.monotonic()
        stack.redis.client.xadd(stack.stream, {"body": "x" * 600})
        waits.append((time.monotonic() - begun) * 1000)
    return statistics.median(waits)


@contextlib.contextmanager
def synced_each_second(client):
    client.config_set("appendfsync", "everysec")
    try:
        yield
    finally:
        client.config_set("appendfsync", "always")


def p99(waits):
    return waits[len(waits) * 99 // 100]


def take(lab):
    with lab.stack() as stack:
        one_write_ms = write_ms(stack)
    with lab.stack() as stack:
        waits = stack.waits_ms(COUNT, RATE)
    with lab.stack() as stack, synced_each_second(lab.redis.client):
        unsynced = stack.waits_ms(COUNT // 2, RATE)
    with lab.stack() as stack:
        sent, arrivals = stack.both_ends(BURST, BURST, BURST_LATENCY_MS,
                                         CONCURRENCY=BURST_CONCURRENCY)
    return {"write": one_write_ms, "idle_p50": statistics.median(waits),
            "idle_p99": p99(waits), "unsynced_p50": statistics.median(unsynced),
            "unsynced_p99": p99(unsynced),
            "burst": (max(arrivals.values()) - max(sent.values())) / 1000}
