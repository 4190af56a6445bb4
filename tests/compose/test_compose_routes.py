"""The README's path to routes over compose: the file is mounted, checked and explained in the container, changed
in place, and read again by itself and on SIGHUP."""

import json
import re
import socket
import sys

import pytest

from conftest import ROOT, wait_for

sys.path.append(str(ROOT / "tests/harness"))
from fake_start import FakeStart  # noqa: E402

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTE="
SECTION = (ROOT / "README.md").read_text().split("\n## Routes\n")[1].split("\n## ")[0]
WEBHOOK, = re.findall(r"--explain '(.*?)'", SECTION)


class Bot(FakeStart):
    """On this machine, and reached from the containers as host.docker.internal."""

    def listen(self):
        return socket.create_server(("0.0.0.0", 0), backlog=64)

    @property
    def url(self):
        return f"http://host.docker.internal:{self.port}/start"


@pytest.fixture(scope="module")
def bots():
    made = Bot(), Bot()
    yield made
    for bot in made:
        bot.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory, bots):
    """The example of the README, with a bot of this machine as its agent."""
    example = json.loads(re.search(r"^```json\n(.*?)^```", SECTION, re.M | re.S)[1])
    example["agents"]["sales"]["start_url"] = bots[1].url
    path = tmp_path_factory.mktemp("routes") / "routes.json"
    path.write_text(json.dumps(example, indent=1))
    path.with_name("routes.env").write_text("SALES_KEY=the-key-of-sales\n")
    return path


@pytest.fixture(scope="module")
def routed(compose, bots, path):
    with compose.configured(ROUTES_FILE=str(path), ROUTES_ENV_FILE=str(path.with_name("routes.env")),
                            START_URL=bots[0].url, PINLESS_HMAC_SECRET=SECRET):
        compose("up", "-d", "--wait", "--remove-orphans")
        yield compose
    compose("up", "-d", "--wait")


def explain(compose):
    return compose("exec", "-T", "worker", "dialin-worker", "--explain", WEBHOOK).stdout


def rename(path, old, new):
    """In place, as `cat new.json >routes.json` does."""
    path.write_text(path.read_text().replace(f'"name": "{old}"', f'"name": "{new}"'))


def log_of(compose):
    return compose("logs", "--no-color", "--no-log-prefix", "worker").stdout


def route_of(compose, *args):
    call_id = compose.ring(*args)["call"]["call_id"]
    return compose.redis("HGET", "{dialin}:call:" + call_id, "route").strip()


def test_it_is_checked_explained_and_rung(routed, bots):
    assert routed("exec", "-T", "worker", "dialin-worker", "--check-config").returncode == 0
    explained = explain(routed)
    assert re.search(r"^route +sales +takes the call$", explained, re.M), explained
    assert f"{bots[1].url}, with a key" in explained and "the-key-of-sales" not in explained
    assert route_of(routed, "--to", "+14152251493") == "sales"
    [request] = bots[1].requests
    assert request.header("Authorization") == "Bearer the-key-of-sales" and request.json()["body"]["tier"] == "gold"
    assert route_of(routed, "--to", "+12025550100") in ("", "night")
    assert len(bots[0].requests) == 1
    audit = routed("run", "--rm", "-T", "audit", "verify", check=False)
    assert audit.returncode == 0, audit


def test_a_change_is_read_by_itself(routed, path):
    before = log_of(routed).count("were read again")
    rename(path, "sales", "sales-2")
    wait_for(lambda: log_of(routed).count("were read again") > before, what="the file to be read again")
    assert re.search(r"^route +sales-2 +takes the call$", explain(routed), re.M)
    assert route_of(routed, "--to", "+14152251493") == "sales-2"
    rename(path, "sales-2", "sales")
    wait_for(lambda: log_of(routed).count("were read again") > before + 1, what="the first file again")


def test_a_bad_file_is_named_on_sighup_and_the_old_one_stays(routed, path):
    good = path.read_text()
    path.write_text(good.replace('"share"', '"sharp"').replace('"decline": true', '"declin": true'))
    try:
        before = log_of(routed).count("the old one stays")
        routed("kill", "-s", "HUP", "worker")
        wait_for(lambda: log_of(routed).count("the old one stays") > before, what="the bad file to be named")
        assert re.search(r"line \d+: .*declin", log_of(routed))
        refused = routed("exec", "-T", "worker", "dialin-worker", "--check-config", check=False)
        assert refused.returncode == 1 and "declin" in refused.stderr
        assert route_of(routed, "--to", "+14152251493") == "sales"
    finally:
        path.write_text(good)
    before = log_of(routed).count("were read again")
    routed("kill", "-s", "HUP", "worker")
    wait_for(lambda: log_of(routed).count("were read again") > before, what="the good file to be read")
    assert len(routed.ids("worker")) == 1 and routed.inspect("worker")[0]["RestartCount"] == 0
