"""Redis as people have it: TLS with a CA and a client certificate of one's own, Sentinels, a Cluster.
After a failover calls start again within 2 s of the new primary; webhooks are spooled meanwhile."""

import os
import random
import time

import pytest
import redis as redis_client

import daily
from authority import Authority
from callers import Callers
from redis_cluster import Cluster
from stack import Process, Redis, free_port, wait_for
from stopwatch import Stopwatch

FAILOVERS = int(os.environ.get("FAILOVERS", "1"))  # make failover: more, with a printed seed
SEED = int(os.environ.get("SEED", "1"))
CHANCE = random.Random(SEED)
BACK_WITHIN_S = 2.0
SLACK_S = float(os.environ.get("FAILOVER_SLACK_S", "2"))  # of a machine that others use, too


# --- TLS --------------------------------------------------------------------------------------------

class TlsRedis(Redis):
    def __init__(self, folder, authority, cert, key, wants_certificate=False, options=()):
        self.tls_port = free_port()
        super().__init__(folder, options=[
            "--tls-port", self.tls_port, "--tls-cert-file", cert, "--tls-key-file", key,
            "--tls-ca-cert-file", authority.file, "--tls-auth-clients",
            "yes" if wants_certificate else "no", *options])

    @property
    def url(self):
        return f"rediss://127.0.0.1:{self.tls_port}"


def said_by(program, sentence):
    wait_for(lambda: sentence in (program.admin("/readyz").json().get("missing") or ""), 10,
             f"{program.name} to say: {sentence}")


def test_tls_with_an_own_authority(stack, ledger, start, authority, tmp_path):
    stack.redis = stack.keep(TlsRedis(tmp_path, authority, *authority.certificate("server")))
    values = {"REDIS_CA_FILE": authority.file}
    ingress, worker = stack.ingress(**values), stack.worker(START_URL=start.url, **values)
    call_id = daily.new_call_id()
    assert ingress.ring(daily.webhook(call_id, From="+49" + "1" * 200)).status == 200
    ledger.wait_for_state(call_id, "started")
    done = stack.run("dialin-audit", "list", **stack.values(values))
    assert done.returncode == 0 and call_id in done.stdout, done
    assert worker.is_running()


def test_tls_with_a_client_certificate(stack, start, authority, tmp_path):
    stack.redis = stack.keep(TlsRedis(tmp_path, authority, *authority.certificate("server"),
                                      wants_certificate=True))
    cert, key = authority.certificate("client")
    worker = stack.worker(is_ready=False, START_URL=start.url, REDIS_CA_FILE=authority.file)
    said_by(worker, "demands a client certificate: set REDIS_CERT and REDIS_KEY")
    stack.worker(START_URL=start.url, REDIS_CA_FILE=authority.file, REDIS_CERT=cert, REDIS_KEY=key)


@pytest.mark.parametrize("wrong, sentence", [
    ("expired", "its certificate has expired"),
    ("other name", "its certificate is for another name than the host of REDIS_URL"),
    ("other CA", "not trusted here: name the CA's file in REDIS_CA_FILE"),
    ("no TLS", "does this port speak TLS?")])
def test_wrong_certificates(stack, start, authority, tmp_path, wrong, sentence):
    subject = "DNS:elsewhere.example" if wrong == "other name" else "IP:127.0.0.1"
    cert, key = authority.certificate("server", subject)
    if wrong == "expired":
        cert, key = authority.certificate("expired", subject, days=0)
        time.sleep(1.1)
    stack.redis = stack.keep(TlsRedis(tmp_path, authority, cert, key))
    trusted = Authority(authority.folder, "other") if wrong == "other CA" else authority
    port = stack.redis.port if wrong == "no TLS" else stack.redis.tls_port
    values = {"REDIS_URL": f"rediss://127.0.0.1:{port}", "REDIS_CA_FILE": trusted.file}
    worker = stack.worker(is_ready=False, START_URL=start.url, **values)
    said_by(worker, sentence)
    done = stack.run("dialin-audit", "list", **stack.values(values))
    assert done.returncode == 1 and sentence in done.stderr, done


# --- Sentinel ---------------------------------------------------------------------------------------

