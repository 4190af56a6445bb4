"""End to end over `docker compose up`: real images, a real network, the hardening as it runs."""
import http.client
import json
import re
import socket
import subprocess
import tempfile

import pytest

import updates
from conftest import ROOT, Compose, free_port, wait_for

OURS = ("proxy", "ingress", "worker", "board", "agent", "redis")
OWN_SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTE="


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


def test_only_proxy_and_board_are_published_and_on_loopback_only(compose):
    published = {"proxy": ("7860/tcp", compose.port), "board": ("7861/tcp", compose.board_port)}
    for service in OURS:
        for container in compose.inspect(service):
            ports = {port: bindings for port, bindings in container["NetworkSettings"]["Ports"].items()
                     if bindings}
            port, host_port = published.get(service, (None, None))
            assert ports == ({port: [{"HostIp": "127.0.0.1", "HostPort": str(host_port)}]} if port else {})


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


def test_the_board_shows_a_call(compose):
    def ask(path, value=None, host="127.0.0.1"):
        connection = http.client.HTTPConnection("127.0.0.1", compose.board_port, timeout=20)
        headers = {"Host": f"{host}:{compose.board_port}", "Sec-Fetch-Site": "same-origin",
                   "Content-Type": "application/json"}
        connection.request("GET" if value is None else "POST", path, value and json.dumps(value), headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body
    call_id = compose.ring()["call"]["call_id"]
    assert ask("/")[0] == 200
    now = json.loads(ask("/api/now")[1])
    assert now["workers"] >= 1 and "redis_problem" not in now, now
    status, body = ask("/api/call", {"id": call_id})
    assert status == 200 and json.loads(body)["state"] == "started", body
    assert json.loads(body)["webhook"]["signature_is"].startswith("unknown")  # it was given no secret
    assert ask("/api/now", host="evil.example")[0] == 421
    assert json.loads(ask("/api/account")[1])["account"]["adds_up"]


def test_each_user_of_redis_has_no_more_rights_than_needed(compose):
    allowed = [("ingress", ["XADD", "{dialin}:refused", "MAXLEN", "10000", "*", "code", "x"]),
               ("ingress", ["HMGET", "{dialin}:call:none", "state"]), ("ingress", ["GET", "{dialin}:low"]),
               ("ingress", ["XRANGE", "{dialin}:webhooks", "-", "+", "COUNT", "1"]), ("ingress", ["TIME"]),
               ("ingress", ["INFO"]), ("ingress", ["SET", "{dialin}:status:ingress:x", "{}", "EX", "1"]),
               ("board", ["HGETALL", "{dialin}:counts"]), ("board", ["EVAL_RO", "return 1", "0"]),
               ("board", ["XADD", "{dialin}:operators", "*", "a", "b"]),
               ("operator", ["BGREWRITEAOF"]), ("operator", ["ACL", "LOAD"]),
               ("operator", ["HGETALL", "{dialin}:counts"])]
    refused = [("ingress", ["GET", "{dialin}:counts"]), ("ingress", ["EVAL", "return 1", "0"]),
               ("ingress", ["XADD", "{dialin}:audit", "*", "a", "b"]),
               ("ingress", ["XADD", "{dialin}:operators", "*", "a", "b"]),
               ("ingress", ["XRANGE", "{dialin}:audit", "-", "+"]), ("ingress", ["XTRIM", "{dialin}:webhooks", "MAXLEN", "0"]),
               ("ingress", ["HSET", "{dialin}:call:none", "state", "started"]),
               ("ingress", ["SET", "{dialin}:low", "0-0"]), ("ingress", ["CONFIG", "GET", "*"]),
               ("worker", ["FLUSHALL"]), ("worker", ["CONFIG", "GET", "*"]), ("worker", ["GET", "other"]),
               ("worker", ["ACL", "LIST"]), ("audit", ["FLUSHDB"]), ("audit", ["KEYS", "*"]),
               ("caller", ["DEL", "{dialin}:counts"]), ("caller", ["XRANGE", "{dialin}:webhooks", "-", "+"]),
               ("board", ["DEL", "{dialin}:counts"]), ("board", ["XADD", "{dialin}:webhooks", "*", "a", "b"]),
               ("board", ["EVAL", "return 1", "0"]), ("operator", ["DEL", "{dialin}:counts"]),
               ("operator", ["CONFIG", "SET", "appendonly", "no"]), ("health", ["GET", "{dialin}:low"])]
    for user, command in allowed:
        said = compose.redis(*command, user=user, check=False)
        assert not said.startswith(("NOPERM", "ERR")), (user, command, said)
    for user, command in refused:
        said = compose.redis(*command, user=user, check=False)
        assert said.startswith("NOPERM"), (user, command, said)


def test_nobody_is_a_user_of_redis_without_its_password(compose):
    for attempt in ([], ["--user", "ingress", "--pass", "x"], ["--user", "worker", "--pass", ""],
                    ["--user", "default", "--pass", ""]):
        said = compose("exec", "-T", "redis", "redis-cli", "--no-auth-warning", *attempt, "XLEN",
                       "{dialin}:webhooks", check=False)
        assert "NOAUTH" in said.stdout + said.stderr or "WRONGPASS" in said.stdout + said.stderr, (attempt, said)


def test_a_foreign_container_does_not_reach_redis(compose):
    redis = compose.inspect("redis")[0]["NetworkSettings"]["Networks"].values()
    addresses = [network["IPAddress"] for network in redis]
    project = compose.env["COMPOSE_PROJECT_NAME"]
    reach = "for a in $0 $@; do timeout 1 bash -c \"exec 3<>/dev/tcp/$a/6379\" 2>/dev/null && echo reached $a; done; exit 0"
    for network, names in (("bridge", addresses), (f"{project}_public", ["redis", *addresses]),
                           (f"{project}_outside", ["redis", *addresses]),
                           (f"{project}_webhooks", ["redis", *addresses])):
        said = subprocess.run(["docker", "run", "--rm", "--network", network, "--entrypoint", "bash",
                               f"dialin-agent:{compose.tag}", "-c", reach, *names], capture_output=True, text=True)
        assert said.returncode == 0 and said.stdout == "", (network, said)
    for service in ("proxy", "agent"):
        done = compose("exec", "-T", service, "bash", "-c", reach, "redis", *addresses)
        assert done.stdout == "", (service, done)


def test_no_secret_stands_where_docker_inspect_shows_it(compose):
    secrets = {"PINLESS_HMAC_SECRET": OWN_SECRET, "INGRESS_API_KEY": "key-of-the-application",
               "START_URL": "http://host.docker.internal:9/start", "START_API_KEY": "start-key-1",
               "DAILY_API_KEY": "daily-key-1", "REPLAY_API_KEY": "replay-key-1"}
    other = Compose("dialin-test-secrets", **secrets)
    other.env["DIALIN_TAG"] = compose.tag
    try:
        other("up", "-d", "--no-build", "--scale", "ingress=1")
        ids = other("--profile", "*", "ps", "-aq").stdout.split()
        shown = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True).stdout
        for name in secrets:
            if name != "START_URL":
                assert secrets[name] not in shown, name
        passwords = other("exec", "-T", "redis", "bash", "-c", "cat /run/dialin/[a-z]*[a-z]").stdout
        assert len(passwords) >= 64 and passwords[:64] not in shown
        assert other.ids("agent") == []  # no stand-in beside a live agent
        rung = other("run", "--rm", "-T", "--entrypoint", "dialin-caller", "caller", "--url",
                     "http://proxy:7862/api/dial", "--json", check=False)
        assert json.loads(rung.stdout)["acknowledged"] == 1, rung
        # A new secret takes effect with the next `up`.
        other.env["PINLESS_HMAC_SECRET"] = OWN_SECRET.replace("c2Vj", "c2Vk")
        other("up", "-d", "--no-build", "--wait", "--scale", "ingress=1")
        file = other("exec", "-T", "ingress", "cat", "/run/dialin/PINLESS_HMAC_SECRET").stdout
        assert file == other.env["PINLESS_HMAC_SECRET"]
        assert subprocess.run(["docker", "exec", other.ids("worker")[0], "ls", "/run/dialin"], text=True,
                              capture_output=True).stdout.count("HMAC") == 0
    finally:
        other.down()


