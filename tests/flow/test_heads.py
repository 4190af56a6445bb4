"""Heads that a program made: whatever the ingress understands of a head has to stand in it.

libmicrohttpd (0.9.75) takes a bare LF for a line's end, cuts values at a NUL and joins folded
lines, and a proxy in front may read each of these differently. So a request whose head is not
spelled as HTTP spells it is the last one of its connection: a webhook behind it is never queued.
The connection has carried a genuine webhook, so that nothing but the head can end it.
HEADS_SEED repeats a run, HEADS_COUNT makes it longer.
"""

import os
import random
import re

import pytest

import daily
from http_raw import Connection, request

SEED = int(os.environ.get("HEADS_SEED", 0)) or random.randrange(1, 1 << 32)
COUNT = int(os.environ.get("HEADS_COUNT", 400))
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
STRICT = re.compile(rb"(?:\r\n)*" + TOKEN + rb" [\x21-\x7e]+ HTTP/1\.[01]\r\n(?:" + TOKEN +
                    rb":[ \t]*[\t\x20-\x7e\x80-\xff]*\r\n)*(?:\r\n)+")
LINE_ENDS = [b"\n", b"\r", b"\0\n", b"\n\0", b"\r\r\n", b"\n\r", b" \n", b"\t\n", b"\r\n ",
             b"\r\n\t", b"\n ", b"\0\r\n", b"\0\0", b" \r\n", b"\r\n"]
COLONS = [b":", b":  ", b":\t", b" : ", b"\t:", b"\0: ", b":\0", b": \0", b"::", b" ", b"\n: "]
JUNK = [b"\0", b" ", b"\t", b"\n", b"\r", b"\0x\n", b"x\n", b": \n", b"\x0b", b"\r\n\0\n"]
USUAL = b"\r\n"


class Head:
    """Pieces that are joined at last: words, colons and line ends, in order."""

    def __init__(self, chance, length):
        headers = [(b"Host", b"x"), (b"X-A", b"y"), (b"Content-Length", b"%d" % length),
                   (b"X-B", b"z"), (b"X-C", b"a b")]
        chance.shuffle(headers)
        self.pieces = [b"POST /api/dial HTTP/1.1", USUAL]
        for name, value in headers:
            self.pieces += [name, b": ", value, USUAL]
        self.pieces.append(USUAL)

    def spoil(self, chance):
        at = chance.randrange(len(self.pieces))
        piece = self.pieces[at]
        if piece == USUAL:
            self.pieces[at] = chance.choice(LINE_ENDS)
        elif piece == b": ":
            self.pieces[at] = chance.choice(COLONS)
        else:
            cut = chance.randrange(len(piece) + 1)
            self.pieces[at] = piece[:cut] + chance.choice(JUNK) + piece[cut:]

    def bytes(self):
        return b"".join(self.pieces)


def serve(port, data):
    """Sends it all, and takes the answers until the connection ends or there is nothing more."""
    behind = request("GET", "/behind", [("Connection", "close")])
    with daily.known_connection(port, timeout_s=2) as connection:
        connection.send_if_open(data + behind)
        connection.end_of_sending()
        try:
            while connection.receive():
                pass
        except TimeoutError:
            pass  # it waits for the rest of a body; its deadline is 10 s


def test_nothing_follows_a_head_that_can_be_read_in_two_ways(stack, ledger):
    ingress, chance = stack.ingress(), random.Random(SEED)
    hidden_ids, spoiled = [], 0
    for number in range(COUNT):
        hidden_ids.append(daily.new_call_id("hidden"))
        body = daily.body(daily.webhook(hidden_ids[-1]))
        hidden = request("POST", "/api/dial", daily.headers(body), body)
        head = Head(chance, chance.choice([0, len(hidden)]))
        for _ in range(chance.randrange(1, 4)):
            head.spoil(chance)
        data = head.bytes()
        serve(ingress.port, data + hidden)
        if STRICT.fullmatch(data):
            hidden_ids.pop()
        else:
            spoiled += 1
            for seen in ledger.entries_of(hidden_ids[-1]):
                pytest.fail(f"HEADS_SEED={SEED}, number {number}: the webhook behind {data!r} was "
                            f"queued: {seen}")
    assert spoiled > COUNT / 2
    assert ingress.ring().status == 200


def test_a_request_follows_a_head_that_is_spelled_as_usual(stack, ledger):
    ingress, chance = stack.ingress(), random.Random(SEED)
    for _ in range(20):
        call_id = daily.new_call_id("next")
        body = daily.body(daily.webhook(call_id))
        rings = request("POST", "/api/dial", daily.headers(body), body)
        first = daily.body(daily.webhook())
        lines = [line.split(b": ") for line in Head(chance, len(first)).bytes().split(b"\r\n")[1:-2]]
        lines = [(name.decode(), value.decode()) for name, value in lines]
        with Connection(ingress.port) as connection:
            connection.send(request("POST", "/api/dial", lines + daily.headers(first), first) + rings)
            assert connection.read_answer().status == 200
            assert connection.read_answer().status == 200
        assert len(ledger.entries_of(call_id)) == 1


@pytest.mark.parametrize("value", [b"a\0b", b"\0", b"a\0"])
def test_a_nul_in_a_value_is_refused(stack, value):
    ingress = stack.ingress()
    body = daily.body(daily.webhook())
    data = request("POST", "/api/dial", daily.headers(body), body)
    data = data.replace(b"\r\n", b"\r\nX-A: " + value + b"\r\n", 1)
    with Connection(ingress.port) as connection:
        connection.send(data)
        answer = connection.read_answer()
        assert answer.status == 400 and (answer.code == "bad_request")
        assert connection.is_closed_by_peer()
