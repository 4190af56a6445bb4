"""Daily's events beside calls: how soon a burst of calls is acknowledged while events come in as fast as
EVENTS_RATE, beside the same burst without them. A worker takes calls and events.

Between the two, what the machine itself costs: the same burst while the same requests go, as fast, to a bare
libmicrohttpd that answers and keeps nothing. There calls wait for the processors only."""

import contextlib
import threading
import time

import daily
from stack import wait_for
from table import Row, at_least, ratio_at_most

CALLS_RATE, CALLS = 1000, 2000
EVENTS_RATE, EVENTS_S, CONNECTIONS = 20000, 5, 64
UNDER_WAY_S = 1
START_TIMEOUT_S = 30

ROWS = [
    Row("calls_without_events", "acknowledgement p99, 1,000 calls a second for 2 s", "ms"),
    Row("calls_beside_bare", "the same beside 20,000 requests a second to a bare libmicrohttpd that stores nothing",
        "ms", of="calls_without_events"),
    Row("calls_beside_events", "the same beside 20,000 of Daily's events a second", "ms", (ratio_at_most(1.2),),
        of="calls_without_events"),
    Row("events_by_bare", "that by the row with the bare libmicrohttpd: what is not the machine's", "×"),
    Row("events", "Daily's events acknowledged meanwhile, of 20,000 a second", "/s", (at_least(19900),)),
    Row("events_p99", "their acknowledgement p99", "ms"),
]


def burst(stack, ingress, number):
    return stack.call(ingress, CALLS, rate=CALLS_RATE, first=number * CALLS)["p99_us"] / 1000


@contextlib.contextmanager
def flood(stack, server):
    """Events at EVENTS_RATE; what became of them is known when it is over."""
    told = {}
    sender = threading.Thread(target=lambda: told.update(stack.events(
        server, EVENTS_RATE * EVENTS_S, rate=EVENTS_RATE, connections=CONNECTIONS)))
    sender.start()
    try:
        yield told
    finally:
        sender.join()


def beside_bare(stack, ingress):
    bare = stack.bare_server()
    with flood(stack, bare):
        wait_for(lambda: bare.connections() == CONNECTIONS, START_TIMEOUT_S, "the requests to begin")
        time.sleep(UNDER_WAY_S)
        return burst(stack, ingress, 3)


def take(lab):
    with lab.stack() as stack:
        ingress = stack.ingress(DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET)
        stack.worker(stack.fast_agent())
        burst(stack, ingress, 1)
        alone = burst(stack, ingress, 2)
        bare = beside_bare(stack, ingress)
        with flood(stack, ingress) as told:
            stack.wait_for_events(EVENTS_RATE * UNDER_WAY_S)
            beside = burst(stack, ingress, 4)
    return {"calls_without_events": alone, "calls_beside_bare": bare, "calls_beside_events": beside,
            "events_by_bare": beside / bare, "events": told["rate"], "events_p99": told["p99_us"] / 1000}
