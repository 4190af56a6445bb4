"""Daily, as far as a dial-in shows it: webhooks and their signatures.

An implementation of its own, so that the C code is not checked against itself: the signature is
base64 of HMAC-SHA256 over `<timestamp>.<body>`, keyed with the base64-decoded secret.
"""

import base64
import hashlib
import hmac
import itertools
import json
import os
import time

from http_raw import TIMEOUT_S, Connection

SECRET = base64.b64encode(b"a secret of thirty-two bytes, ok").decode()
OTHER_SECRET = base64.b64encode(b"another secret, thirty-two bytes").decode()
EVENTS_SECRET = base64.b64encode(b"the secret of the domain's events").decode()
TRUNK_SECRET = base64.b64encode(b"the secret of a SIP trunk, as it").decode()
SECRET_OF_NOBODY = base64.b64encode(b"a secret that no ingress has yet").decode()
DEMONSTRATION_SECRET = base64.b64encode(b"dialin-demonstration-secret-0001").decode()
API_KEY = "key-of-our-own-application"

TO, FROM = "+14152251493", "+14158483432"

numbers = itertools.count(1)


LETTERS = str.maketrans("0123456789", "abcdefghkm")


def new_call_id(name="call"):
    """Of letters: seven digits in a row could be a telephone number, and would be masked."""
    return f"{name}-{os.getpid()}-{next(numbers)}".translate(LETTERS)


def webhook(call_id=None, **fields):
    """A dial-in webhook; a field given as None is left out."""
    given = {"To": TO, "From": FROM, "callId": call_id or new_call_id(),
             "callDomain": "5d1a6fb3-1a4a-4c61-b5b9-8d0e4e5b9c1f", **fields}
    return {name: value for name, value in given.items() if value is not None}


def dialout(**fields):
    return {"dialout_settings": [{"phoneNumber": "+14155550123"}], **fields}


def body(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def sign(secret, timestamp, raw_body):
    key = base64.b64decode(secret)
    message = timestamp.encode("latin-1") + b"." + raw_body
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def in_ms(offset_s=0):
    return str(int((time.time() + offset_s) * 1000))


def in_s(offset_s=0):
    return str(int(time.time() + offset_s))


def headers(raw_body, secret=SECRET, timestamp=None, signature=None):
    """The two headers of a signed webhook; what is given is taken as it is."""
    timestamp = in_ms() if timestamp is None else timestamp
    signature = sign(secret, timestamp, raw_body) if signature is None else signature
    return [("Content-Type", "application/json"), ("X-Pinless-Timestamp", timestamp),
            ("X-Pinless-Signature", signature)]


def event(kind, room, event_id=None, at_s=None, **payload):
    """One of Daily's events, as its documentation shows them."""
    at_s = time.time() if at_s is None else at_s
    session = f"5d1a6fb3-{next(numbers)}"
    return {"version": "1.0.0", "type": kind, "id": event_id or f"2868-{kind}-{os.getpid()}-{session}",
            "payload": {"domain_id": "04b89420-cf8b-4ea5-a428-02c40b0e2a59", "room": room,
                        "timestamp": str(int(at_s)), "session_id": session,
                        "sip_from": "sip:+14158483432@sip.example", "sip_headers": {},
                        "display_name": "+14158483432", **payload},
            "event_ts": at_s}


def event_headers(raw_body, secret=EVENTS_SECRET, timestamp=None, signature=None):
    """The two headers of a signed event."""
    timestamp = in_ms() if timestamp is None else timestamp
    signature = sign(secret, timestamp, raw_body) if signature is None else signature
    return [("Content-Type", "application/json"), ("X-Webhook-Timestamp", timestamp),
            ("X-Webhook-Signature", signature)]


def trunk_call(room=None, **fields):
    """A trunk's notification. Beside room.url its form is a guess: the documentation that could be
    read does not show it."""
    room = room or new_call_id("room")
    given = {"type": "sip_trunk.incoming", "room": {"name": room, "url": f"https://example.daily.co/{room}"},
             "from": FROM, "to": TO, **fields}
    return {name: value for name, value in given.items() if value is not None}


def trunk_headers(raw_body, secret=TRUNK_SECRET, timestamp=None, signature=None):
    """The two headers of a trunk's signed notification."""
    timestamp = in_ms() if timestamp is None else timestamp
    signature = sign(secret, timestamp, raw_body) if signature is None else signature
    return [("Content-Type", "application/json"), ("X-Siptrunk-Timestamp", timestamp),
            ("X-Siptrunk-Signature", signature)]


def bearer(key=API_KEY):
    return [("Content-Type", "application/json"), ("Authorization", f"Bearer {key}")]


def known_connection(port, timeout_s=TIMEOUT_S):
    """A connection that has carried a genuine webhook. A stranger's is closed after one request,
    whatever that was."""
    connection = Connection(port, timeout_s)
    genuine = body(webhook())
    answer = connection.ask("POST", "/api/dial", headers(genuine), genuine)
    assert answer.status == 200, answer
    return connection


# What a wrong signature is answered at each door: arguments of a door's headers, and the code. Those
# with a time are made when the test runs.
FORGED = [
    ("another secret", lambda: {"secret": SECRET_OF_NOBODY}, "invalid_signature"),
    ("no signature's form", lambda: {"signature": "AAAA"}, "invalid_signature"),
    ("of another body", lambda: {"signature": sign(SECRET, in_ms(), b"another")}, "invalid_signature"),
    ("300 s old", lambda: {"timestamp": in_ms(-305)}, "stale_timestamp"),
    ("300 s ahead", lambda: {"timestamp": in_s(305)}, "stale_timestamp"),
    ("no time", lambda: {"timestamp": "soon"}, "invalid_signature"),
]