def test_the_passwords_of_redis_are_made_once(compose):
    before = compose("exec", "-T", "redis", "cat", "/run/dialin/worker").stdout
    compose("run", "--rm", "-T", "--no-deps", "setup")
    assert compose("exec", "-T", "redis", "cat", "/run/dialin/worker").stdout == before
    assert len(before) == 64


def test_make_call_says_which_container_fails_and_why(compose):
    with compose.configured(PINLESS_HMAC_SECRET="not base64", LEASE_S="nonsense"):
        compose("up", "-d", check=False)

        def told():
            done = subprocess.run(["tests/trial/call.sh"], cwd=ROOT, env=compose.env, capture_output=True, text=True)
            return done if "LEASE_S" in done.stderr else None
        done = wait_for(told, what="make call says what is wrong")
        assert done.returncode == 1
        assert "worker" in done.stderr and "started again and again" in done.stderr, done
    compose("up", "-d", "--wait")
    done = subprocess.run(["tests/trial/call.sh"], cwd=ROOT, env=compose.env, capture_output=True, text=True)
    assert done.returncode == 0 and "started" in done.stdout, done


def test_an_update_refuses_nobody(compose):
    sender = updates.Sender(compose.port, rate=10)
    sender.start()
    before = set(compose.ids("ingress") + compose.ids("worker"))
    try:
        updates.touch_images(compose.tag, compose.env)
        updates.update(compose.env)
    finally:
        sender.ended.set()
        sender.join()
    after = set(compose.ids("ingress") + compose.ids("worker"))
    assert not before & after and len(before) == len(after)
    assert sender.answers[200] > 50 and not sender.refused(), sender.answers


