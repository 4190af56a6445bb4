"""The board's buttons with compose, as far as can be tried without an engine: what setup.sh hands out, and
that the board starts with what the override file gives it."""

import os
import re
import subprocess

import pytest

from stack import REPOSITORY

COMPOSE = REPOSITORY / "common" / "ship" / "compose"
SERVICES = ["redis", "proxy", "ingress", "worker", "audit", "caller", "board", "operator"]


@pytest.fixture
def setup(tmp_path):
    """Runs setup.sh with folders of the test's own; returns what the board gets."""
    text = (COMPOSE / "setup.sh").read_text()
    for path in ("/auth", "/run/settings", "/run/secrets"):
        text = text.replace(path, f"{tmp_path}{path}")
    text = re.sub(r"^(OWNER|REDIS_OWNER)=\d+", rf"\1={os.getuid()}", text, flags=re.MULTILINE)
    for service in SERVICES:
        (tmp_path / "auth" / service).mkdir(parents=True)
    (tmp_path / "run" / "secrets").mkdir(parents=True)
    (tmp_path / "setup.sh").write_text(text)
    (tmp_path / "users.acl.in").write_text((COMPOSE / "users.acl.in").read_text())

    def run(**values):
        (tmp_path / "run" / "settings").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        subprocess.run(["bash", tmp_path / "setup.sh"], check=True, capture_output=True, timeout=60)
        return {path.name: path.read_text() for path in (tmp_path / "auth" / "board").iterdir()}
    run.folder = tmp_path / "auth"
    return run


def environment_of(path, service):
    """NAME: value of a service, as Compose fills it in without any variable set."""
    text = path.read_text(encoding="utf-8")
    block = re.search(rf"^  {service}:\n(.*?)(?=^  \w|\Z)", text, re.MULTILINE | re.DOTALL)[1]
    found = re.findall(r"^      ([A-Z][A-Z0-9_]+): (.*?)(?: #.*)?$", block, re.MULTILINE)
    return {name: value.strip('"') for name, value in found}


def test_only_a_board_that_may_act_gets_the_user_that_may(setup):
    quiet = setup(BOARD_TOKEN="a-token-of-the-test")
    assert quiet["BOARD_ACTIONS_REDIS_URL"] == "" and quiet["REDIS_URL"].startswith("redis://board:")
    acting = setup(BOARD_TOKEN="a-token-of-the-test", BOARD_ACTIONS="true")
    password = (setup.folder / "redis" / "actions").read_text()
    assert acting["BOARD_ACTIONS_REDIS_URL"] == f"redis://actions:{password}@redis"
    assert acting["REDIS_URL"] == quiet["REDIS_URL"]
    assert re.search(r"^user actions on #[0-9a-f]{64} ~", (setup.folder / "redis" / "users.acl").read_text(), re.MULTILINE)
    assert setup(BOARD_ACTIONS="true", BOARD_ACTIONS_REDIS_URL="redis://x@y")["BOARD_ACTIONS_REDIS_URL"] == "redis://x@y"
    assert setup(BOARD_ACTIONS="true", REDIS_URL="redis://one@own")["BOARD_ACTIONS_REDIS_URL"] == "redis://one@own"
    assert setup(BOARD_ACTIONS="false")["BOARD_ACTIONS_REDIS_URL"] == ""


def started_with(stack, tmp_path, files, given):
    """--check-config with the environment that these compose files give the board."""
    values = {}
    for path in (REPOSITORY / "docker-compose.yml", COMPOSE / "actions.yml")[:files]:
        values.update(environment_of(path, "board"))
    for name, value in values.items():
        variable = re.fullmatch(r"\$\{([A-Z_]+):[-?].*\}", value)
        values[name] = given.get(variable[1], "") if variable else value.replace("/run/dialin", str(tmp_path / "auth" / "board"))
    return stack.run("dialin-board", "--check-config", **{name: value for name, value in values.items() if value})


def test_the_override_turns_the_buttons_on(stack, setup, tmp_path):
    given = {"BOARD_ACTIONS": "true", "BOARD_HOSTS": "ops.example", "TRUSTED_PROXIES": "172.18.0.1"}
    setup(BOARD_TOKEN="a-token-of-the-test", BOARD_ACTIONS="true")
    assert started_with(stack, tmp_path, 2, given).returncode == 0
    alone = started_with(stack, tmp_path, 1, given)
    assert alone.returncode == 1 and "excludes BOARD_LOCAL_ONLY" in alone.stderr
    setup(BOARD_ACTIONS="true")  # neither a token nor a user header
    nobody = started_with(stack, tmp_path, 2, given)
    assert nobody.returncode == 1 and "needs BOARD_TOKEN or BOARD_USER_HEADER" in nobody.stderr
    setup()
    assert started_with(stack, tmp_path, 1, {}).returncode == 0  # as compose starts it by itself
