"""make chaos: real processes, thousands of calls, and at random moments a fault in each of them.

    SEED      what chance begins with; printed, so that a campaign can be run again (default: the time)
    CALLS     how many callers ring (5000)
    RATE      how many a second (40)
    POOL      sessions that the agent has room for, of a second each (100)
    CLOCKS    1: the clock of Redis steps as well, by up to three minutes, and that of the host of every
              other program, by up to an hour (0)
    EVENTS    1: Daily's events of every call; some callers come over a SIP trunk and hang up (0)
    ROUTES    1: two routes with a lookup, overflow to a second agent, and a call back (0)
    PAUSE_S   seconds between two faults, on average (0.4)
    DURATION  repeats campaigns with the following seeds for so many seconds (0: one campaign)
    WITHOUT   leaves out, by name and with commas: https, filter, overload

Two ingresses with a spool, four workers, Redis (appendfsync always) and an agent with a small pool
that answers some requests with 5xx, closes connections, and starts bots it says nothing about. The
workers reach it over https, with an authority of its own, through a gate (gate.py) whose kernel drops
every packet while the filter is on. In the middle third the agent has room for a quarter of the
callers only: with a hold this short, many expire. The
faults: SIGKILL, SIGTERM and SIGSTOP of every process (the agent is only stopped: what it has begun
is counted there), Redis killed and started again, stopped, its connections cut, its scripts
forgotten, its consumer group destroyed. The callers do not ring again: what they were told counts. At
the end account.py adds up every call. What a failed campaign leaves behind is kept in build/chaos/SEED.
"""

import collections
import heapq
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "harness"))
sys.path.insert(0, str(ROOT / "tests" / "chaos"))

import redis as redis_client  # noqa: E402

import daily  # noqa: E402
import http_raw  # noqa: E402
from account import Account, Seen  # noqa: E402
from authority import Authority  # noqa: E402
from clocks import Clock  # noqa: E402
from events import CONNECT_LIMIT_S, TRUNK, TRUNK_SHARE, Daily, Verdicts  # noqa: E402
from ledger import Ledger, text  # noqa: E402
from routes import Routes  # noqa: E402
from stack import Stack, build_folder, free_port, wait_for  # noqa: E402

LEASE_S = 3
REDIS_STEP_S, HOST_STEP_S = 90, 3600  # at most, from the right time
HOLD_S, SHORT_HOLD_S = 60, 12
OPTIONS, CLOCKS, ROUTES, EVENTS = ("https", "filter", "overload"), "clocks", "routes", "events"
INGRESSES, WORKERS, SENDERS = 2, 4, 12
POOL, SESSION_MS = int(os.environ.get("POOL") or 100), 1000
CUES = [{"probability": 0.02, "status": 503}, {"probability": 0.01, "status": 500, "started": True},
        {"probability": 0.01, "reset": True}, {"probability": 0.01, "reset": True, "started": True},
        {"probability": 0.005, "status": 503, "delay_ms": 2000},
        {"probability": 0.01, "status": 200, "delay_ms": 3000}]


