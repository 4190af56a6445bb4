"""A /start server that can be scripted to fail in every way a server can, on bare sockets.

Each request is recorded as it came. What it gets is the next step of the script of its call (by
Idempotency-Key), or of the script for all calls; the last step of a script stays. A step is a
function of the exchange; the functions below make the usual ones.
"""

import json
import socket
import struct
import threading
import time

from accepting import accepted
from stopwatch import awake_s


class StartRequest:
    def __init__(self, line, headers, body, connection_id):
        self.method, self.path, _ = line.split(" ", 2)
        self.headers = headers  # (lower-case name, value) in order
        self.body = body
        self.at, self.at_awake_s = time.time(), awake_s()
        self.connection_id = connection_id

    def header(self, name):
        values = [value for key, value in self.headers if key == name.lower()]
        assert len(values) <= 1, f"{name} comes {len(values)} times"
        return values[0] if values else None

    @property
    def key(self):
        return self.header("Idempotency-Key")

    def json(self):
        return json.loads(self.body)


class Exchange:
    def __init__(self, server, client, request):
        self.server = server
        self.client = client
        self.request = request
        self.is_last = False  # the connection ends behind it


def http_answer(status, body=b"", headers=()):
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers)]
    if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def good(call_id="", **fields):
    """What Pipecat Cloud answers when a bot was started."""
    return {"dailyRoom": f"https://example.daily.co/room-{call_id}",
            "dailyToken": f"token-of-{call_id}-which-is-secret", "sessionId": f"session-{call_id}",
            **fields}


def starts_a_bot(**fields):
    def step(exchange):
        answer = json.dumps(good(exchange.request.key, **fields)).encode()
        exchange.client.sendall(
            http_answer(200, answer, [("Content-Type", "application/json")]))
    return step


def answers(status, body=b"", headers=()):
    return lambda exchange: exchange.client.sendall(http_answer(status, body, headers))


def sends(data):
    """Exactly these bytes, and the end of the connection."""
    def step(exchange):
        exchange.client.sendall(data)
        exchange.is_last = True
    return step


def closes():
    return sends(b"")


def resets():
    """A TCP reset in place of an answer."""
    def step(exchange):
        exchange.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        exchange.is_last = True
    return step


def hangs():
    """No answer, as long as this server lives."""
    return lambda exchange: exchange.server.closing.wait()


def delays(seconds, then):
    def step(exchange):
        exchange.server.closing.wait(seconds)
        then(exchange)
    return step


def drips(data, pause_s):
    """A byte, a pause, a byte, …"""
    def step(exchange):
        for i in range(len(data)):
            exchange.client.sendall(data[i:i + 1])
            if exchange.server.closing.wait(pause_s):
                return
    return step


def floods(bytes_max):
    """A 200 whose body has no end that anybody should wait for."""
    def step(exchange):
        exchange.client.sendall(http_answer(200, headers=[("Content-Length", str(bytes_max))]))
        sent = 0
        while sent < bytes_max and not exchange.server.closing.is_set():
            sent += exchange.client.send(b"x" * 65536)
    return step


class FakeStart:
    def __init__(self):
        self.requests = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.scripts = {None: [starts_a_bot()]}
        self.connections = 0
        self.listener = self.listen()
        self.port = self.listener.getsockname()[1]
        self.clients = set()
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def listen(self):
        return socket.create_server(("127.0.0.1", 0), backlog=1024)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/start"

    def script(self, *steps, call_id=None):
        with self.lock:
            self.scripts[call_id] = list(steps)

    def requests_of(self, call_id):
        with self.lock:
            return [request for request in self.requests if request.key == call_id]

    def accept(self):
        for client, _ in accepted(self.listener):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.clients.add(client)
                self.connections += 1
                thread = threading.Thread(target=self.serve, args=(client, self.connections),
                                          daemon=True)
                self.threads.append(thread)
            thread.start()

    def read_request(self, reader, client, connection_id):
        line = reader.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            return None
        headers = []
        while header := reader.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = header.partition(":")
            headers.append((name.lower(), value.strip()))
        fields = dict(headers)
        if fields.get("expect", "").lower() == "100-continue":
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fields.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(reader.readline(), 16):
                body += reader.read(size)
                reader.readline()
            reader.readline()
        else:
            length = int(fields.get("content-length", 0))
            body = reader.read(length)
            if len(body) < length:
                return None  # its sender died amid it
        return StartRequest(line, headers, body, connection_id)

    def next_step(self, request):
        with self.lock:
            self.requests.append(request)
            script = self.scripts.get(request.key) or self.scripts[None]
            return script.pop(0) if len(script) > 1 else script[0]

    def serve(self, client, connection_id):
        reader = client.makefile("rb")
        try:
            while request := self.read_request(reader, client, connection_id):
                exchange = Exchange(self, client, request)
                self.next_step(request)(exchange)
                if exchange.is_last:
                    return
        except (OSError, ValueError):
            pass
        finally:
            reader.close()
            client.close()
            with self.lock:
                self.clients.discard(client)

    def close(self):
        self.closing.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for client in self.clients:
                try:
                    client.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        for thread in self.threads:
            thread.join(10)
