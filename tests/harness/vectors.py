"""Known smuggling vectors: requests in which two readings of the framing find different ends.

A vector is built from an outer request, which is sent to a path that the proxy lets through, and a
hidden one, a whole genuine webhook to a path that the proxy refuses. By one reading the hidden
bytes are a body or a part of one; by another they are the next request of the connection. By every
reading the vector is complete, so that nobody has to wait for more.
"""

import daily
from http_raw import LAST_CHUNK, chunk, request

OUTER_PATH, HIDDEN_PATH = "/api/dial", "/daily-dialin-webhook"


class Webhook:
    """A genuine signed webhook and the bytes that send it."""

    def __init__(self, name, path=OUTER_PATH):
        self.call_id = daily.new_call_id(name)
        self.body = daily.body(daily.webhook(self.call_id))
        self.path = path
        self.headers = daily.headers(self.body)
        self.bytes = request("POST", path, self.headers, self.body)

    def head(self, *lines, method=b"POST", version=b"HTTP/1.1", is_signed=True):
        """The head with these raw lines instead of its own framing, each as it stands."""
        headers = [("Host", "localhost")] + (self.headers if is_signed else [])
        known = [f"{name}: {value}".encode() for name, value in headers]
        first = method + b" " + self.path.encode() + b" " + version
        return b"\r\n".join([first, *known, *lines]) + b"\r\n\r\n"


def length(number):
    return b"Content-Length: %d" % number


CHUNKED = b"Transfer-Encoding: chunked"

# --- Transfer-Encoding, beside a Content-Length and alone ----------------------------------------

ENCODINGS = {
    "plain": [CHUNKED],
    "upper case": [b"TRANSFER-ENCODING: CHUNKED"],
    "no blank": [b"Transfer-Encoding:chunked"],
    "tab": [b"Transfer-Encoding:\tchunked"],
    "blank behind": [b"Transfer-Encoding: chunked "],
    "blank before the colon": [b"Transfer-Encoding : chunked"],
    "tab before the colon": [b"Transfer-Encoding\t: chunked"],
    "vertical tab": [b"Transfer-Encoding:\x0bchunked"],
    "form feed": [b"Transfer-Encoding: \x0cchunked"],
    "vertical tab behind": [b"Transfer-Encoding: chunked\x0b"],
    "byte 255 in front": [b"Transfer-Encoding: \xffchunked"],
    "xchunked": [b"Transfer-Encoding: xchunked"],
    "chunkedx": [b"Transfer-Encoding: chunkedx"],
    "quoted": [b'Transfer-Encoding: "chunked"'],
    "parameter": [b"Transfer-Encoding: chunked;q=1"],
    "chunked twice": [CHUNKED, CHUNKED],
    "chunked, then identity": [CHUNKED, b"Transfer-Encoding: identity"],
    "identity, then chunked": [b"Transfer-Encoding: identity", CHUNKED],
    "chunked, then x": [CHUNKED, b"Transfer-Encoding: x"],
    "x, then chunked": [b"Transfer-Encoding: x", CHUNKED],
    "comma behind": [b"Transfer-Encoding: chunked,"],
    "comma in front": [b"Transfer-Encoding: ,chunked"],
    "list with identity": [b"Transfer-Encoding: chunked, identity"],
    "list of two": [b"Transfer-Encoding: chunked, chunked"],
    "gzip, chunked": [b"Transfer-Encoding: gzip, chunked"],
    "identity": [b"Transfer-Encoding: identity"],
    "empty": [b"Transfer-Encoding:"],
    "folded": [b"Transfer-Encoding:\r\n chunked"],
    "folded with a tab": [b"Transfer-Encoding:\r\n\tchunked"],
    "folded behind": [b"Transfer-Encoding: chunked\r\n x"],
    "folded into another": [b"X: y\r\n Transfer-Encoding: chunked"],
    "behind a bare LF": [b"X: y\nTransfer-Encoding: chunked"],
    "behind a bare CR": [b"X: y\rTransfer-Encoding: chunked"],
    "behind a NUL": [b"X: y\0Transfer-Encoding: chunked"],
    "NUL behind": [b"Transfer-Encoding: chunked\0"],
    "NUL in the name": [b"Transfer\0-Encoding: chunked"],
    "underscore": [b"Transfer_Encoding: chunked"],
    "bare LF behind": [b"Transfer-Encoding: chunked\nX: y"],
    "no colon": [b"Transfer-Encoding chunked"],
    "content-encoding": [b"Content-Encoding: chunked"],
}


