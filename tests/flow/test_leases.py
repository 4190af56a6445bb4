"""What becomes of a worker's calls when it dies, leaves, sleeps, or is killed by a call itself."""

import contextlib
import hashlib
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

import daily
from accepting import accepted
from fake_start import answers, delays, hangs, starts_a_bot
from redis_between import Between
from stack import Program, wait_for
from stopwatch import Stopwatch

LEASE_S = 3
DELIVERIES_MAX = 5

# The first JSON that holds the marker kills the process, as a fault in a parser would.
KILLER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <stddef.h>
typedef void *parse(const char *text, size_t len);
void *cJSON_ParseWithLength(const char *text, size_t len)
{
    parse *next = (parse *)dlsym(RTLD_NEXT, "cJSON_ParseWithLength");
    if (memmem(text, len, "kills-its-worker", 16)) {
        raise(SIGKILL);
    }
    return next(text, len);
}
"""


@pytest.fixture(scope="module")
def killer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killer")
    (folder / "killer.c").write_text(KILLER)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "killer.so", folder / "killer.c",
                    "-ldl"], check=True)
    return folder / "killer.so"


def start_again_and_again(stack, ledger, killer, **values):
    """Runs one worker after the other, as a supervisor does, until every entry is finished. Time is
    not waited for: a dead one is made one that has left. Gives back how many died."""
    deaths = 0
    while True:
        worker = stack.keep(Program("dialin-worker", stack.folder, stack.values({
            "ADMIN_PORT": "0", "WORKER_NAME": "w", "LD_PRELOAD": killer,
            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0", **values})))
        worker.expected_exit = None
        wait_for(lambda: not worker.is_running() or
                 (ledger.unfinished() == 0 and ledger.events()), 20, "an end of the calls, or of "
                 "the worker")
        if worker.is_running():
            return deaths
        deaths += 1
        assert deaths <= 20, "it is not given up"
        assert worker.wait() == -signal.SIGKILL, worker.tail()
        ledger.forget_leases()


def check_given_up(ledger, call_id):
    call = ledger.call(call_id)
    assert (call["state"], call["reason"]) == ("dead", "invalid"), call
    assert "crashed" in call["error"]
    assert len(ledger.dead(call_id)) == 1


@pytest.mark.slow
def test_an_entry_that_kills_its_workers_is_given_up(stack, ledger, start, killer):
    webhooks = [daily.webhook() for _ in range(40)]
    poison = {**daily.webhook(), "note": "kills-its-worker"}
    entries = [ledger.queue(webhook) for webhook in [*webhooks[:20], poison, *webhooks[20:]]]
    deaths = start_again_and_again(stack, ledger, killer, START_URL=start.url)
    assert deaths == DELIVERIES_MAX
    check_given_up(ledger, poison["callId"])
    ledger.check_account(entries)
    assert ledger.counts() == {"started": 40, "dead": 1, "dead:invalid": 1}
    unknown = {event["call_id"] for event in ledger.events(event="attempt")
               if event["error"] == "unknown outcome"}
    for webhook in webhooks:
        posts = len(start.requests_of(webhook["callId"]))
        assert posts == 1 or webhook["callId"] in unknown


@pytest.mark.slow
def test_two_that_kill_and_those_that_stand_beside_them(stack, ledger, start, killer):
    """The neighbours come to a worker that dies ten times, and are never given up."""
    poisons = [{**daily.webhook(), "note": "kills-its-worker"} for _ in range(2)]
    webhooks = [daily.webhook() for _ in range(10)]
    for webhook in [poisons[0], *webhooks, poisons[1]]:
        ledger.queue(webhook)
    deaths = start_again_and_again(stack, ledger, killer, START_URL=start.url)
    assert deaths <= 2 * DELIVERIES_MAX
    for poison in poisons:
        check_given_up(ledger, poison["callId"])
    assert ledger.counts() == {"started": 10, "dead": 2, "dead:invalid": 2}


@pytest.mark.slow
def test_a_call_whose_answer_kills_its_workers_is_given_up(stack, ledger, start, killer):
    """Those whose requests are out beside it are harmed less and less, and are never given up."""
    webhooks = [daily.webhook() for _ in range(30)]
    poison = webhooks[10]
    start.script(answers(200, b'{"sessionId":"kills-its-worker"}'), call_id=poison["callId"])
    for webhook in webhooks:
        ledger.queue(webhook)
    deaths = start_again_and_again(stack, ledger, killer, START_URL=start.url)
    assert deaths == DELIVERIES_MAX
    check_given_up(ledger, poison["callId"])
    assert ledger.counts() == {"started": 29, "dead": 1, "dead:invalid": 1}
    attempts = ledger.events(poison["callId"], "attempt")
    assert [event["error"] for event in attempts] == ["unknown outcome"] * DELIVERIES_MAX
    assert len(start.requests_of(poison["callId"])) == DELIVERIES_MAX


def deliveries(ledger, entry):
    rows = ledger.client.xpending_range(ledger.key("webhooks"), "workers", entry, entry, 1)
    return rows[0]["times_delivered"] if rows else None


def test_taking_over_and_waiting_are_no_deliveries(stack, ledger, start):
    start.script(answers(429, b"{}", [("Retry-After", "1")]))
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    for _ in range(3):
        worker = stack.worker(START_URL=start.url)
        asked = len(start.requests)
        wait_for(lambda: len(start.requests) > asked)
        worker.terminate()
        assert worker.wait() == 0
    ledger.wait_for_state(webhook["callId"], "waiting")
    assert deliveries(ledger, entry) == 1
    start.script(starts_a_bot())
    stack.worker(START_URL=start.url)
    ledger.wait_for_state(webhook["callId"], "started")


def test_what_it_was_told_to_wait_holds_for_whoever_takes_it_over(stack, ledger, start):
    start.script(answers(503, b"{}", [("Retry-After", "3")]), starts_a_bot())
    leaving = stack.worker(START_URL=start.url)
    webhook = daily.webhook()
    ledger.queue(webhook)
    wait_for(lambda: ledger.events(event="attempt"))
    leaving.terminate()
    stack.worker(START_URL=start.url)
    ledger.wait_for_state(webhook["callId"], "started")
    first, second = (request.at for request in start.requests)
    assert second - first >= 3 - 0.05
    assert second - first < 6, "it is handed back at once, not when the drain is over"


def lease_of(ledger, worker):
    return ledger.key(f"worker:{worker.consumer()}")


@pytest.mark.slow
def test_thousands_of_entries_are_taken_over_within_the_lease_and_a_second(stack, ledger):
    """However many; here they were read by a worker that died before it could begin any."""
    count = 5000
    client = ledger.client
    pipe = client.pipeline(transaction=False)
    for _ in range(count):
        webhook = daily.webhook()
        body = daily.body(webhook)
        pipe.xadd(ledger.key("webhooks"), {
            "v": "1", "kind": "dialin", "call_id": webhook["callId"], "peer": "",
            "received_ms": str(int(time.time() * 1000)), "timestamp": "", "signature": "",
            "body": body, "sha256": hashlib.sha256(body).hexdigest()})
    pipe.execute()
    client.xgroup_create(ledger.key("webhooks"), "workers", "0")
    client.xreadgroup("workers", "gone", {ledger.key("webhooks"): ">"}, count=count)
    agent = stack.agent("--pool", "0")
    workers = [stack.worker(START_URL=agent.url, LEASE_S=LEASE_S, LOG_LEVEL="warning")
               for _ in range(2)]
    watch = Stopwatch()
    wait_for(lambda: all(each["name"] != b"gone" for each in
                         client.xinfo_consumers(ledger.key("webhooks"), "workers")), 30,
             "the dead worker's consumer to be removed")
    assert watch.seconds() < LEASE_S + 1 + 5, "slack for a busy machine"
    ledger.wait_until_finished(30)
    assert ledger.counts() == {"started": count}
    assert len(agent.starts()) == count
    assert all(worker.is_running() for worker in workers)


@pytest.mark.parametrize("owner, told, untold", [
    ("handed", "gave back", "dead worker"), ("gone", "dead worker", "gave back")])
def test_what_is_taken_over_is_told_as_it_is(stack, ledger, start, owner, told, untold):
    """`handed` owns what workers gave back: one that is cut off from the agent, or leaves."""
    entry = ledger.queue(daily.webhook())
    stream = ledger.key("webhooks")
    ledger.client.xgroup_create(stream, "workers", "0")
    ledger.client.xreadgroup("workers", owner, {stream: ">"})
    worker = stack.worker(START_URL=start.url, LEASE_S=LEASE_S)
    ledger.wait_until_finished()
    ledger.check_account([entry])
    assert any(told in line and "entries=1" in line for line in worker.log_lines())
    assert not any(untold in line for line in worker.log_lines())


def consumers(ledger):
    return {each["name"].decode()
            for each in ledger.client.xinfo_consumers(ledger.key("webhooks"), "workers")}


def test_sigterm_hands_back_at_once(stack, ledger, start):
    """The lease goes with the worker, and so does its consumer when it holds nothing."""
    start.script(hangs())
    leaving = stack.worker(START_URL=start.url, LEASE_S=60, DRAIN_TIMEOUT_S=0)
    lease = lease_of(ledger, leaving)
    assert ledger.client.pttl(lease) > 0
    webhook = daily.webhook()
    ledger.queue(webhook)
    wait_for(lambda: start.requests)
    start.script(starts_a_bot())
    leaving.terminate()
    assert leaving.wait() == 0
    assert not ledger.client.exists(lease)
    other = stack.worker(START_URL=start.url, LEASE_S=60)
    ledger.wait_for_state(webhook["callId"], "started")
    wait_for(lambda: consumers(ledger) == {other.consumer()}, what="its consumer to be removed")


class ShutPort:
    """A port whose connections are not made until it is opened: its queue is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)
        self.ports = {filler.getsockname()[1] for filler in self.fillers}
        self.received = {}  # bytes, by the port of the one who sent them

    def is_knocked_at(self):
        """Does anybody but the fillers wait for a connection (SYN_SENT in /proc/net/tcp)?"""
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state = line.split()[:4]
            if (state == "02" and int(remote[9:], 16) == self.port and
                    int(local[9:], 16) not in self.ports):
                return True
        return False

    def open(self):
        """From now on every byte that comes is kept, by connection."""
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        for client, (_, port) in accepted(self.listener):
            if port not in self.ports:
                self.received[port] = b""
            threading.Thread(target=self.read, args=(client, port), daemon=True).start()

    def read(self, client, port):
        # A request that was given up is broken off by a reset.
        with client, contextlib.suppress(ConnectionResetError):
            while data := client.recv(65536):
                self.received[port] += data

    def close(self):
        for filler in self.fillers:
            filler.close()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.mark.slow