def test_old_programs_keep_their_rights_while_they_are_replaced(compose):
    """The new version may do without a command that the old one still sends."""
    def set_up(*options):
        compose("run", "--rm", "-T", "--no-deps", *options, "setup")
        compose("run", "--rm", "-T", "--no-deps", "redis-cli", "ACL", "LOAD")

    def may_append():
        return "NOPERM" not in compose.redis("APPEND", "{dialin}:old", "x", user="worker", check=False)
    assert not may_append()
    compose("run", "--rm", "-T", "--no-deps", "--entrypoint", "sed", "setup", "-i", r"/^user worker /s/$/ +append/",
            "/auth/redis/users.acl")
    set_up("-e", "KEEP_RIGHTS=yes")
    assert may_append()
    compose.redis("DEL", "{dialin}:old", user="worker")
    set_up()
    assert not may_append()


def test_an_update_that_cannot_start_leaves_the_old_ones(compose):
    before = compose.ids("ingress")
    with compose.configured(MAX_BODY_BYTES="nonsense"):
        done = subprocess.run([ROOT / "common/ship/compose/update.sh"], env={**compose.env, "BUILD_IMAGES": "no"},
                              capture_output=True, text=True)
    assert done.returncode == 1 and "MAX_BODY_BYTES" in done.stderr, done
    assert sorted(compose.ids("ingress")) == sorted(before)
    compose.ring()


