"""No secret reaches Redis, a log or the audit's output, however an agent echoes it."""

import base64
import html
import json
import re
import urllib.parse

import daily
from audit import Audit
from fake_start import answers, http_answer

TOKEN = ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyIjoicm9vbSIsImlhdCI6MTcwMDAwMDAwMH0."
         "c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmU")
SECRETS = {"START_API_KEY": "key-of-the-bot-71", "DAILY_API_KEY": "key-of-daily-72",
           "PIPECAT_CLOUD_API_KEY": "key-of-the-cloud-73"}
LEAKS = [
    answers(200, json.dumps({"dailyToken": TOKEN, "sessionId": "s", "dailyRoom": "https://r/x"})
            .encode()),
    answers(200, json.dumps({"outer": [{"Api_Key": SECRETS["DAILY_API_KEY"], "a": TOKEN}]})
            .encode()),
    answers(413, b"you sent Authorization: Bearer " + SECRETS["START_API_KEY"].encode()),
    answers(413, b'{"detail":{"input":{"daily_api_key":"%s"}}' %
            SECRETS["DAILY_API_KEY"].encode()),  # cut JSON
    answers(413, ("<pre>" + TOKEN + "</pre> " + SECRETS["DAILY_API_KEY"]).encode()),
    answers(413, b'{"dailyToken":"' + TOKEN.encode()),
    answers(413, (b"x" * 4080) + SECRETS["START_API_KEY"].encode()),  # across the cut
    answers(200, json.dumps({"token": "p\u00e9-" + TOKEN, "sessionId": SECRETS["START_API_KEY"],
                             "dailyRoom": "https://r/x?t=" + TOKEN}).encode()),
]


def test_no_secret_reaches_redis_or_a_log(stack, ledger, start):
    ingress = stack.ingress(INGRESS_API_KEY=daily.API_KEY, LOG_LEVEL="debug")
    worker = stack.worker(START_URL=start.url, LOG_LEVEL="debug", AGENT_NAME="sales", **SECRETS)
    call_ids = []
    for leak in LEAKS:
        call_id = daily.new_call_id()
        start.script(leak, call_id=call_id)
        call_ids.append(call_id)
        assert ingress.ring(daily.webhook(call_id)).status == 200
    assert ingress.post(daily.body(daily.dialout()), daily.bearer()).status == 200
    for call_id in call_ids:
        ledger.wait_for_state(call_id, "started", "dead")
    ledger.wait_until_finished()
    assert all(SECRETS["DAILY_API_KEY"].encode() in request.body for request in start.requests)
    redis, logs = ledger.everything(), stack.logs()
    for secret in [*SECRETS.values(), TOKEN, TOKEN.split(".")[1], TOKEN.split(".")[2], daily.SECRET,
                   daily.API_KEY]:
        for part in (secret, secret[:-3], secret[3:]):
            for place, data in (("Redis", redis), ("a log", logs)):
                at = data.find(part.encode())
                assert at < 0, f"{part} is in {place}: {data[max(at - 200, 0):at + 100]!r}"
    for attempt in ledger.events(event="attempt"):
        assert json.loads(attempt["request"])["body"]["daily_api_key"] == "[redacted]"
        assert "[redacted]" in attempt["response"] or attempt["response"].startswith("xxxx")
    assert worker.is_running()


# --- encodings ------------------------------------------------------------------------------------

KEY = "key/of+the=bot&71<'x'>~~~???"


def echoes(encode):
    """An answer with what the worker sent as Authorization, bearer or not."""
    def step(exchange):
        sent = exchange.request.header("Authorization")
        exchange.client.sendall(http_answer(200, encode(sent, sent.split(" ")[1]).encode()))
    return step


def in_base64(text, encode=base64.b64encode):
    return encode(text.encode()).decode()


def unicode_escaped(text, form="\\u%04x"):
    return "".join(form % ord(c) for c in text)


