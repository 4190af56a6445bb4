"""docker compose up, once for all tests here, under a project name and a port of its own."""
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIGURED = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(condition, timeout_s=60, what="condition"):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {timeout_s} s: {what}")


class Compose:
    """One project; `env` is the whole configuration, whatever the caller's own environment says."""

    def __init__(self, name, **env):
        self.port, self.board_port = free_port(), free_port()
        self.env = {key: value for key, value in os.environ.items() if key not in CONFIGURED}
        self.tag = name  # images of its own
        self.env.update(COMPOSE_PROJECT_NAME=name, PORT=str(self.port), DIALIN_TAG=self.tag,
                        BOARD_PORT=str(self.board_port),
                        COMPOSE_ENV_FILES="/dev/null", **env)

    def __call__(self, *args, check=True, timeout_s=300):
        done = subprocess.run(["docker", "compose", "--env-file", "/dev/null", *args], cwd=ROOT,
                              env=self.env, capture_output=True, text=True, timeout=timeout_s)
        if check and done.returncode != 0:
            raise AssertionError(f"docker compose {' '.join(args)}: {done.stdout}{done.stderr}")
        return done

    @contextlib.contextmanager
    def configured(self, **env):
        """Other variables, for what is run inside; what runs already is not touched."""
        before = self.env
        self.env = {**before, **env}
        try:
            yield
        finally:
            self.env = before

    def ids(self, service):
        return self("ps", "-q", service).stdout.split()

    def inspect(self, service):
        ids = self.ids(service)
        return json.loads(subprocess.run(["docker", "inspect", *ids], check=True, text=True,
                                         capture_output=True).stdout)

    def ring(self, *args):
        """Rings through dialin-caller; its JSON result."""
        done = self("run", "--rm", "-T", "caller", "--url", "http://proxy:7862/api/dial", "--wait",
                    "--json", *args, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def redis(self, *args, user="operator", check=True):
        """What Redis answers a user; its password is read where setup has put it."""
        command = 'u=$1; shift; REDISCLI_AUTH=$(cat "/run/dialin/$u") redis-cli --user "$u" --no-auth-warning "$@"'
        done = self("exec", "-T", "redis", "bash", "-c", command, "redis-cli", user, *args, check=check)
        return done.stdout if check else done.stdout + done.stderr

    def remove_images(self):
        images = subprocess.run(["docker", "images", "-q", f"dialin-*:{self.tag}"], capture_output=True, text=True,
                                check=True).stdout.split()
        if images:
            subprocess.run(["docker", "rmi", "-f", *set(images)], capture_output=True)

    def down(self):
        self("--profile", "*", "down", "-v", "--remove-orphans", "--timeout", "30")


@pytest.fixture(scope="session")
def compose():
    project = Compose("dialin-test", AGENT_POOL="0")  # no limit
    project.down()
    project("build", timeout_s=900)
    try:
        project("up", "-d", "--wait")
        yield project
    finally:
        logs = project("logs", "--no-color", "--tail", "200", check=False).stdout
        project.down()
        project.remove_images()
        print(logs)
