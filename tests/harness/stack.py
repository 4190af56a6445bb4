"""The processes of a test: a private Redis, the programs under test, and how they end.

Every process is ended by its id. A program that does not leave with exit code 0 on SIGTERM, or
that a sanitizer has complained of, fails the test that started it.
"""

import collections
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import daily
import http_raw

REPOSITORY = Path(__file__).resolve().parents[2]
MEND_AOF = REPOSITORY / "common" / "ship" / "compose" / "mend_aof.sh"  # as compose starts Redis
START_TIMEOUT_S = 20  # for a program to answer; the sanitizers' builds are slow to begin
EXIT_TIMEOUT_S = 20
TURN_S = 0.01  # between two looks
LOG_TAIL_BYTES = 6000
SANITIZER_REPORTS = (b"ERROR: AddressSanitizer", b"ERROR: LeakSanitizer", b"runtime error:",
                     b"Assertion `", b"AddressSanitizer:DEADLYSIGNAL")
# Below the range from which the system takes the ports of outgoing connections.
PORTS = range(20000, 32000)


def build_folder():
    return REPOSITORY / os.environ.get("DIALIN_BUILD", "build")


def wait_for(condition, timeout_s=10, what=None):
    """Waits until `condition()` is true, and gives back what it gave. What it oversleeps does not count:
    on a crowded machine the programs oversleep as much."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        begun = time.monotonic()
        if begun > deadline:
            what = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"waited {timeout_s} s in vain for: {what}")
        time.sleep(TURN_S)
        deadline += time.monotonic() - begun - TURN_S


# A name on this machine for each port given out of late, so that no other run of these tests
# chooses it before the program listens, or while it is being started again.
claims = collections.deque(maxlen=200)


def free_port():
    for port in random.sample(PORTS, 500):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0dialin-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        claims.append(claim)
        return port
    raise AssertionError("no free port was found")


class Process:
    """A child process with its output in a file."""

    def __init__(self, name, command, folder, environment=None, pass_fds=()):
        self.name = name
        self.is_ours = False  # held to exit code 0 and to the sanitizers' silence
        self.expected_exit = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / f"{name}-{random.randrange(1 << 32):08x}.log"
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, env=environment,
                                          pass_fds=pass_fds)

    @property
    def pid(self):
        return self.child.pid

    def log(self):
        return self.log_path.read_bytes()

    def log_lines(self):
        return self.log().decode("utf-8", "replace").splitlines()

    def is_running(self):
        return self.child.poll() is None

    def wait_for_start(self, condition, what):
        """Nothing stays behind of a process that does not come up."""
        try:
            wait_for(condition, START_TIMEOUT_S, f"{self.name} to {what}")
        except BaseException:
            self.kill()
            raise

    def signal(self, number):
        self.child.send_signal(number)

    def terminate(self):
        self.signal(signal.SIGTERM)

    def wait(self, timeout_s=EXIT_TIMEOUT_S):
        return self.child.wait(timeout_s)

    def kill(self):
        """As a power cut does it. It may then have any exit code."""
        self.expected_exit = None
        self.signal(signal.SIGKILL)
        self.wait()

    def complaint(self):
        """What a sanitizer or an assertion has said, or None."""
        log = self.log()
        if self.is_ours and any(report in log for report in SANITIZER_REPORTS):
            return f"{self.name} (pid {self.pid}) has a report in its log:\n{self.tail()}"
        return None

    def tail(self):
        return self.log()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")

    def close(self):
        """Ends it; a sentence where something was wrong with how it left."""
        if self.is_running():
            self.signal(signal.SIGCONT)
            self.terminate()
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            return f"{self.name} did not leave within {EXIT_TIMEOUT_S} s of SIGTERM"
        if self.is_ours and self.expected_exit is not None and code != self.expected_exit:
            return f"{self.name} left with exit code {code}:\n{self.tail()}"
        return self.complaint()


class Redis(Process):
    """A redis-server of one's own, on loopback and on a unix socket, in a folder of its own."""

    def __init__(self, folder, fsync="no", port=None, password=None, options=(),
                 environment=None):
        self.folder = folder
        self.port = port or free_port()
        self.password = password
        self.fsync = fsync
        self.environment = environment
        self.options = options
        data = folder / "redis"
        data.mkdir(parents=True, exist_ok=True)
        # The path of a unix socket may have 107 bytes only, and pytest's folders are long.
        self.socket_folder = tempfile.mkdtemp(prefix="dialin-")
        self.socket_path = f"{self.socket_folder}/redis.sock"
        command = [MEND_AOF, data, "redis-server", "--port", self.port, "--bind", "127.0.0.1",
                   "--unixsocket", self.socket_path, "--dir", data, "--save", "",
                   "--appendonly", "yes", "--appendfsync", fsync, "--daemonize", "no",
                   "--maxmemory-policy", "noeviction"]
        if password:
            command += ["--requirepass", password]
        command += options
        super().__init__("redis", command, folder,
                         {**os.environ, **environment} if environment else None)
        self.client = self.connect()
        self.wait_until_ready()

    @property
    def url(self):
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}"

    @property
    def unix_url(self):
        return f"unix://{self.socket_path}"

    def connect(self):
        import redis
        return redis.Redis(host="127.0.0.1", port=self.port, password=self.password,
                           socket_timeout=10)

    def wait_until_ready(self):
        import redis

        def answers():
            try:
                return self.client.ping()
            except redis.exceptions.RedisError:
                return False
        self.wait_for_start(answers, "answer")

    def again(self):
        """A successor with the same port and data, after a kill."""
        return Redis(self.folder, self.fsync, self.port, self.password, self.options,
                     self.environment)

    def close(self):
        self.client.close()
        trouble = super().close()
        shutil.rmtree(self.socket_folder, ignore_errors=True)
        return trouble


