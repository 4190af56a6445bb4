"""The table of overflow: 54 Erlang on 50 sessions, as a route meets them that keeps its callers, sends them on after a
while, or by the forecast. All times are a ninth of the real ones: sessions of 20 s for 180, a hold of 12.2 s for 110,
on after 2.2 s for 20 (as whole seconds: 12 and 2).

Callers come by chance (Poisson, SEED), sessions are equally long. Of an agent of 50 sessions and one of any number.
"""
import concurrent.futures
import json
import os
import random
import time

import daily
from ledger import Ledger

SESSIONS, ERLANG = 50, 54
SESSION_S, HOLD_S, AFTER_S = 20, 12, 2
DURATION_S = float(os.environ.get("OVERFLOW_S", "100"))
WARM_UP_S = SESSION_S  # callers of this time are not counted: they meet empty sessions
SEED = int(os.environ.get("SEED", "1"))
WAYS = {"all wait": [], f"sent on after {AFTER_S} s": [{"after_s": AFTER_S, "agent": "spare"}],
        "sent on by the forecast": [{"after_s": "forecast", "agent": "spare"}]}


def start_workers(stack, overflow):
    first = stack.agent("--pool", str(SESSIONS), "--session-ms", str(SESSION_S * 1000))
    spare = stack.agent("--pool", "0")
    path = stack.folder / "routes.json"
    path.write_text(json.dumps({"agents": {"first": {"start_url": first.url}, "spare": {"start_url": spare.url}},
                                "routes": [{"name": "all", "agent": "first", "overflow": overflow}]}))
    for _ in range(2):
        stack.worker(START_URL=first.url, ROUTES_FILE=path, HOLD_LIMIT_S=HOLD_S, LOG_LEVEL="error")
    return first, spare


def ring(ledger, chance):
    """Calls by chance; gives back those that count."""
    begun, at, counted, entries = time.monotonic(), 0.0, [], []
    while at < WARM_UP_S + DURATION_S:
        time.sleep(max(0, begun + at - time.monotonic()))
        webhook = daily.webhook()
        entries.append(ledger.queue(webhook))
        if at >= WARM_UP_S:
            counted.append(webhook["callId"])
        at += chance.expovariate(ERLANG / SESSION_S)
    ledger.wait_until_finished(HOLD_S + 30)
    ledger.check_account(entries)
    return counted


def measure(stack, redis, overflow):
    """Shares of the counted calls: lost, sent on, served within AFTER_S and a second."""
    agents = start_workers(stack, overflow)
    ledger = Ledger(redis, stack.prefix)
    calls = [ledger.call(call_id) for call_id in ring(ledger, random.Random(SEED))]
    for agent in agents:
        assert all(count == 1 for count in agent.starts().values()), "one bot for each call"

    def share(holds):
        return sum(map(holds, calls)) / len(calls)

    def waited_ms(call):
        return int(call["started_ms"]) - int(call["received_ms"])
    return (len(calls), share(lambda call: call["state"] == "dead"),
            share(lambda call: call["state"] == "started" and call["step"] == "1"),
            share(lambda call: call["state"] == "started" and waited_ms(call) <= (AFTER_S + 1) * 1000))


def show(with_a_stack):
    """Measures the ways side by side, each with a Redis of its own: they wait more than they work."""
    print(f"\n{f'overflow, {ERLANG} Erlang on {SESSIONS} sessions, hold {HOLD_S} s':44}{'calls':>8}{'lost':>8}"
          f"{'sent on':>10}{f'within {AFTER_S + 1} s':>14}")
    with concurrent.futures.ThreadPoolExecutor(len(WAYS)) as pool:
        rows = {name: pool.submit(with_a_stack, measure, overflow) for name, overflow in WAYS.items()}
        for name, row in rows.items():
            count, lost, sent_on, in_time = row.result()
            print(f"{name:44}{count:8}{lost:8.1%}{sent_on:10.1%}{in_time:14.1%}", flush=True)
