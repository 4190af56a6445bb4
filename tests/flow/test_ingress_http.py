"""Bodies, connections and deadlines of the ingress."""

import json
import re
import threading
import time

import pytest

import daily
from http_raw import LAST_CHUNK, Connection, chunk, request
from stopwatch import Stopwatch

MAX_BODY_BYTES = 2048
CHUNKED = [("Transfer-Encoding", "chunked")]


@pytest.fixture(scope="module")
def ingress(shared):
    return shared.ingress(MAX_BODY_BYTES=MAX_BODY_BYTES)


def body_of_length(length, call_id=None):
    """A webhook of exactly `length` bytes."""
    empty = daily.body(daily.webhook(call_id, filler=""))
    body = empty[:-2] + b"x" * (length - len(empty)) + b'"}'
    assert len(body) == length
    return body


def in_chunks(body, size):
    return b"".join(chunk(body[i:i + size]) for i in range(0, len(body), size)) + LAST_CHUNK


def check_queued_once(ledger, answer, body):
    assert answer.status == 200, answer
    assert ledger.entry_of(answer.json()["call_id"])[1]["body"] == body


# --- bodies ---------------------------------------------------------------------------------------

def test_the_longest_body(ingress, ledger):
    body = body_of_length(MAX_BODY_BYTES)
    check_queued_once(ledger, ingress.post(body, daily.headers(body)), body)


@pytest.mark.parametrize("size", [1, 7, 1000, MAX_BODY_BYTES])
def test_the_longest_body_in_chunks(ingress, ledger, size):
    body = body_of_length(MAX_BODY_BYTES)
    answer = ingress.post(in_chunks(body, size), [*daily.headers(body), *CHUNKED])
    check_queued_once(ledger, answer, body)


def test_one_byte_more(ingress, ledger):
    call_id = daily.new_call_id()
    body = body_of_length(MAX_BODY_BYTES + 1, call_id)
    answer = ingress.post(body, daily.headers(body))
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert ledger.entries_of(call_id) == []


@pytest.mark.parametrize("size", [1, 1000, MAX_BODY_BYTES + 1])
def test_one_byte_more_in_chunks(ingress, ledger, size):
    call_id = daily.new_call_id()
    body = body_of_length(MAX_BODY_BYTES + 1, call_id)
    answer = ingress.post(in_chunks(body, size), [*daily.headers(body), *CHUNKED])
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert ledger.entries_of(call_id) == []


def test_too_long_a_body_is_refused_before_it_is_sent(ingress):
    with Connection(ingress.port) as connection:
        connection.send(request("POST", "/api/dial", [("Content-Length", str(1 << 40))]))
        answer = connection.read_answer()
        assert (answer.status, answer.code) == (413, "body_too_large")


def test_an_endless_chunked_body_is_cut_off(ingress):
    with Connection(ingress.port) as connection:
        connection.send(request("POST", "/api/dial", [*daily.headers(b""), *CHUNKED]))
        sent, piece = 0, chunk(b"x" * 65536)
        try:
            while sent < 64 << 20:
                connection.send(piece)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent < 32 << 20, "an endless body was read on and on"


def test_chunk_extensions_and_trailers(ingress, ledger):
    body = daily.body(daily.webhook())
    sent = b"%X;name=value\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (len(body), body)
    answer = ingress.post(sent, [*daily.headers(body), *CHUNKED])
    if answer.status == 400:  # libmicrohttpd 1.0 refuses extensions by itself
        assert ledger.entries_of(json.loads(body)["callId"]) == []
    else:
        check_queued_once(ledger, answer, body)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_in_many_small_pieces(ingress, ledger, framing):
    body = daily.body(daily.webhook())
    headers = daily.headers(body)
    data = (request("POST", "/api/dial", headers, body) if framing == "length" else
            request("POST", "/api/dial", [*headers, *CHUNKED], in_chunks(body, 16)))
    with Connection(ingress.port) as connection:
        for i in range(0, len(data), 11):
            connection.send(data[i:i + 11])
        check_queued_once(ledger, connection.read_answer(), body)


def test_expect_100_continue(ingress, ledger):
    body = daily.body(daily.webhook())
    headers = [*daily.headers(body), ("Expect", "100-continue"),
               ("Content-Length", str(len(body)))]
    with Connection(ingress.port) as connection:
        connection.send(request("POST", "/api/dial", headers))
        assert connection.read_answer().status == 100
        connection.send(body)
        check_queued_once(ledger, connection.read_answer(), body)


def test_expect_100_continue_with_too_long_a_body(ingress):
    headers = [("Expect", "100-continue"), ("Content-Length", str(MAX_BODY_BYTES + 1))]
    with Connection(ingress.port) as connection:
        connection.send(request("POST", "/api/dial", headers))
        assert connection.read_answer().status == 413, "it was asked to go on"


# --- connections ----------------------------------------------------------------------------------

def test_several_requests_on_a_connection(ingress, ledger):
    with Connection(ingress.port) as connection:
        for _ in range(5):
            body = daily.body(daily.webhook())
            answer = connection.ask("POST", "/api/dial", daily.headers(body), body)
            check_queued_once(ledger, answer, body)
        assert connection.ask("POST", "/api/dial", [], b"{").status == 401
        body = daily.body(daily.webhook())
        check_queued_once(ledger, connection.ask("POST", "/", daily.headers(body), body), body)


@pytest.mark.parametrize("method, path", [("GET", "/api/dial"), ("HEAD", "/api/dial"), ("GET", "/nothing"),
                                          ("POST", "/nothing")])
def test_a_refusal_ends_the_connection_only_if_it_says_so(ingress, method, path):
    with Connection(ingress.port) as connection:
        answer = connection.ask(method, path)
        assert answer.status in (404, 405)
        if answer.header("Connection") == "close":
            assert connection.is_closed_by_peer()
        else:
            assert connection.ask("GET", "/nothing").status == 404


