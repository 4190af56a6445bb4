"""Requests whose framing two servers may read differently: the known smuggling vectors.

Each vector holds a second, whole, genuine webhook where one of the readings would find it. It has
to get exactly one answer, and the hidden webhook must never be queued. Behind it a third request
comes on the same connection: it is either answered as what it is, or the connection is closed.
Each connection has carried a genuine webhook first, so that only the framing can end it.
"""

import re

import pytest

import daily
from http_raw import chunk, request

CHUNK_OF_A_CHUNKED = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def ingress(shared):
    return shared.ingress()


class Hidden:
    """A genuine webhook that nobody may find."""

    def __init__(self):
        self.call_id = daily.new_call_id("hidden")
        body = daily.body(daily.webhook(self.call_id))
        self.bytes = request("POST", "/api/dial", daily.headers(body), body)


class Outer:
    """The request that it hides in."""

    def __init__(self):
        self.call_id = daily.new_call_id("outer")
        self.body = daily.body(daily.webhook(self.call_id))
        self.headers = daily.headers(self.body)

    def with_headers(self, *lines, end=b"\r\n"):
        """The head with these raw lines added, each as it stands."""
        head = request("POST", "/api/dial", self.headers)[:-2]
        return head + b"".join(line + end for line in lines) + b"\r\n"


def length(number):
    return b"Content-Length: %d" % number


CHUNKED = b"Transfer-Encoding: chunked"


def both(outer, hidden, *te_lines, chunked_first=False):
    """Chunked by one reading, a long body by the other."""
    data = chunk(outer.body) + CHUNK_OF_A_CHUNKED + hidden.bytes
    lines = [length(len(data)), *te_lines]
    return outer.with_headers(*(reversed(lines) if chunked_first else lines)) + data


def two_lengths(outer, hidden, *lines):
    return outer.with_headers(*lines) + outer.body + hidden.bytes


def of(outer):
    return len(outer.body)