class Sentinel(Process):
    def __init__(self, folder, master):
        self.port = free_port()
        folder.mkdir(parents=True)
        config = folder / "sentinel.conf"
        config.write_text(f"""port {self.port}
bind 127.0.0.1
dir {folder}
sentinel monitor main 127.0.0.1 {master} 2
sentinel down-after-milliseconds main 700
sentinel failover-timeout main 3000
sentinel parallel-syncs main 1
""")
        super().__init__("redis-sentinel", ["redis-server", config, "--sentinel"], folder)
        self.client = redis_client.Redis(port=self.port, socket_timeout=5)
        self.wait_for_start(self.answers, "answer")

    def answers(self):
        try:
            return self.client.ping()
        except redis_client.exceptions.RedisError:
            return False

    def master(self):
        """The port of the master, as it says it."""
        return int(self.client.execute_command("SENTINEL", "get-master-addr-by-name", "main")[1])

    def knows(self):
        reply = self.client.execute_command("SENTINEL", "CKQUORUM", "main")
        return str(reply)


class SentinelSet:
    def __init__(self, stack, folder):
        options = ["--repl-diskless-sync-delay", 0, "--repl-timeout", 5]
        self.servers = [stack.keep(Redis(folder / f"server-{i}", options=options))
                        for i in range(3)]
        for replica in self.servers[1:]:
            replica.client.replicaof("127.0.0.1", self.servers[0].port)
        wait_for(lambda: self.servers[0].client.info("replication")["connected_slaves"] == 2, 10)
        wait_for(lambda: all(server.client.info("replication")["master_link_status"] == "up"
                             for server in self.servers[1:]), 10)
        self.sentinels = [stack.keep(Sentinel(folder / f"sentinel-{i}", self.servers[0].port))
                          for i in range(3)]
        wait_for(self.is_complete, 20, "the Sentinels to know all")

    def is_complete(self):
        rows = [sentinel.client.execute_command("SENTINEL", "MASTERS")
                for sentinel in self.sentinels]

        def number(row, name):
            row = row[0] if isinstance(row, list) else next(iter(row.values()))
            if isinstance(row, dict):
                return int(row[name])
            names = [word.decode() if isinstance(word, bytes) else word for word in row]
            return int(names[names.index(name) + 1])
        return all(number(row, "num-other-sentinels") == 2 and number(row, "num-slaves") == 2
                   for row in rows)

    @property
    def url(self):
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/main"

    def bring_back(self, stack, old):
        """The Sentinels make it a replica of the new primary."""
        self.servers[self.servers.index(old)] = stack.keep(old.again())
        wait_for(self.are_all_there, 30, "the old primary to follow the new one")
        wait_for(self.is_complete, 20)
        time.sleep(CHANCE.uniform(0, 3))

    def are_all_there(self):
        """A Sentinel ends the connections of a server whose role it changes."""
        try:
            primary = self.primary()
            return primary and primary.client.info("replication")["connected_slaves"] == 2
        except redis_client.exceptions.RedisError:
            return False

    def primary(self):
        for server in self.servers:
            try:
                if server.is_running() and server.client.role()[0] == b"master":
                    return server
            except redis_client.exceptions.RedisError:
                pass
        return None


def first_started_after(start, when):
    return next((request for request in list(start.requests) if request.at >= when), None)


def wait_for_start(start, when):
    """Seconds from now, which is `when`."""
    watch = Stopwatch()
    wait_for(lambda: first_started_after(start, when), 15, "a start after the failover")
    return watch.seconds()


def fail_over(old, find_primary):
    """Kills the primary; gives back the new one, and when it became it."""
    old.kill()
    primary = wait_for(lambda: (now := find_primary()) is not old and now, 20, "a new primary")
    return primary, time.time()


class Scene:
    def __init__(self, stack, ledger, start, tmp_path, **values):
        folder = tmp_path / "spool"
        folder.mkdir()
        self.ledger, self.start = ledger, start
        self.passed_s = []
        self.worker = stack.worker(START_URL=start.url, LEASE_S=3, **values)
        self.ingress = stack.ingress(SPOOL_DIR=folder, **values)
        self.callers = Callers(self.ingress)
        when = time.time()
        wait_for(lambda: first_started_after(start, when), 20)

    def note(self, number, passed_s):
        self.passed_s.append(passed_s)
        print(f"failover {number + 1}: a call started {passed_s:.2f} s after the new primary",
              flush=True)
        assert passed_s < BACK_WITHIN_S + SLACK_S

    def ends_well(self):
        """Of what was acknowledged nothing is lost, and no call was started twice unless its
        outcome was unknown."""
        self.callers.stop()
        assert not self.callers.refused()
        acknowledged = [call_id for _, call_id, answer in self.callers.answers
                        if answer.status == 200]
        self.ledger.wait_until_finished(30)
        spooled = self.ingress.metrics()['dialin_spool_records_total{result="kept"}']
        print(f"{len(acknowledged)} acknowledged, {spooled:.0f} of them spooled; started again after",
              ", ".join(f"{passed_s:.2f}" for passed_s in sorted(self.passed_s)), "s")
        started = {request.key for request in self.start.requests}
        lost = [call_id for call_id in acknowledged if call_id not in started]
        assert not lost, f"lost: {lost}"
        return spooled


