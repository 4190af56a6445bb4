"""The board with its buttons over compose: actions.yml, as its head and the README's nginx have it."""

import http.client
import json
import re
import ssl
import subprocess
import sys

import pytest

import updates
from conftest import ROOT, wait_for

sys.path.append(str(ROOT / "tests/harness"))
from authority import Authority  # noqa: E402
from proxies import nginx_command  # noqa: E402
from stack import Process, free_port  # noqa: E402

TOKEN = "a-token-of-the-test"
AGENT = "agent:7870/start"


def block_of_the_readme(board_port):
    block = re.search(r"```nginx\n(location /board/ .*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    assert "127.0.0.1:7861" in block
    return block.replace("7861", str(board_port))


class Proxy(Process):
    """nginx of this machine, which ends TLS before the board."""

    def __init__(self, folder, board_port):
        self.port = free_port()
        self.authority = Authority(folder)
        cert, key = self.authority.certificate("ops", "DNS:ops.example")
        http_block = (f"server {{ listen 127.0.0.1:{self.port} ssl; server_name ops.example; "
                      f"ssl_certificate {cert}; ssl_certificate_key {key};\n"
                      f"{block_of_the_readme(board_port)} }}")
        super().__init__("nginx", nginx_command(folder / "nginx", http_block), folder)
        self.cookie = ""

    def ask(self, path, value=None):
        """As the page does it, in a browser that has opened https://ops.example/board/."""
        context = ssl.create_default_context(cafile=self.authority.file)
        context.check_hostname = False  # it is reached by its address
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)
        headers = {"Host": "ops.example", "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json",
                   "Cookie": self.cookie}
        method, body = ("GET", None) if value is None else ("POST", json.dumps(value))
        connection.request(method, f"/board{path}", body, headers)
        answer = connection.getresponse()
        body = answer.read()
        self.cookie = (answer.getheader("Set-Cookie") or self.cookie).split(";")[0]
        connection.close()
        return answer.status, json.loads(body) if body.startswith(b"{") else body


@pytest.fixture(scope="module")
def acting(compose):
    """The project with what the head of actions.yml wants in .env."""
    [network] = json.loads(subprocess.run(
        ["docker", "network", "inspect", f"{compose.env['COMPOSE_PROJECT_NAME']}_public"], check=True,
        capture_output=True, text=True).stdout)
    gateway = network["IPAM"]["Config"][0]["Gateway"]
    with compose.configured(COMPOSE_FILE="docker-compose.yml:common/ship/compose/actions.yml", BOARD_ACTIONS="true",
                            BOARD_TOKEN=TOKEN, BOARD_HOSTS="ops.example", TRUSTED_PROXIES=gateway):
        compose("up", "-d", "--wait")
        yield compose
    compose("up", "-d", "--wait")


@pytest.fixture
def board(acting, tmp_path):
    proxy = Proxy(tmp_path, acting.board_port)

    def is_open():
        try:
            return proxy.ask("/api/me")[0] == 200
        except OSError:
            return False
    try:
        wait_for(is_open, what="nginx and the board")
        yield proxy
    finally:
        proxy.close()


def ring(compose):
    """Rings, and does not wait for the outcome; the call's id."""
    body, headers = updates.signed_webhook()
    connection = http.client.HTTPConnection("127.0.0.1", compose.port, timeout=10)
    connection.request("POST", "/api/dial", body, headers)
    assert connection.getresponse().status == 200
    connection.close()
    return json.loads(body)["callId"]


def state(compose, call_id):
    return compose.redis("HGET", "{dialin}:call:" + call_id, "state").strip()


def wait_for_state(compose, call_id, wanted):
    wait_for(lambda: state(compose, call_id) == wanted, what=f"{call_id} to be {wanted}")


def test_nobody_acts_without_the_token(board):
    assert board.ask("/api/pause", {"agent": AGENT})[0] == 401
    assert board.ask("/api/login", {"token": "another-token-16"})[0] == 401
    assert board.ask("/api/me")[1]["is_logged_in"] is False


def test_what_an_operator_does(acting, board):
    """Pause, resume, cancel, replay, reveal, with the user of Redis that `setup` has made for it."""
    status, body = board.ask("/api/login", {"token": TOKEN})
    assert status == 200, body
    assert board.ask("/api/me")[1]["may_reveal"] is True
    first = ring(acting)
    wait_for_state(acting, first, "started")
    assert board.ask("/api/pause", {"agent": AGENT}) == (200, {"status": "done"})
    cancelled, resumed = ring(acting), ring(acting)
    for call_id in (cancelled, resumed):
        wait_for_state(acting, call_id, "waiting")
    assert board.ask("/api/cancel", {"id": cancelled})[0] == 200
    assert state(acting, cancelled) == "dead"
    assert board.ask("/api/resume", {"agent": AGENT})[0] == 200
    wait_for_state(acting, resumed, "started")
    status, plan = board.ask("/api/plan", {"id": cancelled})
    assert status == 200, plan
    assert board.ask("/api/replay", {"plan": plan["plan"]})[0] == 200
    wait_for_state(acting, cancelled + "~r1", "started")
    assert board.ask("/api/reveal", {"id": first})[1]["from"].startswith("+")
    assert board.ask("/api/export", {})[0] == 200
    done = board.ask("/api/operators")[1]["operators"]
    assert [entry["action"] for entry in reversed(done) if "action" in entry] == [
        "pause", "cancel", "resume", "replay", "reveal", "export"]
    assert {entry["outcome"] for entry in done if "outcome" in entry} == {"done", "shown"}
    assert {entry["peer"] for entry in done if "action" in entry} == {"127.0.0.1"}


def test_the_token_is_nobody_elses(acting):
    ids = acting("--profile", "*", "ps", "-aq").stdout.split()
    assert TOKEN not in subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True).stdout
    for service in ("worker", "ingress"):
        held = acting("exec", "-T", service, "ls", "/run/dialin").stdout
        assert "BOARD" not in held


def test_the_webhooks_name_their_sender_all_the_same(acting):
    """TRUSTED_PROXIES is the ingress' setting too, whose peer is the proxy of this project."""
    body, headers = updates.signed_webhook()
    connection = http.client.HTTPConnection("127.0.0.1", acting.port, timeout=10)
    connection.request("POST", "/api/dial", body, {**headers, "X-Forwarded-For": "203.0.113.7"})
    assert connection.getresponse().status == 200
    newest = acting.redis("XREVRANGE", "{dialin}:webhooks", "+", "-", "COUNT", "1").split("\n")
    assert newest[newest.index("peer") + 1] == "203.0.113.7"