def behind_the_last_chunk(outer, hidden, lines, **head):
    """The proxy believes Content-Length, the ingress the chunks."""
    data = chunk(outer.body) + LAST_CHUNK + hidden.bytes
    return outer.head(length(len(data)), *lines, **head) + data


def in_a_chunk(outer, hidden, lines, **head):
    """The proxy believes the chunks, the ingress Content-Length."""
    size = b"%x\r\n" % len(hidden.bytes)
    return outer.head(*lines, length(len(size)), **head) + size + hidden.bytes + b"\r\n" + LAST_CHUNK


def without_length(outer, hidden, lines, **head):
    """The proxy believes the chunks, the ingress that there is no body."""
    data = b"\r\n" + hidden.bytes
    return outer.head(*lines, **head) + b"%x\r\n" % len(data) + data + b"\r\n" + LAST_CHUNK


LAYOUTS = {"behind the last chunk": behind_the_last_chunk, "in a chunk": in_a_chunk,
           "without a length": without_length}


# --- Content-Length ------------------------------------------------------------------------------

LENGTHS = {
    "twice, the same": lambda n: [length(n), length(n)],
    "twice, 0 first": lambda n: [length(0), length(n)],
    "twice, 0 last": lambda n: [length(n), length(0)],
    "list, the same": lambda n: [b"Content-Length: %d, %d" % (n, n)],
    "list, 0 first": lambda n: [b"Content-Length: 0, %d" % n],
    "list, 0 last": lambda n: [b"Content-Length: %d, 0" % n],
    "comma behind": lambda n: [b"Content-Length: %d," % n],
    "plus": lambda n: [b"Content-Length: +%d" % n],
    "minus": lambda n: [b"Content-Length: -%d" % n],
    "leading zeros": lambda n: [b"Content-Length: 000%d" % n],
    "many leading zeros": lambda n: [b"Content-Length: %040d" % n],
    "garbage behind": lambda n: [b"Content-Length: %dx" % n],
    "a number behind": lambda n: [b"Content-Length: %d 0" % n],
    "a number in front": lambda n: [b"Content-Length: 0 %d" % n],
    "hex": lambda n: [b"Content-Length: 0x%x" % n],
    "fraction": lambda n: [b"Content-Length: %d.0" % n],
    "exponent": lambda n: [b"Content-Length: %de0" % n],
    "beyond 64 bits": lambda n: [length((1 << 64) + n)],
    "empty, then right": lambda n: [b"Content-Length:", length(n)],
    "blank before the colon": lambda n: [b"Content-Length : %d" % n],
    "tab": lambda n: [b"Content-Length:\t%d" % n],
    "vertical tab": lambda n: [b"Content-Length:\x0b%d" % n],
    "folded": lambda n: [b"Content-Length:\r\n %d" % n],
    "folded into another": lambda n: [b"X: y\r\n Content-Length: %d" % n],
    "behind a bare LF": lambda n: [b"X: y\nContent-Length: %d" % n],
    "behind a bare CR": lambda n: [b"X: y\rContent-Length: %d" % n],
    "behind a NUL": lambda n: [b"X: y\0Content-Length: %d" % n],
    "NUL behind": lambda n: [b"Content-Length: %d\0" % n],
    "NUL amid": lambda n: [b"Content-Length: 0\0%d" % n],
    "underscore": lambda n: [b"Content_Length: %d" % n],
    "0 and another with a blank": lambda n: [length(0), b"Content-Length : %d" % n],
    "0 and another with an underscore": lambda n: [length(0), b"Content_Length: %d" % n],
    "named in Connection": lambda n: [length(n), b"Connection: Content-Length"],
    "named in Connection, with keep-alive": lambda n: [
        length(n), b"Connection: keep-alive, Content-Length"],
}