class Gate:
    """gate.py in a process of its own, before the agent."""

    def __init__(self, folder, agent_port, is_https):
        self.port = free_port()
        command = [sys.executable, ROOT / "tests" / "chaos" / "gate.py", self.port, agent_port]
        self.values = {"START_URL": f"http://127.0.0.1:{self.port}/start"}
        if is_https:
            authority = Authority(folder)
            command += authority.certificate("agent")
            self.values = {"START_URL": f"https://127.0.0.1:{self.port}/start",
                           "START_CA_FILE": authority.file}
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Senders:
    """Callers: each rings once, and a few webhooks come twice, at the same time and elsewhere."""

    def __init__(self, campaign, calls, rate, chance):
        self.campaign = campaign
        self.told = collections.defaultdict(list)  # call id: "queued", "spooled", 503, "broken", …
        self.lock = threading.Lock()
        self.begun = time.monotonic()
        self.rate = rate
        self.plan = [(campaign.new_call_id(), chance.random() < 0.05) for _ in range(calls)]
        self.next = 0
        self.threads = [threading.Thread(target=self.send_all, daemon=True) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def send_all(self):
        while True:
            with self.lock:
                number = self.next
                self.next += 1
            if number >= len(self.plan):
                return
            pause_s = self.begun + number / self.rate - time.monotonic()
            if pause_s > 0:
                time.sleep(pause_s)
            call_id, is_double = self.plan[number]
            if self.campaign.daily:
                self.campaign.daily.may_hang_up(call_id)
            request = self.campaign.request(call_id)
            if is_double:
                twin = threading.Thread(target=self.send, args=(call_id, number + 1, *request))
                twin.start()
            self.send(call_id, number, *request)
            if is_double:
                twin.join()

    def send(self, call_id, number, body, headers, path):
        port = self.campaign.ingresses[number % INGRESSES].port
        try:
            answer = http_raw.ask(port, "POST", path, headers, body, timeout_s=30)
            if answer.status == 200:
                said = "spooled" if answer.json().get("spooled") else "queued"
            else:
                said = answer.status
        except (OSError, AssertionError):
            said = "broken"
        with self.lock:
            self.told[call_id].append(said)

    def share_sent(self):
        return self.next / len(self.plan)

    def are_done(self):
        return not any(thread.is_alive() for thread in self.threads)

    def acknowledged(self):
        return {call_id: len(good) for call_id, told in self.told.items()
                if (good := [said for said in told if said in ("queued", "spooled")])}


def posts_of(agent):
    """How many requests it saw of each call."""
    posts, page = collections.Counter(), None
    while page is None or page:
        page = agent.get(f"/requests?limit=2000&from={sum(posts.values())}")
        posts.update(request["idempotency_key"] for request in page)
    return posts


class Campaign:
    def __init__(self, seed, calls, rate, pause_s, folder, options=OPTIONS):
        self.seed, self.calls, self.rate, self.pause_s = seed, calls, rate, pause_s
        self.options = options
        self.has_clocks = CLOCKS in options
        self.hold_s = SHORT_HOLD_S if "overload" in options else HOLD_S
        self.pool = POOL
        self.folder = folder
        self.chance = random.Random(seed)
        self.stack = Stack(folder, None, f"{{chaos-{seed}}}")
        self.redis_clock, self.host_clock = Clock(folder / "redis-clock"), Clock(folder / "host-clock")
        self.started = 0  # ingresses and workers
        self.stack.own_redis(fsync="always", environment=self.redis_clock.environment()
                             if self.has_clocks else None)
        self.ledger = Ledger(self, self.stack.prefix)
        self.dealt = collections.Counter()
        self.later = []  # (when, number, what is to be undone)
        self.busy = set()  # processes that a fault is being dealt to
        self.daily = Daily(self, seed) if EVENTS in options else None
        of_events = self.daily.arguments if self.daily else []
        self.agent = self.stack.agent("--pool", str(POOL), "--session-ms", str(SESSION_MS),
                                      "--latency-ms", "50", "--latency-jitter-ms", "150",
                                      "--seed", str(seed % 1000000 + 1), "--keep", "1000000", *of_events)
        self.agent.control(cues=CUES)
        self.routes = Routes(self.stack, folder, of_events) if ROUTES in options else None
        self.gate = Gate(folder, self.agent.port, "https" in options)
        (folder / "spool").mkdir()
        self.ingresses = [self.start_ingress() for _ in range(INGRESSES)]
        self.workers = [self.start_worker() for _ in range(WORKERS)]

    @property
    def client(self):  # of the ledger's server
        return self.stack.redis.client

    def new_call_id(self):
        is_trunk = self.daily and self.chance.random() < TRUNK_SHARE
        return daily.new_call_id(TRUNK + "chaos" if is_trunk else "chaos")

    def request(self, call_id):
        """Body, headers and path of the caller's webhook."""
        parties = self.routes.parties(call_id) if self.routes else {}
        if self.daily and self.daily.is_trunk(call_id):
            return self.daily.request(call_id, parties)
        body = daily.body(daily.webhook(call_id, **parties))
        return body, daily.headers(body), "/api/dial"

    @property
    def agents(self):
        return [self.agent, *([self.routes.second] if self.routes else [])]

    def environment(self):
        """Every other program runs on the host whose clock steps."""
        self.started += 1
        return self.host_clock.environment() if self.has_clocks and self.started % 2 else {}

    def start_ingress(self):
        secrets = {"DAILY_WEBHOOK_SECRET": daily.EVENTS_SECRET, "SIP_TRUNK_SECRET": daily.TRUNK_SECRET}
        return self.stack.ingress(is_ready=False, SPOOL_DIR=self.folder / "spool",
                                  **(secrets if self.daily else {}), **self.environment())

    def start_worker(self):
        return self.stack.worker(is_ready=False, LEASE_S=LEASE_S, **self.gate.values,
                                 **(self.routes.values if self.routes else {}), HOLD_LIMIT_S=self.hold_s,
                                 TRUNK_LIMIT_S=self.hold_s, CONNECT_LIMIT_S=CONNECT_LIMIT_S, DRAIN_TIMEOUT_S=2, START_TIMEOUT_S=10,
                                 **self.environment())

    # --- faults ----------------------------------------------------------------------------------

    def after(self, seconds, undo):
        heapq.heappush(self.later, (time.monotonic() + seconds, len(self.later), undo))

    def undo_what_is_due(self, everything=False):
        while self.later and (everything or self.later[0][0] <= time.monotonic()):
            heapq.heappop(self.later)[2]()

    def one_of(self, processes):
        idle = [i for i, process in enumerate(processes) if process not in self.busy]
        return self.chance.choice(idle) if idle else None

    def end(self, processes, start, sign):
        i = self.one_of(processes)
        if i is None:
            return False
        if sign == signal.SIGKILL:
            processes[i].kill()
        else:
            processes[i].terminate()
            leaving = processes[i]
            self.after(0, lambda: leaving.wait(60))
        processes[i] = start()
        return True

    def stop(self, processes, seconds):
        i = self.one_of(processes)
        if i is None:
            return False
        process = processes[i]
        process.signal(signal.SIGSTOP)
        self.busy.add(process)

        def go_on():
            process.signal(signal.SIGCONT)
            self.busy.discard(process)
        self.after(seconds, go_on)
        return True

    def kill_redis(self, seconds):
        if self.stack.redis in self.busy:
            return False
        self.stack.redis.kill()
        self.busy.add(self.stack.redis)
        killed = self.stack.redis

        def again():
            self.stack.restart_redis()
            self.busy.discard(killed)
        self.after(seconds, again)
        return True

    def filter_packets(self, seconds):
        if self.gate in self.busy:
            return False
        self.gate.tell("drop")
        self.busy.add(self.gate)

        def take():
            self.gate.tell("take")
            self.busy.discard(self.gate)
        self.after(seconds, take)
        return True

    def tell_redis(self, *command):
        if self.stack.redis in self.busy:
            return False
        try:
            self.client.execute_command(*command)
        except redis_client.exceptions.RedisError:
            pass
        return True

    def step(self, clock, most_s):
        clock.step(self.chance.randint(-most_s, most_s))
        return True

    def faults(self):
        c = self.chance
        may_filter = "filter" in self.options
        clocks = [
            ("Redis' clock stepped", 4, lambda: self.step(self.redis_clock, REDIS_STEP_S)),
            ("a host's clock stepped", 2, lambda: self.step(self.host_clock, HOST_STEP_S)),
        ] if self.has_clocks else []
        return clocks + [
            ("packets dropped", 2 * may_filter, lambda: self.filter_packets(c.uniform(0.5, 6))),
            ("worker killed", 8, lambda: self.end(self.workers, self.start_worker, signal.SIGKILL)),
            ("worker ended", 4, lambda: self.end(self.workers, self.start_worker, signal.SIGTERM)),
            ("worker stopped", 4, lambda: self.stop(self.workers, c.uniform(0.1, 2.5 * LEASE_S))),
            ("ingress killed", 6,
             lambda: self.end(self.ingresses, self.start_ingress, signal.SIGKILL)),
            ("lookup stopped", 2 * bool(self.routes), lambda: self.stop([self.routes.crm], c.uniform(0.1, 3))),
            ("ingress ended", 3,
             lambda: self.end(self.ingresses, self.start_ingress, signal.SIGTERM)),
            ("ingress stopped", 2, lambda: self.stop(self.ingresses, c.uniform(0.1, 2))),
            ("agent stopped", 1, lambda: self.stop([self.agent], c.uniform(0.1, 3))),
            ("Redis killed", 2, lambda: self.kill_redis(c.uniform(0, 1.5))),
            ("Redis stopped", 1, lambda: self.stop([self.stack.redis], c.uniform(0.1, 3))),
            ("connections cut", 3,
             lambda: self.tell_redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")),
            ("scripts forgotten", 1, lambda: self.tell_redis("SCRIPT", "FLUSH")),
            ("consumer group destroyed", 1,
             lambda: self.tell_redis("XGROUP", "DESTROY", self.ledger.key("webhooks"), "workers")),
        ]

    def deal_one(self):
        """By chance; but at first each that has not been dealt yet."""
        faults = [fault for fault in self.faults() if fault[1] > 0]
        faults = [fault for fault in faults if not self.dealt[fault[0]]] or faults
        name, _, deal = self.chance.choices(faults, [weight for _, weight, _ in faults])[0]
        self.dealt[name] += bool(deal())

    def set_pool(self, share_sent):
        """In the middle third a quarter of the callers at most finds room."""
        is_small = "overload" in self.options and 1 / 3 <= share_sent < 2 / 3
        pool = max(1, int(self.rate * SESSION_MS / 4000)) if is_small else POOL
        if pool != self.pool and self.agent not in self.busy:
            self.agent.control(pool=pool)
            self.dealt["overload"] += is_small
            self.pool = pool

    # --- the campaign ----------------------------------------------------------------------------

    def run(self):
        senders = Senders(self, self.calls, self.rate, self.chance)
        next_fault = time.monotonic() + self.pause_s
        while not senders.are_done():
            self.undo_what_is_due()
            self.set_pool(senders.share_sent())
            if time.monotonic() >= next_fault:
                self.deal_one()
                next_fault = time.monotonic() + self.chance.expovariate(1 / self.pause_s)
            time.sleep(0.01)
        self.undo_what_is_due(everything=True)
        self.set_pool(1)
        wait_for(lambda: not [file for file in (self.folder / "spool").iterdir()
                              if file.suffix in (".spool", ".events")], 60, "the spool to be drained")
        longest_s = max(self.hold_s, Routes.CALLBACK_S if self.routes else 0)
        # Holds are off by a step of Redis' clock.
        longest_s += 2 * REDIS_STEP_S if self.has_clocks else 0
        wait_for(lambda: self.ledger.unfinished() == 0, longest_s + 60, "every entry to be finished")
        if self.daily:
            self.daily.wait_until_told(self.agents, self.ledger, wait_for)
        wait_for(lambda: not self.strangers(), 4 * LEASE_S, "consumers that are gone to be removed")
        account = Account(self.see(senders))
        if self.daily:
            self.verdicts = Verdicts(self.daily.acknowledged, account.seen, account.say)
        return account

    def strangers(self):
        living = {worker.consumer() for worker in self.workers} | {"line", "unknown"}
        return [text(each["name"]) for each in
                self.client.xinfo_consumers(self.ledger.key("webhooks"), "workers")
                if text(each["name"]) not in living]

    def see(self, senders):
        ledger = self.ledger
        entries = [(entry, fields["call_id"].decode()) for entry, fields in ledger.entries()]
        calls = {call_id: ledger.call(call_id) for call_id in {call for _, call in entries}}
        left = [f"{text(key)} is still there" for key in self.client.keys(ledger.key("line:*"))]
        left += [f"the consumer {name} is still there" for name in self.strangers()]
        if self.client.zcard(ledger.key("holds")):
            left.append("somebody waits")
        posts, starts = collections.Counter(), collections.Counter()
        for agent in self.agents:
            posts += posts_of(agent)
            starts.update(agent.starts())
        stream = self.client.xinfo_stream(ledger.key("webhooks"))
        self.told = collections.Counter(said for told in senders.told.values() for said in told)
        return Seen(senders.acknowledged(), entries, ledger.events(), calls, ledger.counts(),
                    stream["entries-added"], dict(starts), posts, left, self.hold_s * 1000,
                    2 * REDIS_STEP_S * 1000 if self.has_clocks else 0,
                    Routes.CALLBACK_S * 1000 if self.routes else 0,
                    frozenset(self.daily.hung_up if self.daily else ()))

    def close(self):
        for process in self.busy - {self.gate}:
            if process.is_running():
                process.signal(signal.SIGCONT)
        troubles = self.stack.close()
        self.gate.close()
        if self.daily:
            self.daily.close()
        return troubles


def shares_started(calls):
    """Of the callers of each tenth of the campaign, how many were started, in per cent."""
    ranked = sorted((int(call["received_ms"]), call["state"]) for call in calls.values() if call)
    parts = [ranked[len(ranked) * i // 10:len(ranked) * (i + 1) // 10] for i in range(10)]
    return [100 * sum(state == "started" for _, state in part) // max(1, len(part)) for part in parts]


def report(campaign, account, troubles, seconds):
    counts = account.seen.counts
    print(f"seed {campaign.seed}: {campaign.calls} callers in {seconds:.0f} s, told "
          + ", ".join(f"{said} {count}" for said, count in sorted(campaign.told.items(), key=str)))
    print("  faults: " + ", ".join(f"{name} {count}" for name, count in campaign.dealt.most_common()))
    print(f"  entries {account.seen.entries_added} = started {counts.get('started', 0)} + dead "
          f"{counts.get('dead', 0)} + duplicate {counts.get('duplicate', 0)}; attempts of unknown "
          f"outcome {account.unknown_outcomes}, second starts behind them {account.second_starts}")
    if campaign.routes:
        print(f"  {campaign.routes.report(account.seen)}")
    if campaign.daily:
        print(f"  {campaign.verdicts.report()}")
    print(f"  started, of each tenth of the callers: {shares_started(account.seen.calls)} %")
    for trouble in troubles:
        print(f"  TROUBLE: {trouble[:2000]}")
    for call_id, sentence in account.violations[:20]:
        print(f"  VIOLATION: {call_id or 'the account'}: {sentence}")
        for event in account.events.get(call_id, []):
            print(f"      {json.dumps({k: v for k, v in event.items() if k != 'request'})[:400]}")
    print(f"  {len(account.violations)} violations", flush=True)


def run_one(seed, calls, rate, pause_s, has_clocks):
    """Gives back (was it good, faults dealt)."""
    print(f"SEED={seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dialin-chaos-"))
    begun = time.monotonic()
    without = [name for name in os.environ.get("WITHOUT", "").split(",") if name]
    assert set(without) <= set(OPTIONS), f"WITHOUT names something else than {OPTIONS}"
    campaign = Campaign(seed, calls, rate, pause_s, folder,
                        [name for name in OPTIONS if name not in without] +
                        ([CLOCKS] if has_clocks else []) +
                        [option for option in (ROUTES, EVENTS) if os.environ.get(option.upper(), "0") != "0"])
    is_good, account = False, None
    try:
        account = campaign.run()
    except AssertionError as trouble:
        print(f"  FAILED: {trouble}", flush=True)
    finally:
        troubles = campaign.close()
    if account:
        report(campaign, account, troubles, time.monotonic() - begun)
        is_good = not account.violations and not troubles
    if not is_good:
        kept = build_folder() / "chaos" / str(seed)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept)
        print(f"  kept: {os.path.relpath(kept, ROOT)}", flush=True)
    shutil.rmtree(folder)
    return is_good, campaign.dealt


def main():
    def number(name, default):
        return float(os.environ.get(name) or default)
    seed, calls = int(number("SEED", time.time())), int(number("CALLS", 5000))
    until = time.monotonic() + number("DURATION", 0)
    dealt, campaigns, bad = collections.Counter(), 0, []
    while campaigns == 0 or time.monotonic() < until:
        is_good, faults = run_one(seed, calls, number("RATE", 40), number("PAUSE_S", 0.4),
                                  number("CLOCKS", 0) > 0)
        dealt += faults
        campaigns += 1
        bad += [] if is_good else [seed]
        seed += 1
    kills = sum(count for name, count in dealt.items() if name.endswith("killed"))
    print(f"{campaigns} campaigns, {campaigns * calls} calls, {sum(dealt.values())} faults, {kills} of "
          f"them kills; seeds that failed: {bad or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