def test_pipelined_requests_are_answered_in_order(ingress, ledger):
    bodies = [daily.body(daily.webhook()) for _ in range(20)]
    with Connection(ingress.port) as connection:
        connection.send(b"".join(request("POST", "/api/dial", daily.headers(body), body)
                                 for body in bodies))
        for body in bodies:
            check_queued_once(ledger, connection.read_answer(), body)


def test_connection_close_is_heeded(ingress):
    body = daily.body(daily.webhook())
    with Connection(ingress.port) as connection:
        answer = connection.ask("POST", "/api/dial",
                                [*daily.headers(body), ("Connection", "close")], body)
        assert answer.status == 200 and answer.header("Connection") == "close"
        assert connection.is_closed_by_peer()


def test_http_1_0(ingress, ledger):
    body = daily.body(daily.webhook())
    data = request("POST", "/api/dial", daily.headers(body), body).replace(b"/1.1", b"/1.0", 1)
    with Connection(ingress.port) as connection:
        connection.send(data)
        while connection.receive():
            pass
        assert connection.rest.split(b" ")[1] == b"200"
    assert len([1 for _, fields in ledger.entries() if fields["body"] == body]) == 1


def test_a_sender_that_leaves_before_its_answer(ingress, ledger):
    call_ids = [daily.new_call_id() for _ in range(50)]
    for call_id in call_ids:
        body = daily.body(daily.webhook(call_id))
        with Connection(ingress.port) as connection:
            connection.send(request("POST", "/api/dial", daily.headers(body), body))
    assert ingress.ring().status == 200
    assert all(len(ledger.entries_of(call_id)) <= 1 for call_id in call_ids)


# --- deadlines ------------------------------------------------------------------------------------

def slow_requests():
    """What comes at once, and what comes behind it, a byte at a time."""
    body = daily.body(daily.webhook("never-whole"))
    whole = request("POST", "/api/dial", daily.headers(body), body)
    head = whole[:-len(body)]
    chunked = request("POST", "/api/dial", [*daily.headers(body), *CHUNKED])
    first = daily.body(daily.webhook())  # a genuine one: a stranger's connection serves no second
    genuine = request("POST", "/api/dial", daily.headers(first), first)
    return {
        "no byte at all": (b"", b""),
        "half a head": (head[:40], b""),
        "half a body": (whole[:-10], b""),
        "no body": (head, b""),
        "a head, a byte at a time": (b"", head),
        "a body, a byte at a time": (head, body),
        "chunks, a byte at a time": (chunked, in_chunks(body, 8)),
        "half of a second request": (genuine + head, b""),
    }


def broken_requests():
    """What is no request, or the beginning of one, and then the end of what is sent."""
    body = daily.body(daily.webhook("never-whole"))
    whole = request("POST", "/api/dial", daily.headers(body), body)
    chunked = request("POST", "/api/dial", [*daily.headers(body), *CHUNKED], in_chunks(body, 50))
    return [
        whole[:-6], chunked[:-6], chunked[:-2], b"", b"\r\n", b"GET", b"\0" * 1000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
        b"POST /api/dial HTTP/1.1\r\nHost: a\r\nContent-", b"*1\r\n$4\r\nPING\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"POST /api/dial HTTP/9.9\r\n\r\n",
        b"POST /api/dial\r\n\r\n", b"POST  /api/dial  HTTP/1.1\r\n\r\n",
        b"POST http://[::1 HTTP/1.1\r\n\r\n", b"\xff" * 20000,
    ]


def be_slow(port, at_once, drop_by_drop):
    """How long it took until the connection ended, also by the clock of upper limits, and what came until then."""
    begun, watch = time.monotonic(), Stopwatch()
    with Connection(port, timeout_s=0.4) as connection:
        connection.send(at_once)
        while watch.seconds() < 14:
            try:
                connection.send_if_open(drop_by_drop[:1])
                drop_by_drop = drop_by_drop[1:]
                if not connection.receive():
                    break
            except TimeoutError:
                pass
        return time.monotonic() - begun, watch.seconds(), connection.rest


def break_off(port, data):
    watch = Stopwatch()
    with Connection(port) as connection:
        connection.send_if_open(data)
        connection.end_of_sending()
        while connection.receive():
            pass
        return watch.seconds(), connection.rest


@pytest.mark.slow
def test_what_never_becomes_whole(ingress, ledger):
    """All at once, because each may take the ten seconds of the deadline."""
    slow, broken = {}, {}

    def run_slow(name, row):
        slow[name] = be_slow(ingress.port, *row)

    def run_broken(data):
        broken[data] = break_off(ingress.port, data)
    threads = [threading.Thread(target=run_slow, args=item) for item in slow_requests().items()]
    threads += [threading.Thread(target=run_broken, args=[data]) for data in broken_requests()]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        watch = Stopwatch()
        assert ingress.ring().status == 200
        assert watch.seconds() < 1, "others have to wait for the slow"
        threads[0].join(0.5)
    assert len(slow) + len(broken) == len(threads), "a connection was never ended"
    for name, (seconds, awake_s, answer) in slow.items():
        assert 9 < seconds and awake_s < 12, (name, seconds, awake_s)
        last = answer[answer.rfind(b"HTTP/1.1"):]
        assert last.startswith(b"HTTP/1.1 408 "), (name, answer)
        assert b'"code":"request_timeout"' in last, (name, answer)
    for data, (seconds, answer) in broken.items():
        assert seconds < 12, data
        assert all(status >= b"400" for status in re.findall(rb"HTTP/1.1 (\d+) ", answer)), data
    assert ledger.entries_of("never-whole") == []