def as_the_body(outer, hidden, lines):
    """Who does not see the length takes the body for the next request."""
    return outer.head(*lines(len(hidden.bytes))) + hidden.bytes


# --- chunks --------------------------------------------------------------------------------------

def sizes(outer, hidden, form):
    """Who reads the size as 0 finds the end of the request in front of the hidden one."""
    data = b"\r\n" + hidden.bytes
    return outer.head(CHUNKED) + form % len(data) + b"\r\n" + data + b"\r\n" + LAST_CHUNK


def proper(outer, hidden, before=b"", after=LAST_CHUNK):
    return outer.head(CHUNKED) + before + chunk(outer.body) + after + hidden.bytes


def line_end(outer, hidden, first_line):
    """`first_line` announces three bytes. Who takes its LF for its end reads xxx as these; who does
    not reads 1f4 (or so) as these. The hidden request is in a chunk of the first reading."""
    data = LAST_CHUNK + hidden.bytes
    return (outer.head(CHUNKED) + first_line + b"xxx\r\n%03x\r\n" % len(data) + data + b"\r\n" +
            LAST_CHUNK)


def line_end_reversed(outer, hidden, first_line):
    """The same, with the hidden request in a chunk of the second reading."""
    pad = b"p" * 0x200
    tail = pad + b"\r\n" + LAST_CHUNK + hidden.bytes
    size = b"%03x\r\n" % len(tail)
    return (outer.head(CHUNKED) + first_line + b"xxx\r\n%03x\r\n" % (len(size) + len(pad)) + size +
            tail + b"\r\n" + LAST_CHUNK)


def data_end(outer, hidden, end):
    """Who takes two bytes for the end of a chunk's data reads 020, who takes one reads 1020."""
    data = b"p" * 0x20 + b"\r\n" + LAST_CHUNK + hidden.bytes
    data += b"p" * (0x1020 - len(data))
    return (outer.head(CHUNKED) + b"3\r\nxxx" + end + b"1020\r\n" + data + b"\r\n" + LAST_CHUNK)


SIZES = {
    "0x": b"0x%x", "plus": b"+%x", "minus": b"-%x", "blank in front": b" %x", "blank behind": b"%x ",
    "tab behind": b"%x\t", "leading zeros": b"0000%x", "many leading zeros": b"0" * 60 + b"%x",
    "underscore": b"0_%x", "comma": b"0,%x", "blank amid": b"0 %x", "NUL amid": b"0\0%x",
    "NUL behind": b"%x\0", "semicolon in front": b";%x", "beyond 64 bits": b"1%016x",
    "beyond everything": b"f" * 40 + b"%x", "none": b"x%.0x", "quoted": b'"%x"', "CR amid": b"0\r%x",
    "extension": b"%x;a=b", "extension with blanks": b"%x ; a = b",
    "extension with a quoted end": b'%x;a="\r\n"', "long extension": b"%x;" + b"e" * 3000,
    "extension with a bare CR": b"%x;a\rb", "extension with NUL": b"%x;a\0b", "dot": b"%x.0",
}

