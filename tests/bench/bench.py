"""make bench: the README's figures, measured here, each beside what bounds it on this machine.

Prints a table and writes build/bench.json. Runs the real programs, built for release, with a Redis of
its own that syncs every write to disk (appendfsync always). Each figure is taken RUNS times; the
median counts and the spread is shown. These are figures, not tests: nothing here fails for being slow.
"""
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "flow"))

import daily  # noqa: E402
from stack import Redis, Stack, build_folder, clean_environment, wait_for  # noqa: E402

RUNS = 3
QUIET = {"LOG_LEVEL": "warning"}


class Bench:
    def __init__(self, folder, redis):
        self.folder = folder
        self.redis = redis
        self.runs = 0

    def stack(self):
        """A fresh stack on an empty Redis."""
        self.redis.client.flushall()
        self.runs += 1
        folder = self.folder / str(self.runs)
        folder.mkdir()
        return Stack(folder, self.redis, f"{{bench-{self.runs}}}")

    def ring(self, stack, ingress, *arguments):
        """dialin-caller's JSON result."""
        environment = clean_environment({"PINLESS_HMAC_SECRET": daily.SECRET,
                                         "REDIS_URL": self.redis.url, "REDIS_PREFIX": stack.prefix})
        done = subprocess.run([build_folder() / "dialin-caller", "--json", "--url",
                               f"http://127.0.0.1:{ingress.port}/api/dial", *arguments],
                              env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def durable_appends_a_second(self):
        """The ceiling: Redis alone, 64 clients, one XADD of a webhook's size at a time, synced."""
        done = subprocess.run(["redis-benchmark", "-h", "127.0.0.1", "-p", str(self.redis.port), "-c",
                               "64", "-n", "20000", "-q", "XADD", "bench", "*", "body", "x" * 600],
                              capture_output=True, text=True, check=True)
        return float(re.findall(r"([0-9.]+) requests per second", done.stdout)[-1])

    def acknowledgements(self):
        stack = self.stack()
        ingress = stack.ingress(**QUIET, PINLESS_HMAC_SECRET=daily.SECRET)
        try:
            result = self.ring(stack, ingress, "--count", "20000", "--connections", "64")
            return result["acknowledged_per_second"], result["answered_ms"]["p99"]
        finally:
            stack.close()

    def whole(self, agent_arguments, *ring_arguments):
        """Rings through ingress, worker and agent; (webhook received, request at the agent) in ms."""
        stack = self.stack()
        agent = stack.agent("--pool", "0", *agent_arguments)
        ingress = stack.ingress(**QUIET, PINLESS_HMAC_SECRET=daily.SECRET)
        stack.worker(**QUIET, START_URL=agent.url)
        try:
            self.ring(stack, ingress, "--wait", *ring_arguments)
            arrived = {request["idempotency_key"]: request["at_wall_ms"]
                       for request in agent.get("/requests?limit=100000")}
            received = {}
            for _, fields in self.redis.client.xrange(stack.prefix + ":webhooks"):
                received[fields[b"call_id"].decode()] = int(fields[b"received_ms"])
            assert received.keys() == arrived.keys()
            return [(received[call], arrived[call]) for call in received]
        finally:
            stack.close()

    def idle_latency(self):
        waits = sorted(arrived - received for received, arrived in
                       self.whole([], "--count", "1000", "--rate", "100"))
        return statistics.median(waits), waits[int(len(waits) * 0.99)]

    def burst(self):
        times = self.whole(["--latency-ms", "300"], "--count", "1000", "--rate", "1000")
        last_webhook = max(received for received, _ in times)
        return max(arrived for _, arrived in times) - last_webhook

    def idle_memory(self):
        stack = self.stack()
        agent = stack.agent()
        programs = (stack.ingress(**QUIET, PINLESS_HMAC_SECRET=daily.SECRET),
                    stack.worker(**QUIET, START_URL=agent.url))
        try:
            return [resident_mb(program.pid) for program in programs]
        finally:
            stack.close()


def resident_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


def row(name, values, unit, bound=None):
    median = statistics.median(values)
    return {"figure": name, "median": round(median, 2), "least": round(min(values), 2),
            "most": round(max(values), 2), "unit": unit,
            "bound": round(statistics.median(bound), 2) if bound else None,
            "ratio": round(median / statistics.median(bound), 2) if bound else None}


def measure(bench):
    rates, p99s, ceilings, medians, slowest, bursts, ingress_mb, worker_mb = ([] for _ in range(8))
    for _ in range(RUNS):  # interleaved, because a shared machine changes its mind
        ceilings.append(bench.durable_appends_a_second())
        rate, p99 = bench.acknowledgements()
        rates.append(rate)
        p99s.append(p99)
        median, slow = bench.idle_latency()
        medians.append(median)
        slowest.append(slow)
        bursts.append(bench.burst())
        ingress, worker = bench.idle_memory()
        ingress_mb.append(ingress)
        worker_mb.append(worker)
    return [
        row("durable acknowledgements, 64 connections", rates, "a second", ceilings),
        row("acknowledgement p99 under that load", p99s, "ms"),
        row("webhook received to request at the agent, 100 calls a second: median", medians, "ms"),
        row("the same: p99", slowest, "ms"),
        row("1,000 calls in a second, /start 300 ms: last request behind the last webhook", bursts,
            "ms"),
        row("ingress, resident when idle", ingress_mb, "MB"),
        row("worker, resident when idle", worker_mb, "MB"),
    ]


def main():
    with tempfile.TemporaryDirectory(prefix="dialin-bench-") as name:
        folder = pathlib.Path(name)
        redis = Redis(folder, fsync="always")
        try:
            rows = measure(Bench(folder, redis))
        finally:
            redis.close()
    (ROOT / "build" / "bench.json").write_text(json.dumps(rows, indent=1) + "\n")
    print("| figure | median | least to most | beside its ceiling |\n| --- | --- | --- | --- |")
    for line in rows:
        beside = f"{line['ratio']} of {line['bound']:,.0f} XADDs" if line["bound"] else ""
        print(f"| {line['figure']} | {line['median']:,g} {line['unit']} | {line['least']:,g} to "
              f"{line['most']:,g} | {beside} |")


if __name__ == "__main__":
    main()
