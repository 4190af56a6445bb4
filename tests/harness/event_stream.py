"""A reader of server-sent events over a bare socket."""

import json
import time

import http_raw

DEADLINE_S = 30


class EventStream:
    def __init__(self, port, path="/api/stream", headers=(), timeout_s=20):
        self.connection = http_raw.Connection(port, timeout_s)
        self.connection.send(http_raw.request("GET", path, list(headers)))
        self.text = b""
        self.messages = []
        while b"\r\n\r\n" not in self.connection.rest:
            assert self.connection.receive(), "the connection ended before the head"
        head, _, self.connection.rest = self.connection.rest.partition(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1])
        self.head = head.decode().lower()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.socket.close()

    def _take_chunks(self):
        """Moves what is whole from the connection into messages; False at the end of the answer."""
        while b"\r\n" in self.connection.rest:
            size, _, rest = self.connection.rest.partition(b"\r\n")
            length = int(size, 16)
            if length == 0:
                return False
            if len(rest) < length + 2:
                break
            self.text += rest[:length]
            self.connection.rest = rest[length + 2:]
        while b"\n\n" in self.text:
            block, _, self.text = self.text.partition(b"\n\n")
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n"))
            if "event" in fields:
                self.messages.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
        return True

    def read_until(self, condition):
        """Reads until `condition(messages)` is true. False: the stream has ended before."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            assert time.monotonic() < deadline, f"in vain; the last was {self.messages[-1:]}"
            goes_on = self._take_chunks()
            if condition(self.messages):
                return True
            if not goes_on or not self.connection.receive():
                return False

    def events(self):
        return [data for name, _, data in self.messages if name == "event"]

    def ids(self):
        return [event["id"] for event in self.events()]

    def named(self, name):
        return [data for kind, _, data in self.messages if kind == name]