# Framing that nobody may send: refused with 400, and the connection closed.
REFUSED = {
    "CL.TE": lambda o, h: both(o, h, CHUNKED),
    "TE.CL": lambda o, h: both(o, h, CHUNKED, chunked_first=True),
    "CL 0 and TE": lambda o, h: (o.with_headers(length(0), CHUNKED) + chunk(o.body) +
                                 CHUNK_OF_A_CHUNKED + h.bytes),
    "TE in another case": lambda o, h: both(o, h, b"tRANSFER-eNCODING: CHUNKED"),
    "TE with a tab": lambda o, h: both(o, h, b"Transfer-Encoding:\tchunked"),
    "TE without a blank": lambda o, h: both(o, h, b"Transfer-Encoding:chunked"),
    "TE with a blank before the colon": lambda o, h: both(o, h, b"Transfer-Encoding : chunked"),
    "TE with a tab before the colon": lambda o, h: both(o, h, b"Transfer-Encoding\t: chunked"),
    "TE with a blank before the colon, alone": lambda o, h: (
        o.with_headers(b"Transfer-Encoding : chunked") + chunk(o.body) + CHUNK_OF_A_CHUNKED +
        h.bytes),
    "CL with a blank before the colon": lambda o, h: two_lengths(
        o, h, b"Content-Length : %d" % of(o)),
    "TE twice": lambda o, h: both(o, h, CHUNKED, CHUNKED),
    "TE twice, no CL": lambda o, h: (o.with_headers(CHUNKED, CHUNKED) + chunk(o.body) +
                                     CHUNK_OF_A_CHUNKED + h.bytes),
    "TE chunked, then identity": lambda o, h: both(o, h, CHUNKED, b"Transfer-Encoding: identity"),
    "TE identity, then chunked": lambda o, h: both(o, h, b"Transfer-Encoding: identity", CHUNKED),
    "TE: xchunked": lambda o, h: both(o, h, b"Transfer-Encoding: xchunked"),
    "TE: chunked;x": lambda o, h: both(o, h, b"Transfer-Encoding: chunked;x"),
    "TE: gzip, chunked": lambda o, h: both(o, h, b"Transfer-Encoding: gzip, chunked"),
    "TE: chunked, identity": lambda o, h: both(o, h, b"Transfer-Encoding: chunked, identity"),
    "TE: identity alone": lambda o, h: (o.with_headers(b"Transfer-Encoding: identity",
                                                       length(of(o))) + o.body + h.bytes),
    "TE: empty": lambda o, h: both(o, h, b"Transfer-Encoding:"),
    "TE with a vertical tab": lambda o, h: both(o, h, b"Transfer-Encoding: \x0bchunked"),
    "TE quoted": lambda o, h: both(o, h, b'Transfer-Encoding: "chunked"'),
    "TE on a folded line": lambda o, h: both(o, h, b"Transfer-Encoding:\r\n chunked"),
    "CL on a folded line": lambda o, h: two_lengths(o, h, b"Content-Length:\r\n %d" % of(o)),
    "TE folded into another header": lambda o, h: both(o, h, b"X: y\r\n Transfer-Encoding: "
                                                             b"chunked"),
    "TE behind a bare LF": lambda o, h: both(o, h, b"X: y\nTransfer-Encoding: chunked"),
    "TE behind a bare CR": lambda o, h: both(o, h, b"X: y\rTransfer-Encoding: chunked"),
    "NUL in TE": lambda o, h: both(o, h, b"Transfer-Encoding: chunked\0x"),
    "NUL in the name of TE": lambda o, h: both(o, h, b"Transfer\0-Encoding: chunked"),
    "CL twice, different": lambda o, h: two_lengths(o, h, length(of(o)),
                                                    length(of(o) + len(h.bytes))),
    "CL twice, the longer first": lambda o, h: two_lengths(o, h, length(of(o) + len(h.bytes)),
                                                           length(of(o))),
    "CL twice, equal": lambda o, h: two_lengths(o, h, length(of(o)), length(of(o))),
    "two hosts": lambda o, h: two_lengths(o, h, length(of(o)), b"Host: another"),
    "a header without a colon": lambda o, h: two_lengths(o, h, b"Content-Length %d" % of(o),
                                                         length(of(o))),
    "a blank in a name": lambda o, h: two_lengths(o, h, length(of(o)), b"X y: z"),
    "the first header folded": lambda o, h: (b"POST /api/dial HTTP/1.1\r\n X: y\r\n" +
                                             o.with_headers(length(of(o)))[25:] + o.body +
                                             h.bytes),
    "a chunk's size in decimal with a sign": lambda o, h: chunked(o, h, b"+%x" % of(o)),
    "a chunk's size below zero": lambda o, h: chunked(o, h, b"-%x" % of(o)),
    "a chunk's size with 0x": lambda o, h: chunked(o, h, b"0x%x" % of(o)),
    "a chunk without a size": lambda o, h: chunked(o, h, b""),
    "a chunk's size that is none": lambda o, h: chunked(o, h, b"xyz"),
    "a chunk that is longer than its size": lambda o, h: (
        o.with_headers(CHUNKED) + b"%x\r\n%sXX" % (of(o), o.body) + b"\r\n" +
        CHUNK_OF_A_CHUNKED + h.bytes),
}

# What libmicrohttpd shows the handler only in part: it may be answered, but nothing may follow on
# such a connection.
LAST_ON_ITS_CONNECTION = {
    "TE behind a NUL": lambda o, h: both(o, h, b"X: y\0Transfer-Encoding: chunked"),
    "NUL in a value": lambda o, h: two_lengths(o, h, length(of(o)), b"X: a\0b"),
    "NUL in CL": lambda o, h: two_lengths(o, h, b"Content-Length: %d\0" % of(o)),
    "a header without a name": lambda o, h: two_lengths(o, h, length(of(o)), b": x"),
    "CL on a folded line, the hidden one in the body": lambda o, h: (
        o.with_headers(b"Content-Length:\r\n %d" % len(h.bytes)) + h.bytes),
    "a header without a name, the hidden one among the headers": lambda o, h: (
        o.with_headers(length(0), b": x")[:-2] + h.bytes),
}

