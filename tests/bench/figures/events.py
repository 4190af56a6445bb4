"""Daily's events beside calls: how soon a burst of calls is acknowledged while events come in as fast as
EVENTS_RATE, beside the same burst without them. A worker takes calls and events."""

import threading

import daily
from table import Row, at_least, ratio_at_most

CALLS_RATE, CALLS = 1000, 2000
EVENTS_RATE, EVENTS_S, CONNECTIONS = 20000, 5, 64

ROWS = [
    Row("calls_without_events", "acknowledgement p99, 1,000 calls a second for 2 s", "ms"),
    Row("calls_beside_events", "the same beside 20,000 of Daily's events a second", "ms", (ratio_at_most(1.2),),
        of="calls_without_events"),
    Row("events", "Daily's events acknowledged meanwhile, of 20,000 a second", "/s", (at_least(19900),)),
    Row("events_p99", "their acknowledgement p99", "ms"),
]


def burst(stack, ingress, first):
    return stack.call(ingress, CALLS, rate=CALLS_RATE, first=first)["p99_us"] / 1000


def take(lab):
    with lab.stack() as stack:
        ingress = stack.ingress(DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET)
        stack.worker(stack.fast_agent())
        burst(stack, ingress, CALLS)
        alone = burst(stack, ingress, 2 * CALLS)
        told = {}
        flood = threading.Thread(target=lambda: told.update(stack.events(
            ingress, EVENTS_RATE * EVENTS_S, rate=EVENTS_RATE, connections=CONNECTIONS)))
        flood.start()
        stack.wait_for_events(EVENTS_RATE)
        beside = burst(stack, ingress, 3 * CALLS)
        flood.join()
    return {"calls_without_events": alone, "calls_beside_events": beside, "events": told["rate"],
            "events_p99": told["p99_us"] / 1000}
