"""A setting stands in all of its places: the program's table (--help), the README, docker-compose.yml,
and for the worker's also dialin-audit's table, or here among those that it does not need."""

import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).parents[2]
README = (TOP / "README.md").read_text(encoding="utf-8")
COMPOSE = (TOP / "docker-compose.yml").read_text(encoding="utf-8")

# What compose gives a fixed value or leaves at the default, because it is the container's own.
FIXED_IN_COMPOSE = {"PORT", "LISTEN_ADDR", "ADMIN_PORT", "ADMIN_ADDR"}
# Secrets that compose keeps from a program.
# The second: its Redis has users for one prefix.
NOT_OF_COMPOSE = {("board", "PINLESS_HMAC_SECRET"), ("board", "REDIS_PREFIXES")}

# Settings of the worker that neither what was sent nor what is redacted depends on.
NOT_OF_AUDIT = {
    "ADMIN_ADDR", "ADMIN_PORT", "ALERT_CA_FILE", "ALERT_URL", "CONCURRENCY", "CONNECT_LIMIT_S", "DRAIN_TIMEOUT_S",
    "HOLD_GRACE_S", "LEASE_S", "LISTEN_ADDR", "LOG_FORMAT", "LOG_LEVEL", "REDIS_WAIT_REPLICAS",
    "RETENTION_DAYS", "ROOM_EXPIRY_S", "START_CA_FILE",
    "WORKER_NAME",
}


def settings_of(stack, program):
    help_text = stack.run(program, "--help").stdout
    found = dict(re.findall(r"^  ([A-Z][A-Z0-9_]+) \(default (.*?)\)  ", help_text, re.MULTILINE))
    assert "REDIS_URL" in found
    return found


def environment_of(service):
    """The names that compose gives a service, those of x-common included; a secret comes as NAME_FILE."""
    name_at = r"([A-Z][A-Z0-9_]+?)(?:_FILE: /run/dialin/|:)"
    block = re.search(rf"^  {service}:\n(.*?)(?=^  \w|\Z)", COMPOSE, re.MULTILINE | re.DOTALL)[1]
    common = re.search(r"^x-common:.*?\n(.*?)^\S", COMPOSE, re.MULTILINE | re.DOTALL)[1]
    names = set(re.findall("^  " + name_at, common, re.MULTILINE))
    assert "REDIS_URL" in names
    return names | set(re.findall("^      " + name_at, block, re.MULTILINE))


@pytest.mark.parametrize("program", ["ingress", "worker", "board"])
def test_the_readme_has_each(stack, program):
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", README))
    assert set(settings_of(stack, f"dialin-{program}")) - documented == set()


@pytest.mark.parametrize("program", ["ingress", "worker", "board"])
def test_compose_hands_each_through(stack, program):
    missing = set(settings_of(stack, f"dialin-{program}")) - environment_of(program)
    missing = {name for name in missing if (program, name) not in NOT_OF_COMPOSE}
    assert missing - FIXED_IN_COMPOSE == set()


@pytest.mark.parametrize("program", ["ingress", "worker", "board"])
def test_compose_has_none_that_is_not_there(stack, program):
    assert environment_of(program) - set(settings_of(stack, f"dialin-{program}")) == set()


def test_audit_has_those_of_the_worker_that_it_needs(stack):
    worker, audit = settings_of(stack, "dialin-worker"), settings_of(stack, "dialin-audit")
    assert set(worker) - set(audit) - NOT_OF_AUDIT == set()
    assert {name for name in worker if name in audit and audit[name] != worker[name]} == set()


def test_the_readme_gives_the_defaults(stack):
    """A row of the README's tables: one or more names, and as many defaults (empty: unset)."""
    defaults = {}
    for program in ("dialin-worker", "dialin-ingress", "dialin-board"):
        for name, value in settings_of(stack, program).items():
            defaults.setdefault(name, set()).add(value)
    rows = re.findall(r"^\| ((?:`[A-Z0-9_]+`(?:, )?)+) \| (.*?) ?\| ", README, re.MULTILINE)
    assert len(rows) > 20
    for names, values in rows:
        names = re.findall(r"[A-Z0-9_]+", names)
        values = [value.strip() for value in values.split(",")]
        for name, value in zip(names, values):
            if name in defaults and re.fullmatch(r"\d+|[a-z]+://\S+", value):
                assert value in defaults[name], (name, value, defaults[name])
