"""make siege: one sender without a secret attacks the public port while honest callers ring.

    ONLY      the attacks to run, separated by blanks (all)
    ATTACK_S  how long each lasts (20)
    RATE      honest callers a second, each on a connection of its own (20)
    SEED      what chance begins with; printed (the time)

For each attack it prints what honest callers saw quiet, during the attack and 10 s after it, how
many were refused, and the most memory that the ingress had. The target: during an attack p99 under
100 ms or twice its quiet value, nobody refused, under 128 MB. Exit code 1 if one is missed.
"""

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "flow"))

from ledger import new_prefix  # noqa: E402
from stack import Redis, Stack  # noqa: E402

ATTACKS = {"unread": 11100, "idle": 11100, "flood": 512, "bodies": 10000, "chunks": 10000,
           "silent": 11100, "slow-headers": 10000, "slow-body": 10000, "slow-read": 10000,
           "range": 10000, "admin": 70}
QUIET_S, AFTER_S = 5, 10
P99_MS_MAX, MEMORY_MB_MAX = 100, 128


class Callers(threading.Thread):
    """Rings until it is told to stop; no caller waits for the one before."""

    def __init__(self, ingress, rate, chance):
        super().__init__(daemon=True)
        self.ingress, self.rate, self.chance = ingress, rate, chance
        self.times_ms, self.refused, self.memory_mb = [], [], 0
        self.is_over = threading.Event()

    def ring(self):
        begun = time.monotonic()
        try:
            status = self.ingress.ring().status
        except Exception as problem:
            status = type(problem).__name__
        self.times_ms.append((time.monotonic() - begun) * 1000)
        if status != 200:
            self.refused.append(status)

    def run(self):
        rings = []
        while not self.is_over.wait(self.chance.expovariate(self.rate)):
            rings.append(threading.Thread(target=self.ring, daemon=True))
            rings[-1].start()
            self.memory_mb = max(self.memory_mb, memory_mb(self.ingress))
        for ring in rings:
            ring.join()

    def p99_ms(self):
        return sorted(self.times_ms)[int(len(self.times_ms) * 0.99)] if self.times_ms else 0


def memory_mb(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return 0


def watch(ingress, rate, chance, seconds):
    callers = Callers(ingress, rate, chance)
    callers.start()
    time.sleep(seconds)
    callers.is_over.set()
    callers.join()
    return callers


def attack(name, connections, seconds, rate, chance):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dialin-siege-"))
    redis = Redis(folder)
    stack = Stack(folder, redis, new_prefix())
    try:
        ingress = stack.ingress()
        quiet = watch(ingress, rate, chance, QUIET_S)
        port = ingress.admin_port if name == "admin" else ingress.port
        attacker = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/siege/attacker.py"),
             "silent" if name == "admin" else name, str(port), str(connections)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        time.sleep(2)
        during = watch(ingress, rate, chance, seconds)
        admin_ms = time.monotonic()
        is_ready = ingress.is_ready()
        admin_ms = (time.monotonic() - admin_ms) * 1000
        told = attacker.communicate(timeout=60)[0].strip()
        time.sleep(AFTER_S)
        after = watch(ingress, rate, chance, QUIET_S)
        good = (during.p99_ms() < max(P99_MS_MAX, 2 * quiet.p99_ms()) and not during.refused and
                during.memory_mb < MEMORY_MB_MAX and not after.refused and is_ready)
        print(f"{name:13} p99 ms: quiet {quiet.p99_ms():6.1f}  during {during.p99_ms():7.1f}  after "
              f"{after.p99_ms():6.1f}   refused {len(during.refused)} of {len(during.times_ms)} "
              f"{sorted(set(map(str, during.refused)))}  memory {during.memory_mb:5.1f} MB  "
              f"/readyz {admin_ms:.0f} ms   attacker: {told}   {'good' if good else 'MISSED'}",
              flush=True)
        return good
    finally:
        for trouble in stack.close() + [redis.close()]:
            if trouble:
                print(trouble)


def main():
    seed = int(os.environ.get("SEED") or time.time())
    names = (os.environ.get("ONLY") or " ".join(ATTACKS)).split()
    print(f"SEED={seed}", flush=True)
    results = [attack(name, ATTACKS[name], float(os.environ.get("ATTACK_S") or 20),
                      float(os.environ.get("RATE") or 20), random.Random(seed)) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
