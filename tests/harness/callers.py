"""Callers that go on ringing while something happens to Redis, and what became of each."""

import os
import threading
import time

import daily

RINGS_PER_S = 20
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(process):
    """The processor time that it has used."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


class Callers:
    def __init__(self, ingress):
        self.ingress = ingress
        self.answers = []  # (when, call id, answer)
        self.is_over = threading.Event()
        self.threads = []
        self.thread = threading.Thread(target=self.ring_on)
        self.thread.start()

    def ring_on(self):
        while not self.is_over.wait(1 / RINGS_PER_S):
            thread = threading.Thread(target=self.ring)
            self.threads.append(thread)
            thread.start()

    def ring(self):
        call_id = daily.new_call_id()
        answer = self.ingress.ring(daily.webhook(call_id))
        self.answers.append((time.time(), call_id, answer))

    def first_acknowledged_after(self, when):
        return min((at for at, _, answer in list(self.answers)
                    if at >= when and answer.status == 200), default=None)

    def stop(self):
        """All that rang; each has its answer."""
        self.is_over.set()
        self.thread.join()
        for thread in self.threads:
            thread.join(20)
        assert len(self.answers) == len(self.threads), "a caller got no answer"

    def acknowledged(self):
        return {call_id: answer.json()["id"] for _, call_id, answer in self.answers
                if answer.status == 200}

    def refused(self):
        return [answer for _, _, answer in self.answers if answer.status != 200]


def check_starts(ledger, start, acknowledged, may_be_lost=False):
    """Each acknowledged call is started, once, or once more behind an attempt of unknown outcome."""
    known = ledger.check_account([] if may_be_lost else acknowledged.values())
    posts = {}
    for request in list(start.requests):
        posts[request.key] = posts.get(request.key, 0) + 1
    for call_id in acknowledged:
        assert may_be_lost or posts.get(call_id), f"{call_id} was never started"
    for call_id, count in posts.items():
        unknown = sum(1 for event in ledger.events(call_id, "attempt")
                      if event["error"] == "unknown outcome" or event.get("reason") == "late")
        assert count <= 1 + unknown, (call_id, count, ledger.events(call_id))
    return known
