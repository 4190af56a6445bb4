"""What a service manager (systemd) does with the programs: it hands over a listening socket, waits for
READY=1, answers to its watchdog are due, and SIGTERM may keep the ingress accepting for a while."""

import re
import signal
import socket
import sys

import pytest

import daily
import http_raw
from stack import Program, free_port, wait_for

# Becomes the program, with the socket as its first descriptor, as systemd does it.
HAND_OVER = ("import os, sys; fd = int(sys.argv[1]); os.dup2(fd, 3); os.set_inheritable(3, True); "
             "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
             "os.execv(sys.argv[2], sys.argv[2:])")


class Manager:
    """The manager's end of the notifications."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.lines = []

    def has(self, line):
        try:
            while True:
                self.lines += self.socket.recv(4096).decode().split("\n")
        except BlockingIOError:
            return line in self.lines


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def ingress_on(stack, listener):
    port, admin_port = listener.getsockname()[1], free_port()
    fd = listener.fileno()
    ingress = stack.keep(Program("dialin-ingress", stack.folder, stack.values({
        "ADMIN_PORT": admin_port, "PINLESS_HMAC_SECRET": daily.SECRET}),
        launcher=[sys.executable, "-c", HAND_OVER, fd], pass_fds=[fd]))
    ingress.port, ingress.admin_port = port, admin_port
    ingress.wait_until_it_listens(admin_port)
    ingress.wait_until_ready()
    return ingress


def ring(port):
    body = daily.body(daily.webhook())
    return http_raw.ask(port, "POST", "/api/dial", daily.headers(body), body, timeout_s=30)


def test_a_restart_keeps_the_port_that_the_manager_holds(stack, ledger, listener):
    """Who rings between the two waits in the manager's queue, and is served by the next."""
    first = ingress_on(stack, listener)
    assert ring(first.port).status == 200
    first.terminate()
    assert first.wait() == 0
    with http_raw.Connection(first.port) as waiting:
        second = ingress_on(stack, listener)
        body = daily.body(daily.webhook())
        assert waiting.ask("POST", "/api/dial", daily.headers(body), body).status == 200
    assert ring(second.port).status == 200
    assert len(ledger.entries()) == 3


def test_it_says_when_it_is_ready_alive_and_stopping(stack, start, manager):
    programs = [stack.ingress(NOTIFY_SOCKET=manager.path, WATCHDOG_USEC="600000"),
                stack.worker(START_URL=start.url, NOTIFY_SOCKET=manager.path)]
    wait_for(lambda: manager.has("READY=1"))
    manager.lines.clear()
    wait_for(lambda: manager.has("WATCHDOG=1"))
    for program in programs:
        manager.lines.clear()
        program.terminate()
        wait_for(lambda: manager.has("STOPPING=1"))
        assert program.wait() == 0


def test_without_readiness_it_still_accepts_for_lame_duck_s(stack, ledger):
    ingress = stack.ingress(LAME_DUCK_S=600)
    ingress.terminate()
    wait_for(lambda: ingress.admin("/readyz").status == 503)
    assert re.search("shutting down", ingress.admin("/readyz").body.decode())
    assert ring(ingress.port).status == 200
    ingress.signal(signal.SIGTERM)  # the second one ends it
    assert ingress.wait() == 0
    assert len(ledger.entries()) == 1


def test_lame_duck_s_ends_by_itself(stack):
    ingress = stack.ingress(LAME_DUCK_S=1)
    ingress.terminate()
    assert ingress.wait() == 0
