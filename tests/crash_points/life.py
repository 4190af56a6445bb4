"""One call's life with one process of it under strace, which kills it, or fails a system call, at
one point; then the process is started again, nobody repeats anything, the account is checked.

What is outside sees only what system calls do, so a kill at the entry of each of them in turn (it
then does not happen) shows every state that a process can leave behind. A point is (name of the
system call, which one of that name): strace counts so.
"""

import collections
import json
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness"), str(HERE.parent / "chaos")]

import daily  # noqa: E402
import http_raw  # noqa: E402
from account import Account, Seen  # noqa: E402
from fake_start import FakeStart, answers, starts_a_bot  # noqa: E402
from ledger import Ledger, new_prefix, text  # noqa: E402
from stack import Redis, Stack, build_folder, free_port, wait_for  # noqa: E402
from subject import Subject  # noqa: E402

LEASE_S = 3
HOLD_S = 110
READY_S, LIFE_S, FAILING_S, END_S = 10, 12, 3, 40
AFTERWARDS_S = 0.1  # what the process does behind the end of a call belongs to its life
STARTS_WITH = "prctl"  # the first system call of main; what the loader does before tells nothing

class Bench:
    """What all lives share: Redis and /start; each life has a prefix of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.redis = Redis(folder, fsync="always")
        self.start = FakeStart()

    def close(self):
        self.start.close()
        return self.redis.close()


class Life:
    """The life of a call; what its kinds below have in common."""
    program = None
    steps = (starts_a_bot(),)

    def __init__(self, bench, fault=None):
        self.bench, self.fault = bench, fault
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="life-", dir=bench.folder))
        self.stack = Stack(self.folder, bench.redis, new_prefix())
        self.ledger = Ledger(bench.redis, self.stack.prefix)
        self.call_id, self.next_id = daily.new_call_id("point"), daily.new_call_id("next")
        self.told = {}  # {call id: what its sender was told}
        self.begun = collections.Counter()  # bots, by call id
        self.troubles = []
        self.was_hit = False
        self.rang_at = 0  # system calls before the call
        bench.start.script(*[self.counted(step) for step in self.steps], call_id=self.call_id)
        bench.start.script(starts_a_bot(), call_id=self.next_id)

    def counted(self, step):
        def begins(exchange):
            if step in self.steps[-1:]:
                self.begun[exchange.request.key] += 1
            step(exchange)
        return begins

    # --- to be said by each kind -------------------------------------------------------------

    def prepare(self):
        """Before the process under test begins."""

    def ring(self, call_id):
        raise NotImplementedError

    def is_over(self):
        raise NotImplementedError

    # --- the process under test --------------------------------------------------------------

    def values(self, is_again):
        return {"PORT": self.port, "ADMIN_PORT": 0, "LISTEN_ADDR": "127.0.0.1"}

    def is_subject_ready(self):
        return self.ready in self.subject.log()

    def worker_values(self):
        return {"START_URL": self.bench.start.url, "LEASE_S": LEASE_S, "HOLD_LIMIT_S": HOLD_S}

    def start_subject(self):
        self.port = free_port()
        self.subject = self.stack.keep(Subject(self.program, self.folder,
                                               self.stack.values(self.values(False)), self.fault))
        self.wait_or_dead(self.is_subject_ready, READY_S)
        if self.fault is None:
            self.rang_at = len(self.subject.calls())

    def wait_or_dead(self, condition, timeout_s):
        """False where the time is over."""
        try:
            wait_for(lambda: not self.subject.is_running() or condition(), timeout_s)
            return True
        except AssertionError:
            return False

    def start_again(self):
        raise NotImplementedError

    def life_s(self):
        """How long the call is waited for; in vain, perhaps, for as long as something fails."""
        return FAILING_S if self.fault and self.fault.for_ever and not self.told else LIFE_S

    # --- the life ----------------------------------------------------------------------------

    def run(self):
        self.prepare()
        self.start_subject()
        if self.subject.is_running():
            self.ring(self.call_id)
            is_in_time = self.wait_or_dead(self.is_over, self.life_s())
            self.wait_or_dead(lambda: False, AFTERWARDS_S)
            if self.fault is None and not is_in_time:
                self.troubles.append("the call did not end without any fault")
        if self.fault and self.fault.for_ever and self.subject.is_busy():
            self.troubles.append("a busy loop, for as long as it fails")
        self.was_hit = not self.subject.is_running() or self.subject.has_failed()
        self.restart()
        if self.call_id not in self.told:
            self.ring(self.call_id)
        self.ring(self.next_id)
        self.look_at_the_end()
        return self

    def restart(self):
        """A kill ends it here at the latest; who only had an error goes on by itself, if it can."""
        if self.fault and self.fault.error:
            self.subject.end_fault()
        elif self.subject.is_running():
            self.subject.kill()
        if not self.subject.is_running() or self.must_start_again:
            if self.subject.is_running():
                self.subject.terminate()
                self.subject.wait()
            self.ledger.forget_leases()
            self.start_again()

    must_start_again = False

    def look_at_the_end(self):
        try:
            wait_for(self.is_all_over, END_S, "everything to be over")
        except AssertionError as trouble:
            self.troubles.append(f"{trouble}; told {self.told}, unfinished "
                                 f"{self.ledger.unfinished()}, {self.ledger.call(self.call_id)}")
        if self.told[self.next_id] != 200:
            self.troubles.append(f"the next call was told {self.told[self.next_id]}")
        self.account = Account(self.see())
        self.troubles += [f"{call_id or 'the account'}: {sentence}"
                          for call_id, sentence in self.account.violations]

    def is_all_over(self):
        return (self.ledger.unfinished() == 0 and not self.spooled() and
                self.ledger.call(self.next_id).get("state") == "started")

    def spooled(self):
        return [*self.folder.glob("spool/*.spool"), *self.folder.glob("spool/*.events")]

    def see(self):
        ledger, client, start = self.ledger, self.bench.redis.client, self.bench.start
        entries = [(entry, fields["call_id"].decode()) for entry, fields in ledger.entries()]
        call_ids = (self.call_id, self.next_id)
        posts = {call_id: len(start.requests_of(call_id)) for call_id in call_ids}
        begun = {self.call_id: self.begun[self.call_id], self.next_id: posts[self.next_id]}
        left = [f"{text(key)} is still there" for key in client.keys(ledger.key("line:*"))]
        if client.zcard(ledger.key("holds")):
            left.append("somebody waits")
        return Seen({call_id: 1 for call_id, told in self.told.items() if told == 200}, entries,
                    ledger.events(), {call_id: ledger.call(call_id) for call_id in call_ids},
                    ledger.counts(), client.xinfo_stream(ledger.key("webhooks"))["entries-added"],
                    {call_id: count for call_id, count in begun.items() if count}, posts, left,
                    HOLD_S * 1000)

    def close(self, is_kept=False):
        self.troubles += self.stack.close()
        if not is_kept:
            shutil.rmtree(self.folder)


class IngressLife(Life):
    """Received, and put into the stream."""
    program = "dialin-ingress"
    ready = b"connected to Redis"

    def values(self, is_again):
        return {**super().values(is_again), "PINLESS_HMAC_SECRET": daily.SECRET}

    def ring(self, call_id):
        body = daily.body(daily.webhook(call_id))
        try:
            answer = http_raw.ask(self.port, "POST", "/api/dial", daily.headers(body), body,
                                  timeout_s=self.life_s())
            self.told[call_id] = answer.status
        except (OSError, AssertionError):
            self.told[call_id] = "broken"

    def is_over(self):
        return True

    def start_again(self):
        self.port = self.stack.ingress(**self.again_values()).port

    def again_values(self):
        return {}

    def look_at_the_end(self):
        self.stack.worker(**self.worker_values())
        super().look_at_the_end()


class SpooledLife(IngressLife):
    """With one of Daily's events behind each call."""

    def __init__(self, bench, fault=None):
        super().__init__(bench, fault)
        (self.folder / "spool").mkdir()
        self.noted = []  # the events that were answered 200

    def again_values(self):
        return {"SPOOL_DIR": self.folder / "spool", "DAILY_WEBHOOK_SECRET": daily.EVENTS_SECRET}

    def ring(self, call_id):
        super().ring(call_id)
        body = daily.body(daily.event("dialin.connected", call_id))
        try:
            answer = http_raw.ask(self.port, "POST", "/api/daily-events", daily.event_headers(body), body,
                                  timeout_s=self.life_s())
            self.noted += [body] if answer.status == 200 else []
        except (OSError, AssertionError):
            pass

    def look_at_the_end(self):
        super().look_at_the_end()
        kept = [fields[b"body"] for _, fields in self.bench.redis.client.xrange(self.ledger.key("daily"))]
        self.troubles += [f"an event is lost: {body}" for body in self.noted if body not in kept]


