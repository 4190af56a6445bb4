"""A burst of webhooks, as many callers make it: several connections, each kept open."""

import threading

import daily
from http_raw import Connection, request


class Burst:
    """`count` webhooks (or those given, as pairs of a name and the bytes of a request) to one of
    `ports` each; it runs from its making until `join`. The last of each connection, `kept_back` in
    all, are sent only after `go_on` or `join`: so it is not over before."""

    def __init__(self, ports, count=0, connections=10, webhooks=None, kept_back=0):
        self.acknowledged = {}  # entry by call id; None where the spool has it
        self.refused = {}  # what went wrong, by call id
        self.webhooks = webhooks or [self.make() for _ in range(count)]
        self.call_ids = {call_id for call_id, _ in self.webhooks}
        self.kept_back = kept_back // connections  # by each
        self.may_end = threading.Event()
        self.threads = [
            threading.Thread(target=self.send, daemon=True, args=(ports[i % len(ports)],
                                                     self.webhooks[i::connections]))
            for i in range(connections)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def make():
        call_id = daily.new_call_id()
        body = daily.body(daily.webhook(call_id))
        return call_id, request("POST", "/api/dial", daily.headers(body), body)

    def send(self, port, webhooks):
        connection = None
        for left, (call_id, data) in zip(range(len(webhooks), 0, -1), webhooks):
            if left == self.kept_back:
                self.may_end.wait()
            try:
                connection = connection or Connection(port)
                connection.send(data)
                answer = connection.read_answer()
            except OSError as trouble:
                answer = trouble
            if getattr(answer, "status", None) == 200:
                self.acknowledged[call_id] = answer.json().get("id")  # None: spooled
            else:
                self.refused[call_id] = answer
            if not hasattr(answer, "status") or answer.header("Connection") == "close":
                connection = self.end(connection)
        self.end(connection)

    @staticmethod
    def end(connection):
        if connection:
            connection.socket.close()

    def answered(self):
        return len(self.acknowledged) + len(self.refused)

    def go_on(self):
        self.may_end.set()

    def join(self):
        self.go_on()
        for thread in self.threads:
            thread.join(60)
        assert self.answered() == len(self.webhooks), "the burst did not end"
        return self
