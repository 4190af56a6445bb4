"""--check-config --online: asks Redis and the agent before anything starts, and changes nothing there."""

import re

import pytest

import daily
from fake_redis import FakeRedis
from stack import free_port
from test_redis_settings import user_of_compose
from test_start_tls import TlsServer

INGRESS = {"PINLESS_HMAC_SECRET": daily.SECRET}


def check(stack, program, code, **values):
    """The lines that it prints."""
    done = stack.run(f"dialin-{program}", "--check-config", "--online", **stack.values(values))
    assert done.returncode == code and not done.stderr, done
    return done.stdout


def agent_of(start):
    return {"START_URL": start.url}


@pytest.fixture
def values(start):
    return {"ingress": INGRESS, "worker": agent_of(start)}


@pytest.mark.parametrize("program", ["ingress", "worker"])
def test_all_is_fine(stack, ledger, start, values, program):
    out = check(stack, program, 0, **values[program])
    assert "wrong" not in out and "allows all that is needed" in out, out
    assert re.search(r"fine   Redis: (Redis|Valkey) \d+\.\d+\S*, master\n", out), out
    assert "never evicts" in out and "fine   clock:" in out
    assert not ledger.client.keys(f"{ledger.prefix}*") and not start.requests


@pytest.mark.parametrize("program", ["ingress", "worker"])
def test_the_users_of_compose_have_rights_enough(stack, values, program):
    redis = stack.own_redis()
    redis.client.execute_command("ACL", "SETUSER", *user_of_compose(program, stack.prefix))
    url = redis.url.replace("redis://", f"redis://{program}:any@")
    out = check(stack, program, 0, **values[program], REDIS_URL=url)
    assert "wrong" not in out, out


@pytest.mark.parametrize("program, taken, sentence", [
    ("ingress", ["-xadd"], "cannot queue webhooks (XADD): NOPERM"),
    ("ingress", ["-hmget"], "cannot ask what became of a dial-out (HMGET): NOPERM"),
    ("worker", ["-xclaim", "-hincrby"], "cannot run its scripts (EVAL): NOPERM xclaim, hincrby"),
    ("worker", ["-xinfo|groups", "-xinfo|consumers", "-xgroup|delconsumer"],
     "cannot run its scripts (EVAL): NOPERM xinfo|groups, xinfo|consumers, xgroup|delconsumer"),
    ("worker", ["-script"], "cannot run its scripts (EVAL): NOPERM script|load"),
    ("worker", ["resetkeys", "~other:*"], "cannot write to the queue (XADD): NOPERM"),
])
def test_a_missing_right_is_named(stack, values, program, taken, sentence):
    redis = stack.own_redis()
    redis.client.execute_command("ACL", "SETUSER", "one", "on", ">secret", "~*", "+@all", *taken)
    url = redis.url.replace("redis://", "redis://one:secret@")
    out = check(stack, program, 1, **values[program], REDIS_URL=url)
    assert f"wrong  Redis: {sentence}" in out, out


def test_a_server_that_does_not_tell_which_rights_there_are(stack, start):
    redis = FakeRedis(b"-ERR Unknown command\r\n")
    try:
        out = check(stack, "worker", 1, **agent_of(start), REDIS_URL=redis.url)
    finally:
        redis.close()
    assert "note   Redis: may run its scripts (EVAL) or not: it does not tell (ERR Unknown command)" in out, out
    assert "allows all" not in out


@pytest.mark.parametrize("setting, value, sentence", [
    ("maxmemory-policy", "allkeys-lru", "may evict calls when its memory is full: set maxmemory-policy"),
    ("maxmemory", "1", "cannot queue webhooks (XADD): OOM"),
    ("appendonly", "no", "keeps no append-only file; a restart loses calls: set appendonly yes"),
])
def test_a_setting_with_which_calls_are_lost(stack, setting, value, sentence):
    redis = stack.own_redis()
    redis.client.config_set(setting, value)
    assert sentence in check(stack, "ingress", 1, **INGRESS)


def test_redis_is_a_replica_or_away_or_refuses(stack, redis):
    own = stack.own_redis()
    own.client.replicaof("127.0.0.1", redis.port)
    assert "read-only replica" in check(stack, "ingress", 1, **INGRESS)
    away = f"redis://127.0.0.1:{free_port()}"
    assert "cannot be reached (REDIS_URL): Connection refused" in check(
        stack, "ingress", 1, **INGRESS, REDIS_URL=away)
    wrong = redis.url.replace("redis://", "redis://:a-wrong-password@")
    out = check(stack, "ingress", 1, **INGRESS, REDIS_URL=wrong)
    assert "Redis: refuses: " in out and "a-wrong-password" not in out, out


def test_a_foreign_key_stands_in_the_way(stack, ledger):
    ledger.client.set(ledger.key("webhooks"), "a text")
    assert "WRONGTYPE" in check(stack, "ingress", 1, **INGRESS)
    ledger.client.delete(ledger.key("webhooks"))


def test_the_agents_name_connection_and_certificate(stack, start, authority, tmp_path):
    server = TlsServer(*authority.certificate("server"))
    routes = tmp_path / "routes.json"
    routes.write_text('{"agents": {"b": {"start_url": "http://no-such-host.localhost:9/start"}}, "routes": []}')
    values = {"START_URL": f"https://localhost:{server.port}/start", "START_API_KEY": "a-key-of-mine"}
    try:
        out = check(stack, "worker", 0, **values, START_CA_FILE=authority.file)
        assert "can be reached, and its certificate is good; the key is not tried" in out
        out = check(stack, "worker", 1, **values)
        assert "cannot be reached at https://localhost" in out and "certificate" in out, out
        out = check(stack, "worker", 1, **agent_of(start), ROUTES_FILE=routes)
        assert "wrong  agent b: cannot be reached" in out and "fine   agent 127.0.0.1" in out, out
    finally:
        server.close()
    assert not start.requests and server.received == b""


def test_the_board_asks_redis_only(stack):
    assert "never evicts" in check(stack, "board", 0)
    assert "cannot be reached" in check(stack, "board", 1, REDIS_URL="redis://127.0.0.1:1")