class SpoolingLife(SpooledLife):
    """Received while Redis is away, and kept in the spool."""
    ready = b"accepting webhooks"
    must_start_again = True

    def values(self, is_again):
        return {**super().values(is_again), **self.again_values(),
                "REDIS_URL": f"redis://127.0.0.1:{free_port()}"}


class DrainingLife(SpooledLife):
    """In the spool that an ingress left when it was killed; Redis is there again."""

    def prepare(self):
        before = self.stack.ingress(is_ready=False, **self.again_values(),
                                    REDIS_URL=f"redis://127.0.0.1:{free_port()}")
        self.port = before.port
        self.ring(self.call_id)
        assert self.told[self.call_id] == 200 and self.noted, self.told
        before.kill()

    def values(self, is_again):
        return {**super().values(is_again), **self.again_values()}

    def ring_if_new(self, call_id):
        if call_id not in self.told:
            super().ring(call_id)

    ring = ring_if_new

    def is_over(self):
        return not self.spooled()


class WorkerLife(Life):
    """Read from the stream, and started."""
    program = "dialin-worker"
    ready = b"connected to Redis connection=w-"

    def values(self, is_again):
        return {**super().values(is_again), **self.worker_values(), "WORKER_NAME": "w"}

    def ring(self, call_id):
        if call_id not in self.told:
            self.ledger.queue(daily.webhook(call_id))
            self.told[call_id] = 200

    def is_over(self):
        return self.ledger.call(self.call_id).get("state") == "started"

    def start_again(self):
        self.stack.worker(**self.worker_values())


