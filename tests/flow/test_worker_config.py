"""How the worker starts, when it refuses to, and what its admin port says."""

import contextlib
import re

import pytest

import daily
from accepting import accepted
from stack import wait_for

GOOD = {"START_URL": "http://127.0.0.1:1/start", "REDIS_URL": "redis://127.0.0.1:1"}
DEFAULTS = {
    "START_URL": "unset", "START_API_KEY": "unset", "START_CA_FILE": "unset",
    "ALLOW_HTTP": "unset", "PIPECAT_CLOUD_API_KEY": "unset",
    "AGENT_NAME": "unset", "DAILY_API_KEY": "unset", "DAILY_API_URL": "https://api.daily.co/v1",
    "ROUTES_FILE": "unset", "CONCURRENCY": "2048", "START_TIMEOUT_S": "75", "HOLD_LIMIT_S": "110",
    "DIALOUT_LIMIT_S": "600", "TRUNK_LIMIT_S": "30", "HOLD_GRACE_S": "10",
    "ROOM_EXPIRY_S": "300", "LEASE_S": "10", "DRAIN_TIMEOUT_S": "80",
    "RETENTION_DAYS": "7", "WORKER_NAME": "host", "REDIS_URL": "redis://127.0.0.1:6379",
    "REDIS_CA_FILE": "unset", "REDIS_CERT": "unset", "REDIS_KEY": "unset",
    "REDIS_PREFIX": "{dialin}", "REDIS_WAIT_REPLICAS": "0", "ADMIN_PORT": "9465",
    "LOG_LEVEL": "info", "LOG_FORMAT": "text"}


def refuses(stack, names, **values):
    done = stack.run("dialin-worker", **values)
    assert done.returncode == 1, done
    for name in names:
        assert re.search(rf"^ *{name}: \S", done.stderr, re.MULTILINE), (name, done.stderr)
    assert done.stderr.count("\n") == len(names) + 1, done.stderr
    return done.stderr


def test_help_lists_every_variable_with_its_default(stack):
    done = stack.run("dialin-worker", "--help")
    assert done.returncode == 0 and not done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith("  ")}
    for name, value in DEFAULTS.items():
        assert value in lines[name], lines[name]


def test_version_usage_and_check(stack):
    done = stack.run("dialin-worker", "--version")
    assert done.returncode == 0 and re.fullmatch(r"dialin-worker \d+\.\d+\.\d+\n", done.stdout)
    assert stack.run("dialin-worker", "--nonsense").returncode == 2
    assert stack.run("dialin-worker", "--check-config", **GOOD).returncode == 0
    assert stack.run("dialin-worker", "--check-config", **GOOD, LEASE_S="1").returncode == 1


def test_without_an_agent_it_does_not_start(stack):
    assert "PIPECAT_CLOUD_API_KEY" in refuses(stack, ["START_URL"])


def test_a_cloud_key_needs_an_agents_name(stack):
    said = refuses(stack, ["AGENT_NAME"], PIPECAT_CLOUD_API_KEY="key-of-the-cloud")
    assert "key-of-the-cloud" not in said


def test_all_problems_at_once(stack):
    refuses(stack, ["START_URL", "CONCURRENCY", "LEASE_S", "HOLD_LIMIT_S", "REDIS_URL",
                    "ROUTES_FILE", "WORKER_NAME"],
            START_URL="ftp://x", CONCURRENCY="many", LEASE_S="2", HOLD_LIMIT_S="0", REDIS_URL="x",
            ROUTES_FILE="/routes.json", WORKER_NAME="a b")


@pytest.mark.parametrize("name, value", [
    ("START_URL", "http://example.org/start"), ("START_URL", "http://8.8.8.8/start"),
    ("START_URL", "http://user:password@127.0.0.1/start"), ("START_URL", "file:///etc/passwd"),
    ("START_URL", "https://"), ("START_URL", "http://127.0.0.1/a b"), ("LEASE_S", "61"), ("RETENTION_DAYS", "0"),
    ("CONCURRENCY", "0"), ("START_TIMEOUT_S", "0"), ("START_API_KEY", "a b"),
    ("WORKER_NAME", "x" * 100), ("ALLOW_HTTP", "*.com"), ("ALLOW_HTTP", "bot.internal,*"), ("START_URL", "http://127.0.0.1.example.org/start"),
    ("START_URL", "http://127.0.0.1@example.org/start"), ("START_URL", "http://172.32.0.1/start")])
def test_values_that_cannot_be(stack, name, value):
    assert "password@" not in refuses(stack, [name], **{**GOOD, name: value})


