"""What the figures are measured with: a private Redis, the programs under test, and the programs of
this folder, which cost little themselves. Everything ends with the `Lab.stack` that it was made in."""

import contextlib
import hashlib
import json
import os
import random
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "harness"))

import daily  # noqa: E402
from stack import (Process, Redis, Stack, build_folder, clean_environment, free_port,  # noqa: E402
                   wait_for)

QUIET = {"LOG_LEVEL": "warning"}
CONNECTIONS = 64
POLL_S = 0.002
FINISHED_TIMEOUT_S = 60

# Entries as the ingress writes them, many in one step: nothing else makes as many as quickly.
FILL = """
for _ = 1, ARGV[2] do
    for i = 3, #ARGV, 3 do
        redis.call('XADD', KEYS[1], '*', 'v', '1', 'kind', 'dialin', 'call_id', ARGV[i],
            'received_ms', ARGV[1], 'timestamp', ARGV[1],
            'signature', 'c2lnbmVkIHdpdGggYSBzZWNyZXQgb2YgYSBudW1iZXI=', 'peer', '127.0.0.1',
            'body', ARGV[i + 1], 'sha256', ARGV[i + 2])
    end
end
"""
FILL_AT_ONCE = 5000
HISTORY_AT_ONCE = 1000


def webhooks(numbers):
    """What FILL takes: call id, body and its SHA-256, of each."""
    arguments = []
    for number in numbers:
        call_id = f"bench-{number:08d}"
        body = (f'{{"To":"+14152251493","From":"+1415{number % 10000000:07d}","callId":"{call_id}",'
                f'"callDomain":"5d1a6fb3-1a4a-4c61-b5b9-8d0e4e5b9c1f"}}')
        arguments += [call_id, body, hashlib.sha256(body.encode()).hexdigest()]
    return arguments


def now_us():
    """The clock of loop_now_us(), which all processes of a machine share."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def raise_open_files():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def resident_mb(process):
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


def processor_us(process):
    """Of the threads that it has now."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1000