class LineLife(WorkerLife):
    """The agent is full once: the call goes through the line."""
    steps = (answers(429), starts_a_bot())


class AgainLife(WorkerLife):
    """The first attempt fails."""
    steps = (answers(503), starts_a_bot())


class TakenOverLife(WorkerLife):
    """Read by a worker that has left."""

    def prepare(self):
        stream = self.ledger.key("webhooks")
        self.ring(self.call_id)
        self.bench.redis.client.xgroup_create(stream, "workers", "0")
        self.bench.redis.client.xreadgroup("workers", "gone", {stream: ">"}, count=1)
        self.bench.redis.client.zadd(self.ledger.key("gone"), {"gone": 0})


class CallbackLife(WorkerLife):
    """The agent is full until the hold is over; then the caller is called back."""
    hold_s, within_s = 1, 60

    def __init__(self, bench, fault=None):
        super().__init__(bench, fault)
        self.callback_id = self.call_id + "~cb"
        self.routes = self.folder / "routes.json"
        self.routes.write_text(json.dumps({"routes": [
            {"name": "calls-back", "to": "+1415*", "hold_limit_s": self.hold_s,
             "callback": {"within_s": self.within_s, "to": "+1415*"}}]}))
        bench.start.script(answers(429), call_id=self.call_id)
        bench.start.script(self.counted(self.steps[-1]), call_id=self.callback_id)

    def worker_values(self):
        return {**super().worker_values(), "ROUTES_FILE": self.routes}

    def ring(self, call_id):
        """The next one is somebody else, and goes past the route."""
        if call_id not in self.told:
            parties = {} if call_id == self.call_id else {"From": "+16280000001", "To": "+16280000002"}
            self.ledger.queue(daily.webhook(call_id, **parties))
            self.told[call_id] = 200

    def is_over(self):
        return self.ledger.call(self.callback_id).get("state") == "started"

    def see(self):
        seen = super().see()
        posts = len(self.bench.start.requests_of(self.callback_id))
        begun = {call_id: count for call_id, count in self.begun.items() if count}
        return seen._replace(calls={**seen.calls, self.callback_id: self.ledger.call(self.callback_id)},
                             posts={**seen.posts, self.callback_id: posts}, starts={**seen.starts, **begun},
                             hold_ms=self.hold_s * 1000, callback_ms=self.within_s * 1000)


class OverdueLife(CallbackLife):
    """Nobody read the call before its hold was over: the worker calls back at once. Unlike a wait for
    the agent, this has the same system calls each time, so that a point is where the trace has it."""

    def prepare(self):
        self.ring(self.call_id)
        rang_ms = int(self.ledger.entry_of(self.call_id)[0].split("-")[0])
        clock = self.bench.redis.client.time
        wait_for(lambda: clock()[0] * 1000 > rang_ms + self.hold_s * 1000, what="the hold to be over")


LIVES = {"ingress": IngressLife, "spooling": SpoolingLife, "draining": DrainingLife,
         "worker": WorkerLife, "line": LineLife, "again": AgainLife, "taken-over": TakenOverLife,
         "callback": CallbackLife, "overdue": OverdueLife}


def trace(bench, kind):
    """A life without a fault: its points from the start of main on, before and after it rang. A
    number counts the calls of a thread; the same one in two threads is one point."""
    life = LIVES[kind](bench)
    try:
        life.run()
        calls = life.subject.calls()
    finally:
        life.close()
    assert life.troubles == [], life.troubles
    first = [name for _, name in calls].index(STARTS_WITH)
    seen, before, after = collections.Counter(), {}, {}
    for i, (thread, name) in enumerate(calls):
        seen[thread, name] += 1
        point = (name, seen[thread, name])
        if i >= first and point not in before:
            (before if i < life.rang_at else after)[point] = None
    return list(before), list(after)


def live(bench, kind, fault):
    """(troubles, was it hit, second starts); what a bad life leaves is in build/crash-points."""
    life = LIVES[kind](bench, fault)
    second_starts = 0
    try:
        life.run()
        second_starts = life.account.second_starts
    except Exception as trouble:  # noqa: BLE001, whatever it is, the others are tried
        life.troubles.append(f"{type(trouble).__name__}: {trouble}")
    finally:
        life.close(is_kept=True)
    if life.troubles:
        kept = build_folder() / "crash-points" / f"{kind}-{fault.name}-{fault.number}-{fault.error}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(life.folder, kept)
    shutil.rmtree(life.folder)
    return life.troubles, life.was_hit, second_starts
