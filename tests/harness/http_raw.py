"""An HTTP/1.1 client on a bare socket: it sends any bytes, well-formed or not."""

import json
import socket

TIMEOUT_S = 15


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # (lower-case name, value) in order
        self.body = body

    def header(self, name):
        values = [value for key, value in self.headers if key == name.lower()]
        assert len(values) <= 1, f"{name} comes {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of a refusal, whose whole form is checked on the way."""
        refusal = self.json()
        assert set(refusal) == {"error", "code"} and all(refusal.values()), refusal
        assert self.header("Content-Type") == "application/json"
        return refusal["code"]

    def __repr__(self):
        return f"Answer({self.status}, {self.headers}, {self.body[:300]!r})"


def request(method, path, headers=None, body=None, host="localhost"):
    """The bytes of a request; Content-Length is added unless a framing header is given."""
    headers = list(headers or [])
    names = {name.lower() for name, _ in headers}
    if "host" not in names:
        headers.insert(0, ("Host", host))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        headers.append(("Content-Length", str(len(body))))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


class Connection:
    def __init__(self, port, timeout_s=TIMEOUT_S, source=None, tls=None):
        """`tls`: the ssl.SSLContext of a client, for https."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s,
                                               source and (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_if_open(self, data):
        """For what the other side may have closed by now."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def end_of_sending(self):
        """No more comes from here, but an answer would be read."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other side has ended it already

    def receive(self):
        """Adds what comes to `rest`; False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.rest += data
        return bool(data)

    def read_answer(self, to_head=False):
        """The next answer, or None where the connection ends instead."""
        while b"\r\n\r\n" not in self.rest:
            if not self.receive():
                assert not self.rest, f"the connection ended amid an answer: {self.rest!r}"
                return None
        head, _, rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ")[:2]
        assert version == "HTTP/1.1", lines[0]
        headers = [(name.lower(), value.strip())
                   for name, _, value in (line.partition(":") for line in lines[1:])]
        lengths = [int(value) for name, value in headers if name == "content-length"]
        has_body = not to_head and int(status) >= 200
        assert len(lengths) == 1 or not has_body, f"no length in {lines}"
        length = lengths[0] if has_body else 0
        self.rest = rest
        while len(self.rest) < length:
            assert self.receive(), f"the connection ended amid a body: {self.rest!r}"
        body, self.rest = self.rest[:length], self.rest[length:]
        return Answer(int(status), headers, body)

    def read_answers_to_the_end(self):
        """All answers until the other side closes, which it has to do."""
        answers = []
        while (answer := self.read_answer()) is not None:
            answers.append(answer)
        return answers

    def is_closed_by_peer(self):
        return not self.rest and not self.receive()

    def ask(self, method, path, headers=None, body=None):
        self.send(request(method, path, headers, body))
        return self.read_answer(to_head=method == "HEAD")


def ask(port, method, path, headers=None, body=None, timeout_s=TIMEOUT_S, source=None):
    with Connection(port, timeout_s, source) as connection:
        answer = connection.ask(method, path, headers, body)
        assert answer is not None, "the connection ended without an answer"
        return answer
