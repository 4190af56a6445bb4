"""End to end over `docker compose up`: real images, a real network, the hardening as it runs."""
import http.client
import json
import subprocess

import pytest

from conftest import wait_for

OURS = ("ingress", "worker", "agent", "redis")


def test_a_call_goes_through(compose):
    outcome = compose.ring()
    call_id = outcome["call"]["call_id"]
    record = compose.redis("HGETALL", "{dialin}:call:" + call_id).split("\n")
    fields = dict(zip(record[::2], record[1::2]))
    assert fields["state"] == "started"
    assert fields["agent"] == "agent:7870/start"
    assert fields["attempts"] == "1"


def test_the_record_of_a_call_is_read_and_replayed(compose):
    def audit(*arguments):
        return compose("run", "--rm", "-T", "audit", *arguments, check=False)
    call_id = compose.ring()["call"]["call_id"]
    story = json.loads(audit("show", call_id, "--json").stdout)
    assert story["state"] == "started"
    assert story["webhook"]["signature_is"] == "good, by a secret configured here"
    assert [event["event"] for event in story["events"]] == ["attempt", "started"]
    listed = audit("list", "--from", story["from"], "--json")
    assert call_id in listed.stdout, listed
    for command in (["stats"], ["verify"], ["export"], ["dead", "list"], ["tail", "--help"]):
        done = audit(*command)
        assert done.returncode == 0, (command, done)
    report = audit("replay", call_id, "--to", "http://agent:7870/start", "--yes", "--json")
    assert json.loads(report.stdout)["outcomes"] == [
        {"original": "started", "replay": "started", "calls": 1}], report
    assert ": erased " in audit("forget", story["from"], "--yes").stdout
    assert audit("show", call_id).returncode == 1


def test_a_burst_goes_through(compose):
    before = int(compose.redis("HGET", "{dialin}:counts", "started") or 0)
    compose.ring("--count", "300")
    assert int(compose.redis("HGET", "{dialin}:counts", "started")) == before + 300


def test_more_workers_share_the_load(compose):
    compose("up", "-d", "--wait", "--scale", "worker=4", "--no-recreate")
    try:
        assert len(compose.ids("worker")) == 4

        def workers_seen():
            compose.ring("--count", "400")
            audit = compose.redis("XREVRANGE", "{dialin}:audit", "+", "-", "COUNT", "800").split("\n")
            return {value for name, value in zip(audit, audit[1:]) if name == "worker"}
        wait_for(lambda: len(workers_seen()) == 4, what="all four workers start calls")
    finally:
        compose("up", "-d", "--wait", "--scale", "worker=1", "--no-recreate")


@pytest.mark.parametrize("service", OURS)
def test_containers_are_hardened(compose, service):
    for container in compose.inspect(service):
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"] and not host["CapAdd"]
        assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
        assert host["Memory"] > 0 and host["PidsLimit"] > 0 and not host["Privileged"]
        user = subprocess.run(["docker", "exec", container["Id"], "id", "-u"], text=True,
                              capture_output=True, check=True).stdout.strip()
        assert user != "0"
        status = subprocess.run(["docker", "exec", container["Id"], "cat", "/proc/1/status"],
                                text=True, capture_output=True, check=True).stdout
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        assert container["State"]["Health"]["Status"] == "healthy"


def test_only_the_ingress_is_published_and_on_loopback_only(compose):
    for service in OURS:
        for container in compose.inspect(service):
            ports = {port: bindings for port, bindings in container["NetworkSettings"]["Ports"].items()
                     if bindings}
            if service == "ingress":
                assert ports == {"7860/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(compose.port)}]}
            else:
                assert ports == {}


def test_the_published_port_answers(compose):
    connection = http.client.HTTPConnection("127.0.0.1", compose.port, timeout=10)
    connection.request("POST", "/api/dial", b'{"Test":"test"}')
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read()) == {"status": "success", "message": "Test request received"}
    connection.request("POST", "/api/dial", b'{"To":"+1"}', {"X-Pinless-Signature": "forged"})
    assert connection.getresponse().status == 200  # a verification request, however signed
    connection.close()
    connection.request("POST", "/api/dial", b'{"To":"+1","From":"x","callId":"c","callDomain":"d"}')
    assert connection.getresponse().status == 401
    connection.close()


