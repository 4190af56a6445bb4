"""One sender without a secret against the ports; make siege does the same for longer, with more."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import daily
from http_raw import Connection, request
from stack import wait_for
from stopwatch import Stopwatch

ATTACKER = Path(__file__).resolve().parents[1] / "siege" / "attacker.py"
HONEST_MS_MAX = 2000  # on a machine that is busy with other tests; make siege measures


@pytest.fixture
def attack():
    running = []

    def begin(mode, port, connections):
        running.append(subprocess.Popen([sys.executable, str(ATTACKER), mode, str(port),
                                         str(connections)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True))
    yield begin
    for attacker in running:
        attacker.communicate(timeout=60)


@pytest.mark.parametrize("mode", ["unread", "idle", "flood", "silent", "bodies"])
def test_callers_get_in_beside_a_full_table(stack, attack, mode):
    """MAX_IN_FLIGHT=76 makes a table of 1,100 connections."""
    ingress = stack.ingress(MAX_IN_FLIGHT=76, MAX_BODIES_MB=1)
    attack(mode, ingress.port, 1300)
    time.sleep(1)
    for _ in range(20):
        watch = Stopwatch()
        assert ingress.ring().status == 200
        assert watch.seconds() < HONEST_MS_MAX / 1000
    assert ingress.is_ready()


def test_a_genuine_callers_connection_is_kept_beside_strangers(stack, attack):
    ingress = stack.ingress(MAX_IN_FLIGHT=76)
    with Connection(ingress.port) as connection:
        for _ in range(3):
            body = daily.body(daily.webhook())
            assert connection.ask("POST", "/api/dial", daily.headers(body), body).status == 200
            attack("silent", ingress.port, 1000)
            time.sleep(0.5)


def test_a_genuine_first_answer_keeps_the_connection_and_a_strangers_does_not(stack):
    ingress = stack.ingress()
    with Connection(ingress.port) as connection:
        for _ in range(3):
            body = daily.body(daily.webhook())
            answer = connection.ask("POST", "/api/dial", daily.headers(body), body)
            assert answer.status == 200 and answer.header("Connection") != "close"
    for method, path, status, body in [("POST", "/api/dial", 200, b'{"test":"test"}'),
                                       ("POST", "/api/dial", 401, b"{}"), ("GET", "/x", 404, None),
                                       ("GET", "/healthz", 200, None)]:
        with Connection(ingress.port) as connection:
            answer = connection.ask(method, path, [], body)
            assert answer.status == status and answer.header("Connection") == "close"
            assert connection.is_closed_by_peer()


@pytest.mark.slow
def test_a_client_that_does_not_read_is_cut_off(stack):
    """A stranger gets one answer only; so this one has been genuine before."""
    ingress = stack.ingress()
    genuine = daily.body(daily.webhook())
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.settimeout(20)
        client.connect(("127.0.0.1", ingress.port))
        client.sendall(request("POST", "/api/dial", daily.headers(genuine), genuine))
        assert client.recv(13) == b"HTTP/1.1 200 "
        client.setblocking(False)
        sent = fill(client, request("POST", "/api/dial", [], b'{"test":"test"}') * 500)
        assert sent > 0, "the test tests nothing"
        wait_for(lambda: is_ended(client), 20, "the connection to end")


def fill(client, data):
    """Sends it over and over until the other side takes no more."""
    sent = 0
    try:
        while True:
            sent += client.send(data)
    except BlockingIOError:
        return sent


def is_ended(client):
    try:
        client.send(b"x")
        return False
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_a_body_without_credentials_is_cut_at_1_kib(stack):
    ingress = stack.ingress()
    with Connection(ingress.port) as connection:
        connection.send(request("POST", "/api/dial", [("Transfer-Encoding", "chunked")]) +
                        b"1000\r\n" + b" " * 2000)
        answer = connection.read_answer()
        assert (answer.status, answer.code) == (401, "missing_signature")


@pytest.mark.parametrize("timestamp, signature, code", [
    (None, "AAAA", "invalid_signature"), ("yesterday", None, "invalid_signature"),
    ("1500000000", None, "stale_timestamp")])
def test_headers_that_cannot_be_right_are_refused_at_the_head(stack, timestamp, signature, code):
    ingress = stack.ingress()
    headers = daily.headers(b"x", timestamp=timestamp, signature=signature)
    with Connection(ingress.port) as connection:
        connection.send(request("POST", "/api/dial", headers + [("Content-Length", "1025")]))
        assert connection.read_answer().code == code
    assert ingress.post(b'{"test":"test"}', headers).status == 200


def test_idle_connections_do_not_fill_the_admin_port(stack, attack):
    ingress = stack.ingress()
    attack("silent", ingress.admin_port, 70)
    time.sleep(0.5)
    for _ in range(10):
        assert ingress.admin("/healthz").status == 200


def test_strangers_do_not_fill_the_log(stack):
    ingress = stack.ingress(LOG_LEVEL="info")
    lines = len(ingress.log_lines())
    for _ in range(30):
        assert ingress.post(b'{"test":"test"}').status == 200
        assert ingress.post(b"{}").status == 401
        assert ingress.post(b"{}", daily.headers(b"another")).status == 401
        assert ingress.post(b"{}", [("Content-Length", "x")]).status == 400
        assert ingress.post(b"{}", path="/x").status == 404
    assert ingress.metrics()['dialin_webhooks_total{result="verification"}'] == 30
    assert len(ingress.log_lines()) - lines < 30
