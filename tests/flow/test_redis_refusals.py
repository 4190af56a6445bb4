"""Redis answers, but refuses: each of its errors, made by a real server while callers ring. None is
taken for an acknowledgement; what was refused is done once it can be, without a restart."""

import threading
import time

import pytest
import redis as redis_client

import daily
from callers import Callers, check_starts, cpu_s
from fake_start import answers, starts_a_bot
from redis_between import Between
from stack import Redis, wait_for
from stopwatch import Stopwatch

BACK_WITHIN_S = 3.0  # one second, and what a busy machine needs
CPU_SHARE_MAX = 0.3
LOAD_DELAY_US = 500  # for each key
USER, PASSWORD = "dialin", "word-of-the-user"


@pytest.fixture
def scene(stack, ledger, start):
    made = []

    def begin(**values):
        made.append(Scene(stack, ledger, start, values))
        return made[0]
    yield begin
    for each in made:
        each.callers.is_over.set()


class Scene:
    def __init__(self, stack, ledger, start, values):
        self.stack, self.ledger, self.start = stack, ledger, start
        self.redis = stack.redis
        self.client = self.redis.client
        self.worker = stack.worker(START_URL=start.url, **values)
        self.ingress = stack.ingress(**values)
        self.callers = Callers(self.ingress)
        self.is_back(is_first=True)

    def first_started_after(self, when):
        return next((request for request in list(self.start.requests) if request.at >= when), None)

    def is_back(self, is_first=False):
        when, watch = time.time(), Stopwatch()
        wait_for(lambda: self.callers.first_acknowledged_after(when), 20, "an acknowledgement")
        wait_for(lambda: self.first_started_after(when), 20, "a start")
        passed_s = watch.seconds()
        print(f"back after {passed_s:.3f} s")
        assert is_first or passed_s < BACK_WITHIN_S

    def refused_with(self, word, by=None, seconds=0.8):
        """Nothing new is acknowledged or started; they say why; nobody is busy."""
        time.sleep(0.1)  # what was on its way
        entries = self.client.xlen(self.ledger.key("webhooks"))
        acknowledged = len(self.callers.acknowledged())
        programs = (self.ingress, self.worker)
        used_s = [cpu_s(program) for program in programs]
        time.sleep(seconds)
        assert len(self.callers.acknowledged()) == acknowledged, "acknowledged, though refused"
        assert self.client.xlen(self.ledger.key("webhooks")) == entries
        for program, before_s in zip(programs, used_s):
            share = (cpu_s(program) - before_s) / seconds
            print(f"{program.name}: {share:.3f} of a processor")
            assert share < CPU_SHARE_MAX
        for program in by or programs:
            said = wait_for(lambda: sum(word in line for line in program.log_lines()),
                            what=f"{program.name} to say {word}")
            print(f"{program.name} says {word} in {said} of {len(program.log_lines())} lines")
            assert said <= 50, f"{program.name}: {said} lines with {word}"

    def ends_well(self):
        self.callers.stop()
        self.ledger.wait_until_finished()
        refused = self.callers.refused()
        acknowledged = self.callers.acknowledged()
        print(f"{len(acknowledged)} acknowledged, {len(refused)} refused, {self.ledger.counts()}")
        check_starts(self.ledger, self.start, acknowledged)
        assert not refused


# --- it cannot write ------------------------------------------------------------------------------

def test_out_of_memory(stack, scene):
    stack.own_redis()
    here = scene()
    here.client.config_set("maxmemory", 1)
    here.refused_with("OOM", by=[here.ingress])  # the worker has nothing to do
    here.client.config_set("maxmemory", 0)
    here.is_back()
    here.ends_well()


def test_replicas_are_missing(stack, scene):
    stack.own_redis()
    here = scene()
    here.client.config_set("min-replicas-to-write", 1)
    here.refused_with("NOREPLICAS")
    here.client.config_set("min-replicas-to-write", 0)
    here.is_back()
    here.ends_well()


def test_a_snapshot_failed(stack, scene):
    """MISCONF, which Redis says where it keeps snapshots and could not write the last one."""
    own = stack.own_redis()
    here = scene()
    (own.folder / "redis" / "dump.rdb").mkdir()
    own.client.config_set("save", "3600 1000000")
    try:
        own.client.bgsave()
    except redis_client.exceptions.ResponseError:
        pass
    wait_for(lambda: own.client.info("persistence")["rdb_last_bgsave_status"] == "err")
    here.refused_with("MISCONF")
    own.client.config_set("save", "")
    here.is_back()
    here.ends_well()