CHUNKS = {
    **{f"size: {name}": lambda o, h, form=form: sizes(o, h, form) for name, form in SIZES.items()},
    "LF ends the size": lambda o, h: line_end(o, h, b"3\n"),
    "LF ends the size, reversed": lambda o, h: line_end_reversed(o, h, b"3\n"),
    "LF ends the extension": lambda o, h: line_end(o, h, b"3;\n"),
    "LF ends the extension, reversed": lambda o, h: line_end_reversed(o, h, b"3;\n"),
    "CR ends the extension": lambda o, h: line_end(o, h, b"3;\r"),
    "CR ends the extension, reversed": lambda o, h: line_end_reversed(o, h, b"3;\r"),
    "LF ends the data": lambda o, h: data_end(o, h, b"\n"),
    "CR ends the data": lambda o, h: data_end(o, h, b"\r"),
    "nothing ends the data": lambda o, h: data_end(o, h, b""),
    "other bytes end the data": lambda o, h: data_end(o, h, b"XX"),
    "LFs end the last chunk": lambda o, h: proper(o, h, after=b"0\n\n"),
    "LF ends the trailers": lambda o, h: proper(o, h, after=b"0\r\n\n"),
    "trailer": lambda o, h: proper(o, h, after=b"0\r\nX: y\r\n\r\n"),
    "length as a trailer": lambda o, h: proper(
        o, h, after=b"0\r\n" + length(len(h.bytes)) + b"\r\n\r\n"),
    "encoding as a trailer": lambda o, h: proper(o, h, after=b"0\r\n" + CHUNKED + b"\r\n\r\n"),
    "trailer with a bare LF": lambda o, h: proper(o, h, after=b"0\r\nX: y\n\r\n"),
    "two last chunks": lambda o, h: proper(o, h, after=LAST_CHUNK + LAST_CHUNK),
    "many zeros in the last chunk": lambda o, h: proper(o, h, after=b"0" * 30 + b"\r\n\r\n"),
    "empty line in front": lambda o, h: proper(o, h, before=b"\r\n"),
}

# --- heads ---------------------------------------------------------------------------------------


def with_body(outer, hidden, *lines, **head):
    """The hidden request is the body, without a doubt."""
    return outer.head(length(len(hidden.bytes)), *lines, **head) + hidden.bytes


