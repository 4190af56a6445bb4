"""A server that begins like Redis, and then answers with whatever it was given."""

import socket
import threading
import time

from accepting import accepted

INFO = (b"# Server\r\nredis_version:7.0.15\r\nloading:0\r\naof_enabled:0\r\nrole:master\r\n"
        b"maxmemory_policy:noeviction\r\n")


def bulk(text):
    return b"$%d\r\n%s\r\n" % (len(text), text)


class FakeRedis:
    """`answer` is bytes, or a function that makes an iterator of pieces. It is said, by `when`:
    "checked", to every command behind those with which a connection begins; "greeted", before
    anything was asked; "unasked", behind a connection's beginning, too."""

    def __init__(self, answer, when="checked"):
        self.answer, self.when = answer, when
        self.connections = 0
        self.clients = set()
        self.is_closed = False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        for client, _ in accepted(self.listener):
            self.connections += 1
            self.clients.add(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        reader = client.makefile("rb")
        try:
            if self.when == "greeted":
                self.say(client)
            while command := self.read(reader):
                self.reply(client, command)
        except (OSError, ValueError):
            pass
        finally:
            reader.close()
            client.close()
            self.clients.discard(client)

    @staticmethod
    def read(reader):
        line = reader.readline()
        if not line:
            return None
        words = []
        for _ in range(int(line[1:])):
            words.append(reader.read(int(reader.readline()[1:]) + 2)[:-2])
        return words

    def reply(self, client, command):
        if command[0] == b"CLIENT":
            client.sendall(b"+OK\r\n")
        elif command[0] == b"TIME":
            now = time.time()
            client.sendall(b"*2\r\n" + bulk(b"%d" % now) + bulk(b"%d" % (now % 1 * 1000000)))
        elif command[0] == b"INFO":
            client.sendall(bulk(INFO))
            if self.when == "unasked":
                self.say(client)
        else:
            self.say(client)

    def say(self, client):
        pieces = [self.answer] if isinstance(self.answer, bytes) else self.answer()
        for piece in pieces:
            client.sendall(piece)
            if self.is_closed:
                return

    def close(self):
        self.is_closed = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for client in list(self.clients):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class HoldingRedis(FakeRedis):
    """Notes what is added, in order; while it holds, the first XADD has no answer, and all behind it waits."""

    def __init__(self):
        super().__init__(b"$3\r\n1-1\r\n")
        self.added = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.is_holding = threading.Event()

    def reply(self, client, command):
        if command[0] == b"XRANGE":
            client.sendall(b"*0\r\n")
        elif command[:1] + command[2:3] == [b"XADD", b"0-0"]:  # would a write work?
            client.sendall(b"-ERR The ID specified in XADD must be greater than 0-0\r\n")
        else:
            if command[0] == b"XADD":
                if not self.may_go_on.is_set():
                    self.is_holding.set()
                self.may_go_on.wait(60)
                self.added.append(command[1].decode().rpartition(":")[2])
            super().reply(client, command)
