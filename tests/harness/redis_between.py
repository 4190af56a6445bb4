"""A TCP proxy in front of Redis: the network between, as it breaks, and a service address that can
be pointed at another server."""

import socket
import struct
import threading

from accepting import accepted

PIECE_BYTES = 65536


def reset(connection):
    """Ends it as a crashed host does: with RST."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)  # wakes the thread that reads it
    except OSError:
        pass
    connection.close()


class Passage:
    """One connection through the proxy."""

    def __init__(self, between, client):
        self.between = between
        self.client = client
        self.server = socket.create_connection(("127.0.0.1", between.target), 5)
        self.is_dead = False  # half-open: both sides hold it, nothing gets through
        for each in (client, self.server):
            each.settimeout(None)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.threads = [threading.Thread(target=self.pump, args=ends, daemon=True)
                        for ends in ((client, self.server, False), (self.server, client, True))]
        for thread in self.threads:
            thread.start()

    def pump(self, one, other, is_answer):
        try:
            while data := one.recv(PIECE_BYTES):
                if self.is_dead or self.between.is_swallowing:
                    self.is_dead = True
                elif is_answer:
                    self.answer(data)
                else:
                    other.sendall(data)
        except OSError:
            pass
        if not self.is_dead:
            self.cut()

    def answer(self, data):
        while (is_held := self.between.is_held) and is_held(data):
            self.between.closing.wait(0.01)
        if self.between.delay_s:
            self.between.closing.wait(self.between.delay_s)
        if self.between.slice_bytes:
            size = self.between.slice_bytes
            for i in range(0, len(data), size):
                self.client.sendall(data[i:i + size])
        else:
            self.client.sendall(data)

    def cut(self):
        reset(self.client)
        reset(self.server)


class Between:
    def __init__(self, target):
        self.target = target
        self.is_swallowing = False
        self.delay_s = 0  # before each piece of an answer
        self.slice_bytes = 0  # of an answer; 0: as it comes
        self.is_held = None  # the answers of which it is true wait until it is None again
        self.closing = threading.Event()
        self.passages = []
        self.opened = 0  # connections so far
        self.listener = None
        self.port = 0
        self.open()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        for client, _ in accepted(listener):
            self.opened += 1
            try:
                self.passages.append(Passage(self, client))
            except OSError:
                reset(client)

    def cut(self):
        """RST on every connection."""
        passages, self.passages = self.passages, []
        for passage in passages:
            passage.cut()

    def forget(self):
        """The connections there are become half-open; new ones work."""
        for passage in self.passages:
            passage.is_dead = True

    def refuse(self):
        """Nobody listens any more."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def drop(self):
        """As when the host is gone: connections are dead, and to new ones nobody says a word. (The
        queue of a listener that accepts nothing is full; the kernel then ignores who knocks.)"""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.forget()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=0)
        self.fillers = []
        while True:
            filler = socket.socket()
            filler.settimeout(0.1)
            self.fillers.append(filler)
            try:
                filler.connect(("127.0.0.1", self.port))
            except OSError:
                return

    def drop_no_more(self):
        for filler in self.fillers:
            filler.close()
        self.listener.close()
        self.open()

    def close(self):
        self.closing.set()
        self.refuse()
