"""Routes: what a thousand of them cost a call, what routes leave of the worker's rate, and what a lookup
adds to its own calls and to those of another route."""

import json
import statistics
import subprocess

from lab import webhooks
from stack import build_folder
from table import Row, at_least, at_most

ROUTES = 1000
COUNT, PAIRS = 10000, 4
MATCHES = 50000
LOOKUP_MS, LOOKUP_RATE, LOOKUP_COUNT, LOOKUP_PAIRS = 20, 100, 300, 3
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

# The last one takes every call of this bench.
LAST = {"name": "last", "to": ["+1 (415) 225-1493", "+1650*"], "body": {"tier": "gold"}}
A_FEW = [
    {"name": "robots", "from": ["+1900*", "+1976*"], "decline": True},
    {"name": "support", "to": "+1 (628) 555-0100", "body": {"queue": "support"}},
    {"name": "acme", "sip_header": {"X-Tenant": "acme*"}, "priority_s": 30},
    {"name": "night", "to": "+1628*", "hours": {"days": "mon-fri", "from": "17:00", "to": "09:00",
                                                "time_zone": "America/New_York"}},
    {"name": "canary", "to": "+1628*", "share": 5, "room": {"enable_recording": "cloud"}},
    LAST,
]
BY_NUMBER = [{"name": f"tenant-{i}", "to": f"+1628{i:07d}", "body": {"tenant": i}} for i in range(ROUTES - 1)] + [LAST]
BY_HEADER = [{"name": f"tenant-{i}", "sip_header": {"X-Tenant": f"t-{i}"}} for i in range(ROUTES - 1)] + [LAST]
BY_HOURS = [{"name": f"tenant-{i}", "hours": {"from": "00:00", "to": "00:01", "days": "mon", "time_zone": zone}}
            for i, zone in zip(range(ROUTES - 1), ["America/New_York", "Europe/Berlin", "UTC"] * ROUTES)] + [LAST]

ROWS = [
    Row("by_number", "the route among 1,000 that differ by number: processor time of the matching", "µs",
        (at_most(20),)),
    Row("by_header", "the same, that differ by a header", "µs", (at_most(20),)),
    Row("by_hours", "the same, that differ by their hours only", "µs", (at_most(20),)),
    Row("cost", "a call with 1,000 routes against none: the worker's processor time", "µs", (at_most(20),)),
    Row("rate_few", "the worker's rate with 6 routes, of that without: median of 4 pairs", "×", (at_least(0.97),)),
    Row("rate_many", "the same with 1,000 routes", "×", (at_least(0.97),)),
    Row("lookup", "a lookup that answers in 20 ms: what it adds to webhook to start request, p50", "ms",
        (at_most(22),)),
    Row("others", "what it adds to the calls of another route in the same run, p50", "ms", (at_most(0.1),)),
]


def write(folder, name, routes):
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"routes": routes}), encoding="ascii")
    return path


def matching_us(folder, routes):
    path = write(folder, "matching", routes)
    done = subprocess.run([build_folder() / "bench" / "match_routes", path, webhooks([0])[1], str(MATCHES)],
                          stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["route"] == LAST["name"]
    return found["us"]


def take_rates(lab):
    """In turn, in the one order and then in the other."""
    rates, costs = {}, {}
    with lab.stack() as stack:
        files = {"none": None, "few": write(stack.folder, "few", A_FEW), "many": write(stack.folder, "many", BY_NUMBER)}
        first = 0
        for pair in range(PAIRS):
            for name in list(files)[::-1 if pair % 2 else 1]:
                rate, cost_us = stack.rate_and_cost(COUNT, first, ROUTES_FILE=files[name])
                rates.setdefault(name, []).append(rate)
                costs.setdefault(name, []).append(cost_us)
                first += COUNT

    def pairs(values, name, of_pair):
        return statistics.median(of_pair(own, its) for own, its in zip(values[name], values["none"]))
    return {"cost": pairs(costs, "many", lambda own, its: own - its),
            "rate_few": pairs(rates, "few", lambda own, its: own / its),
            "rate_many": pairs(rates, "many", lambda own, its: own / its)}


def waits_of_routes(lab, has_lookup):
    """The median wait in ms of the calls of each of two routes, which have half of the calls each."""
    with lab.stack() as stack:
        crm = stack.fast_agent(LOOKUP_MS)
        lookup = {"lookup": {"url": crm.url, "secret_env": "CRM_SECRET"}} if has_lookup else {}
        path = write(stack.folder, "halves", [{"name": "half", "share": 50, **lookup}, {"name": "others"}])
        sent, arrivals = stack.both_ends(LOOKUP_COUNT, LOOKUP_RATE, ROUTES_FILE=path, CRM_SECRET=SECRET)
        waits = {"half": [], "others": []}
        for number, sent_us in sent.items():
            route = stack.redis.client.hget(f"{stack.prefix}:call:bench-{number:08d}", "route").decode()
            waits[route].append((arrivals[number] - sent_us) / 1000)
    return {route: statistics.median(of_route) for route, of_route in waits.items()}


def take_lookup(lab):
    """What a lookup adds to its own calls is taken within a run; the calls of the other route are compared
    with those of a run without a lookup."""
    own, others = [], []
    for pair in range(LOOKUP_PAIRS):
        waits = {has_lookup: waits_of_routes(lab, has_lookup) for has_lookup in (pair % 2 == 0, pair % 2 == 1)}
        own.append(waits[True]["half"] - waits[True]["others"])
        others.append(waits[True]["others"] - waits[False]["others"])
    return {"lookup": statistics.median(own), "others": statistics.median(others)}


def take(lab):
    matching = {key: matching_us(lab.folder, routes) for key, routes in
                (("by_number", BY_NUMBER), ("by_header", BY_HEADER), ("by_hours", BY_HOURS))}
    return {**matching, **take_rates(lab), **take_lookup(lab)}
