"""A name with several addresses: each is tried, whichever of them Redis listens on, and errors name
the address. The names stand in a hosts file with both families, in a mount namespace of the
program's own."""

import shutil
import socket
import subprocess

import pytest

from history import DAY_MS, History
from stack import Program, Redis, build_folder, clean_environment, free_port, wait_for

HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"


def can_have_hosts_of_its_own():
    return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


needs_namespace = pytest.mark.skipif(not shutil.which("unshare") or not can_have_hosts_of_its_own(),
                                     reason="no mount namespace may be made here")


class WithHosts(Program):
    """A program that sees another /etc/hosts."""

    def __init__(self, name, folder, values):
        self.admin_port = free_port()
        folder.mkdir(exist_ok=True)
        hosts = folder / "hosts"
        hosts.write_text(HOSTS)
        script = f"mount --bind {hosts} /etc/hosts && exec {build_folder() / name}"
        super(Program, self).__init__(name, ["unshare", "-m", "sh", "-c", script], folder,
                                      clean_environment({"ADMIN_PORT": self.admin_port, **values}))
        self.is_ours = True
        self.wait_until_it_listens(self.admin_port)


def worker(stack, tmp_path, start, url):
    return stack.keep(WithHosts("dialin-worker", tmp_path / "w", stack.values({
        "REDIS_URL": url, "START_URL": start.url, "WORKER_NAME": "w",
        "LISTEN_ADDR": "127.0.0.1"})))


@needs_namespace
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_every_address_is_tried(stack, tmp_path, start, address):
    stack.redis = stack.keep(OnAddress(tmp_path, address))
    program = worker(stack, tmp_path, start, f"redis://localhost:{stack.redis.port}")
    program.wait_until_ready()
    where = f"[{address}]" if ":" in address else address
    assert f"address={where}:{stack.redis.port}".encode() in program.log()


@needs_namespace
def test_errors_name_every_address(stack, tmp_path, start):
    program = worker(stack, tmp_path, start, "redis://localhost:1")
    said = wait_for(lambda: [line for line in program.log_lines() if "cannot be used" in line])[0]
    assert "(127.0.0.1:1)" in said and "([::1]:1)" in said
    assert len([line for line in program.log_lines() if "cannot be used" in line]) <= 2


@needs_namespace
def test_a_family_may_be_chosen(stack, tmp_path, start):
    program = worker(stack, tmp_path, start, "redis://localhost:1?family=6")
    said = wait_for(lambda: [line for line in program.log_lines() if "cannot be used" in line])[0]
    assert "([::1]:1)" in said and "127.0.0.1" not in said


class OnAddress(Redis):
    """A Redis that listens on one address."""

    def __init__(self, folder, address):
        self.address = address
        super().__init__(folder, options=["--bind", address])

    def connect(self):
        import redis
        return redis.Redis(host=self.address, port=self.port, socket_timeout=10)


def test_info_that_is_not_permitted(stack, ledger, start):
    """A managed Redis: one warning, and the work is done; old history goes as ever."""
    redis = stack.own_redis()
    past = History(ledger)
    past.finished(8 * DAY_MS)
    redis.client.execute_command("ACL", "SETUSER", "default", "on", ">secret-of-default", "~*", "&*",
                                 "+@all", "-info", "-config", "-client|setname")
    worker = stack.worker(START_URL=start.url, DAILY_API_KEY="key-of-daily",
                          REDIS_URL=f"redis://:secret-of-default@127.0.0.1:{redis.port}")
    wait_for(lambda: not past.entry_ids(), what="the old entry to be trimmed")
    warned = [line for line in worker.log_lines() if " warning " in line]
    assert len(warned) <= 2 and all("does not allow INFO" in line for line in warned), warned
    assert len({line.split("connection=")[1].split()[0] for line in warned}) == len(warned)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_all_addresses_are_listened_on(stack, host):
    ingress = stack.ingress(LISTEN_ADDR="::", ADMIN_ADDR="::")
    for port, path in ((ingress.port, "/healthz"), (ingress.admin_port, "/readyz")):
        with socket.create_connection((host, port), 5) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200")
