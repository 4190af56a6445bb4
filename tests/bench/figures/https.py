"""What users have: the agent over https, with an authority of its own, answers after 300 ms. Bursts of calls in
one second through one ingress and one worker; once more with a wire of 40 ms there and back (slow_wire).
Beside it a Node server of the shape of the Next.js example (node_server.mjs), asked by the same caller."""

import re
import shutil
import subprocess
from pathlib import Path

import daily
from lab import ROOT, Listening, is_listening, read_rows
from stack import Process, clean_environment, free_port
from table import Row, at_most

LATENCY_MS = 300
BURSTS = [100, 1000, 5000]
ROUND_TRIPS_MS = [0, 40]
CONCURRENCY = 8192
PATIENCE_S = 60  # for Node
S_TIME_S = 2
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
NO_NODE = "node is not here: left out"


def rows_of(count, round_trip_ms):
    key, aimed = f"{count}_{round_trip_ms}", count == 1000
    title = f"{count:,} calls in 1 s, round trip {round_trip_ms} ms"
    yield Row(f"last_{key}", f"{title}: last request after last webhook", "ms",
              (at_most(1000),) if aimed else (), of=f"node_last_{key}")
    yield Row(f"node_last_{key}", "the same in Node", "ms")
    yield Row(f"rate_{key}", "its start requests a second", "/s", of=f"node_rate_{key}")
    yield Row(f"node_rate_{key}", "the same in Node", "/s")
    yield Row(f"peak_{key}", "peak memory of the worker", "MB", (at_most(80),) if aimed else (),
              of=f"node_peak_{key}")
    yield Row(f"node_peak_{key}", "the same in Node", "MB")
    yield Row(f"node_lost_{key}", f"callers that Node lost, of {count:,}", "")
    yield Row(f"turn_{key}", "longest turn of the worker's loop", "ms", (at_most(50),))
    yield Row(f"turn_cpu_{key}", "most processor time of a turn", "ms", (at_most(50),))
    yield Row(f"warnings_{key}", "warnings and errors in the worker's log", "", (at_most(0),))


ROWS = [Row("handshakes", "openssl s_time alone: new TLS connections, one after the other", "/s")]
ROWS += [row for round_trip_ms in ROUND_TRIPS_MS for count in BURSTS
         for row in rows_of(count, round_trip_ms)]


def make_authority(folder):
    """A certificate for 127.0.0.1, its own authority, with its key; and it among the system's."""
    file, bundle = folder / "agent.pem", folder / "bundle.pem"
    if not file.exists():
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "-", "-out", "-"],
            check=True, capture_output=True, text=True).stdout
        file.write_text(made)
        certificate = made[made.index("-----BEGIN CERTIFICATE"):]
        bundle.write_text((BUNDLE.read_text() if BUNDLE.exists() else "") + certificate)
    return file, bundle


class Https:
    """An agent over https, at the end of a wire that is as long as `round_trip_ms` says."""

    def __init__(self, stack, file, round_trip_ms):
        self.agent = stack.keep(Listening("fast_agent", stack.folder, lambda own: [
            "--port", own.port, "--latency-ms", LATENCY_MS, "--times", own.times, "--tls", file]))
        self.port = self.agent.port
        if round_trip_ms:
            self.port = stack.keep(Listening("slow_wire", stack.folder, lambda own: [
                own.port, self.agent.port, round_trip_ms / 2])).port

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}/start"

    def arrivals(self):
        return self.agent.arrivals()


class NodeServer(Process):
    def __init__(self, folder, start_url, authority):
        self.port = free_port()
        super().__init__("node", ["node", ROOT / "tests" / "bench" / "node_server.mjs"], folder,
                         clean_environment({"PORT": self.port, "START_URL": start_url,
                                            "PINLESS_HMAC_SECRET": daily.SECRET,
                                            "NODE_EXTRA_CA_CERTS": authority}))
        self.wait_for_start(lambda: is_listening(self.port), "listen")


def peak_mb(process):
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024


def last_and_rate(stack, count, arrivals):
    sent = {int(number): int(at) for number, at, _ in read_rows(stack.folder / "caller.times")}
    assert len(sent) == count
    last_us, first_us = max(arrivals.values()), min(sent.values())
    return (last_us - max(sent.values())) / 1000, len(arrivals) / (last_us - first_us) * 1e6


def take_own(lab, files, count, round_trip_ms):
    key = f"{count}_{round_trip_ms}"
    with lab.stack() as stack:
        agent = Https(stack, files[0], round_trip_ms)
        ingress = stack.ingress()
        worker = stack.worker(agent, START_CA_FILE=files[1], CONCURRENCY=CONCURRENCY)
        stack.call(ingress, count, stack.folder / "caller.times", rate=count)
        stack.wait_until_started(count)
        peak, metrics = peak_mb(worker), worker.metrics()
        lines = worker.log_lines()
        stack.end(worker)
        arrivals = agent.arrivals()
        assert len(arrivals) == count, "a call was lost"
        last_ms, rate = last_and_rate(stack, count, arrivals)
    return {f"last_{key}": last_ms, f"rate_{key}": rate, f"peak_{key}": peak,
            f"turn_{key}": metrics["dialin_loop_turn_seconds_max"] * 1000,
            f"turn_cpu_{key}": metrics["dialin_loop_turn_cpu_seconds_max"] * 1000, f"warnings_{key}": len(lines)}


def take_node(lab, files, count, round_trip_ms):
    key = f"{count}_{round_trip_ms}"
    with lab.stack() as stack:
        agent = Https(stack, files[0], round_trip_ms)
        server = stack.keep(NodeServer(stack.folder, agent.url, files[0]))
        called = stack.call(server, count, stack.folder / "caller.times", rate=count,
                            connections=count, patience=PATIENCE_S, check=False)
        peak = peak_mb(server)
        last_ms, rate = last_and_rate(stack, count, agent.arrivals())
    return {f"node_last_{key}": last_ms, f"node_rate_{key}": rate, f"node_peak_{key}": peak,
            f"node_lost_{key}": count - called["answered"]}


def handshakes_a_second(lab, files):
    """Client and server on a core each, as fast as OpenSSL goes."""
    with lab.stack() as stack:
        agent = Https(stack, files[0], 0)
        done = subprocess.run(["openssl", "s_time", "-connect", f"127.0.0.1:{agent.port}", "-new",
                               "-time", str(S_TIME_S), "-CAfile", files[0]],
                              stdout=subprocess.PIPE, text=True, check=True)
    count, seconds = re.search(r"(\d+) connections in (\d+) real seconds", done.stdout).groups()
    return int(count) / int(seconds)


def take(lab):
    files = make_authority(lab.folder)
    samples = {"handshakes": handshakes_a_second(lab, files)}
    for round_trip_ms in ROUND_TRIPS_MS:
        for count in BURSTS:
            samples |= take_own(lab, files, count, round_trip_ms)
            if shutil.which("node"):
                samples |= take_node(lab, files, count, round_trip_ms)
    for row in ROWS:
        samples.setdefault(row.key, NO_NODE)
    return samples
