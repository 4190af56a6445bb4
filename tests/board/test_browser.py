"""The board in Debian's Chromium: starts what browser.mjs looks at, and reports each of its scenarios
as a test. Run with: make test-board."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

import daily
from ledger import Ledger
from proxies import nginx_command
from stack import Process, Stack, free_port, wait_for

SCENARIOS = [name for script in ("reading.mjs", "operating.mjs")
             for name in re.findall(r"^  async '([^']+)'\(\)", (HERE / script).read_text(encoding="utf-8"),
                                    re.MULTILINE)]
TOKEN = "a-token-of-the-browser"
MISSED_CALL = "6a4408fe-91ef-41b4-9786-c29dfe6cc74d"
DEAD_CALL = "5c0d45cf-100b-4f35-8a41-c36f0fae1e72"
HOLD_LIMIT_S = 60
SESSION_MS = 3_600_000  # longer than all scenarios: an agent with room for one stays full
# Of a good machine; CI's may be crowded.
PATIENCE_MS, FIRST_SENTENCE_MS, SCENARIOS_S = 20_000, 3000, 1200

NGINX = """
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        location /calls/board/ {{
            proxy_pass http://127.0.0.1:{board_port}/;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
"""


def proxy(stack, board_port):
    """nginx with TLS, and the board under a path of it; returns its address."""
    folder, port = stack.folder / "nginx", free_port()
    command = nginx_command(folder, NGINX.format(folder=folder, port=port, board_port=board_port))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", folder / "key.pem",
                    "-out", folder / "cert.pem"], check=True, capture_output=True)
    server = stack.keep(Process("nginx", command, folder))
    wait_for(lambda: server.is_running() and (folder / "nginx.pid").exists(), what="nginx")
    return f"https://127.0.0.1:{port}/calls/board/"


def lose_a_call(ledger):
    """Of a full agent, with a hold that ends soon."""
    first = daily.webhook(MISSED_CALL)
    ledger.queue(first)
    ledger.wait_for_state(first["callId"], "started")
    seconds, us = ledger.client.time()
    webhook = daily.webhook(DEAD_CALL)
    stamp = daily.in_ms()
    ledger.queue(webhook, received_ms=str(seconds * 1000 + us // 1000 - HOLD_LIMIT_S * 1000 + 2500),
                 timestamp=stamp, signature=daily.sign(daily.SECRET, stamp, daily.body(webhook)))
    ledger.wait_for_state(DEAD_CALL, "dead", timeout_s=30)


def miss_a_bot(ledger):
    """A bot was started and its caller never reached it, as room.lua leaves it; and a sample before."""
    now_s = int(ledger.client.time()[0])
    for minute in range(now_s // 60 - 5, now_s // 60 + 5):  # whatever minute it is when the page asks
        ledger.client.hset(ledger.key(f"minute:{minute}"), mapping={"at_ms": (now_s - 240) * 1000})
    ledger.client.hset(ledger.key(f"call:{MISSED_CALL}"), "verdict", "never_connected")
    ledger.client.hset(ledger.key("counts"), "verdict:never_connected", 1)


def second_group(stack, agent):
    """Another prefix with a worker of its own, whose agent has been asked once; returns its ingress."""
    values = {"REDIS_PREFIX": "{board}:b"}
    stack.worker(START_URL=agent.url, **values)
    ledger = Ledger(stack.redis, values["REDIS_PREFIX"])
    ledger.queue(webhook := daily.webhook())
    ledger.wait_for_state(webhook["callId"], "started")
    return stack.ingress(**values)


@pytest.fixture(scope="session")
def given(tmp_path_factory):
    """What browser.mjs is told."""
    stack = Stack(tmp_path_factory.mktemp("board"), None, "{board}")
    try:
        stack.own_redis(fsync="always")
        agent = stack.agent("--pool", "1", "--session-ms", SESSION_MS)
        stack.worker(START_URL=agent.url, HOLD_LIMIT_S=HOLD_LIMIT_S)
        ingress = stack.ingress()
        lose_a_call(Ledger(stack.redis, stack.prefix))
        miss_a_bot(Ledger(stack.redis, stack.prefix))
        agent.control(pool=100)
        board = stack.board(PINLESS_HMAC_SECRET=daily.SECRET)
        guarded = stack.board(BOARD_TOKEN=TOKEN, TRUSTED_PROXIES="127.0.0.1", BOARD_TITLE="production",
                              BOARD_ACTIONS="true",
                              BOARD_ACTIONS_REDIS_URL=stack.redis.url)
        several = stack.board(REDIS_PREFIXES="{board},{board}:b", BOARD_TOKEN=TOKEN, BOARD_ACTIONS="true",
                              BOARD_ACTIONS_REDIS_URL=stack.redis.url)
        second = second_group(stack, agent)
        yield {
            "several": f"http://127.0.0.1:{several.port}/", "secondIngress": f"http://127.0.0.1:{second.port}",
            "board": f"http://127.0.0.1:{board.port}/", "guarded": f"http://127.0.0.1:{guarded.port}/",
            "proxied": proxy(stack, guarded.port),
            "token": TOKEN, "ingress": f"http://127.0.0.1:{ingress.port}",
            "agent": f"http://127.0.0.1:{agent.port}", "secret": daily.SECRET, "deadCall": DEAD_CALL, "boardPid": board.pid,
            "missedCall": MISSED_CALL,
            "chromium": shutil.which("chromium"), "patienceMs": PATIENCE_MS,
            "firstSentenceMs": FIRST_SENTENCE_MS,
        }
    finally:
        troubles = stack.close()
    assert not troubles, "\n".join(troubles)


@pytest.fixture(scope="session")
def results(given):
    """{scenario: what went wrong, or None}. The browser keeps its profile in the tests' folder."""
    modules = os.environ.get("BOARD_MODULES", str(HERE))
    done = subprocess.run(["node", str(Path(modules) / "browser.mjs"), json.dumps(given)],
                          capture_output=True, text=True, timeout=SCENARIOS_S)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr[-3000:]
    print(done.stderr, *(f"{row['ms']:6} ms {row['name']}" for row in rows), sep="\n")
    return {row["name"]: row["error"] for row in rows}


def test_there_are_scenarios():
    assert len(SCENARIOS) > 10


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_in_a_browser(results, scenario):
    if "ONLY" in os.environ and scenario not in results:
        pytest.skip("not asked for")
    assert results[scenario] is None, results[scenario]
