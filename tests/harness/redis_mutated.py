"""A proxy in front of Redis that changes replies: the type, size or nesting of some value in them, in
whole RESP, as no Redis would send it. Of each connection the log-in is left as it is."""

import random
import socket
import threading

from accepting import accepted

LOGIN_REPLIES = 5  # name, time, INFO, …


def read_value(reader):
    """(kind, value) with lists of the same inside; None at the end."""
    line = reader.readline()
    if not line.endswith(b"\r\n"):
        return None
    kind, text = line[:1], line[1:-2]
    if kind == b"$":
        return (kind, None if text == b"-1" else reader.read(int(text) + 2)[:-2])
    if kind == b"*":
        return (kind, None if text == b"-1" else [read_value(reader) for _ in range(int(text))])
    return (kind, text)


def write_value(value):
    kind, content = value
    if kind == b"$":
        return b"$-1\r\n" if content is None else b"$%d\r\n%s\r\n" % (len(content), content)
    if kind == b"*":
        return b"*-1\r\n" if content is None else \
            b"*%d\r\n" % len(content) + b"".join(map(write_value, content))
    return kind + content + b"\r\n"


def nodes(value, found=None):
    """Every list that holds values, with the place of each in it."""
    found = [] if found is None else found
    if value[0] == b"*" and value[1]:
        for place, member in enumerate(value[1]):
            found.append((value[1], place))
            nodes(member, found)
    return found


def strange(chance):
    return chance.choice([
        (b":", b"%d" % chance.choice([0, 1, -1, 2**63 - 1, -2**63, 2**53 + 1])),
        (b"$", None), (b"*", None), (b"*", []), (b"$", b""), (b"$", b"\0\xff" * 9),
        (b"$", b"x" * 5000), (b"$", b"9" * 40), (b"+", b"OK"), (b"-", b"ERR what"), (b"-", b""),
        (b"*", [(b"*", [(b"*", [(b":", b"1")])])]), (b"*", [(b":", b"7"), (b"$", None)])])


def mutate(value, chance):
    places = nodes(value)
    if not places or chance.random() < 0.2:
        return strange(chance)
    members, place = chance.choice(places)
    how = chance.random()
    if how < 0.7:
        members[place] = strange(chance)
    elif how < 0.85:
        del members[place]
    else:
        members.insert(place, members[place])
    return value


class Mutating:
    def __init__(self, target, seed, share):
        self.target, self.share = target, share
        self.chance = random.Random(seed)
        self.lock = threading.Lock()
        self.mutated = 0
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        for client, _ in accepted(self.listener):
            server = socket.create_connection(("127.0.0.1", self.target))
            self.sockets |= {client, server}
            for run in (self.forward, self.answer):
                threading.Thread(target=run, args=(client, server), daemon=True).start()

    def end(self, *ends):
        for one in ends:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def forward(self, client, server):
        try:
            while data := client.recv(65536):
                server.sendall(data)
        except OSError:
            pass
        self.end(client, server)

    def answer(self, client, server):
        reader, count = server.makefile("rb"), 0
        try:
            while value := read_value(reader):
                count += 1
                with self.lock:
                    if count > LOGIN_REPLIES and self.chance.random() < self.share:
                        value = mutate(value, self.chance)
                        self.mutated += 1
                client.sendall(write_value(value))
        except (OSError, ValueError):
            pass
        self.end(client, server)

    def close(self):
        self.end(self.listener)
        self.listener.close()
        self.end(*self.sockets)
