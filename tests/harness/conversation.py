"""Daily's side of a call after its start: dialin.connected at once, dialin.stopped when the session is over."""

import heapq
import threading
import time

import daily
import http_raw
from ledger import text, texts


class Conversations:
    """Plays the events of every call that starts, until it is stopped."""

    def __init__(self, ledger, ingress_port, session_s):
        self.ledger, self.port, self.session_s = ledger, ingress_port, session_s
        self.is_stopped, self.refused = False, 0
        self.due = []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        last = "0-0"
        while not self.is_stopped:
            wait_ms = 50 if not self.due else max(1, min(50, int((self.due[0][0] - time.time()) * 1000)))
            read = self.ledger.client.xread({self.ledger.key("audit"): last}, block=wait_ms)
            for event_id, fields in (read[0][1] if read else []):
                last = text(event_id)
                event = texts(fields)
                if event["event"] == "started":
                    self.begin(event["call_id"], int(event["at_ms"]) / 1000)
            while self.due and self.due[0][0] <= time.time():
                _, room = heapq.heappop(self.due)
                self.post(daily.event("dialin.stopped", room))

    def begin(self, call_id, started_s):
        room = self.ledger.call(call_id)["room_url"].rpartition("/")[2]
        self.post(daily.event("dialin.connected", room))
        heapq.heappush(self.due, (started_s + self.session_s, room))

    def post(self, event):
        body = daily.body(event)
        answer = http_raw.ask(self.port, "POST", "/api/daily-events", daily.event_headers(body), body)
        self.refused += answer.status != 200

    def stop(self):
        self.is_stopped = True
        self.thread.join()
