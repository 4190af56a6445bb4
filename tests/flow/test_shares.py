"""While the table of connections is crowded, one address has its share of it only; trusted proxies
and addresses that sent something genuine within the hour have as much as they want. In a network
namespace, whose addresses are neither loopback nor private."""

import select
import socket

import pytest

import daily
from http_raw import request
from namespace import Namespace
from stack import Program, wait_for

PORT = 8080
HOST, FLOODER, STRANGER, CALLER, PROXY = (f"203.0.113.{i}" for i in range(1, 6))
TABLE, SHARE = 1100, 1100 // 16  # of MAX_IN_FLIGHT=76
CROWDED = TABLE * 80 // 100


@pytest.fixture
def namespace(tmp_path):
    made = Namespace(tmp_path, addresses=[f"{address}/32" for address in
                                          (HOST, FLOODER, STRANGER, CALLER, PROXY)])
    yield made
    made.close()


class Crowd:
    """The silent connections of all addresses. A crowded table makes room after a second."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.open = []

    def add(self, source, count=1):
        added = [self.namespace.connect(source, (HOST, PORT)) for _ in range(count)]
        self.open += added
        return added

    def ring(self, source):
        body = daily.body(daily.webhook())
        with self.namespace.connect(source, (HOST, PORT)) as connection:
            connection.sendall(request("POST", "/api/dial", daily.headers(body), body))
            return connection.recv(13)

    def close(self):
        for connection in self.open:
            connection.close()


def refused(connections):
    """How many were closed without a word; those that made room later got 503 first."""
    ended = select_readable(connections)
    return sum(is_at_its_end(connection) for connection in ended)


def select_readable(connections):
    poll = select.poll()
    by_number = {connection.fileno(): connection for connection in connections}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(0)]


def is_at_its_end(connection):
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except ConnectionResetError:
        return True


@pytest.fixture
def crowd(stack, namespace):
    ingress = Program("dialin-ingress", stack.folder, {
        "REDIS_URL": stack.redis.unix_url, "REDIS_PREFIX": stack.prefix, "LISTEN_ADDR": HOST,
        "PORT": PORT, "ADMIN_PORT": 0, "PINLESS_HMAC_SECRET": daily.SECRET, "MAX_IN_FLIGHT": 76,
        "TRUSTED_PROXIES": PROXY}, launcher=namespace.command)
    stack.keep(ingress)
    made = Crowd(namespace)
    wait_for(lambda: is_answering(made), what="the ingress to answer")
    yield made
    made.close()


def is_answering(crowd):
    try:
        return crowd.ring(CALLER) == b"HTTP/1.1 200 "
    except ConnectionRefusedError:
        return False


def make_crowded(crowd):
    """Until the flooder, far above its share, is refused."""
    flood = crowd.add(FLOODER, CROWDED - 1)
    assert refused(flood) == 0, "refused before the table was crowded"
    flood += crowd.add(FLOODER, 2 * SHARE)
    wait_for(lambda: refused(flood) >= SHARE, 5, "the flooder to be refused")


def test_an_address_has_its_share_of_a_crowded_table(crowd):
    """The caller's address is remembered by the webhook that the fixture has sent."""
    make_crowded(crowd)
    strangers, callers, behind_proxy = (crowd.add(source, SHARE + 5)
                                        for source in (STRANGER, CALLER, PROXY))
    wait_for(lambda: refused(strangers), 5, "the stranger to be refused")
    assert crowd.ring(CALLER) == b"HTTP/1.1 200 "
    assert refused(callers) == 0 and refused(behind_proxy) == 0