def clean_environment(values):
    """What a program sees: the values given here, and nothing of the one who runs the tests."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    environment.update({name: str(value) for name, value in values.items() if value is not None})
    return environment


class Program(Process):
    def __init__(self, name, folder, values, arguments=(), launcher=(), pass_fds=()):
        """`launcher`: the command that becomes the program, as nsenter does."""
        self.values = values
        super().__init__(name, [*launcher, build_folder() / name, *arguments], folder,
                         clean_environment(values), pass_fds)
        self.is_ours = True

    def wait_until_it_listens(self, port):
        def listens():
            assert self.is_running(), f"{self.name} left at once:\n{self.tail()}"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        self.wait_for_start(listens, "listen")

    def admin(self, path):
        return http_raw.ask(self.admin_port, "GET", path)

    def is_ready(self):
        return self.admin("/readyz").status == 200

    def wait_until_ready(self):
        wait_for(self.is_ready, START_TIMEOUT_S, f"{self.name} to be ready")

    def metrics(self):
        """The samples of /metrics: {'name{labels}': value}."""
        return parse_metrics(self.admin("/metrics").body.decode())

    def total(self, name, **labels):
        """The sum of a metric over all series with these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(value for sample, value in self.metrics().items()
                   if sample.split("{")[0] == name and all(each in sample for each in wanted))


class Ingress(Program):
    def __init__(self, folder, values):
        self.port, self.admin_port = free_port(), free_port()
        super().__init__("dialin-ingress", folder, {
            "PORT": self.port, "ADMIN_PORT": self.admin_port, "LISTEN_ADDR": "127.0.0.1",
            "PINLESS_HMAC_SECRET": daily.SECRET, **values})
        self.wait_until_it_listens(self.port)
        self.wait_until_it_listens(self.admin_port)

    def post(self, body, headers=None, path="/api/dial"):
        return http_raw.ask(self.port, "POST", path, headers, body)

    def ring(self, webhook=None, **headers_of_daily):
        """Sends a webhook as Daily does."""
        body = daily.body(webhook if webhook is not None else daily.webhook())
        return self.post(body, daily.headers(body, **headers_of_daily))


class Worker(Program):
    def __init__(self, folder, values, launcher=()):
        self.admin_port = free_port()
        super().__init__("dialin-worker", folder, {
            "ADMIN_PORT": self.admin_port, "LISTEN_ADDR": "127.0.0.1", **values}, launcher=launcher)
        self.wait_until_it_listens(self.admin_port)

    def read_account(self, client):
        """The account is read whenever the connection has come up; no test waits for its timer."""
        before = self.metrics()["dialin_account_readings_total"]
        for connection in client.client_list():
            if connection["name"] == "dialin-worker":
                client.client_kill_filter(_id=connection["id"])
        wait_for(lambda: self.metrics()["dialin_account_readings_total"] > before)

    def consumer(self):
        """Its name in the consumer group, as its log says it."""
        return re.search(rb"consumer=(\S+)", self.log()).group(1).decode()