HEADS = {
    "LF ends every line": lambda o, h: (
        o.head(length(len(h.bytes))).replace(b"\r\n", b"\n") + h.bytes),
    "LF ends the head": lambda o, h: o.head(length(len(h.bytes)))[:-4] + b"\n\n" + h.bytes,
    "LF, CRLF end the head": lambda o, h: o.head(length(len(h.bytes)))[:-4] + b"\n\r\n" + h.bytes,
    "CRs end the head": lambda o, h: o.head(length(len(h.bytes)))[:-4] + b"\r\r" + h.bytes,
    "CR CR LF ends the head": lambda o, h: (
        o.head(length(len(h.bytes)))[:-4] + b"\r\n\r\r\n" + h.bytes),
    "two LFs in a value": lambda o, h: with_body(o, h, b"X: y\n\nz: z"),
    "hidden behind two LFs in a value": lambda o, h: (
        o.head(length(0), b"X: y\n")[:-4] + b"\n" + h.bytes),
    "hidden behind LF, CR, LF": lambda o, h: o.head(length(0))[:-4] + b"\n\r\n" + h.bytes,
    "NUL in a value": lambda o, h: with_body(o, h, b"X: a\0b"),
    "NUL in a name": lambda o, h: with_body(o, h, b"X\0Y: z"),
    "blank in a name": lambda o, h: with_body(o, h, b"X y: z"),
    "no name": lambda o, h: with_body(o, h, b": z"),
    "no colon": lambda o, h: with_body(o, h, b"X"),
    "hidden as the rest of a head": lambda o, h: (
        o.head(length(0), b": x")[:-2] + h.bytes),
    "control byte in a value": lambda o, h: with_body(o, h, b"X: a\x01b"),
    "folded": lambda o, h: with_body(o, h, b"X: a\r\n b"),
    "two hosts": lambda o, h: with_body(o, h, b"Host: another"),
    "a header of 9 KB": lambda o, h: with_body(o, h, b"X: " + b"y" * 9000),
    "a header of 20 KB": lambda o, h: with_body(o, h, b"X: " + b"y" * 20000),
    "a name of 9 KB": lambda o, h: with_body(o, h, b"X" * 9000 + b": y"),
    "a path of 9 KB": lambda o, h: with_body(o, h).replace(
        b" HTTP/", b"?" + b"y" * 9000 + b" HTTP/", 1),
    "90 headers": lambda o, h: with_body(o, h, *(b"X-%d: y" % i for i in range(90))),
    "300 headers": lambda o, h: with_body(o, h, *(b"X-%d: y" % i for i in range(300))),
    "unsigned": lambda o, h: with_body(o, h, is_signed=False),
    "unsigned, chunked": lambda o, h: (o.head(CHUNKED, is_signed=False) + chunk(h.bytes) +
                                       LAST_CHUNK),
    "too long a body": lambda o, h: (o.head(length(70000 + len(h.bytes))) + b" " * 70000 +
                                     h.bytes),
    "too long a chunked body": lambda o, h: (o.head(CHUNKED) + chunk(b" " * 70000) +
                                             chunk(h.bytes) + LAST_CHUNK),
    "GET with a body": lambda o, h: with_body(o, h, method=b"GET"),
    "GET with chunks": lambda o, h: (o.head(CHUNKED, method=b"GET") + chunk(h.bytes) + LAST_CHUNK),
    "HEAD with a body": lambda o, h: with_body(o, h, method=b"HEAD"),
    "OPTIONS with a body": lambda o, h: with_body(o, h, method=b"OPTIONS"),
    "TRACE with a body": lambda o, h: with_body(o, h, method=b"TRACE"),
    "unknown method with a body": lambda o, h: with_body(o, h, method=b"BREW"),
    "lower-case method": lambda o, h: with_body(o, h, method=b"post"),
    "HTTP/1.0": lambda o, h: with_body(o, h, version=b"HTTP/1.0"),
    "HTTP/1.0, kept alive": lambda o, h: with_body(o, h, b"Connection: keep-alive",
                                                   version=b"HTTP/1.0"),
    "HTTP/1.2": lambda o, h: with_body(o, h, version=b"HTTP/1.2"),
    "HTTP/3.1": lambda o, h: with_body(o, h, version=b"HTTP/3.1"),
    "HTTP/01.1": lambda o, h: with_body(o, h, version=b"HTTP/01.1"),
    "two blanks in the first line": lambda o, h: with_body(o, h, method=b"POST "),
    "a fourth word in the first line": lambda o, h: with_body(o, h, version=b"HTTP/1.1 x"),
    "empty lines in front": lambda o, h: b"\r\n\r\n" + with_body(o, h),
    "Expect, with the body at once": lambda o, h: with_body(o, h, b"Expect: 100-continue"),
    "Expect, unsigned": lambda o, h: with_body(o, h, b"Expect: 100-continue", is_signed=False),
    "Expect, chunked": lambda o, h: (o.head(CHUNKED, b"Expect: 100-continue") + chunk(h.bytes) +
                                     LAST_CHUNK),
    "Expect twice": lambda o, h: with_body(o, h, b"Expect: 100-continue", b"Expect: 100-continue"),
    "Expect of something else": lambda o, h: with_body(o, h, b"Expect: y 100-continue"),
    "Expect on GET": lambda o, h: with_body(o, h, b"Expect: 100-continue", method=b"GET"),
    "Expect and no body": lambda o, h: o.head(length(0), b"Expect: 100-continue") + h.bytes,
    "upgrade to h2c": lambda o, h: with_body(o, h, b"Connection: Upgrade, HTTP2-Settings",
                                             b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
    "upgrade to a websocket": lambda o, h: with_body(o, h, b"Connection: Upgrade",
                                                     b"Upgrade: websocket"),
    "pipelined": lambda o, h: o.bytes + h.bytes,
    "pipelined, chunked": lambda o, h: proper(o, h),
    "a webhook as the body of another": with_body,
}

VECTORS = {
    **{f"TE {name}, {where}": lambda o, h, lines=lines, layout=layout: layout(o, h, lines)
       for name, lines in ENCODINGS.items() for where, layout in LAYOUTS.items()},
    **{f"HTTP/1.0 with TE, {where}": lambda o, h, layout=layout: layout(
        o, h, [CHUNKED, b"Connection: keep-alive"], version=b"HTTP/1.0")
       for where, layout in LAYOUTS.items()},
    **{f"CL {name}": lambda o, h, lines=lines: as_the_body(o, h, lines)
       for name, lines in LENGTHS.items()},
    **{f"chunks: {name}": build for name, build in CHUNKS.items()},
    **{f"head: {name}": build for name, build in HEADS.items()},
}