def test_nobody_has_more_rights_in_redis_than_needed(compose):
    for user, command in (("ingress", ["GET", "{dialin}:counts"]), ("ingress", ["EVAL", "return 1", "0"]),
                          ("worker", ["FLUSHALL"]), ("worker", ["CONFIG", "GET", "*"]),
                          ("caller", ["DEL", "{dialin}:counts"]), ("worker", ["GET", "other"]),
                          ("health", ["GET", "{dialin}:low"])):
        said = compose("exec", "-T", "redis", "redis-cli", "--user", user, "--pass", "x",
                       "--no-auth-warning", *command, check=False)
        assert "NOPERM" in said.stdout + said.stderr, (user, command, said.stdout)
    bare = compose("exec", "-T", "redis", "redis-cli", "XLEN", "{dialin}:webhooks", check=False)
    assert "NOAUTH" in bare.stdout + bare.stderr


def test_the_record_survives_a_restart_of_everything(compose):
    call_id = compose.ring()["call"]["call_id"]
    compose("down", "--timeout", "30")  # without -v: the volume stays
    compose("up", "-d", "--wait")
    assert compose.redis("HGET", "{dialin}:call:" + call_id, "state").strip() == "started"
    assert "CRITICAL" not in compose("logs", "redis").stdout, "Redis left out a part of its file"
    compose.ring()


def test_programs_leave_with_exit_code_zero(compose):
    containers = {service: compose.ids(service) for service in ("ingress", "worker", "agent")}
    try:
        compose("stop", "ingress", "worker", "agent")
        for service, ids in containers.items():
            for container in ids:
                state = json.loads(subprocess.run(["docker", "inspect", container], check=True, text=True,
                                                  capture_output=True).stdout)[0]["State"]
                assert state["ExitCode"] == 0, service
    finally:
        compose("up", "-d", "--wait")


@pytest.mark.parametrize("live", [{"PIPECAT_CLOUD_API_KEY": "pk_live", "AGENT_NAME": "mine"},
                                  {"START_URL": "https://bot.example.com/start"}])
def test_the_demonstration_secret_never_guards_a_live_agent(compose, live):
    check = ("run", "--rm", "-T", "--no-deps", "ingress", "--check-config")
    with compose.configured(**live):
        done = compose(*check, check=False)
        assert done.returncode == 1
        assert "PINLESS_HMAC_SECRET" in done.stderr and "demonstration" in done.stderr
    with compose.configured(PINLESS_HMAC_SECRET="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTE=", **live):
        done = compose(*check, check=False)
        assert done.returncode == 0, done.stderr


def test_with_a_key_calls_go_to_pipecat_cloud(compose):
    with compose.configured(PIPECAT_CLOUD_API_KEY="pk_live", AGENT_NAME="mine"):
        done = compose("run", "--rm", "-T", "--no-deps", "worker", "--check-config", check=False)
        assert done.returncode == 0, done.stderr
        services = json.loads(compose("config", "--format", "json").stdout)["services"]
    assert services["worker"]["environment"]["PIPECAT_CLOUD_API_KEY"] == "pk_live"
    assert not services["worker"]["environment"].get("START_URL")
    for other in ("ingress", "agent", "redis"):
        assert "pk_live" not in json.dumps(services[other])


def test_a_redis_restart_loses_nothing(compose):
    call_id = compose.ring()["call"]["call_id"]
    compose("restart", "redis")
    wait_for(lambda: compose.inspect("ingress")[0]["State"]["Health"]["Status"] == "healthy" and
             compose.inspect("redis")[0]["State"]["Health"]["Status"] == "healthy", what="healthy")
    assert compose.redis("HGET", "{dialin}:call:" + call_id, "state").strip() == "started"
    assert "CRITICAL" not in compose("logs", "redis").stdout, "Redis left out a part of its file"
    compose.ring()