@pytest.fixture
def scene(stack, ledger, start, tmp_path):
    """Begins one; nobody rings on after a test that failed."""
    begun = []

    def begin(**values):
        begun.append(Scene(stack, ledger, start, tmp_path, **values))
        return begun[-1]
    yield begin
    for each in begun:
        each.callers.is_over.set()
        each.callers.thread.join()


def test_sentinels_fail_over(stack, start, tmp_path, scene):
    sentinels = SentinelSet(stack, tmp_path)
    stack.redis = sentinels.primary()
    here = scene(REDIS_URL=sentinels.url, REDIS_WAIT_REPLICAS=1)
    for number in range(FAILOVERS):
        old = sentinels.primary()
        stack.redis, when = fail_over(old, sentinels.primary)
        here.note(number, wait_for_start(start, when))
        if number + 1 < FAILOVERS:
            sentinels.bring_back(stack, old)
    here.ends_well()
    done = stack.run("dialin-audit", "stats", **stack.values({"REDIS_URL": sentinels.url}))
    assert done.returncode == 0, done


def test_a_master_that_nobody_knows(stack, start, tmp_path):
    redis = stack.own_redis()
    sentinel = stack.keep(Sentinel(tmp_path / "sentinel", redis.port))
    worker = stack.worker(is_ready=False, START_URL=start.url,
                          REDIS_URL=f"redis+sentinel://127.0.0.1:{sentinel.port}/other")
    said_by(worker, "knows no master of that name")


# --- Cluster ----------------------------------------------------------------------------------------

@pytest.fixture
def cluster(stack, tmp_path):
    return Cluster(stack, tmp_path, masters=3, replicas=1, timeout_ms=1000)


def test_a_cluster_fails_over(stack, start, cluster, scene):
    key = f"{stack.prefix}:webhooks"
    stack.redis = cluster.owner(key)
    here = scene(REDIS_URL=cluster.url, REDIS_WAIT_REPLICAS=0)
    # The record of a cluster's only replica: what is acknowledged now is there.
    old = cluster.owner(key)
    here.callers.stop()
    here.ledger.wait_until_finished()
    old.client.execute_command("WAIT", 1, 1000)
    here.callers = Callers(here.ingress)
    replica = next(node for node in cluster.nodes
                   if node.is_running() and node.client.role()[0] == b"slave"
                   and node.client.role()[2] == old.port)
    replica.cluster("FAILOVER")
    wait_for(lambda: replica.client.role()[0] == b"master", 20)
    stack.redis, when = replica, time.time()
    passed_s = wait_for_start(start, when)
    print(f"moved: a call started {passed_s:.2f} s after the new primary")
    assert passed_s < BACK_WITHIN_S + SLACK_S
    here.ends_well()
    done = stack.run("dialin-audit", "stats", **stack.values({"REDIS_URL": cluster.url}))
    assert done.returncode == 0, done


def test_a_node_of_the_cluster_dies(stack, start, tmp_path, scene):
    """Two replicas for each master, so that the one left still has what is acknowledged."""
    cluster = Cluster(stack, tmp_path, masters=3, replicas=2, timeout_ms=1000)
    key = f"{stack.prefix}:webhooks"
    stack.redis = cluster.owner(key)
    here = scene(REDIS_URL=cluster.url, REDIS_WAIT_REPLICAS=1)
    for number in range(FAILOVERS):
        old = cluster.owner(key)
        stack.redis, when = fail_over(old, lambda: cluster.owner(key))
        here.note(number, wait_for_start(start, when))
        if number + 1 < FAILOVERS:
            cluster.bring_back(stack, old)
            time.sleep(CHANCE.uniform(0, 3))
    here.ends_well()
    done = stack.run("dialin-audit", "stats", **stack.values({"REDIS_URL": cluster.url}))
    assert done.returncode == 0, done
