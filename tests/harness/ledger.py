"""What Redis says of calls, read by the contract's names (CONTRACT, section 3)."""

import hashlib
import uuid

import daily
from stack import wait_for

FINAL = ("started", "dead", "duplicate")
WRITTEN_BY_THE_CLOCK = (b":worker:", b":low", b":programs", b":status:", b":minute:")  # parts of names of keys


def text(value):
    return value.decode("utf-8", "surrogateescape")


def texts(fields):
    return {text(name): text(value) for name, value in fields.items()}


class Ledger:
    def __init__(self, redis, prefix):
        self.redis = redis  # the server; its client changes when it is started again
        self.prefix = prefix

    @property
    def client(self):
        return self.redis.client

    def key(self, name):
        return f"{self.prefix}:{name}"

    # --- the stream -------------------------------------------------------------------------

    def entries(self):
        """(id, fields) of all webhooks; the fields are bytes under text names."""
        return [(text(entry), {text(name): value for name, value in fields.items()})
                for entry, fields in self.client.xrange(self.key("webhooks"))]

    def entries_of(self, call_id):
        return [(entry, fields) for entry, fields in self.entries()
                if fields["call_id"] == call_id.encode()]

    def entry_of(self, call_id):
        found = self.entries_of(call_id)
        assert len(found) == 1, found
        return found[0]

    def queue(self, webhook, call_id=None, kind="dialin", **fields):
        """Puts an entry in as the ingress does; gives back its id."""
        body = daily.body(webhook)
        now_s, now_us = self.client.time()
        call_id = webhook["callId"] if call_id is None else call_id
        entry = {"v": "1", "kind": kind, "call_id": call_id,
                 "received_ms": str(now_s * 1000 + now_us // 1000), "timestamp": daily.in_ms(),
                 "signature": "", "peer": "127.0.0.1", "body": body,
                 "sha256": hashlib.sha256(body).hexdigest(), **fields}
        return text(self.client.xadd(self.key("webhooks"), entry))

    # --- calls and events -------------------------------------------------------------------

    def call(self, call_id):
        """Without the names of its events, which are there for dialin-audit."""
        call = texts(self.client.hgetall(self.key(f"call:{call_id}")))
        return {name: value for name, value in call.items() if not name.startswith("event:")}

    def wait_for_state(self, call_id, *states, timeout_s=10):
        def call_in_state():
            call = self.call(call_id)
            return call if call.get("state") in states else None
        try:
            return wait_for(call_in_state, timeout_s, f"{call_id} to be {' or '.join(states)}")
        except AssertionError as trouble:
            raise AssertionError(f"{trouble}; it is {self.call(call_id)}") from None

    def events(self, call_id=None, event=None, stream="audit"):
        """Events in order, each with its own id as `id`."""
        found = [{"id": text(event_id), **texts(fields)}
                 for event_id, fields in self.client.xrange(self.key(stream))]
        return [each for each in found
                if (call_id is None or each["call_id"] == call_id) and
                (event is None or each["event"] == event)]

    def dead(self, call_id):
        return [each for each in self.events(stream="dead") if each["call_id"] == call_id]

    def counts(self):
        """Entries by outcome and reason; without the buckets of how long callers waited."""
        return {name: int(value) for name, value in texts(
            self.client.hgetall(self.key("counts"))).items() if not name.startswith("waited")}

    # --- the account ------------------------------------------------------------------------

    def unfinished(self):
        """Entries that no worker has finished: pending ones, and those nobody has read."""
        length = self.client.xlen(self.key("webhooks"))
        groups = [group for group in self.client.xinfo_groups(self.key("webhooks"))
                  if text(group["name"]) == "workers"] if length else []
        if not groups:
            return length
        last_read = text(groups[0]["last-delivered-id"])
        unread = self.client.xrange(self.key("webhooks"), f"({last_read}", "+")
        return groups[0]["pending"] + len(unread)

    def forget_leases(self):
        """Every worker counts as one that has left: for those that died, and whose lease is not
        waited for."""
        for lease in self.client.keys(self.key("worker:*")):
            self.client.delete(lease)
            self.client.zadd(self.key("gone"), {lease.decode().rpartition(":")[2]: 0})

    def wait_until_finished(self, timeout_s=30):
        wait_for(lambda: self.unfinished() == 0, timeout_s, "every entry to be finished")

    def check_account(self, acknowledged):
        """Every acknowledged entry is in the stream and ended once: started, dead or duplicate;
        the counters and the agents' view agree. Gives back the final event of each entry."""
        ended = {}
        for event in self.events():
            if event["event"] in FINAL:
                assert event["entry"] not in ended, f"{event['entry']} ended twice"
                ended[event["entry"]] = event["event"]
        queued = {entry for entry, _ in self.entries()}
        assert set(acknowledged) <= queued, "an acknowledged entry is not in the stream"
        assert queued == set(ended), "an entry did not end"
        counts = self.counts()
        for outcome in FINAL:
            expected = sum(1 for end in ended.values() if end == outcome)
            assert counts.get(outcome, 0) == expected, (outcome, counts)
        return ended

    # --- secrets ----------------------------------------------------------------------------

    def everything(self, without=()):
        """All keys under the prefix and all they hold, as bytes to search in; `without` those that hold a
        part of these in their names."""
        parts = []
        for key in sorted(self.client.scan_iter(match=self.prefix.replace("[", "\\[") + "*", count=1000)):
            if any(part in key for part in without):
                continue
            kind = text(self.client.type(key))
            read = {"stream": self.client.xrange, "hash": self.client.hgetall,
                    "string": self.client.get, "set": self.client.smembers,
                    "zset": lambda key: self.client.zrange(key, 0, -1)}[kind]
            parts += [key, flat(read(key))]
        assert parts
        return b"\n".join(parts)


def flat(value):
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return b"\n".join(flat(part) for pair in value.items() for part in pair)
    return b"\n".join(flat(part) for part in value)


def new_prefix():
    return f"{{t-{uuid.uuid4().hex[:12]}}}"
