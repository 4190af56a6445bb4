"""make line: how long the last of ten callers for each session waits, and in which order they go in.

SESSIONS (20) of SESSION_S (20) seconds each, ten times as many callers at once, two workers. The
ideal is ten times the length of a session: an agent that is never idle. Once without and once with
Daily's events, which say when a session ends, AHEAD_S (0) seconds before it does at the agent. Prints what
was measured; fails where a call was lost, started twice, or served out of its turn.

Then sustained overload: ten times the callers that the agent can serve, at a steady rate, each on
hold for 15 s. What share of what the agent can serve is served, and how often is it asked in vain?

At the end the table of overflow (overflow_table.py); OVERFLOW_S (100) seconds of callers.
"""
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "harness"))

import daily  # noqa: E402
import overflow_table  # noqa: E402
from burst import Burst  # noqa: E402
from conversation import Conversations  # noqa: E402
from ledger import Ledger  # noqa: E402
from overload import Overload  # noqa: E402
from stack import Redis, Stack  # noqa: E402

SESSIONS = int(os.environ.get("SESSIONS", "20"))
SESSION_S = float(os.environ.get("SESSION_S", "20"))
AHEAD_S = float(os.environ.get("AHEAD_S", "0"))
ROUNDS = 10
PREFIX = "{line}"


def measure(stack, redis, has_events):
    agent = stack.agent("--pool", str(SESSIONS), "--session-ms", str(int(SESSION_S * 1000)))
    for _ in range(2):
        stack.worker(START_URL=agent.url, HOLD_LIMIT_S="3600", LOG_LEVEL="warning")
    ingress = stack.ingress(PINLESS_HMAC_SECRET=daily.SECRET, LOG_LEVEL="warning",
                            DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET)
    ledger = Ledger(redis, PREFIX)
    conversations = Conversations(ledger, ingress.port, SESSION_S - AHEAD_S) if has_events else None
    burst = Burst([ingress.port], ROUNDS * SESSIONS).join()
    assert not burst.refused
    ledger.wait_until_finished(ROUNDS * (SESSION_S + 5))
    if conversations:
        conversations.stop()
    ledger.check_account(burst.acknowledged.values())
    assert agent.starts() == {call_id: 1 for call_id in burst.call_ids}, "one bot for each call"
    calls = [ledger.call(call_id) for call_id in burst.call_ids]
    rang = sorted(calls, key=lambda call: int(call["received_ms"]))
    went_in = sorted(range(len(rang)), key=lambda i: int(rang[i]["started_ms"]))
    displaced = max(abs(place - i) for place, i in enumerate(went_in[SESSIONS:], SESSIONS))
    first_ms = min(int(call["received_ms"]) for call in calls)
    last_s = (max(int(call["started_ms"]) for call in calls) - first_ms) / 1000
    posts = agent.get("/control")["counters"]["requests"]
    # The last caller of the burst goes in when nine rounds are over, and stays for the tenth.
    return last_s + SESSION_S, displaced, posts


OVERLOAD_HOLD_S = 15
OVERLOADS = [  # pool, length of a session, calls a second, for how long, least share
    (4, 1, 40, 45, 0.85), (30, 5, 60, 75, 0.95), (30, 10, 30, 75, 0.95)]
REFUSED_A_SECOND_MAX = 4


def overload(stack, redis, pool, session_s, rate, duration_s):
    agent = stack.agent("--pool", str(pool), "--session-ms", str(session_s * 1000))
    for _ in range(2):
        stack.worker(START_URL=agent.url, HOLD_LIMIT_S=OVERLOAD_HOLD_S, LOG_LEVEL="error")
    run = Overload(Ledger(redis, stack.prefix), pool, session_s, OVERLOAD_HOLD_S, rate, duration_s).run()
    return run.share(), run.longest_gap_s(), run.out_of_turn_ms(), run.refused_a_second(agent)


def with_a_stack(measured, *arguments):
    with tempfile.TemporaryDirectory(prefix="dialin-line-") as folder:
        folder = pathlib.Path(folder)
        redis = Redis(folder, fsync="always")
        stack = Stack(folder, redis, PREFIX)
        try:
            return measured(stack, redis, *arguments)
        finally:
            stack.close()
            redis.close()


def main():
    ideal_s = ROUNDS * SESSION_S
    for has_events in (False, True):
        served_s, displaced, posts = with_a_stack(measure, has_events)
        print(f"{ROUNDS * SESSIONS} callers, {SESSIONS} sessions of {SESSION_S:g} s, "
              f"{'with' if has_events else 'without'} Daily's events: all served after "
              f"{served_s:.1f} s, the ideal is {ideal_s:g} s: {served_s / ideal_s - 1:+.1%}")
        print(f"out of turn by at most {displaced} places; {posts} requests to the agent", flush=True)
    print(f"\n{'sustained overload, hold ' + str(OVERLOAD_HOLD_S) + ' s':44}{'served':>8}{'aim':>8}"
          f"{'refused/s':>11}{'aim':>5}{'gap':>8}{'out of turn':>13}")
    for pool, session_s, rate, duration_s, aim in OVERLOADS:
        share, gap_s, out_of_turn_ms, refused = with_a_stack(
            overload, pool, session_s, rate, duration_s)
        title = f"pool {pool}, sessions of {session_s} s, {rate}/s for {duration_s} s"
        print(f"{title:44}{share:8.1%}{'≥ ' + format(aim, '.0%'):>8}{refused:11.1f}"
              f"{'≤ ' + str(REFUSED_A_SECOND_MAX):>5}{gap_s:6.1f} s{out_of_turn_ms:10d} ms", flush=True)
    overflow_table.show(with_a_stack)


if __name__ == "__main__":
    main()
