"""Everything at once: a full agent, a slow customer database, the file read again, a worker killed."""

import json

from fake_start import delays
from routed import FULL, OTHER, SALES, SUPPORT, ring, started_by
from stack import wait_for
from test_lookup import CRM_SECRET, lookup, says
from test_reload import hang_up

VIP = "+14170000001"


def test_everything_at_once(stack, ledger, start, agents, routes):
    sales, support, spare, crm = agents("sales"), agents("support"), agents("spare"), agents("crm")
    sales.script(FULL)
    crm.script(delays(3, says(body={"tier": "gold"}, agent="support")))
    named = {name: {"start_url": agents(name).url, "max_in_flight": 4} for name in ("sales", "support", "spare")}
    of_sales = {"name": "sales", "to": "+1415*", "agent": "sales",
                "overflow": [{"after_s": "forecast", "agent": "spare"}]}
    of_crm = {"name": "crm", "to": "+1416*", "agent": "sales", "lookup": lookup(crm, timeout_ms=20000)}
    soon_gone = {"name": "gone", "to": "+1417*", "agent": "sales"}
    path = routes(of_sales, of_crm, soon_gone, **named)
    values = {"START_URL": start.url, "ROUTES_FILE": path, "CRM_SECRET": CRM_SECRET, "LEASE_S": "3"}
    workers = [stack.worker(**values) for _ in range(3)]

    calls = {number: [] for number in (SALES, SUPPORT, VIP, OTHER)}
    for _ in range(8):
        for number in (SALES, SUPPORT, VIP):
            calls[number].append(ring(ledger, number))
    wait_for(lambda: len(crm.requests) == 8, what="every lookup to be out")
    for _ in range(8):  # the database has not answered yet, the agent is full: these wait for neither
        calls[OTHER].append(ring(ledger, OTHER))
        started_by(ledger, calls[OTHER][-1], start)
    wait_for(lambda: all(ledger.call(call_id).get("state") == "waiting" for call_id in calls[SALES] + calls[VIP]),
             what="the others to stand in line")

    workers[0].kill()
    routes({**of_sales, "body": {"is_new": True}, "overflow": [{"after_s": 6, "agent": "spare"}]},
           of_crm, {"name": "vip", "agent": "spare"}, **named)
    for worker in workers[1:]:
        hang_up(worker)

    for call_id in calls[SUPPORT]:  # asked again only if the worker that asked is dead
        call = ledger.wait_for_state(call_id, "started", timeout_s=40)
        assert (call["route"], call["agent"]) == ("crm", "support")
        request, = support.requests_of(call_id)
        assert request.json()["body"]["tier"] == "gold"
        assert len(ledger.events(call_id, "lookup")) == 1
        asked = [each for each in crm.requests if each.header("webhook-id") == call_id]
        assert len(asked) <= 2 and {each.json()["call_id"] for each in asked} == {call_id}
    for call_id in calls[VIP]:
        call = ledger.wait_for_state(call_id, "started", timeout_s=40)
        assert (call["route"], call["agent"]) == ("vip", "spare")
        assert [each["reason"] for each in ledger.events(call_id, "route")] == ["gone"]
    for call_id in calls[SALES]:
        call = ledger.wait_for_state(call_id, "started", timeout_s=40)
        assert (call["route"], call["agent"], call["step"]) == ("sales", "spare", "1")
    everybody = [call_id for some in calls.values() for call_id in some]
    for call_id in everybody:
        served = [server for server in (start, support, spare) if server.requests_of(call_id)]
        assert len(served) == 1 and len(served[0].requests_of(call_id)) == 1, call_id
    ledger.check_account([entry for entry, _ in ledger.entries()])
    assert ledger.counts() == {"started": len(everybody)}
    for left in ("moves", "holds", "out:*", "lookup:*", "line:*"):
        assert ledger.client.keys(ledger.key(left)) == [], left
    done = stack.run("dialin-audit", "verify", "--json", **stack.values(values))
    assert done.returncode == 0 and not [json.loads(line) for line in done.stdout.splitlines()], done
