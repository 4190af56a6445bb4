"""Are those who were lost called back as CONTRACT says? For account.py; pure.

Every step of a call is one event, and a number's call back begins with the event of the death that
names it; so the order of the events says which call backs of a number were open together.
"""

import collections

MARK = "~cb"
CLOCK_MS = 50  # what a worker's idea of Redis' time may be off


def is_callback(call_id):
    return call_id.endswith(MARK)


class Callbacks:
    def __init__(self, seen, events, say):
        self.seen, self.events, self.say = seen, events, say
        self.open = {}  # number: the call back that has not ended
        self.queued_at, self.served = {}, collections.defaultdict(list)  # by call id; by number: (place, event)
        for place, event in enumerate(events):
            self.take(place, event)
        self.check_counts()
        known = {call_id for _, call_id in seen.entries}
        for callback in self.queued_at:
            if callback not in known:
                self.say(callback, "is named by a death, and is not in the stream")

    def number_of(self, call_id):
        return self.seen.calls.get(call_id, {}).get("from", "").lstrip("+")

    def take(self, place, event):
        call_id, name = event["call_id"], event["event"]
        number = self.number_of(call_id)
        if name == "dead" and not is_callback(call_id):
            self.check_death(place, event, number)
        if name == "attempt" and is_callback(call_id):
            self.check_attempt(place, event, number)
        if name in ("started", "dead") and is_callback(call_id):
            self.check_end(event, number)
        if name == "started" and number:
            self.served[number].append((place, event))

    def was_served_since(self, number, since_ms):
        return any(int(event["at_ms"]) >= since_ms for _, event in self.served[number])

    def check_death(self, place, event, number):
        if self.seen.calls.get(event["call_id"], {}).get("kind") == "trunk" and not event.get("callback"):
            return  # those callers are not called back
        call_id, callback = event["call_id"], event.get("callback")
        rang_ms = int(self.seen.calls.get(call_id, {}).get("received_ms") or 0)
        if callback:
            if callback != call_id + MARK or event["reason"] != "expired":
                self.say(call_id, f"died {event['reason']} and is called back by {callback}")
            if number in self.open:
                self.say(call_id, f"is called back, though {self.open[number]} is not over")
            if not self.seen.step_ms and self.was_served_since(number, rang_ms + CLOCK_MS):
                self.say(call_id, "is called back, though its number has been served since it rang")
            self.open[number], self.queued_at[callback] = callback, place
        elif event["reason"] == "expired" and number and number not in self.open and not self.seen.step_ms \
                and not self.was_served_since(number, rang_ms - CLOCK_MS):
            self.say(call_id, "died expired and is not called back")

    def check_attempt(self, place, event, number):
        """Asked after its number was served? A request that was out by then may be answered."""
        call_id = event["call_id"]
        since = self.queued_at.get(call_id, place)
        begun_ms = int(event["at_ms"]) - int(event.get("latency_ms") or 0)
        for at, served in self.served[number]:
            is_later = at > since and int(served["at_ms"]) + CLOCK_MS < begun_ms
            if served["call_id"] != call_id and is_later and event.get("latency_ms") and not self.seen.step_ms:
                self.say(call_id, f"asked, though its number had been served by {served['call_id']}")

    def check_end(self, event, number):
        call_id = event["call_id"]
        since = self.queued_at.get(call_id)
        if since is None:
            return self.say(call_id, "is a call back that no death names")
        if self.open.get(number) == call_id:
            del self.open[number]
        if event["reason"] == "served" and not any(at > since for at, _ in self.served[number]):
            self.say(call_id, "is called served, and nobody served its number")

    def check_counts(self):
        entries = sum(1 for _, call_id in self.seen.entries if is_callback(call_id))
        dead = sum(1 for call_id, call in self.seen.calls.items()
                   if is_callback(call_id) and call.get("state") == "dead")
        counted = self.seen.counts.get("dead:callback", 0) + self.seen.counts.get("dead:served", 0)
        if self.seen.counts.get("callbacks", 0) != entries:
            self.say(None, f"{self.seen.counts.get('callbacks', 0)} call backs are counted, {entries} are there")
        if counted != dead:
            self.say(None, f"{counted} call backs are counted as dead, {dead} are")
