"""The ingress when Redis is away, slow or protected, when it has too much to do, and when it
leaves; and what its admin port says of all that."""

import re
import signal
import threading
import time

import pytest

import daily
from http_raw import Connection, ask, request
from stack import wait_for
from stopwatch import Stopwatch


class Ringing:
    """Webhooks sent at once, each from a thread of its own."""

    def __init__(self, ingress, count, **fields):
        self.answers = {}
        self.call_ids = [daily.new_call_id() for _ in range(count)]
        self.threads = [threading.Thread(target=self.ring, args=(ingress, call_id))
                        for call_id in self.call_ids]
        for thread in self.threads:
            thread.start()

    def ring(self, ingress, call_id):
        self.answers[call_id] = ingress.ring(daily.webhook(call_id))

    def join(self):
        for thread in self.threads:
            thread.join(20)
        assert len(self.answers) == len(self.call_ids), "some got no answer"
        return list(self.answers.values())


def wait_for_in_flight(ingress, count):
    wait_for(lambda: ingress.metrics()["dialin_webhooks_in_flight"] == count,
             what=f"{count} in flight")


# --- Redis away -----------------------------------------------------------------------------------

@pytest.mark.slow
def test_redis_absent_at_start(stack, tmp_path, ledger):
    from stack import Redis, free_port
    port = free_port()
    ingress = stack.ingress(is_ready=False, REDIS_URL=f"redis://127.0.0.1:{port}")
    assert ingress.admin("/healthz").status == 200
    ready = ingress.admin("/readyz")
    assert ready.status == 503 and "Redis" in ready.json()["missing"]
    assert ingress.post(b'{"Test":"test"}').status == 200
    assert ingress.post(b"{", daily.headers(b"{")).status == 400
    begun, watch = time.monotonic(), Stopwatch()
    answer = ingress.ring()
    assert (answer.status, answer.code) == (503, "queue_unavailable")
    assert int(answer.header("Retry-After")) >= 1
    assert time.monotonic() - begun > 4 and watch.seconds() < 7

    held = Ringing(ingress, 3)
    wait_for_in_flight(ingress, 3)
    stack.redis = stack.keep(Redis(tmp_path, port=port))
    assert [answer.status for answer in held.join()] == [200, 200, 200]
    ingress.wait_until_ready()
    assert ingress.ring().status == 200
    assert len(ledger.entries()) == 4


def test_redis_restarted(stack, ledger):
    redis = stack.own_redis(fsync="always")
    ingress = stack.ingress()
    before = ingress.ring().json()["id"]
    redis.kill()
    wait_for(lambda: ingress.admin("/readyz").status == 503)
    held = Ringing(ingress, 5)
    wait_for_in_flight(ingress, 5)
    stack.restart_redis()
    assert [answer.status for answer in held.join()] == [200] * 5
    entries = [entry for entry, _ in ledger.entries()]
    assert before in entries
    assert {answer.json()["id"] for answer in held.answers.values()} <= set(entries)


def test_what_redis_refuses_is_not_acknowledged(stack, ledger):
    redis = stack.own_redis()
    ingress = stack.ingress()
    redis.client.config_set("maxmemory", "1")
    held = Ringing(ingress, 2)
    wait_for_in_flight(ingress, 2)
    wait_for(lambda: ingress.metrics()["dialin_append_errors_total"] > 0)
    assert not held.answers
    redis.client.config_set("maxmemory", "0")
    assert [answer.status for answer in held.join()] == [200, 200]
    assert len(ledger.entries()) == 2


def test_a_password(stack, ledger):
    redis = stack.own_redis(password="a:pass@word/of redis".replace(" ", "-"))
    url = f"redis://:a%3Apass%40word%2Fof-redis@127.0.0.1:{redis.port}"
    ingress = stack.ingress(REDIS_URL=url)
    assert ingress.ring().status == 200
    wrong = stack.ingress(is_ready=False,
                          REDIS_URL=f"redis://:guess-of-mine@127.0.0.1:{redis.port}")
    wait_for(lambda: b"WRONGPASS" in wrong.log() or b"password" in wrong.log())
    assert wrong.admin("/readyz").status == 503
    for program in (ingress, wrong):
        assert b"pass@word" not in program.log() and b"guess-of-mine" not in program.log()


def test_a_unix_socket_and_a_database(stack, ledger):
    redis = stack.own_redis()
    assert stack.ingress(REDIS_URL=redis.unix_url).ring().status == 200
    assert len(ledger.entries()) == 1
    assert stack.ingress(REDIS_URL=f"redis://127.0.0.1:{redis.port}/3").ring().status == 200
    assert len(ledger.entries()) == 1
    redis.client.execute_command("SELECT", 3)
    assert len(ledger.entries()) == 1


# --- too much at once -----------------------------------------------------------------------------

