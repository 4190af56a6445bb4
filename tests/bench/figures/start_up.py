"""From exec to listening. For an orchestrator this is how soon a new process can take its share."""

import socket
import statistics
import subprocess
import time

import daily
from lab import QUIET
from stack import build_folder, clean_environment, free_port
from table import Row, at_most

TIMES = 5
TIMEOUT_S = 10

ROWS = [
    Row("start_ingress", "exec to listening: ingress", "ms", (at_most(30),)),
    Row("start_worker", "exec to listening: worker", "ms", (at_most(30),)),
]


def listening_ms(stack, program, port, **values):
    environment = clean_environment({**QUIET, **stack.values({"LISTEN_ADDR": "127.0.0.1", **values})})
    begun = time.monotonic()
    with subprocess.Popen([build_folder() / program], env=environment) as child:
        try:
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        return (time.monotonic() - begun) * 1000
                assert child.poll() is None and time.monotonic() - begun < TIMEOUT_S, program
                time.sleep(0.0002)
        finally:
            child.terminate()


def ingress_ms(stack):
    port = free_port()
    return listening_ms(stack, "dialin-ingress", port, PORT=port, ADMIN_PORT=0,
                        PINLESS_HMAC_SECRET=daily.SECRET)


def worker_ms(stack):
    port = free_port()
    return listening_ms(stack, "dialin-worker", port, ADMIN_PORT=port,
                        START_URL="http://127.0.0.1:1/start")


def take(lab):
    with lab.stack() as stack:
        return {"start_ingress": statistics.median(ingress_ms(stack) for _ in range(TIMES)),
                "start_worker": statistics.median(worker_ms(stack) for _ in range(TIMES))}
