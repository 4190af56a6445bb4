"""An agent whose host takes no connection, or only at one of its addresses: every attempt ends as
"not sent", every address is tried, and no worker ends."""

import os
import pathlib
import socket
import subprocess
import sys

import pytest

import daily
from stack import wait_for


class FullListener:
    """A listening socket whose accept queue is full: further SYNs are dropped."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        while self.fill():
            pass

    def fill(self):
        filler = socket.socket()
        filler.settimeout(0.2)
        self.fillers.append(filler)
        try:
            filler.connect(("127.0.0.1", self.port))
            return True
        except TimeoutError:
            return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/start"

    def close(self):
        for one in (*self.fillers, self.listener):
            one.close()


@pytest.fixture
def full_listener():
    listener = FullListener()
    yield listener
    listener.close()


def test_dropped_connections_end_no_worker(stack, ledger, full_listener):
    """libcurl 7.88 closes a socket that never connected unseen; its number is used again."""
    worker = stack.worker(START_URL=full_listener.url, LEASE_S=3, HOLD_LIMIT_S=8)
    webhooks = [daily.webhook() for _ in range(20)]
    for webhook in webhooks:
        ledger.queue(webhook)
    ledger.wait_until_finished(30)
    assert worker.is_running()
    for webhook in webhooks:
        assert ledger.call(webhook["callId"])["reason"] == "expired"
    attempts = ledger.events(event="attempt")
    assert len(attempts) > len(webhooks)