def test_read_only(stack, scene, tmp_path):
    """Made a replica, and a primary again: what it holds must not come from elsewhere meanwhile."""
    own = stack.own_redis()
    here = scene()
    own.client.replicaof("127.0.0.1", 1)
    here.refused_with("replica")
    own.client.replicaof("NO", "ONE")
    here.is_back()
    here.ends_well()


# --- it is busy -----------------------------------------------------------------------------------

def test_busy_with_a_script(stack, scene):
    own = stack.own_redis()
    own.client.config_set("busy-reply-threshold", 100)
    here = scene()
    other = own.connect()
    try:
        other.connection_pool.connection_kwargs["socket_timeout"] = 0.3
        other.eval("while true do end", 0)
    except redis_client.exceptions.TimeoutError:
        pass
    acknowledged = len(here.callers.acknowledged())
    used_s, begun = cpu_s(here.ingress) + cpu_s(here.worker), time.monotonic()
    time.sleep(1)
    assert len(here.callers.acknowledged()) <= acknowledged + 1
    assert cpu_s(here.ingress) + cpu_s(here.worker) - used_s < CPU_SHARE_MAX * (time.monotonic() - begun)
    own.client.script_kill()
    here.is_back()
    assert any("BUSY" in line for line in here.ingress.log_lines())
    here.ends_well()
    other.close()


def test_loading(stack, scene):
    """Killed, and started again with data that take their time to load."""
    own = stack.own_redis(fsync="always")
    here = scene()
    own.client.eval("for i = 1, 3000 do redis.call('SET', 'load:' .. i, 'x') end", 0)
    own.kill()
    stack.redis = stack.keep(SlowToLoad(own))
    here.client = stack.redis.client
    assert stack.redis.client.info("persistence")["loading"] == 1
    here.ledger.redis = stack.redis
    acknowledged = len(here.callers.acknowledged())
    while True:
        now = len(here.callers.acknowledged())  # counted before it is asked
        if stack.redis.client.info("persistence")["loading"] == 0:
            break
        assert now <= acknowledged + 2
    here.is_back()
    assert any("loading" in line for line in here.worker.log_lines())
    here.ends_well()


class SlowToLoad(Redis):
    """The successor of a Redis that was killed; loading, it answers little."""

    def __init__(self, before):
        super().__init__(before.folder, before.fsync, before.port,
                         options=["--key-load-delay", LOAD_DELAY_US])

    def wait_until_ready(self):
        def answers():
            try:
                return self.client.info("persistence")
            except redis_client.exceptions.ConnectionError:
                return False
        self.wait_for_start(answers, "answer")


# --- who may do what ------------------------------------------------------------------------------

def allow(client, *rules):
    client.execute_command("ACL", "SETUSER", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all",
                           *rules)


def as_user(own):
    allow(own.client)
    return {"REDIS_URL": f"redis://{USER}:{PASSWORD}@127.0.0.1:{own.port}"}


def test_the_password_changes(stack, scene):
    """WRONGPASS: connections that were made before are closed, and new ones refused."""
    own = stack.own_redis()
    here = scene(**as_user(own))
    own.client.execute_command("ACL", "SETUSER", USER, "resetpass", ">another-word")
    own.client.client_kill_filter(_type="normal", skipme=True)
    here.refused_with("WRONGPASS")
    own.client.execute_command("ACL", "SETUSER", USER, f">{PASSWORD}")
    here.is_back()
    for program in (here.ingress, here.worker):
        assert PASSWORD.encode() not in program.log()
    here.ends_well()


def test_a_password_is_demanded(stack, scene):
    """NOAUTH, until the demand is taken back."""
    own = stack.own_redis()
    here = scene()
    own.client.config_set("requirepass", "a-word")
    own.client.client_kill_filter(_type="normal", skipme=True)
    here.refused_with("NOAUTH")
    own.client.config_set("requirepass", "")
    here.is_back()
    here.ends_well()


def test_a_right_is_taken_away(stack, scene):
    own = stack.own_redis()
    here = scene(**as_user(own))
    allow(own.client, "-xadd", "-evalsha")
    here.refused_with("NOPERM")
    allow(own.client)
    here.is_back()
    here.ends_well()


def test_the_user_is_deleted(stack, scene):
    own = stack.own_redis()
    here = scene(**as_user(own))
    own.client.execute_command("ACL", "DELUSER", USER)
    here.refused_with("WRONGPASS")
    allow(own.client)
    here.is_back()
    here.ends_well()


