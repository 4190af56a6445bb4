"""From the webhook to the start request. What is measured begins when the caller sends the webhook
and ends when the agent has read the start request: two ways over the loopback, both processes waking
up, the ingress, a synced write of Redis, and the worker."""

import statistics

from lab import read_rows
from table import Row, at_most

RATE, COUNT = 100, 800
BURST, BURST_LATENCY_MS, BURST_CONCURRENCY = 5000, 300, 8192

ROWS = [
    Row("idle_p50", "webhook sent to start request read, 100 calls a second: p50", "ms",
        (at_most(0.5),)),
    Row("idle_p99", "the same: p99", "ms", (at_most(2),)),
    Row("burst", "5,000 calls in a second, /start 300 ms: last request behind the last webhook",
        "ms", (at_most(500),)),
]


def both_ends(lab, count, rate, latency_ms=0, **worker_values):
    """When each webhook was sent and its start request came, by the call's number."""
    with lab.stack() as stack:
        agent = stack.fast_agent(latency_ms)
        ingress = stack.ingress()
        stack.worker(agent, **worker_values)
        times = stack.folder / "caller.times"
        stack.call(ingress, count, times, rate=rate)
        stack.wait_until_started(count)
        arrivals = agent.arrivals()
        sent = {int(number): int(sent) for number, sent, _ in read_rows(times)}
    assert sent.keys() == arrivals.keys(), "a call was lost"
    return sent, arrivals


def take(lab):
    sent, arrivals = both_ends(lab, COUNT, RATE)
    waits = sorted((arrivals[number] - sent[number]) / 1000 for number in sent)
    sent, arrivals = both_ends(lab, BURST, BURST, BURST_LATENCY_MS, CONCURRENCY=BURST_CONCURRENCY)
    return {"idle_p50": statistics.median(waits), "idle_p99": waits[len(waits) * 99 // 100],
            "burst": (max(arrivals.values()) - max(sent.values())) / 1000}