def is_listening(port):
    """Without a connection, which a program under test would count."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        return f"0100007F:{port:04X} 00000000:0000 0A" in file.read()


class Listening(Process):
    """A program of this folder that listens on a port."""

    def __init__(self, name, folder, arguments_of):
        self.port = free_port()
        self.times = folder / f"{name}-{random.randrange(1 << 32):08x}.times"
        super().__init__(name, [build_folder() / "bench" / name, *arguments_of(self)], folder)
        self.wait_for_start(lambda: is_listening(self.port), "listen")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/start"

    def connections(self):
        with open("/proc/net/tcp", encoding="ascii") as file:
            own = re.compile(rf"^ *\d+: \w+:{self.port:04X} \w+:\w+ 01 ", re.MULTILINE)
            return len(own.findall(file.read()))

    def arrivals(self):
        """Ends it: when each call arrived first, {number: microseconds}."""
        self.terminate()
        self.wait()
        return {int(number): int(at) for number, at in read_rows(self.times)}


def read_rows(path):
    with open(path, encoding="ascii") as file:
        return [line.split() for line in file]


class Bench(Stack):
    """A stack on an empty Redis, with the programs of this folder beside it."""

    history = 0  # calls that are counted as started, but were not

    def ingress(self, **values):
        return super().ingress(**QUIET, **values)

    def worker(self, agent, is_ready=True, **values):
        return super().worker(is_ready=is_ready, **QUIET, **{"START_URL": agent.url,
                              "WORKER_NAME": f"w{len(self.processes)}", "DAILY_API_KEY": "of-nobody", **values})

    def bare_server(self):
        return self.keep(Listening("bare_server", self.folder, lambda own: [own.port]))

    def fast_agent(self, latency_ms=0, status=200):
        return self.keep(Listening("fast_agent", self.folder, lambda own: [
            "--port", own.port, "--latency-ms", latency_ms, "--status", status,
            "--times", own.times]))

    def call(self, server, count, times=None, check=True, **options):
        """fast_caller's result. `check`: every webhook must be answered with 200."""
        return self.fast_caller(daily.SECRET, [], check, port=server.port, count=count, times=times,
                                **{"connections": CONNECTIONS, **options})

    def events(self, ingress, count, **options):
        """The same for Daily's events, of rooms that no call has."""
        return self.fast_caller(daily.EVENTS_SECRET, ["--events"], True, port=ingress.port, count=count,
                                **{"connections": CONNECTIONS, **options})

    @staticmethod
    def fast_caller(secret, switches, check, **options):
        command = [build_folder() / "bench" / "fast_caller", *switches]
        for name, value in options.items():
            command += [f"--{name}", value] if value is not None else []
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                              env=clean_environment({"BENCH_SECRET": secret}), check=check)
        return json.loads(done.stdout)

    @property
    def stream(self):
        return self.prefix + ":webhooks"

    @property
    def counts(self):
        return self.prefix + ":counts"

    def fill(self, count, first=0):
        """Entries of calls that nobody has worked on yet."""
        for begin in range(first, first + count, FILL_AT_ONCE):
            self.add(webhooks(range(begin, min(begin + FILL_AT_ONCE, first + count))))

    def add(self, arguments, times=1):
        fill = self.redis.client.register_script(FILL)
        fill(keys=[self.stream], args=[int(time.time() * 1000), times, *arguments])

    def started(self):
        return int(self.redis.client.hget(self.counts, "started") or 0)

    def wait_until_started(self, count):
        """`count` more than `add_history` says are started: when that was so."""
        deadline = time.monotonic() + FINISHED_TIMEOUT_S
        while self.started() - self.history < count:
            assert time.monotonic() < deadline, f"{self.started()} of {count} calls are started"
            time.sleep(POLL_S)
        return now_us()

    def wait_for_events(self, count):
        """So many of Daily's events were put in, since the stream was made."""
        def are_in():
            return self.redis.client.exists(key) and \
                self.redis.client.xinfo_stream(key)["entries-added"] >= count
        key = self.prefix + ":daily"
        wait_for(are_in, FINISHED_TIMEOUT_S, f"{count} events to be in")

    def in_line(self):
        return self.redis.client.zcard(self.prefix + ":holds")

    def add_history(self, count):
        """Entries that are finished, as after so many calls: behind the group, and counted."""
        arguments = webhooks(range(HISTORY_AT_ONCE))  # nobody reads them again
        client = self.redis.client
        client.config_set("appendonly", "no")  # a million of them in the file would take minutes
        for begin in range(0, count, 20 * HISTORY_AT_ONCE):
            self.add(arguments, min(20, (count - begin) // HISTORY_AT_ONCE))
        client.config_set("appendonly", "yes")
        wait_for_rewrite(client)
        newest = client.xinfo_stream(self.stream)["last-generated-id"]
        client.xgroup_create(self.stream, "workers", "$", entries_read=count)
        client.set(self.prefix + ":low", newest)
        client.hset(self.counts, "started", count)
        self.history = count

    def calls_a_second(self, count, workers=1, latency_ms=0, first=0, **values):
        """What workers take from a full stream, read, post, record and acknowledge: from the first
        request at the agent to the last record."""
        agent = self.fast_agent(latency_ms)
        done = self.started() - self.history
        self.fill(count, first)
        kept = [self.worker(agent, is_ready=False, **values) for _ in range(workers)]
        end_us = self.wait_until_started(done + count)
        for worker in kept:
            self.end(worker)
        return count / (end_us - min(agent.arrivals().values())) * 1e6

    def rate_and_cost(self, count, first, **values):
        """As calls_a_second, by one worker: its rate, and its processor's microseconds a call, without
        those of its start."""
        agent = self.fast_agent()
        idle = self.worker(agent, **values)
        start_us = processor_us(idle)
        self.end(idle)
        done = self.started() - self.history
        self.fill(count, first)
        worker = self.worker(agent, is_ready=False, **values)
        end_us = self.wait_until_started(done + count)
        cost_us = (processor_us(worker) - start_us) / count
        self.end(worker)
        return count / (end_us - min(agent.arrivals().values())) * 1e6, cost_us

    def both_ends(self, count, rate, latency_ms=0, first=0, **values):
        """Through ingress, worker and agent: when each webhook was sent, and when its start request
        was read, in microseconds, by the call's number."""
        agent = self.fast_agent(latency_ms)
        ingress = self.ingress()
        worker = self.worker(agent, **values)
        done = self.started() - self.history
        times = self.folder / "caller.times"
        self.call(ingress, count, times, rate=rate, first=first)
        self.wait_until_started(done + count)
        self.end(worker)
        arrivals = agent.arrivals()
        sent = {int(number): int(sent) for number, sent, _ in read_rows(times)}
        assert sent.keys() == arrivals.keys(), "a call was lost"
        return sent, arrivals

    def waits_ms(self, count, rate, **options):
        """How long each start request came behind its webhook, in order of length."""
        sent, arrivals = self.both_ends(count, rate, **options)
        return sorted((arrivals[number] - sent[number]) / 1000 for number in sent)

    def end(self, process):
        self.processes.remove(process)
        trouble = process.close()
        assert not trouble, trouble


def wait_for_rewrite(client):
    def is_over():
        info = client.info("persistence")
        return not info["aof_rewrite_in_progress"] and not info["aof_rewrite_scheduled"]
    wait_for(is_over, FINISHED_TIMEOUT_S, "Redis to rewrite its file")
    assert client.info("persistence")["aof_last_bgrewrite_status"] == "ok"
    os.sync()  # what the kernel has still to write of it would slow down the next figure's syncs


class Lab:
    def __init__(self, folder):
        self.folder = folder
        self.redis = Redis(folder, fsync="always", options=["--auto-aof-rewrite-percentage", "0"])
        self.count = 0
        raise_open_files()

    @contextlib.contextmanager
    def stack(self):
        # A new file too: else what was flushed would be rewritten in the midst of another figure.
        self.redis.client.flushall()
        self.redis.client.bgrewriteaof()
        wait_for_rewrite(self.redis.client)
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        stack = Bench(folder, self.redis, f"{{bench-{self.count}}}")
        try:
            yield stack
        finally:
            troubles = stack.close()
        for trouble in troubles:
            print(f"bench: {trouble}", file=sys.stderr)

    def close(self):
        self.redis.close()


def machine():
    """What the figures depend on; nothing that names the machine."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    versions = {}
    for name in ("libmicrohttpd", "libcurl", "hiredis", "libuv", "libcjson", "libcrypto"):
        versions[name] = subprocess.run(["pkg-config", "--modversion", name], check=True,
                                        capture_output=True, text=True).stdout.strip()
    redis = subprocess.run(["redis-server", "--version"], check=True, capture_output=True, text=True)
    versions["redis"] = re.search(r"v=(\S+)", redis.stdout).group(1)
    return {"cores": os.cpu_count(), "cpu": cpu.group(1) if cpu else os.uname().machine,
            "memory_mb": int(memory.group(1)) // 1024, "kernel": os.uname().release,
            "versions": versions}