def test_beyond_max_in_flight_it_is_busy(stack, ledger):
    redis = stack.own_redis()
    ingress = stack.ingress(MAX_IN_FLIGHT=3)
    redis.signal(signal.SIGSTOP)
    held = Ringing(ingress, 3)
    wait_for_in_flight(ingress, 3)
    answer = ingress.ring()
    assert (answer.status, answer.code) == (503, "busy")
    assert int(answer.header("Retry-After")) >= 1
    redis.signal(signal.SIGCONT)
    assert [answer.status for answer in held.join()] == [200, 200, 200]
    assert ingress.ring().status == 200
    assert len(ledger.entries()) == 4


# --- leaving --------------------------------------------------------------------------------------

def test_sigterm_answers_what_it_has_taken(stack, ledger):
    redis = stack.own_redis()
    ingress = stack.ingress()
    redis.signal(signal.SIGSTOP)
    held = Ringing(ingress, 10)
    wait_for_in_flight(ingress, 10)
    body = daily.body(daily.webhook())
    data = request("POST", "/api/dial", daily.headers(body), body)
    with Connection(ingress.port) as half:
        half.send(data[:-20])  # it has begun, so it is taken
        wait_for(lambda: is_received(half))
        ingress.terminate()
        wait_for(lambda: b"shutting down" in ingress.log())
        with pytest.raises(OSError):
            Connection(ingress.port)
        half.send(data[-20:])
        redis.signal(signal.SIGCONT)
        answer = half.read_answer()
        assert answer.status == 200 and answer.header("Connection") == "close"
    assert [answer.status for answer in held.join()] == [200] * 10
    assert ingress.wait() == 0
    assert len(ledger.entries()) == 11


def is_received(connection):
    """All that was sent has left our side: the other side's kernel has it."""
    import array
    import fcntl
    import termios
    left = array.array("i", [0])
    fcntl.ioctl(connection.socket, termios.TIOCOUTQ, left)
    return left[0] == 0


def test_sigterm_with_idle_connections_leaves_at_once(stack):
    ingress = stack.ingress()
    with Connection(ingress.port) as idle, Connection(ingress.port) as silent:
        assert idle.ask("GET", "/nowhere").status == 404
        watch = Stopwatch()
        ingress.terminate()
        assert ingress.wait() == 0
        assert watch.seconds() < 3
        assert idle.is_closed_by_peer() and silent.is_closed_by_peer()


@pytest.mark.slow
def test_sigterm_without_redis(stack, tmp_path):
    ingress = stack.ingress(is_ready=False, REDIS_URL=f"unix://{tmp_path}/none")
    held = Ringing(ingress, 2)
    wait_for_in_flight(ingress, 2)
    ingress.terminate()
    assert [answer.code for answer in held.join()] == ["queue_unavailable"] * 2
    assert ingress.wait() == 0


def test_sigint_ends_it_too(stack):
    ingress = stack.ingress()
    ingress.signal(signal.SIGINT)
    assert ingress.wait() == 0


# --- the admin port -------------------------------------------------------------------------------

def test_admin_port(stack):
    ingress = stack.ingress()
    assert ingress.admin("/healthz").status == 200
    assert ingress.admin("/readyz").status == 200
    metrics = ingress.admin("/metrics")
    assert metrics.header("Content-Type").startswith("text/plain; version=0.0.4")
    assert ingress.admin("/api/dial").status == 404
    assert ask(ingress.admin_port, "HEAD", "/healthz").status == 200
    refused = ask(ingress.admin_port, "POST", "/healthz", [], b"")
    assert refused.status == 405 and "GET" in refused.header("Allow")


def test_metrics_count_what_happened(stack):
    ingress = stack.ingress()
    before = ingress.metrics()
    ingress.ring()
    ingress.ring()
    ingress.post(b'{"Test":"test"}')
    ingress.ring(signature="wrong")
    ask(ingress.port, "GET", "/api/dial")
    after = ingress.metrics()

    def more(result):
        name = f'dialin_webhooks_total{{result="{result}"}}'
        return after[name] - before[name]
    assert [more(result) for result in ("queued", "verification", "invalid_signature",
                                        "method_not_allowed", "stale_timestamp")] == [2, 1, 1, 1, 0]
    assert after["dialin_acknowledge_seconds_count"] == 2
    buckets = [(float(re.search(r'le="([^"]+)"', name).group(1)), value)
               for name, value in after.items()
               if name.startswith("dialin_acknowledge_seconds_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] == (float("inf"), 2)


def test_its_log_tells_the_call_and_hides_the_number(stack):
    ingress = stack.ingress()
    call_id = daily.new_call_id()
    ingress.ring(daily.webhook(call_id))
    ingress.ring(daily.webhook(daily.new_call_id()), signature="wrong")
    ingress.terminate()
    assert ingress.wait() == 0
    lines = [line for line in ingress.log_lines() if call_id in line]
    assert len(lines) == 1 and daily.TO[-4:] in lines[0]
    log = ingress.log().decode()
    assert daily.TO[-5:] not in log and daily.FROM[-5:] not in log
    assert "invalid_signature" in log
    assert daily.SECRET not in log
