"""Redis goes away in every way, and comes back, while callers ring: the ingress and the worker are at
work again within a second, by themselves; they do not burn the processor meanwhile; a caller who was
told 200 gets a bot, and one only."""

import signal
import time

import pytest

from callers import Callers, check_starts, cpu_s
from redis_between import Between
from stack import Redis, wait_for
from stopwatch import Stopwatch

BACK_WITHIN_S = 1.0
SLACK_S = 2.0  # for a machine that is busy with other tests
CPU_SHARE_MAX = 0.3


class Scene:
    """A Redis of its own behind a proxy, an ingress, a worker, and callers."""

    def __init__(self, stack, ledger, start):
        self.stack, self.ledger, self.start = stack, ledger, start
        self.redis = stack.own_redis(fsync="always")
        self.between = Between(self.redis.port)
        values = {"REDIS_URL": self.between.url}
        self.worker = stack.worker(START_URL=start.url, **values)
        self.ingress = stack.ingress(**values)
        self.callers = Callers(self.ingress)
        self.wait_for_calls_after(0)

    def first_started_after(self, when):
        return min((request.at for request in list(self.start.requests) if request.at >= when),
                   default=None)

    def wait_for_calls_after(self, when):
        """Seconds until one is acknowledged, and until one is started."""
        acknowledged = wait_for(lambda: self.callers.first_acknowledged_after(when), 20,
                                "a call to be acknowledged")
        started = wait_for(lambda: self.first_started_after(when), 20, "a call to be started")
        return acknowledged - when, started - when

    def away(self, seconds):
        """Redis stays away for so long; meanwhile nobody is busy."""
        programs = (self.worker, self.ingress)
        before, begun = [cpu_s(program) for program in programs], time.monotonic()
        time.sleep(seconds)
        passed_s = time.monotonic() - begun
        for program, used_s in zip(programs, before):
            share = (cpu_s(program) - used_s) / passed_s
            print(f"{program.name}: {share:.3f} of a processor while Redis was away")
            assert share < CPU_SHARE_MAX

    def is_back(self):
        """From the moment that Redis answers a plain client."""
        self.stack.redis.client.ping()
        watch = Stopwatch()
        acknowledged_s, started_s = self.wait_for_calls_after(time.time())
        print(f"back after {acknowledged_s:.3f} s (ingress), {started_s:.3f} s (worker)")
        assert watch.seconds() < BACK_WITHIN_S + SLACK_S

    def ends_well(self, refused_max=0):
        self.callers.stop()
        self.ledger.wait_until_finished()
        acknowledged = self.callers.acknowledged()
        refused = self.callers.refused()
        print(f"{len(acknowledged)} acknowledged, {len(refused)} refused, "
              f"{len(self.start.requests)} started, {self.ledger.counts()}")
        check_starts(self.ledger, self.start, acknowledged)
        assert len(refused) <= refused_max, refused[0]
        assert all(answer.code == "queue_unavailable" for answer in refused)

    def close(self):
        self.callers.is_over.set()
        for program in (self.ingress, self.worker):
            program.terminate()
            program.wait()
        self.between.close()


@pytest.fixture
def scene(stack, ledger, start):
    made = Scene(stack, ledger, start)
    yield made
    made.close()


def test_killed_and_started_again(scene):
    scene.redis.kill()
    scene.away(1.5)
    scene.stack.restart_redis()
    scene.is_back()
    scene.ends_well()


def test_stopped_beyond_the_deadline(scene):
    """What was sent is sent again, and carried out twice: the second copy ends as a duplicate."""
    scene.redis.signal(signal.SIGSTOP)
    scene.away(4)
    scene.redis.signal(signal.SIGCONT)
    scene.is_back()
    scene.ends_well()


@pytest.mark.slow
def test_stopped_beyond_the_lease(scene):
    scene.redis.signal(signal.SIGSTOP)
    scene.away(12)
    scene.redis.signal(signal.SIGCONT)
    scene.is_back()
    scene.ends_well(refused_max=1000)


def test_connections_cut(scene):
    """By RST, and then by Redis itself, again and again."""
    for _ in range(3):
        scene.between.cut()
        scene.is_back()
    for _ in range(3):
        scene.redis.client.client_kill_filter(_type="normal", skipme=True)
        scene.is_back()
    scene.ends_well()