def test_an_ingress_that_dies_refuses_nobody(compose):
    sender = updates.Sender(compose.port, rate=30)
    sender.start()
    try:
        for container in compose.ids("ingress"):
            wait_for(lambda: all(one["State"]["Health"]["Status"] == "healthy" for one in compose.inspect("ingress")),
                     what="both ingresses are healthy")
            subprocess.run(["docker", "kill", container], check=True, capture_output=True)
            subprocess.run(["docker", "start", container], check=True, capture_output=True)
    finally:
        sender.ended.set()
        sender.join()
    assert not sender.refused(), sender.answers


def test_webhooks_are_spooled_while_redis_is_away(compose):
    """No ingress is ready then, and the proxy hands webhooks over all the same."""
    queued = int(compose.redis("XLEN", "{dialin}:webhooks"))
    compose("stop", "redis")
    sender = updates.Sender(compose.port, rate=20, count=60)
    sender.start()
    sender.join()
    compose("start", "redis")
    assert sender.answers == {200: 60}
    wait_for(lambda: compose.inspect("redis")[0]["State"]["Health"]["Status"] == "healthy", what="Redis is back")
    wait_for(lambda: int(compose.redis("XLEN", "{dialin}:webhooks")) >= queued + 60, what="the spools are drained")


def test_ingresses_are_scaled(compose):
    for count in (3, 2):
        compose("up", "-d", "--wait", "--scale", f"ingress={count}", "--no-recreate")
        assert len(compose.ids("ingress")) == count
        compose.ring("--count", "20")


def test_the_record_names_the_sender_and_not_the_proxy(compose):
    body, headers = updates.signed_webhook()
    connection = http.client.HTTPConnection("127.0.0.1", compose.port, timeout=10)
    connection.request("POST", "/api/dial", body, {**headers, "X-Forwarded-For": "203.0.113.7"})
    assert connection.getresponse().status == 200
    newest = compose.redis("XREVRANGE", "{dialin}:webhooks", "+", "-", "COUNT", "1").split("\n")
    assert newest[newest.index("peer") + 1] == "203.0.113.7"


def test_admin_ports_are_reached_by_a_profile(compose):
    ports = {name: str(free_port()) for name in ("INGRESS_ADMIN_PORT", "WORKER_ADMIN_PORT", "BOARD_ADMIN_PORT")}
    with compose.configured(**ports):
        compose("--profile", "admin", "up", "-d", "--wait", "--no-deps", "admin")
        for name in ports:
            connection = http.client.HTTPConnection("127.0.0.1", int(ports[name]), timeout=10)
            connection.request("GET", "/metrics")
            assert b"dialin_" in connection.getresponse().read()
        compose("--profile", "admin", "rm", "-sf", "admin")


@pytest.mark.parametrize("service", ["worker", "audit"])
def test_a_bot_on_this_machine_is_reached(compose, service):
    listener = socket.create_server(("0.0.0.0", 0))
    with listener:
        port = listener.getsockname()[1]
        compose("run", "--rm", "-T", "--no-deps", "--entrypoint", "bash", service, "-c",
                f"exec 3<>/dev/tcp/host.docker.internal/{port} && echo hello >&3")
        listener.settimeout(10)
        with listener.accept()[0] as client:
            assert client.recv(10) == b"hello\n"


def test_waiting_tells_of_a_setting_that_is_wrong(compose):
    with compose.configured(MAX_BODY_BYTES="nonsense"):
        done = compose("up", "-d", "--wait", "--wait-timeout", "60", "ingress", check=False)
    assert done.returncode != 0
    compose("up", "-d", "--wait")
    compose.ring()


def test_the_operator_rewrites_the_append_only_file(compose):
    done = compose("run", "--rm", "-T", "redis-cli", "BGREWRITEAOF")
    assert "rewriting started" in done.stdout or "scheduled" in done.stdout


