"""An agent whose host takes no connection, or only at one of its addresses: every attempt ends as
"not sent", every address is tried, and no worker ends."""

import select
import socket
import time

import pytest

import daily
from fake_start import FakeStart
from namespace import Namespace, drop_packets, take_packets
from stack import Program, wait_for


class FullListener:
    """A listening socket whose accept queue is full: further SYNs are dropped."""

    def __init__(self, family=socket.AF_INET, port=0):
        self.family = family
        self.host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.host, port))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        while self.fill():
            pass

    def fill(self):
        filler = socket.socket(self.family)
        filler.settimeout(0.2)
        self.fillers.append(filler)
        try:
            filler.connect((self.host, self.port))
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
    assert min(int(attempt["latency_ms"]) for attempt in attempts) < 1500, "a third of LEASE_S"


class HalfOpenAgent:
    """Listens and never accepts; the kernel takes connections for it. Wakes on demand."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.listener.getsockname()[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/start"

    def wake(self):
        """How each connection ends that waited: `reset`, `closed`, or still `open`."""
        ends = []
        self.listener.settimeout(0.5)
        while True:
            try:
                client, _ = self.listener.accept()
            except TimeoutError:
                return ends
            with client:
                client.settimeout(0.5)
                try:
                    while client.recv(65536):
                        pass
                    ends.append("closed")
                except ConnectionResetError:
                    ends.append("reset")
                except TimeoutError:
                    ends.append("open")

    def close(self):
        self.listener.close()


def queued(listener):
    """Whether a connection waits to be accepted."""
    return bool(select.select([listener], [], [], 0)[0])


@pytest.mark.parametrize("dies", [False, True])
def test_what_is_given_up_is_broken_off(stack, ledger, dies):
    """A close() alone would leave the request to the kernel, which delivers it in its own time; so
    would the worker's death."""
    agent = HalfOpenAgent()
    try:
        worker = stack.worker(START_URL=agent.url, START_TIMEOUT_S=1 if not dies else 60,
                              HOLD_LIMIT_S=100)
        call_id = daily.new_call_id()
        ledger.queue(daily.webhook(call_id))
        if dies:
            wait_for(lambda: ledger.call(call_id).get("state") == "starting")
            wait_for(lambda: queued(agent.listener))
            worker.kill()
        else:
            wait_for(lambda: ledger.events(call_id, "attempt"))
            worker.terminate()
        ends = agent.wake()
    finally:
        agent.close()
    assert ends and set(ends) == {"reset"}, ends


def test_the_kernel_delivers_nothing_of_what_was_given_up(stack, ledger, start):
    """A firewall drops what the worker sends, and lets it pass again after the request was given
    up. The kernel would still deliver that request: a second bot, or one for nobody."""
    stack.worker(START_URL=start.url, START_TIMEOUT_S=1)
    ring(ledger)
    connection, = start.clients
    drop_packets(connection)
    call_id = ring(ledger, until="starting")
    wait_for(lambda: ledger.events(call_id, "attempt"))
    take_packets(connection)
    ledger.wait_for_state(call_id, "started")
    time.sleep(2)  # twice the time until the kernel would try again
    assert len(start.requests_of(call_id)) == 1, "the request that was given up came too"
    assert [event["error"] == "" for event in ledger.events(call_id, "attempt")] == [False, True]


def ring(ledger, until="started"):
    call_id = daily.new_call_id()
    ledger.queue(daily.webhook(call_id))
    ledger.wait_for_state(call_id, until)
    return call_id


ADDRESSES = {"dual": ("::1", "127.0.0.1"), "pair": ("127.0.0.2", "127.0.0.3")}
HOSTS = "".join(f"{address} {name}.test\n" for name in ADDRESSES for address in ADDRESSES[name])


@pytest.fixture
def namespace(tmp_path):
    made = Namespace(tmp_path, HOSTS)
    yield made
    made.close()


class OnOneAddress(FakeStart):
    """An agent at one address of a name in a namespace; at the other one nobody listens, or a
    firewall drops what comes."""

    def __init__(self, namespace, alive, dead, drops):
        self.namespace, self.alive = namespace, alive
        super().__init__()
        self.other = namespace.listen(dead, self.port) if drops else None
        if drops:
            drop_packets(self.other)

    def listen(self):
        return self.namespace.listen(self.alive)

    def close(self):
        super().close()
        if self.other:
            self.other.close()


@pytest.mark.parametrize("drops", [False, True], ids=["refused", "dropped"])
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "second"])
@pytest.mark.parametrize("name", ADDRESSES)
def test_every_address_of_a_name_is_tried(stack, ledger, namespace, name, is_first, drops):
    """More calls than connections come about at once, so that descriptors are used again."""
    alive, dead = ADDRESSES[name] if is_first else reversed(ADDRESSES[name])
    server = OnOneAddress(namespace, alive, dead, drops)
    try:
        worker = Program("dialin-worker", stack.folder, {
            "REDIS_URL": stack.redis.unix_url, "REDIS_PREFIX": stack.prefix, "LEASE_S": 3,
            "START_URL": f"http://{name}.test:{server.port}/start",
            "ALLOW_HTTP": f"{name}.test"}, launcher=namespace.command)
        stack.keep(worker)
        for _ in range(30):
            ledger.queue(daily.webhook())
        ledger.wait_until_finished(20)
        assert ledger.counts() == {"started": 30}
        assert len(server.requests) == 30
        assert {event["error"] for event in ledger.events(event="attempt")} == {""}
    finally:
        server.close()
