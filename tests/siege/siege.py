"""make siege: one sender without a secret attacks the public port while honest callers ring.

    ONLY      the attacks to run, separated by blanks (all)
    ATTACK_S  how long each lasts (20)
    RATE      honest callers a second, each on a connection of its own (20)
    SEED      what chance begins with; printed (the time)

Every second honest caller rings from an address that has rung before, the others from a new one
each; the attacker has a third address, and a low priority, because it shares the machine. For
each attack it prints what honest callers saw (`known` and `new`) quiet, during the attack and 10 s
after it, what of it the ingress itself measured from a webhook's first line on (`own`, the bound
of a bucket), how many were refused, the most memory that the ingress had, and the share of a
processor that ingress and attacker took. The target: during an attack p99 under 100 ms or twice
its quiet value, nobody refused, under 128 MB, and as before 10 s after it. Exit code 1 if one is
missed.
"""

import itertools
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "harness"))

import daily  # noqa: E402
import http_raw  # noqa: E402
from callers import cpu_s  # noqa: E402
from ledger import new_prefix  # noqa: E402
from stack import Redis, Stack  # noqa: E402

ATTACKS = {"unread": 11100, "idle": 11100, "flood": 512, "bodies": 10000, "chunks": 10000,
           "silent": 11100, "slow-headers": 10000, "slow-body": 10000, "slow-read": 10000,
           "range": 10000, "admin": 70}
QUIET_S, AFTER_S = 5, 10
P99_MS_MAX, MEMORY_MB_MAX = 100, 128


HONEST, ATTACKER = "127.0.0.1", "127.0.0.2"
new_addresses = (f"127.1.{i >> 8 & 255}.{i & 255}" for i in itertools.count(1))


def p99(times):
    return sorted(times)[int(len(times) * 0.99)] if times else 0


class Callers(threading.Thread):
    """Rings until it is told to stop; no caller waits for the one before."""

    def __init__(self, ingress, rate, chance):
        super().__init__(daemon=True)
        self.ingress, self.rate, self.chance = ingress, rate, chance
        self.known_ms, self.new_ms, self.refused, self.memory_mb = [], [], [], 0
        self.is_over = threading.Event()

    def ring(self, source, times_ms):
        body = daily.body(daily.webhook())
        begun = time.monotonic()
        try:
            status = http_raw.ask(self.ingress.port, "POST", "/api/dial", daily.headers(body), body,
                                  source=source).status
        except Exception as problem:
            status = type(problem).__name__
        times_ms.append((time.monotonic() - begun) * 1000)
        if status != 200:
            self.refused.append(status)

    def run(self):
        rings = []
        while not self.is_over.wait(self.chance.expovariate(self.rate)):
            caller = ((HONEST, self.known_ms) if len(rings) % 2
                      else (next(new_addresses), self.new_ms))
            rings.append(threading.Thread(target=self.ring, args=caller, daemon=True))
            rings[-1].start()
            self.memory_mb = max(self.memory_mb, memory_mb(self.ingress))
        for ring in rings:
            ring.join()

    def p99_ms(self):
        return max(p99(self.known_ms), p99(self.new_ms))

    def __str__(self):
        return f"{p99(self.known_ms):6.1f} {p99(self.new_ms):6.1f}"


def memory_mb(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return 0


def acknowledged(ingress):
    """The buckets of the ingress' own measurement: {bound in ms: number up to it}."""
    name = 'dialin_acknowledge_seconds_bucket{le="'
    return {float(key[len(name):-2]) * 1000: count for key, count in ingress.metrics().items()
            if key.startswith(name)}


def own_p99_ms(before, after):
    counts = {bound: after[bound] - before[bound] for bound in before}
    return min(bound for bound, count in counts.items()
               if count >= 0.99 * counts[float("inf")])


class Watch:
    """What honest callers and the ingress saw for some seconds."""

    def __init__(self, ingress, rate, chance, seconds, attacker=None):
        callers, own = Callers(ingress, rate, chance), acknowledged(ingress)
        used_s, begun = [cpu_s(one) for one in (ingress, attacker) if one], time.monotonic()
        callers.start()
        time.sleep(seconds)
        lasted_s = time.monotonic() - begun
        self.cpu = [(cpu_s(one) - before) / lasted_s * 100
                    for one, before in zip((ingress, attacker), used_s)]
        callers.is_over.set()
        callers.join()
        self.own_ms = own_p99_ms(own, acknowledged(ingress))
        self.callers = callers


def report(name, quiet, during, after, told):
    missed = [problem for problem, is_so in {
        "p99": during.callers.p99_ms() >= max(P99_MS_MAX, 2 * quiet.callers.p99_ms()),
        "refused": during.callers.refused or after.callers.refused,
        "memory": during.callers.memory_mb >= MEMORY_MB_MAX,
        "after": after.callers.p99_ms() >= max(P99_MS_MAX, 2 * quiet.callers.p99_ms()),
    }.items() if is_so]
    rang = len(during.callers.known_ms) + len(during.callers.new_ms)
    print(f"{name:13} {quiet.callers}   {during.callers} {during.own_ms:6g}   {after.callers}   "
          f"{len(during.callers.refused):3} of {rang:4}   {during.callers.memory_mb:5.1f} MB   "
          f"{during.cpu[0]:3.0f} {during.cpu[1]:3.0f} %   {told}   "
          f"{'MISSED: ' + ', '.join(missed) if missed else 'good'}", flush=True)
    return not missed


def attack(name, connections, seconds, rate, chance):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dialin-siege-"))
    redis = Redis(folder)
    stack = Stack(folder, redis, new_prefix())
    try:
        ingress = stack.ingress()
        quiet = Watch(ingress, rate, chance, QUIET_S)
        port = ingress.admin_port if name == "admin" else ingress.port
        attacker = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/siege/attacker.py"),
             "silent" if name == "admin" else name, str(port), str(connections), ATTACKER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        time.sleep(2)
        during = Watch(ingress, rate, chance, seconds, attacker)
        told = attacker.communicate(timeout=60)[0].strip()
        time.sleep(AFTER_S)
        return report(name, quiet, during, Watch(ingress, rate, chance, QUIET_S), told)
    finally:
        for trouble in stack.close() + [redis.close()]:
            if trouble:
                print(trouble)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    seed = int(os.environ.get("SEED") or time.time())
    names = (os.environ.get("ONLY") or " ".join(ATTACKS)).split()
    print(f"SEED={seed}\n{'p99 in ms':13} {'quiet':13}   {'during':13}    own   {'after':13}   "
          f"refused       memory     ingress, attacker", flush=True)
    results = [attack(name, ATTACKS[name], float(os.environ.get("ATTACK_S") or 20),
                      float(os.environ.get("RATE") or 20), random.Random(seed)) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