def test_one_that_slept_before_it_sent_sends_nothing(stack, ledger, start):
    """Stopped between its last word from Redis and its request: woken, it breaks the request off."""
    gate = ShutPort()
    try:
        sleeping = stack.worker(START_URL=f"http://127.0.0.1:{gate.port}/start", LEASE_S=LEASE_S)
        webhook = daily.webhook()
        ledger.queue(webhook)
        wait_for(gate.is_knocked_at, what="a connection to be asked for")
        sleeping.signal(signal.SIGSTOP)
        gate.open()  # the connection is made behind the sleeper's back
        other = stack.worker(START_URL=start.url, LEASE_S=LEASE_S)
        call = ledger.wait_for_state(webhook["callId"], "started")
        assert call["worker"] == other.consumer()
        wait_for(lambda: gate.received, 20, what="the sleeper's connection")
        sleeping.signal(signal.SIGCONT)
        wait_for(lambda: b"taken over by another worker" in sleeping.log())
        assert not any(webhook["callId"].encode() in data.partition(b"\r\n\r\n")[2]
                       for data in gate.received.values()), "it sent what another had sent"
        assert ledger.call(webhook["callId"]) == call
        assert ledger.counts() == {"started": 1}
    finally:
        gate.close()


@pytest.mark.slow
def test_one_that_slept_between_two_attempts_begins_nothing(stack, ledger, start):
    """Stopped while a call waits for its next attempt; woken while another asks for it."""
    start.script(answers(503, b"{}", [("Retry-After", "1")]), delays(4, starts_a_bot()))
    sleeping = stack.worker(START_URL=start.url, LEASE_S=LEASE_S)
    webhook = daily.webhook()
    ledger.queue(webhook)
    wait_for(lambda: ledger.events(event="attempt"))
    sleeping.signal(signal.SIGSTOP)
    other = stack.worker(START_URL=start.url, LEASE_S=LEASE_S)
    wait_for(lambda: len(start.requests) == 2, what="the other to ask")
    sleeping.signal(signal.SIGCONT)
    call = ledger.wait_for_state(webhook["callId"], "started")
    assert call["worker"] == other.consumer()
    ledger.wait_until_finished()
    assert len(start.requests) == 2, "the sleeper asked as well"
    assert len(ledger.events(event="attempt")) == 2