class Board(Program):
    def __init__(self, folder, values):
        self.port, self.admin_port = free_port(), free_port()
        super().__init__("dialin-board", folder, {
            "PORT": self.port, "ADMIN_PORT": self.admin_port, **values})
        self.wait_until_it_listens(self.port)
        self.wait_until_it_listens(self.admin_port)

    def get(self, path, headers=()):
        return http_raw.ask(self.port, "GET", path, headers)

    def post(self, path, value, headers=None):
        """As the page does it."""
        headers = headers if headers is not None else [("Sec-Fetch-Site", "same-origin")]
        return http_raw.ask(self.port, "POST", path,
                            [("Content-Type", "application/json"), *headers],
                            json.dumps(value).encode())


class Agent(Program):
    """dialin-agent, which plays Pipecat Cloud."""

    def __init__(self, folder, *arguments):
        self.port = free_port()
        super().__init__("dialin-agent", folder, {},
                         ["--port", self.port, "--listen-addr", "127.0.0.1", *arguments])
        self.wait_until_it_listens(self.port)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/start"

    def get(self, path):
        answer = http_raw.ask(self.port, "GET", path, timeout_s=30)
        assert answer.status == 200, answer
        return answer.json()

    def control(self, **settings):
        answer = http_raw.ask(self.port, "POST", "/control",
                              [("Content-Type", "application/json")],
                              json.dumps(settings).encode())
        assert answer.status == 200, answer
        return answer.json()

    def starts(self):
        """How many sessions each call got: {call id: number}."""
        return self.get("/starts")

    def waiting_max(self):
        """The most requests that it had at once and not answered yet."""
        return self.get("/control")["counters"]["waiting_max"]


class Stack:
    """The programs of one test (or of one module's tests) around one Redis and one prefix."""

    def __init__(self, folder, redis, prefix):
        self.folder = folder
        self.redis = redis
        self.prefix = prefix
        self.processes = []
        self.wires = []

    def keep(self, process):
        self.processes.append(process)
        return process

    def keep_wire(self, wire):
        """A proxy or the like, which the programs still need while they leave."""
        self.wires.append(wire)
        return wire

    def own_redis(self, **options):
        """A Redis for this stack alone, for tests that stop or kill it."""
        self.redis = self.keep(Redis(self.folder, **options))
        return self.redis

    def restart_redis(self):
        self.redis = self.keep(self.redis.again())
        return self.redis

    def values(self, values):
        return {"REDIS_URL": self.redis.url if self.redis else None,
                "REDIS_PREFIX": self.prefix, **values}

    def ingress(self, is_ready=True, **values):
        ingress = self.keep(Ingress(self.folder, self.values(values)))
        if is_ready:
            ingress.wait_until_ready()
        return ingress

    def worker(self, is_ready=True, launcher=(), **values):
        worker = self.keep(Worker(self.folder, self.values({"WORKER_NAME": "w", **values}), launcher))
        if is_ready:
            worker.wait_until_ready()
        return worker

    def board(self, is_ready=True, **values):
        board = self.keep(Board(self.folder, self.values(values)))
        if is_ready:
            board.wait_until_ready()
        return board

    def agent(self, *arguments):
        return self.keep(Agent(self.folder, *arguments))

    def run(self, name, *arguments, **values):
        """Runs a program that is expected to leave by itself: exit code, output and errors."""
        return subprocess.run([str(build_folder() / name), *arguments],
                              env=clean_environment(values), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=EXIT_TIMEOUT_S)

    def complaints(self):
        return [complaint for process in self.processes if (complaint := process.complaint())]

    def logs(self):
        return b"".join(process.log() for process in self.processes if process.is_ours)

    def close(self):
        """Ends the programs before what they talk to."""
        troubles = [process.close() for process in reversed(self.processes)]
        self.processes = []
        for wire in self.wires:
            wire.close()
        self.wires = []
        return [trouble for trouble in troubles if trouble]


SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\})? '
                    r'([-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|Inf|NaN))$')


def parse_metrics(text):
    """Reads the Prometheus text format, strictly."""
    assert text.endswith("\n")
    samples, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"{name} has two TYPE lines"
            assert kind in ("counter", "gauge", "histogram"), line
            types[name] = kind
        elif not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line!r}"
            base = re.sub(r"_(bucket|sum|count)$", "", match.group(1))
            assert match.group(1) in types or base in types, f"no TYPE in front of {line!r}"
            samples[match.group(1) + (match.group(2) or "")] = float(match.group(3))
    assert samples
    return samples