def test_half_open(scene):
    """Nothing gets through the connections that there are, and nobody says so. What a webhook waits
    for is less than what it takes to give its sender up."""
    begun, watch = time.time(), Stopwatch()
    scene.between.forget()
    acknowledged_s, started_s = scene.wait_for_calls_after(begun + 0.5)
    print(f"noticed after {acknowledged_s + 0.5:.3f} s (ingress), {started_s + 0.5:.3f} s (worker)")
    assert watch.seconds() < 4.5
    scene.ends_well()


def test_swallowed(scene):
    """As above, and new connections are no better, until the network is mended."""
    scene.between.is_swallowing = True
    scene.away(1)
    scene.between.is_swallowing = False
    scene.wait_for_calls_after(time.time())
    scene.ends_well()


def test_nobody_listens(scene):
    scene.between.refuse()
    scene.away(1)
    scene.between.open()
    scene.is_back()
    scene.ends_well()


def test_the_host_is_gone(scene):
    """Not even a refusal comes back. The kernel would knock again after 1, 3 and 7 s only."""
    scene.between.drop()
    scene.away(3.5)
    scene.between.drop_no_more()
    scene.is_back()
    scene.ends_well()


@pytest.mark.slow
def test_the_programs_are_stopped(scene):
    """For longer than they wait for an answer, which is there when they go on: it is read."""
    programs = (scene.ingress, scene.worker)
    for program in programs:
        program.signal(signal.SIGSTOP)
    time.sleep(4)
    for program in programs:
        program.signal(signal.SIGCONT)
    scene.is_back()
    scene.ends_well()
    for program in programs:
        assert b"deadline" not in program.log()


@pytest.mark.parametrize("setting, value", [("slice_bytes", 1), ("delay_s", 0.5)])
def test_answers_come_slowly(scene, setting, value):
    opened = scene.between.opened
    setattr(scene.between, setting, value)
    begun = time.time()
    while time.time() < begun + 1:
        scene.wait_for_calls_after(time.time())
    scene.ends_well()
    assert scene.between.opened == opened, "the connections were given up"


@pytest.mark.slow
def test_answers_come_too_late(scene):
    """Every answer takes longer than anybody waits for it: what is sent again is taken once."""
    scene.between.delay_s = 5
    time.sleep(4)
    scene.between.delay_s = 0
    scene.between.cut()
    scene.is_back()
    scene.ends_well(refused_max=200)


def replica_of(scene):
    """A replica that has everything."""
    replica = scene.stack.keep(Redis(scene.stack.folder / "replica"))
    scene.redis.client.config_set("repl-diskless-sync-delay", 0)
    replica.client.replicaof("127.0.0.1", scene.redis.port)
    wait_for(lambda: scene.redis.client.info("replication").get("slave0", {}).get("state") ==
             "online", 20, "the replica to be online")
    return replica


def test_failed_over(scene):
    """As an operator does it, and connections stay open: the old primary is read-only from one
    moment to the next, and its address becomes that of the new one."""
    replica = replica_of(scene)
    scene.redis.client.execute_command("FAILOVER", "TO", "127.0.0.1", replica.port)
    wait_for(lambda: replica.client.info("replication")["role"] == "master")
    scene.between.target = replica.port
    scene.stack.redis = replica
    scene.is_back()
    scene.ends_well()
    assert scene.redis.client.info("replication")["role"] == "slave"


def test_failed_over_after_a_death(scene):
    """The address points at the replica before that is promoted; for a while nobody can write."""
    replica = replica_of(scene)
    scene.callers.stop()
    scene.ledger.wait_until_finished()
    wait_for(lambda: scene.redis.client.wait(1, 1000) == 1)
    scene.between.refuse()
    scene.redis.kill()
    # Only now: the replica need not have what is acknowledged after the WAIT.
    ringing = Callers(scene.ingress)
    ringing.answers, ringing.threads = scene.callers.answers, scene.callers.threads
    scene.callers = ringing
    scene.between.target = replica.port
    scene.between.open()
    scene.away(1.5)
    replica.client.replicaof("NO", "ONE")
    scene.stack.redis = replica
    scene.is_back()
    scene.ends_well()
