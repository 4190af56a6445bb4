"""https towards /start: certificates are checked, and what fails the check gets nothing."""

import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import threading

import pytest

import daily
from accepting import accepted
from callers import cpu_s
from stack import free_port

BURST = 300
SELF_SIGNED = pathlib.Path(__file__).resolve().parents[1] / "data" / "self_signed.pem"


class TlsServer:
    """Takes connections, and keeps whatever comes through them decrypted."""

    def __init__(self, certificate=SELF_SIGNED, key=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = b""
        self.connections = 0
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        for plain, _ in accepted(self.listener):
            self.connections += 1
            try:
                with self.context.wrap_socket(plain, server_side=True) as tls:
                    tls.settimeout(2)
                    self.received += tls.recv(4096)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def test_a_certificate_that_nobody_trusts(stack, ledger):
    server = TlsServer()
    try:
        stack.worker(START_URL=f"https://127.0.0.1:{server.port}/start", HOLD_LIMIT_S="4",
                     START_API_KEY="key-that-must-not-leave")
        call_id = daily.new_call_id()
        ledger.queue(daily.webhook(call_id))
        call = ledger.wait_for_state(call_id, "dead")
    finally:
        server.close()
    assert call["reason"] == "expired"
    attempts = ledger.events(call_id, "attempt")
    assert len(attempts) > 1
    for event in attempts[:-1]:  # what was left of the hold may have been too short for the last
        assert "certificate" in event["error"], event
    assert server.connections == len(attempts)
    assert server.received == b""


TLS_START_S = 0.3


class TlsAgent:
    """An agent over https in a process of its own; notes handshakes, requests and their times."""

    def __init__(self, folder, certificate, latency_s=TLS_START_S):
        self.port = free_port()
        self.notes = folder / "tls-agent.json"
        self.process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__).resolve().parents[1] / "harness" / "tls_agent.py", str(certificate),
             str(self.port), str(latency_s), str(self.notes)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    @property
    def url(self):
        return f"https://localhost:{self.port}/start"

    def close(self):
        """What it noted."""
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
        return json.loads(self.notes.read_text())


@pytest.fixture(scope="session")
def own_authority(tmp_path_factory):
    """A certificate for localhost, its own authority: key and certificate in one file."""
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", "-", "-out", "-"],
        check=True, capture_output=True)
    file.write_bytes(made.stdout)
    file.chmod(0o600)  # a key
    return file


@pytest.fixture(scope="session")
def large_bundle(own_authority, tmp_path_factory):
    """The agent's authority among the system's hundred and more, as users have it."""
    file = tmp_path_factory.mktemp("bundle") / "bundle.pem"
    certificate = own_authority.read_text()
    certificate = certificate[certificate.index("-----BEGIN CERTIFICATE"):]
    system = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
    file.write_text((system.read_text() if system.exists() else certificate * 130) + certificate)
    return file


def test_an_authority_of_ones_own(stack, ledger, own_authority, tmp_path):
    agent = TlsAgent(tmp_path, own_authority, latency_s=0)
    try:
        stack.worker(START_URL=agent.url, START_CA_FILE=own_authority)
        for _ in range(5):
            call_id = daily.new_call_id()
            ledger.queue(daily.webhook(call_id))
            ledger.wait_for_state(call_id, "started")
    finally:
        noted = agent.close()
    assert noted["requests"] == 5 and noted["handshakes"] == 1, noted


def test_the_stand_in_agent_over_https(stack, ledger, own_authority):
    agent = stack.agent("--tls-cert", own_authority, "--tls-key", own_authority)
    stack.worker(START_URL=f"https://localhost:{agent.port}/start", START_CA_FILE=own_authority)
    call_id = daily.new_call_id()
    ledger.queue(daily.webhook(call_id))
    assert ledger.wait_for_state(call_id, "started")["attempts"] == "1"


def test_a_burst_over_https(stack, ledger, own_authority, large_bundle, tmp_path):
    """Hundreds of new connections at once: the bundle is parsed once for all, so that each costs
    the worker a handshake only, and memory stays low."""
    agent = TlsAgent(tmp_path, own_authority)
    try:
        worker = stack.worker(START_URL=agent.url, START_CA_FILE=large_bundle)
        begun = cpu_s(worker)
        for _ in range(BURST):
            ledger.queue(daily.webhook())
        ledger.wait_until_finished(30)
        used_s = cpu_s(worker) - begun
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(
            f"/proc/{worker.pid}/status").read_text()).group(1))
    finally:
        noted = agent.close()
    assert ledger.counts() == {"started": BURST}
    assert noted["requests"] == BURST
    if "sanitize" not in os.environ.get("DIALIN_BUILD", ""):  # whose costs are not ours
        assert used_s / noted["handshakes"] < 0.008, (used_s, noted)  # 14 to 36 ms without the cache
        assert peak < 80 * 1024, peak


def test_a_bundle_that_is_not_there(stack):
    done = stack.run("dialin-worker", "--check-config", START_URL="https://localhost/start",
                     START_CA_FILE="/nowhere/ca.pem")
    assert done.returncode == 1
    assert "START_CA_FILE: /nowhere/ca.pem: cannot be read: No such file" in done.stderr