def test_a_backup_is_restored_by_the_commands_of_the_readme(compose):
    text = (ROOT / "README.md").read_text()
    backup, restore = re.search(r"<!-- backup -->\n```sh\n(.*?)```.*?<!-- restore -->\n```sh\n(.*?)```", text, re.S).groups()
    call_id = compose.ring()["call"]["call_id"]

    def run(commands, folder):
        done = subprocess.run(["bash", "-euc", commands], cwd=folder, capture_output=True, text=True,
                              env={**compose.env, "COMPOSE_FILE": str(ROOT / "docker-compose.yml")})
        assert done.returncode == 0, (commands, done)
    with tempfile.TemporaryDirectory() as folder:
        run(backup, folder)
        later = compose.ring()["call"]["call_id"]
        run(restore, folder)
    compose("up", "-d", "--wait")
    assert compose.redis("HGET", "{dialin}:call:" + call_id, "state").strip() == "started"
    assert compose.redis("EXISTS", "{dialin}:call:" + later).strip() == "0"
    compose.ring()


def test_tags_are_the_version(compose):
    version = re.search(r"^VERSION := (.*)$", (ROOT / "Makefile").read_text(), re.M).group(1)
    assert set(re.findall(r"DIALIN_TAG:-([^}]*)}", (ROOT / "docker-compose.yml").read_text())) == {version}


def test_the_record_survives_a_restart_of_everything(compose):
    call_id = compose.ring()["call"]["call_id"]
    compose("down", "--timeout", "30")  # without -v: the volume stays
    compose("up", "-d", "--wait")
    assert compose.redis("HGET", "{dialin}:call:" + call_id, "state").strip() == "started"
    assert "CRITICAL" not in compose("logs", "redis").stdout, "Redis left out a part of its file"
    compose.ring()


def test_programs_leave_with_exit_code_zero(compose):
    containers = {service: compose.ids(service) for service in ("proxy", "ingress", "worker", "agent")}
    try:
        compose("stop", "proxy", "ingress", "worker", "agent")
        for service, ids in containers.items():
            for container in ids:
                state = json.loads(subprocess.run(["docker", "inspect", container], check=True, text=True,
                                                  capture_output=True).stdout)[0]["State"]
                assert state["ExitCode"] == 0, service
    finally:
        compose("up", "-d", "--wait")


@pytest.mark.parametrize("name", ["PIPECAT_CLOUD_API_KEY", "AGENT_NAME", "START_URL", "START_API_KEY", "DAILY_API_KEY",
                                  "INGRESS_API_KEY", "ROUTES_FILE", "REDIS_URL"])
@pytest.mark.parametrize("form", ["", "_FILE"])
def test_the_demonstration_ends_with_the_first_setting_of_ones_own(compose, name, form):
    if name == "ROUTES_FILE" and form:
        return
    with compose.configured(**{name + form: "/dev/null"}):
        services = json.loads(compose("config", "--format", "json").stdout)["services"]
    assert services["ingress"]["environment"]["DEMO_SECRET"] == f"allowed-not-with-{name}{form}"
    has_stand_in = name in ("INGRESS_API_KEY", "REDIS_URL")
    assert services["agent"].get("scale", 1) == (1 if has_stand_in else 0)


def test_the_demonstration_secret_never_guards_a_live_agent(compose):
    with compose.configured(PIPECAT_CLOUD_API_KEY="pk_live", AGENT_NAME="mine"):
        done = compose("run", "--rm", "-T", "--no-deps", "ingress", "--check-config", check=False)
    assert done.returncode == 1
    assert "PINLESS_HMAC_SECRET" in done.stderr and "demonstration" in done.stderr


def test_a_redis_restart_loses_nothing(compose):
    call_id = compose.ring()["call"]["call_id"]
    compose("restart", "redis")
    wait_for(lambda: compose.inspect("ingress")[0]["State"]["Health"]["Status"] == "healthy" and
             compose.inspect("redis")[0]["State"]["Health"]["Status"] == "healthy", what="healthy")
    assert compose.redis("HGET", "{dialin}:call:" + call_id, "state").strip() == "started"
    assert "CRITICAL" not in compose("logs", "redis").stdout, "Redis left out a part of its file"
    compose.ring()