ECHOES = {
    "as it is": lambda sent, key: json.dumps({"a": sent}),
    "bare": lambda sent, key: "<" + key,
    **{f"base64 after {len(before)} and before {len(after)}":
       lambda sent, key, before=before, after=after: json.dumps(
           {"a": in_base64(before + key + after)})
       for before in ("", "u", "u:", "abc") for after in ("", "y", "zz")},
    "base64 of the header": lambda sent, key: in_base64(sent),
    "base64 of URLs": lambda sent, key: json.dumps(
        {"a": in_base64("u" + key, base64.urlsafe_b64encode)}),
    "base64 in lines": lambda sent, key: base64.encodebytes((sent * 3).encode()).decode(),
    "base64 in PHP's JSON": lambda sent, key: '{"a":"%s"}' % in_base64("u:" + key).replace("/", r"\/"),
    "base64 in a URL": lambda sent, key: "https://h/?a=" + urllib.parse.quote_plus(in_base64(sent)),
    "percent": lambda sent, key: "https://h/?a=" + urllib.parse.quote(key, safe=""),
    "percent, lower case": lambda sent, key: "".join(
        f"%{ord(c):02x}" if not c.isalnum() else c for c in key),
    "percent, every byte": lambda sent, key: "".join(f"%{ord(c):02X}" for c in sent),
    "a form": lambda sent, key: urllib.parse.urlencode({"header": sent}),
    "HTML": lambda sent, key: f"<pre>{html.escape(sent)}</pre>",
    "HTML, decimal": lambda sent, key: "".join(f"&#{ord(c)};" for c in key),
    "HTML, hexadecimal": lambda sent, key: "".join(f"&#x{ord(c):X};" for c in key),
    "HTML in Go's JSON": lambda sent, key: '{"a":"%s"}' % html.escape(key).replace("&", r"\u0026"),
    "JSON, every character": lambda sent, key: '{"a":"%s"}' % unicode_escaped(key),
    "JSON, upper case": lambda sent, key: '{"a":"%s"}' % unicode_escaped(key, "\\u%04X"),
    "JSON in JSON": lambda sent, key: json.dumps({"a": '{"b":"%s"}' % unicode_escaped(sent)}),
    "Python's repr": lambda sent, key: repr({"a": sent}),
    "JavaScript": lambda sent, key: unicode_escaped(key, "\\x%02x"),
    "a pair": lambda sent, key: json.dumps([{"value": sent[::-1], "name": "Set-Cookie"}]),
}


def decoded(text):
    """`text`, and what it becomes with each encoding taken off, also of JSON first."""
    plain = text
    for _ in range(3):
        plain = plain.replace("\\/", "/").replace("\\\"", '"')
        plain = json_escapes_resolved(plain)
    yield from (text, plain)
    for each in (text, plain):
        yield urllib.parse.unquote_plus(each)
        yield html.unescape(each)


def json_escapes_resolved(text):
    return re.sub(r"\\+(?:u00|x)([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)


def traces(key):
    """Texts that give the key away: its parts, and what of its base64 no neighbour changes."""
    yield from (key[:12], key[6:18], key[-12:], key[::-1])
    for shift in range(3):
        whole = base64.b64encode(b"x" * shift + key.encode()).decode()
        for text in (whole, whole.replace("+", "-").replace("/", "_")):
            yield from (text[at:at + 10] for at in range(4, len(text) - 14, 5))


def check_hidden(place, data):
    for text in decoded(data.decode(errors="replace").replace("\r", "").replace("\\n", "")):
        for text_of in (text, text.replace("\n", "")):
            for trace in traces(KEY):
                at = text_of.find(trace)
                assert at < 0, f"{trace} is in {place}: {text_of[max(at - 200, 0):at + 100]!r}"


def test_the_key_is_hidden_in_every_encoding(stack, ledger, start):
    ingress = stack.ingress(LOG_LEVEL="debug")
    stack.worker(START_URL=start.url, START_API_KEY=KEY, LOG_LEVEL="debug")
    call_ids = {}
    for name, encode in ECHOES.items():
        call_ids[name] = daily.new_call_id()
        start.script(echoes(encode), call_id=call_ids[name])
        assert ingress.ring(daily.webhook(call_ids[name])).status == 200
    for call_id in call_ids.values():
        ledger.wait_for_state(call_id, "started")
    for name, call_id in call_ids.items():
        attempt, = ledger.events(call_id, event="attempt")
        assert "[redacted]" in attempt["response"], (name, attempt["response"])
    audit = Audit(stack)
    shown = [audit("show", call_id).out for call_id in call_ids.values()]
    shown += [audit("export").out, audit("export", "--format", "csv").out, audit("dead", "list").out,
              audit("list", "--json").out]
    check_hidden("Redis", ledger.everything())
    check_hidden("a log", stack.logs())
    check_hidden("the audit", "\n".join(shown).encode())