@pytest.mark.parametrize("url", [
    "http://127.0.0.1/start", "http://localhost:7860/start", "http://agent:7870/start",
    "http://10.1.2.3/start", "http://192.168.0.9/start", "http://172.16.0.1/start",
    "http://[::1]:80/start", "https://bots.example.org/start", "http://[fd00::1]/start"])
def test_urls_that_are_near_or_safe(stack, url):
    done = stack.run("dialin-worker", "--check-config", **{**GOOD, "START_URL": url})
    assert done.returncode == 0, done.stderr


def test_keys_from_files(stack, tmp_path, ledger, start):
    (tmp_path / "key").write_text("key-of-the-bot\n")
    stack.worker(START_URL=start.url, START_API_KEY_FILE=tmp_path / "key")
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "started")
    assert start.requests[0].header("Authorization") == "Bearer key-of-the-bot"
    refuses(stack, ["START_API_KEY"], **GOOD, START_API_KEY="a",
            START_API_KEY_FILE=tmp_path / "key")


def test_the_cloud_is_asked_with_its_own_key_only(stack):
    """Where START_URL is set the cloud's name and key change nothing (test_transform.py); where it
    is not, the agent is the cloud's. Nothing is sent here: there is no entry."""
    worker = stack.worker(PIPECAT_CLOUD_API_KEY="key-of-the-cloud", AGENT_NAME="sales",
                          START_API_KEY="key-of-the-bot")
    assert re.search(rb"agent=sales\b", worker.log())
    assert b"key-of" not in worker.log()


def test_admin_port(stack, ledger, start):
    worker = stack.worker(START_URL=start.url)
    assert worker.admin("/healthz").status == 200
    assert worker.admin("/readyz").status == 200
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "started")
    ledger.queue(webhook)
    wait_for(lambda: worker.total("dialin_calls_total", outcome="duplicate") == 1)
    metrics = worker.metrics()
    assert worker.total("dialin_calls_total", outcome="started") == 1
    assert worker.total("dialin_attempts_total", result="started") == 1
    assert metrics["dialin_calls_in_work"] == 0
    assert metrics["dialin_ring_to_request_seconds_count"] == 1


def test_redis_absent_at_start(stack, tmp_path, ledger, start):
    from stack import Redis, free_port
    port = free_port()
    worker = stack.worker(is_ready=False, START_URL=start.url,
                          REDIS_URL=f"redis://127.0.0.1:{port}")
    assert worker.admin("/healthz").status == 200
    ready = worker.admin("/readyz")
    assert ready.status == 503 and "Redis" in ready.json()["missing"]
    stack.redis = stack.keep(Redis(tmp_path, port=port))
    worker.wait_until_ready()
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "started")


def test_sigterm_without_redis(stack, tmp_path):
    worker = stack.worker(is_ready=False, REDIS_URL=f"unix://{tmp_path}/none", **{
        "START_URL": GOOD["START_URL"]})
    worker.terminate()
    assert worker.wait() == 0


def test_something_that_is_no_redis(stack):
    """It says so, and goes on trying until Redis is there."""
    import socket
    import threading
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        for client, _ in accepted(listener):
            with client, contextlib.suppress(OSError):
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    thread = threading.Thread(target=answer)
    thread.start()
    try:
        worker = stack.worker(is_ready=False, START_URL=GOOD["START_URL"],
                              REDIS_URL=f"redis://127.0.0.1:{listener.getsockname()[1]}")
        wait_for(lambda: any(re.search("Z (warning|error)", line) for line in worker.log_lines()))
        assert worker.admin("/readyz").status == 503
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_webhooks_from_before_the_worker(stack, ledger, start):
    """The group begins at the oldest entry: who rang before the first worker came is not lost."""
    webhooks = [daily.webhook() for _ in range(3)]
    for webhook in webhooks:
        ledger.queue(webhook)
    stack.worker(START_URL=start.url)
    for webhook in webhooks:
        ledger.wait_for_state(webhook["callId"], "started")


def test_a_worker_that_leaves_takes_its_name_with_it(stack, ledger, start):
    worker = stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "started")
    name = worker.consumer()
    assert ledger.client.exists(ledger.key(f"worker:{name}"))
    assert 0 < ledger.client.pttl(ledger.key(f"worker:{name}")) <= 10000
    worker.terminate()
    assert worker.wait() == 0
    assert not ledger.client.exists(ledger.key(f"worker:{name}"))
    assert ledger.client.xinfo_consumers(ledger.key("webhooks"), "workers") == []