# What libmicrohttpd refuses by itself, with an answer of its own.
REFUSED_BY_THE_LIBRARY = {
    "CL as a list": lambda o, h: two_lengths(o, h, b"Content-Length: %d, %d" % (of(o), of(o))),
    "CL negative": lambda o, h: two_lengths(o, h, b"Content-Length: -%d" % of(o)),
    "CL with a plus": lambda o, h: two_lengths(o, h, b"Content-Length: +%d" % of(o)),
    "CL in hex": lambda o, h: two_lengths(o, h, b"Content-Length: 0x%x" % of(o)),
    "CL with a point": lambda o, h: two_lengths(o, h, b"Content-Length: %d.0" % of(o)),
    "CL with more behind it": lambda o, h: two_lengths(o, h, b"Content-Length: %d 1" % of(o)),
    "CL empty": lambda o, h: two_lengths(o, h, b"Content-Length:"),
    "CL beyond 64 bits": lambda o, h: two_lengths(o, h, length((1 << 64) + of(o))),
    "CL beyond everything": lambda o, h: two_lengths(o, h, b"Content-Length: " + b"9" * 100),
    "a chunk's size beyond 64 bits": lambda o, h: chunked(o, h, b"1%016x" % of(o)),
    "a chunk's size beyond everything": lambda o, h: chunked(o, h, b"f" * 100),
}


def chunked(outer, hidden, size):
    return (outer.with_headers(CHUNKED) + size + b"\r\n" + outer.body + b"\r\n" +
            CHUNK_OF_A_CHUNKED + hidden.bytes)


def send_all(ingress, data):
    """The answers to `data` and to a plain request behind it, until the connection is closed or
    both are answered."""
    behind = request("GET", "/behind", [("Connection", "close")])
    with daily.known_connection(ingress.port) as connection:
        connection.send_if_open(data)
        connection.send_if_open(behind)
        return connection.read_answers_to_the_end()


@pytest.mark.parametrize("name", REFUSED)
def test_doubtful_framing_is_refused(ingress, ledger, name):
    outer, hidden = Outer(), Hidden()
    answers = send_all(ingress, REFUSED[name](outer, hidden))
    assert ledger.entries_of(hidden.call_id) == [], "the hidden webhook was served"
    assert [answer.status for answer in answers] == [400]
    assert ledger.entries_of(outer.call_id) == []
    assert ingress.ring().status == 200


@pytest.mark.parametrize("name", LAST_ON_ITS_CONNECTION)
def test_nothing_follows_an_odd_head(ingress, ledger, name):
    outer, hidden = Outer(), Hidden()
    answers = send_all(ingress, LAST_ON_ITS_CONNECTION[name](outer, hidden))
    assert ledger.entries_of(hidden.call_id) == [], "the hidden webhook was served"
    assert len(answers) == 1, answers
    assert ingress.ring().status == 200


