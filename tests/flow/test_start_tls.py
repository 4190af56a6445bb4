"""https towards /start: certificates are checked, and what fails the check gets nothing."""

import pathlib
import socket
import ssl
import threading

import daily

SELF_SIGNED = pathlib.Path(__file__).resolve().parents[1] / "data" / "self_signed.pem"


class TlsServer:
    """Takes connections, and keeps whatever comes through them decrypted."""

    def __init__(self):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(SELF_SIGNED)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = b""
        self.connections = 0
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
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
        stack.worker(START_URL=f"https://127.0.0.1:{server.port}/start", HOLD_LIMIT_S="2",
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
