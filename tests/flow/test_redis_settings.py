"""A Redis with which calls could be lost is said to be one, in one sentence each; one that cannot be
used is not; and the users that docker-compose.yml makes may do what their programs do."""

import re
import socket
import threading

import pytest

import daily
from accepting import accepted
from fake_start import answers, starts_a_bot
from history import DAY_MS, History
from stack import REPOSITORY, wait_for

SAFE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


@pytest.fixture(params=["ingress", "worker"])
def program(request, stack, start):
    def begin(**values):
        if request.param == "ingress":
            return stack.ingress(**values)
        return stack.worker(START_URL=start.url, DAILY_API_KEY="key-of-daily", **values)
    return begin


def warnings(program):
    return [line for line in program.log_lines() if re.search("Z (warning|error) ", line)]


@pytest.mark.parametrize("setting, value, sentence", [
    ("maxmemory-policy", "allkeys-lru", "set maxmemory-policy noeviction"),
    ("appendonly", "no", "set appendonly yes"),
    ("appendfsync", "everysec", "set appendfsync always"),
    (None, None, None)])
def test_what_could_lose_calls_is_warned_of(stack, program, setting, value, sentence):
    redis = stack.own_redis()
    for name, safe in SAFE.items():
        redis.client.config_set(name, value if name == setting else safe)
    running = program()
    running.terminate()
    assert running.wait() == 0
    said = warnings(running)
    connections = len({re.search(r"connection=(\S+)", line).group(1)
                       for line in running.log_lines() if "connected to Redis" in line})
    assert len(said) == (connections if setting else 0), said
    assert all(sentence in line for line in said)


def test_a_server_that_does_not_say_is_not_warned_of(stack, program):
    redis = stack.own_redis()
    redis.client.execute_command("ACL", "SETUSER", "shy", "on", ">secret-of-shy", "~*", "&*", "+@all",
                                 "-config|get")
    running = program(REDIS_URL=f"redis://shy:secret-of-shy@127.0.0.1:{redis.port}")
    wait_for(lambda: redis.client.acl_log())
    running.terminate()
    assert running.wait() == 0
    assert not warnings(running)


class OldRedis:
    """Answers INFO as a Redis of long ago."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"
        self.clients = []
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        for client, _ in accepted(self.listener):
            self.clients.append(client)
            self.threads.append(threading.Thread(target=self.serve, args=(client,)))
            self.threads[-1].start()

    def serve(self, client):
        info = b"# Server\r\nredis_version:6.2.14\r\nrole:master\r\naof_enabled:1\r\n"
        reader = client.makefile("rb")
        try:
            while line := reader.readline():
                words = []
                for _ in range(int(line[1:])):
                    words.append(reader.read(int(reader.readline()[1:]) + 2)[:-2])
                client.sendall({b"INFO": b"$%d\r\n%s\r\n" % (len(info), info),
                                b"TIME": b"*2\r\n$1\r\n1\r\n$1\r\n1\r\n"}.get(words[0], b"+OK\r\n"))
        except (OSError, ValueError):
            pass

    def close(self):
        for one in [self.listener, *self.clients]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
        for thread in self.threads:
            thread.join(10)


def test_an_old_redis_is_not_used(program):
    old = OldRedis()
    try:
        running = program(is_ready=False, REDIS_URL=old.url)
        wait_for(lambda: b"older than 7.0" in running.log())
        assert running.admin("/readyz").status == 503
        said = warnings(running)
        assert all("use Redis 7.0 or newer, or Valkey" in line for line in said
                   if "older" in line), said
    finally:
        old.close()


# --- the users of docker-compose.yml ------------------------------------------------------------

def user_of_compose(name, prefix):
    """The rights of a user of docker-compose.yml, with this prefix in place of its own."""
    text = (REPOSITORY / "common/ship/compose/users.acl.in").read_text()
    rule = re.search(rf"^user ({name} on PASSWORD .*)$", text, re.MULTILINE).group(1)
    rule = rule.replace("PASSWORD", ">any").replace("{dialin}", prefix)
    return re.findall(r"\([^)]*\)|\S+", rule)


def test_the_users_of_compose_may_do_their_work(stack, ledger, start):
    redis = stack.own_redis()
    for name in ("ingress", "worker"):
        redis.client.execute_command("ACL", "SETUSER", *user_of_compose(name, stack.prefix))
    past = History(ledger)
    past.finished(8 * DAY_MS, "dead")
    past.entry(8 * DAY_MS, is_read_by="unknown", v="3")
    past.entry(1000, is_read_by="unknown")
    past.entry(1000, is_read_by="somebody-who-died")
    ingress = stack.ingress(REDIS_URL=f"redis://ingress:any@127.0.0.1:{redis.port}")
    worker = stack.worker(REDIS_URL=f"redis://worker:any@127.0.0.1:{redis.port}",
                          START_URL=start.url)
    call_id = daily.new_call_id()
    start.script(answers(429), starts_a_bot(), call_id=call_id)  # it stands in line for a while
    assert ingress.ring(daily.webhook(call_id)).status == 200
    ledger.wait_for_state(call_id, "started")
    wait_for(lambda: ledger.counts() == {"started": 3, "dead": 2, "dead:invalid": 1})
    wait_for(lambda: worker.metrics()["dialin_account_readings_total"] > 0)
    worker.terminate()
    assert worker.wait() == 0
    for program in (ingress, worker):
        assert b"NOPERM" not in program.log() and b"permission" not in program.log()
    refused = {entry["object"] for entry in redis.client.acl_log()}
    assert refused <= {"config|get"}, refused  # which may be refused