@pytest.mark.parametrize("name", REFUSED_BY_THE_LIBRARY)
def test_a_length_that_is_none_is_refused(ingress, ledger, name):
    outer, hidden = Outer(), Hidden()
    with daily.known_connection(ingress.port) as connection:
        connection.send_if_open(REFUSED_BY_THE_LIBRARY[name](outer, hidden))
        while connection.receive():
            pass
        assert connection.rest[:13] in (b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")
        # Version 0.9.75 writes the head of this answer twice; nothing but refusals may come.
        assert set(re.findall(rb"HTTP/1.1 (\d+) ", connection.rest)) <= {b"400", b"413"}
    assert ledger.entries_of(hidden.call_id) == []
    assert ledger.entries_of(outer.call_id) == []
    assert ingress.ring().status == 200


# Framing beyond doubt: the hidden bytes are a body, or the next request of the connection. Either
# way each request gets its own answer.
def test_a_webhook_in_a_body_is_only_a_body(ingress, ledger):
    hidden = Hidden()
    data = request("POST", "/api/dial", daily.headers(hidden.bytes), hidden.bytes)
    assert [answer.status for answer in send_all(ingress, data)] == [400, 404]
    assert ledger.entries_of(hidden.call_id) == []


@pytest.mark.parametrize("status", [401, 404, 405])
def test_the_body_of_a_refused_request_is_not_the_next_one(ingress, ledger, status):
    hidden = Hidden()
    method, path = {401: ("POST", "/api/dial"), 404: ("POST", "/nowhere"),
                    405: ("PUT", "/api/dial")}[status]
    for headers, body in (([], hidden.bytes),
                          ([("Transfer-Encoding", "chunked")],
                           chunk(hidden.bytes) + CHUNK_OF_A_CHUNKED)):
        answers = send_all(ingress, request(method, path, headers, body))
        assert [answer.status for answer in answers] in ([status], [status, 404])
    assert ledger.entries_of(hidden.call_id) == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_the_body_of_a_method_without_one_is_not_the_next_request(ingress, ledger, method):
    hidden = Hidden()
    data = request(method, "/api/dial", [], hidden.bytes)
    with daily.known_connection(ingress.port) as connection:
        connection.send_if_open(data)
        assert connection.read_answer(to_head=method == "HEAD").status == 405
        connection.send_if_open(request("GET", "/behind", [("Connection", "close")]))
        assert [answer.status for answer in connection.read_answers_to_the_end()] in ([], [404])
    assert ledger.entries_of(hidden.call_id) == []


def test_the_rest_of_too_long_a_body_is_not_the_next_request(ingress, ledger):
    hidden = Hidden()
    body = b" " * 65537 + hidden.bytes
    answers = send_all(ingress, request("POST", "/api/dial", daily.headers(body), body))
    assert [answer.status for answer in answers] == [413]
    assert ledger.entries_of(hidden.call_id) == []


def test_bare_line_feeds_make_no_second_request(ingress, ledger):
    """A server may take LF for the end of a line, or refuse it; it must only never see two."""
    outer, hidden = Outer(), Hidden()
    head = outer.with_headers(length(of(outer) + len(hidden.bytes))).replace(b"\r\n", b"\n")
    answers = send_all(ingress, head + outer.body + hidden.bytes)
    assert ledger.entries_of(hidden.call_id) == []
    assert [answer.status for answer in answers] in ([400], [401], [400, 404], [401, 404])


def test_chunks_with_bare_line_feeds_make_no_second_request(ingress, ledger):
    """A line feed within a chunk's extension hides the rest from some proxies."""
    outer, hidden = Outer(), Hidden()
    inner = b"5\r\nAAAAA\r\n0\r\n\r\n" + hidden.bytes
    data = outer.with_headers(CHUNKED) + b"2;\nxx\r\n%x\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n"
    answers = send_all(ingress, data)
    assert ledger.entries_of(hidden.call_id) == []
    assert len(answers) <= 2 and all(answer.status >= 400 for answer in answers)


def test_many_and_long_headers_are_refused(ingress):
    for lines in ([b"X-%d: y" % i for i in range(65)], [b"X: " + b"y" * 8200],
                  [b"X-%d: %s" % (i, b"y" * 300) for i in range(60)], [b"X" * 9000 + b": y"]):
        outer = Outer()
        answers = send_all(ingress, outer.with_headers(length(of(outer)), *lines) + outer.body)
        assert [answer.status for answer in answers] in ([400], [413], [431])


@pytest.mark.parametrize("byte", [1, 8, 11, 12, 27, 31, 127])
def test_control_bytes_in_a_value_are_refused(ingress, byte):
    outer = Outer()
    data = outer.with_headers(length(of(outer)), b"X: a%cb" % byte) + outer.body
    assert [answer.status for answer in send_all(ingress, data)] == [400]