# --- what was there is gone -----------------------------------------------------------------------

def test_the_blocked_read_is_broken_off(stack, scene):
    """UNBLOCKED, to the worker's XREADGROUP: nothing is read twice, nothing is left."""
    own = stack.own_redis()
    here = scene()
    for _ in range(5):
        blocked = wait_for(lambda: [client for client in own.client.client_list()
                                    if client["cmd"] == "xreadgroup" and "b" in client["flags"]])
        own.client.client_unblock(int(blocked[0]["id"]), error=True)
    here.is_back()
    assert len(here.worker.log_lines()) < 400
    here.ends_well()


@pytest.mark.parametrize("gone", ["stream", "group", "scripts", "everything"])
def test_gone(stack, scene, gone):
    """What it held is lost with it; what comes after is not."""
    own = stack.own_redis()
    here = scene()
    webhooks = here.ledger.key("webhooks")
    if gone == "stream":
        own.client.delete(webhooks)
    elif gone == "group":
        own.client.xgroup_destroy(webhooks, "workers")
    elif gone == "scripts":
        own.client.script_flush()
    else:
        own.client.flushall()
    here.is_back()
    here.callers.stop()
    here.ledger.wait_until_finished()
    assert not here.callers.refused()
    posts = [request.key for request in here.start.requests]
    assert len(posts) == len(set(posts)), "started twice"
    entries = {fields["call_id"].decode() for _, fields in here.ledger.entries()}
    assert entries <= set(posts)
    if gone in ("group", "scripts"):
        here.ledger.check_account(here.callers.acknowledged().values())
    if gone != "scripts":
        assert b"group was gone" in here.worker.log()


@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_group_goes_while_a_request_is_out(stack, ledger, start, concurrency):
    """The answer is recorded once the group is there again, and nobody is asked a second time; also by a worker
    that has no room to read."""
    may_answer = threading.Event()

    def starts_later(exchange):
        may_answer.wait(30)
        starts_a_bot()(exchange)
    start.script(starts_later)
    worker = stack.worker(START_URL=start.url, CONCURRENCY=concurrency)
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    wait_for(lambda: start.requests, what="the request")
    ledger.client.xgroup_destroy(ledger.key("webhooks"), "workers")
    may_answer.set()
    ledger.wait_for_state(webhook["callId"], "started")
    ledger.wait_until_finished()
    assert b"group was gone" in worker.log()
    assert len(start.requests) == 1
    assert [(event["attempt"], event["error"]) for event in ledger.events(webhook["callId"], "attempt")] == [("1", "")]
    ledger.check_account([entry])


def blocked_readers(client):
    """The names of the connections that wait for entries."""
    return [each["name"] for each in client.client_list() if "b" in each["flags"]]


@pytest.mark.parametrize("first, requests", [(starts_a_bot(), 1), (answers(429, b"{}"), 2)])
def test_an_entry_comes_again_while_its_answer_is_recorded(stack, ledger, start, first, requests):
    """The group is there again and has not handed the entry out yet when the answer comes. Until the worker hears
    of that it has been given the entry once more, which it knows: the call is not left lying."""
    may_answer, key = threading.Event(), ledger.key("webhooks")

    def answers_later(exchange):
        may_answer.wait(30)
        first(exchange)
    start.script(answers_later, starts_a_bot())
    between = stack.keep_wire(Between(stack.redis.port))
    worker = stack.worker(START_URL=start.url, REDIS_URL=between.url)
    webhook = daily.webhook()
    entry = ledger.queue(webhook)
    wait_for(lambda: start.requests, what="the request")
    with ledger.client.pipeline() as both:
        both.xgroup_destroy(key, "workers").xgroup_create(key, "workers", "$").execute()
    between.is_held = lambda answer: b"lost" in answer
    may_answer.set()
    wait_for(lambda: ledger.call(webhook["callId"]).get("answered") == "1", what="the answer to be recorded as late")
    ledger.client.xgroup_setid(key, "workers", "0")
    wait_for(lambda: ledger.client.xpending(key, "workers")["pending"] == 1, what="the entry to be handed out again")
    wait_for(lambda: worker.consumer() in blocked_readers(ledger.client), what="the worker to have seen it")
    between.is_held = None
    ledger.wait_for_state(webhook["callId"], "started")
    ledger.wait_until_finished()
    assert len(start.requests_of(webhook["callId"])) == requests
    assert [(event["entry"], event["error"]) for event in ledger.events(webhook["callId"], "started")] == [(entry, "")]
    assert b"flaw=" not in worker.log()