@pytest.mark.slow
def test_redis_stopped_beyond_the_lease_makes_nobody_dead(stack, ledger, start):
    """All leases have run out when it goes on; the living say so before anybody takes their calls."""
    stack.own_redis()
    start.script(delays(LEASE_S, starts_a_bot()))
    for _ in range(4):
        stack.worker(START_URL=start.url, LEASE_S=LEASE_S)
    webhooks = [daily.webhook() for _ in range(40)]
    for webhook in webhooks:
        ledger.queue(webhook)
    wait_for(lambda: len(start.requests) == 40)
    stack.redis.signal(signal.SIGSTOP)
    time.sleep(2 * LEASE_S)  # the fault itself
    stack.redis.signal(signal.SIGCONT)
    ledger.wait_until_finished()
    assert ledger.counts() == {"started": 40}
    assert len(start.requests) == 40, "somebody who lives was taken for dead"


@pytest.mark.slow
def test_a_group_deleted_with_requests_out_starts_no_second_bot(stack, ledger, start):
    start.script(delays(2, starts_a_bot()))
    for _ in range(3):
        stack.worker(START_URL=start.url)
    for _ in range(20):
        ledger.queue(daily.webhook())
    wait_for(lambda: len(start.requests) == 20)
    ledger.client.xgroup_destroy(ledger.key("webhooks"), "workers")
    wait_for(lambda: ledger.counts().get("started") == 20)
    ledger.wait_until_finished()
    assert len(start.requests) == 20
    assert ledger.counts() == {"started": 20}


