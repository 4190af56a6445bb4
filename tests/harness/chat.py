"""A chat that takes the alerts of ALERT_URL, and how tests wait for them."""

import re
import ssl
import time

import daily
from fake_start import FakeStart, answers
from stack import wait_for

SECRET_PATH = "/services/T000/B000/a-secret-that-nobody-may-see"
CALLER = "+14158483432"


class Chat(FakeStart):
    """Takes alerts, as Slack does."""

    def __init__(self):
        super().__init__()
        self.script(answers(200, b"ok"))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{SECRET_PATH}"

    def texts(self):
        with self.lock:
            return [request.json()["text"] for request in self.requests]

    def wait_for_text(self, pattern, timeout_s=25):
        return wait_for(lambda: [text for text in self.texts() if re.search(pattern, text)], timeout_s,
                        f"an alert that says {pattern}")[0]


class TlsChat(Chat):
    """The same over https."""

    def __init__(self, certificate):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        super().__init__()
        self.script(answers(200, b"ok", [("Connection", "close")]))

    @property
    def url(self):
        return super().url.replace("http:", "https:")

    def serve(self, client, connection_id):
        try:
            super().serve(self.context.wrap_socket(client, server_side=True), connection_id)
        except OSError:
            client.close()


def watch_commands(ledger, is_enough):
    """Looks at what Redis is asked until it is enough."""
    with ledger.client.monitor() as monitor:
        deadline = time.monotonic() + 60
        while not is_enough(monitor.next_command()):
            assert time.monotonic() < deadline


def snapshots(ledger, count=1, with_programs=""):
    """Waits for so many readings of the queue by a worker."""
    seen = []

    def is_enough(command):
        words = command["command"].split()
        keys = [f"{ledger.prefix}:webhooks", f"{ledger.prefix}:never"]
        if len(words) == 10 and words[3:8] == [*keys, "64", "0", "0"]:
            seen.extend(words[:1] if with_programs in words[8] else [])
        return len(seen) >= count
    watch_commands(ledger, is_enough)


def readings(ledger, count=1):
    """Waits until the programs and the queue have been read so often, and once more."""
    snapshots(ledger, count + 1, with_programs="1")


def wait_for_claims(ledger, kind, count):
    """Each of so many workers has looked whether the kind was told."""
    workers = set()

    def is_enough(command):
        if f"alerted:{kind}" in command["command"] and " NX " in command["command"]:
            workers.add(command["client_port"])
        return len(workers) == count
    watch_commands(ledger, is_enough)


def lose_one(ledger):
    webhook = daily.webhook(From=CALLER)
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "dead", timeout_s=20)
    return webhook["callId"]


def told(ledger, kind):
    value = ledger.client.get(ledger.key(f"alerted:{kind}"))
    return value.decode() if value else None


def wait_until_told(ledger, kind):
    return wait_for(lambda: (told(ledger, kind) or "").isdigit(), 20, f"{kind} to be told")
