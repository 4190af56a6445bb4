"""The README's section on routes, as a new user meets it: its file is copied, checked, edited, explained, reloaded and
rung; its two lookup servers run as they stand there."""

import json
import os
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

import daily
from audit import Audit
from fake_start import starts_a_bot
from routed import started_by
from stack import Process, free_port, wait_for
from test_lookup import CRM_SECRET
from test_reload import hang_up

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.split("\n## Routes\n")[1].split("\n## ")[0]
KNOWN = "+14158483432"


def block(language):
    return re.search(rf"^```{language}\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL).group(1)


def test_the_example_is_copied_checked_edited_reloaded_and_rung(stack, ledger, start, agents, tmp_path):
    path, sales = tmp_path / "routes.json", agents("sales")
    path.write_text(block("json"))
    lines = block("sh").splitlines()
    dotenv = dict(re.findall(r"(\w+)=(\S+)", lines[0]))
    assert dotenv.pop("ROUTES_FILE") == f"./{path.name}"
    values = {"START_URL": "http://127.0.0.1:7870/start", **dotenv, "ROUTES_FILE": path}
    checked = stack.run("dialin-worker", "--check-config", **values)
    assert checked.returncode == 0, checked.stderr
    webhook, = re.findall(r"--explain '(.*?)'", block("sh"))
    explained = stack.run("dialin-worker", "--explain", webhook, **values)
    assert explained.returncode == 0 and re.search(r"^route +robots +no: from$", explained.stdout, re.MULTILINE)
    assert re.search(r"^route +sales +takes the call$", explained.stdout, re.MULTILINE), "at any time of the day"

    edited = json.loads(path.read_text())
    edited["agents"]["sales"]["start_url"] = sales.url
    of_sales = edited["routes"][1]
    path.write_text(json.dumps(edited))
    values["START_URL"] = start.url
    explained = stack.run("dialin-worker", "--explain", webhook, **values)
    assert re.search(r"^route +sales +takes the call$", explained.stdout, re.MULTILINE), explained.stdout
    assert f"agent    sales, {sales.url}, with a key" in explained.stdout
    ingress, worker = stack.ingress(), stack.worker(**values)
    flags = re.search(r'ARGS="(.*?)"', lines[-1]).group(1).split()
    rung = stack.run("dialin-caller", "--url", f"http://127.0.0.1:{ingress.port}/api/dial", "--wait", *flags,
                     **stack.values({"PINLESS_HMAC_SECRET": daily.SECRET}))
    assert rung.returncode == 0 and re.search(r"^ +route +sales$", rung.stdout, re.MULTILINE), rung.stdout
    assert sales.requests[0].json()["body"]["tier"] == "gold"
    assert [call["state"] for call in Audit(stack).json("list", "--route", "sales")] == ["started"]

    of_sales["body"]["tier"] = "platinum"
    path.write_text(json.dumps(edited))
    hang_up(worker)
    rung = daily.webhook(To="+14152251493")
    assert ingress.ring(rung).status == 200
    started_by(ledger, rung["callId"], sales)
    assert sales.requests[1].json()["body"]["tier"] == "platinum"
    robot = daily.webhook(To="+14152251493", From="+19005550100")
    assert ingress.ring(robot).status == 200
    assert ledger.wait_for_state(robot["callId"], "dead")["reason"] == "declined"


COMMANDS = {"python": [sys.executable, "-c"], "js": [shutil.which("node"), "-e"]}


@pytest.mark.parametrize("language", COMMANDS)
def test_its_lookup_servers_run_as_they_stand_there(stack, ledger, start, tmp_path, language):
    if not COMMANDS[language][0]:
        pytest.skip("node is not here")
    code, port = block(language), free_port()
    assert len(code.splitlines()) <= 20 and code.count("8000") == 1
    assert f'"from"] == "{KNOWN}"' in code or f'.from === "{KNOWN}"' in code
    server = stack.keep(Process(f"crm-{language}", [*COMMANDS[language], code.replace("8000", str(port))], tmp_path,
                                {"PATH": os.environ["PATH"], "CRM_SECRET": CRM_SECRET}))

    def listens():
        assert server.is_running(), server.tail()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False
    wait_for(listens, 20, "the lookup's server to listen")
    path = tmp_path / "routes.json"
    path.write_text(json.dumps({"routes": [{"name": "all", "lookup": {
        "url": f"http://127.0.0.1:{port}/inbound", "secret_env": "CRM_SECRET", "timeout_ms": 20000}}]}))
    worker = stack.worker(START_URL=start.url, ROUTES_FILE=path, CRM_SECRET=CRM_SECRET)
    start.script(starts_a_bot())

    def ring(caller):
        webhook = daily.webhook(From=caller)
        ledger.queue(webhook)
        ledger.wait_for_state(webhook["callId"], "started", timeout_s=30)
        lookup, = ledger.events(webhook["callId"], "lookup")
        return lookup, start.requests_of(webhook["callId"])[0].json()["body"]
    lookup, body = ring(KNOWN)
    assert lookup["error"] == "" and body["tier"] == "gold"
    lookup, body = ring("+14150000000")
    assert lookup["error"] == "" and "tier" not in body

    worker.terminate()
    worker.wait()
    stack.worker(START_URL=start.url, ROUTES_FILE=path, CRM_SECRET="whsec_" + "QUJD" * 12)
    lookup, body = ring(KNOWN)
    assert "401" in lookup["error"] and "tier" not in body, "another's signature is good"
