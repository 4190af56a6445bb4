"""Does the account of a campaign add up, call by call? Pure: what was seen comes in as plain values.

A second start at the agent is held against an attempt of unknown outcome: a death with the request
out, a broken connection, a timeout, a 5xx, or an answer that came when others had the call already.
"""

import collections

from callbacks import Callbacks, is_callback

FINAL = ("started", "dead", "duplicate")
CLOCK_MS = 50  # what a worker's idea of Redis' time may be off

Seen = collections.namedtuple("Seen", [
    "acknowledged",  # {call id: how often the sender saw 200}
    "entries",       # [(entry, call id)] of the stream
    "events",        # [{event, entry, call_id, attempt, error, http_status, late, reason, at_ms}]
    "calls",         # {call id: hash}
    "counts",        # {name: number}
    "entries_added",  # of the stream, ever
    "starts",        # {call id: sessions that the agent began}
    "posts",         # {call id: requests that the agent saw}
    "left",          # [sentences]: what should be gone
    "hold_ms",
    "step_ms",       # by which a hold may be off, because Redis' clock stepped
    "callback_ms",   # the hold of a call back; 0: nobody is called back
    "hung_up",       # calls whose callers hung up before they had a bot
], defaults=[0, 0, ()])


def is_unknown(event):
    """May a bot have been started by this attempt, without our knowing?"""
    status = int(event.get("http_status") or 0)
    return (event["error"] == "unknown outcome" or bool(event.get("late")) or status == 0 or
            status >= 500)


def as_they_stand(events):
    """A 2xx that came after its call was closed as dead makes it started (CONTRACT, "States of a call"): a
    death before such a start does not count."""
    revived = {event["entry"]: at for at, event in enumerate(events)
               if event["event"] == "started" and event.get("late")}
    return [event for at, event in enumerate(events)
            if event["event"] != "dead" or at > revived.get(event["entry"], -1)]


class Account:
    def __init__(self, seen):
        told = seen.events
        self.seen = seen = seen._replace(events=as_they_stand(seen.events))
        self.violations = []  # (call id or None, sentence)
        self.second_starts = 0
        self.unknown_outcomes = 0
        self.events = collections.defaultdict(list)
        for event in seen.events:
            self.events[event["call_id"]].append(event)
        self.entries = collections.defaultdict(list)
        for entry, call_id in seen.entries:
            self.entries[call_id].append(entry)
        for call_id in sorted({*seen.acknowledged, *self.entries, *self.events, *seen.starts}):
            self.check_call(call_id)
        self.check_totals()
        if seen.callback_ms:
            Callbacks(seen, told, self.say)

    def say(self, call_id, sentence):
        self.violations.append((call_id, sentence))

    def check_call(self, call_id):
        entries = self.entries[call_id]
        events = self.events[call_id]
        if call_id in self.seen.acknowledged and not entries:
            return self.say(call_id, "was acknowledged and is not in the stream")
        ends = collections.Counter(event["entry"] for event in events if event["event"] in FINAL)
        for entry in entries:
            if ends[entry] != 1:
                self.say(call_id, f"its entry {entry} ended {ends[entry]} times")
        final = [event for event in events if event["event"] in ("started", "dead")]
        if len(final) != 1:
            return self.say(call_id, f"ended {len(final)} times, not once")
        call = self.seen.calls.get(call_id, {})
        if call.get("state") != final[0]["event"]:
            self.say(call_id, f"ended as {final[0]['event']}, but its record says {call.get('state')}")
        self.check_attempts(call_id, events, final[0])
        if final[0]["event"] == "dead":
            self.check_reason(call_id, events, final[0], call)

    def check_attempts(self, call_id, events, final):
        attempts = [event for event in events if event["event"] == "attempt"]
        unknown = sum(1 for event in attempts if is_unknown(event))
        self.unknown_outcomes += unknown
        starts, posts = self.seen.starts.get(call_id, 0), self.seen.posts.get(call_id, 0)
        good = [event for event in attempts if 200 <= int(event.get("http_status") or 0) < 300]
        if final["event"] == "started" and not good:
            self.say(call_id, "is started without an attempt that was answered 2xx")
        if final["event"] == "started" and starts == 0:
            self.say(call_id, "is started, but the agent began no session")
        surplus = starts - (1 if final["event"] == "started" else 0)
        if surplus > 0:
            self.second_starts += surplus
            if surplus > unknown:
                self.say(call_id, f"has {starts} bots and only {unknown} attempts of unknown outcome")
        if posts > len(attempts):
            self.say(call_id, f"the agent saw {posts} requests, the audit {len(attempts)} attempts")

    def check_reason(self, call_id, events, final, call):
        """`expired`: no bot, unless a 5xx started one; `unknown`: an attempt had no answer."""
        attempts = [event for event in events if event["event"] == "attempt" and is_unknown(event)]
        failed = sum(1 for event in attempts if int(event.get("http_status") or 0) >= 500)
        starts = self.seen.starts.get(call_id, 0)
        if final["reason"] == "served" and is_callback(call_id):
            return None
        if final["reason"] == "abandoned" or (final["reason"] == "unknown" and "hung up" in final["error"]):
            return self.check_hung_up(call_id, starts, failed if final["reason"] == "abandoned" else len(attempts))
        if final["reason"] not in ("expired", "unknown"):
            return self.say(call_id, f"is dead, {final['reason']}: nothing here is a reason for that")
        if final["reason"] == "expired" and starts > failed:
            self.say(call_id, f"is called expired, but {starts} bots began, {failed} of them behind a 5xx")
        if final["reason"] == "unknown" and len(attempts) == failed:
            self.say(call_id, "is called unknown, but every attempt had an answer")
        held_ms = int(final["at_ms"]) - int(call.get("received_ms") or 0)
        hold_ms = self.seen.callback_ms if is_callback(call_id) else self.seen.hold_ms
        if held_ms < hold_ms - CLOCK_MS - self.seen.step_ms:
            self.say(call_id, f"expired after {held_ms} ms of its hold")

    def check_hung_up(self, call_id, starts, starts_max):
        """The caller hung up, or the session of a bot that we did not hear of is over."""
        if call_id not in self.seen.hung_up and starts == 0:
            self.say(call_id, "its caller is said to have hung up, and has not")
        if starts > starts_max:
            self.say(call_id, f"its caller hung up, but {starts} bots began, and {starts_max} attempts explain that")

    def check_totals(self):
        ended = collections.Counter(event["event"] for event in self.seen.events)
        for name in FINAL:
            if self.seen.counts.get(name, 0) != ended[name]:
                self.say(None, f"{self.seen.counts.get(name, 0)} are counted as {name}, "
                               f"{ended[name]} events say so")
        total = sum(self.seen.counts.get(name, 0) for name in FINAL)
        if total != self.seen.entries_added:
            self.say(None, f"{self.seen.entries_added} entries were queued, {total} ended")
        for sentence in self.seen.left:
            self.say(None, sentence)
