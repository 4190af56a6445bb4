"""Sustained overload: more callers than the agent's pool can serve, at a steady rate."""

import time

import daily
from stopwatch import awake_s, overslept_between


class Overload:
    """Queues `rate` calls a second for `duration_s`, and counts what became of them.

    The pool could start `possible` calls from the first ring to the end of the last hold.
    """

    def __init__(self, ledger, pool, session_s, hold_s, rate, duration_s):
        self.ledger, self.pool, self.session_s, self.hold_s = ledger, pool, session_s, hold_s
        self.rate, self.duration_s = rate, duration_s
        self.call_ids, self.entries = [], []

    def run(self):
        begun = time.monotonic()
        awake_s()  # begins to look
        for i in range(int(self.rate * self.duration_s)):
            time.sleep(max(0, begun + i / self.rate - time.monotonic()))
            webhook = daily.webhook()
            self.call_ids.append(webhook["callId"])
            self.entries.append(self.ledger.queue(webhook))
        self.duration_s = max(self.duration_s, time.monotonic() - begun)  # a busy machine is late
        self.ledger.wait_until_finished(self.hold_s + 15)
        self.ledger.check_account(self.entries)
        self.calls = [self.ledger.call(call_id) for call_id in self.call_ids]
        self.started = [call for call in self.calls if call["state"] == "started"]
        return self

    @property
    def possible(self):
        filled_s = self.pool / self.rate  # when the first sessions have begun
        return self.pool * (int((self.duration_s + self.hold_s - filled_s) / self.session_s) + 1)

    def share(self):
        """Of what the pool can serve, how much was served."""
        return len(self.started) / self.possible

    def out_of_turn_ms(self):
        """How much longer than a caller who rang later somebody had rung when he was started."""
        worst, latest = 0, 0
        for call in sorted(self.started, key=lambda call: int(call["started_ms"])):
            worst = max(worst, latest - int(call["received_ms"]))
            latest = max(latest, int(call["received_ms"]))
        return worst

    def longest_gap_s(self):
        """The longest time in which nobody was started; what a crowded machine overslept does not count."""
        times = sorted(int(call["started_ms"]) for call in self.started)
        gaps = sorted((later - earlier, earlier / 1000) for earlier, later in zip(times, times[1:]))
        return max((ms / 1000 - overslept_between(at, at + ms / 1000) for ms, at in gaps[-5:]), default=0)

    def refused_a_second(self, agent):
        """How often the full agent was asked in vain, from the first ring to the end of the last hold."""
        return agent.get("/control")["counters"]["at_capacity"] / (self.duration_s + self.hold_s)
