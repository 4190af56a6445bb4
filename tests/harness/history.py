"""Calls of any age, as the workers would have left them: Redis takes entries with ids of the past."""

import hashlib

import daily
from ledger import text

DAY_MS = 24 * 3600 * 1000
GROUP = "workers"


class History:
    """Oldest first, because a stream takes ids in order only."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.client = ledger.client
        self.stream = ledger.key("webhooks")
        self.client.xgroup_create(self.stream, GROUP, "0", mkstream=True)
        now_s, now_us = self.client.time()
        self.now_ms = now_s * 1000 + now_us // 1000

    def entry(self, age_ms, call_id=None, is_read_by="a-worker-of-then", **fields):
        """An entry that was read and not finished; with is_read_by=None, not even that."""
        call_id = call_id or daily.new_call_id()
        body = daily.body(daily.webhook(call_id))
        received_ms = self.now_ms - age_ms
        entry = {"v": "1", "kind": "dialin", "call_id": call_id, "received_ms": received_ms,
                 "timestamp": received_ms, "signature": "", "peer": "127.0.0.1", "body": body,
                 "sha256": hashlib.sha256(body).hexdigest(), **fields}
        entry_id = text(self.client.xadd(self.stream, entry, f"{received_ms}-*"))
        if is_read_by:
            self.client.xreadgroup(GROUP, is_read_by, {self.stream: ">"}, count=1)
        return entry_id, call_id

    def finished(self, age_ms, state="started", call_id=None, key=None, took_ms=100, **fields):
        """One that ended: its hash, its events and, if it is dead, its letter; acknowledged."""
        entry_id, call_id = self.entry(age_ms, call_id, **fields)
        at_ms = self.now_ms - age_ms + took_ms
        key = key or call_id
        call = {"state": state, "entry": entry_id, "kind": "dialin"}
        event = {"call_id": key, "entry": entry_id, "event": state}
        if state != "duplicate":
            self.client.hset(self.ledger.key(f"call:{key}"), mapping=call)
            self.client.xadd(self.ledger.key("audit"), {**event, "event": "attempt"}, f"{at_ms}-*")
        self.client.xadd(self.ledger.key("audit"), event, f"{at_ms}-*")
        if state == "dead":
            self.client.xadd(self.ledger.key("dead"), {**event, "reason": "expired"}, f"{at_ms}-*")
        self.client.hincrby(self.ledger.key("counts"), state, 1)
        self.client.xack(self.stream, GROUP, entry_id)
        return entry_id, call_id

    # --- what is left -----------------------------------------------------------------------

    def entry_ids(self):
        return [entry for entry, _ in self.ledger.entries()]

    def entries_of(self, stream):
        """Of which entries this stream (audit, dead) still tells."""
        return {event["entry"] for event in self.ledger.events(stream=stream)}

    def has_call(self, call_id):
        return self.client.exists(self.ledger.key(f"call:{call_id}")) == 1

    def low(self):
        low = self.client.get(self.ledger.key("low"))
        return text(low) if low else None