@pytest.mark.slow
def test_a_hold_that_ends_after_a_death_still_tells_of_the_request(stack, ledger, start):
    start.script(hangs())
    limits = {"HOLD_LIMIT_S": 1, "HOLD_GRACE_S": 1}
    dying = stack.worker(START_URL=start.url, LEASE_S=LEASE_S, **limits)
    webhook = daily.webhook()
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "starting")
    dying.kill()
    stack.worker(START_URL=start.url, LEASE_S=LEASE_S, **limits)
    ledger.wait_for_state(webhook["callId"], "dead")
    assert [(event["event"], event["reason"]) for event in ledger.events()] == [
        ("attempt", ""), ("dead", "unknown")]
    assert ledger.events()[0]["error"] == "unknown outcome"


def test_consumers_that_are_gone_are_removed_only_when_they_hold_nothing(stack, ledger, start):
    client, stream = ledger.client, ledger.key("webhooks")
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    client.xgroup_create(stream, "workers", "0")
    client.xreadgroup("workers", "gone", {stream: ">"}, count=1)
    client.xgroup_createconsumer(stream, "workers", "empty")
    client.xgroup_createconsumer(stream, "workers", "alive")
    client.set(ledger.key("worker:alive"), "alive", px=60000)
    worker = stack.worker(START_URL=start.url, LEASE_S=LEASE_S)
    ledger.wait_for_state(webhook["callId"], "started")
    wait_for(lambda: consumers(ledger) == {"alive", worker.consumer()},
             what="only the living to be left")
    assert [event["entry"] for event in ledger.events(event="started")] == [entry]


@pytest.mark.slow
def test_a_connection_that_came_too_late_is_not_the_agents_failure(stack, ledger, start):
    """Redis' replies are slow for a while: `begin` is too old when its request could leave."""
    between = stack.keep_wire(Between(stack.redis.port))
    worker = stack.worker(START_URL=start.url, LEASE_S=3, REDIS_URL=between.url)
    webhooks = [daily.webhook() for _ in range(6)]
    # Entries come, verdicts do not; an XREADGROUP that found nothing holds up no later one.
    between.is_held = lambda answer: b"callId" not in answer and answer != b"*-1\r\n"
    for webhook in webhooks:
        ledger.queue(webhook)
    for webhook in webhooks:
        ledger.wait_for_state(webhook["callId"], "starting")
    time.sleep(1.6)  # more than half the lease
    between.is_held = None
    for webhook in webhooks:
        ledger.wait_for_state(webhook["callId"], "started")
    assert len(start.requests) == len(webhooks)
    late = [event for event in ledger.events(event="attempt") if event["attempt"] == "1"]
    assert {event["error"] for event in late} == {
        "the connection came too late to send the request"}
    assert len(late) == len(webhooks)
    assert {ledger.call(webhook["callId"]).get("failures", "0") for webhook in webhooks} == {"0"}
    assert worker.metrics()["dialin_attempts_failed_total"] == 0
    assert b"cannot start bots" not in worker.log()
