"""Does it stay as fast? With a long history in the stream, and with more workers."""

import statistics

from table import Row, ratio_at_least, ratio_at_most

SMALL, LARGE = 1000, 1000000
CALLS = 20000
RATE, COUNT = 100, 200
SECONDS, WARM_UP, WEBHOOKS = 1, 5000, 60000
# One worker waits for its agent most of the time, so that there is room for four.
LATENCY_MS, CONCURRENCY, CALLS_OF_ONE = 50, 20, 800
WORKERS = (1, 2, 4)

ROWS = [
    Row("acks_small", "acknowledgements, 1,000 entries of history", "/s"),
    Row("acks_large", "1,000,000 entries", "/s", (ratio_at_least(0.9),), of="acks_small"),
    Row("calls_small", "calls through one worker, 1,000 entries", "/s"),
    Row("calls_large", "1,000,000 entries", "/s", (ratio_at_least(0.9),),
        of="calls_small"),
    Row("through_small", "webhook to start request, 1,000 entries: p50", "ms"),
    Row("through_large", "1,000,000 entries", "ms", (ratio_at_most(1.1),),
        of="through_small"),
    Row("workers_1", "calls, /start 50 ms, CONCURRENCY 20: 1 worker", "/s"),
    Row("workers_2", "2 workers", "/s", (ratio_at_least(1.8),), of="workers_1"),
    Row("workers_4", "4 workers", "/s", (ratio_at_least(3.6),), of="workers_1"),
]


def with_history(lab, entries, name):
    with lab.stack() as stack:
        stack.add_history(entries)
        calls = stack.calls_a_second(CALLS)
        through_ms = statistics.median(stack.waits_ms(COUNT, RATE, first=CALLS))
        ingress = stack.ingress()
        stack.call(ingress, WARM_UP, tag="warm")
        acks = stack.call(ingress, WEBHOOKS, seconds=SECONDS, tag="acks")["rate"]
    return {f"calls_{name}": calls, f"through_{name}": through_ms, f"acks_{name}": acks}


def with_workers(lab, workers):
    with lab.stack() as stack:
        return stack.calls_a_second(CALLS_OF_ONE * workers, workers, LATENCY_MS,
                                    CONCURRENCY=CONCURRENCY)


def take(lab):
    return {**with_history(lab, SMALL, "small"), **with_history(lab, LARGE, "large"),
            **{f"workers_{workers}": with_workers(lab, workers) for workers in WORKERS}}
