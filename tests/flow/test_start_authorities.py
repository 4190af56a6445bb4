"""Who may certify the agent: START_CA_FILE or the system's bundle, read once, and again when it changes. What
the former authorities vouched for, connections and TLS sessions, is not used under the new ones."""

import os
import shutil
import signal
import ssl

import pytest

import daily
from authority import Authority
from stack import wait_for
from test_lookup import CRM_SECRET
from tls_start import TlsStart


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("trusted"), "trusted")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other"), "other")


@pytest.fixture(scope="module")
def good(trusted):
    return trusted.certificate("good")


@pytest.fixture(scope="module")
def of_other(other):
    return other.certificate("of-other")


@pytest.fixture
def tls_start():
    made = []

    def make(*arguments, **options):
        made.append(TlsStart(*arguments, **options))
        return made[-1]
    yield make
    for server in made:
        server.close()


def ring(ledger):
    webhook = daily.webhook()
    ledger.queue(webhook)
    return webhook["callId"]


def start_one(ledger):
    call_id = ring(ledger)
    ledger.wait_for_state(call_id, "started")
    return call_id


def error_of(ledger, call_id):
    """Of its first attempt, which fails."""
    attempts = wait_for(lambda: ledger.events(call_id, "attempt"), what="an attempt")
    return attempts[0].get("error", "")


def is_refused(ledger, agent):
    """The first attempt of a new call does not reach the agent: its certificate is not trusted. (Calls that were
    refused before may reach it meanwhile.)"""
    call_id = ring(ledger)
    error = error_of(ledger, call_id)
    has_reached = call_id in [request["body"]["dialin_settings"]["call_id"] for request in list(agent.requests)]
    assert not has_reached or not error or int(ledger.call(call_id)["attempts"]) > 1
    return "certificate" in error


def install(source, target):
    """As a renewal does it: at once and whole."""
    shutil.copy(source, f"{target}.new")
    os.replace(f"{target}.new", target)


def read_again(worker, is_told=True):
    before = worker.log().count(b"were read again")
    if is_told:
        worker.signal(signal.SIGHUP)
    wait_for(lambda: worker.log().count(b"were read again") > before, 20, "the worker to read again")


@pytest.mark.parametrize("make, sentence", [
    (lambda trusted, other: other.certificate("stranger"), "unable to get local issuer certificate"),
    (lambda trusted, other: trusted.certificate("expired", days=-1), "certificate has expired"),
    (lambda trusted, other: trusted.certificate("elsewhere", "DNS:elsewhere.example"),
     "no alternative certificate subject name matches target host"),
], ids=["of-a-stranger", "expired", "of-another-name"])
def test_who_is_refused(stack, ledger, tls_start, trusted, other, make, sentence):
    agent = tls_start(make(trusted, other))
    stack.worker(START_URL=agent.url, START_CA_FILE=trusted.file, START_API_KEY="key-that-must-not-leave")
    assert sentence in error_of(ledger, ring(ledger))
    assert agent.requests == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_sessions_are_resumed(stack, ledger, tls_start, trusted, good, version):
    """By connections that are made anew, and though each gets our authorities by a callback of libcurl."""
    agent = tls_start(good, version=version, keeps_connections=False)
    stack.worker(START_URL=agent.url, START_CA_FILE=trusted.file)
    for _ in range(4):
        start_one(ledger)
    assert agent.resumed == [False, True, True, True]


@pytest.mark.parametrize("keeps_connections", [True, False], ids=["kept", "resumed"])
@pytest.mark.parametrize("is_told", [True, False], ids=["SIGHUP", "change"])
def test_other_authorities_without_a_restart(stack, ledger, tls_start, trusted, other, good, of_other, tmp_path,
                                             is_told, keeps_connections):
    bundle = tmp_path / "bundle.pem"
    install(trusted.file, bundle)
    agent = tls_start(good, keeps_connections=keeps_connections)
    worker = stack.worker(START_URL=agent.url, START_CA_FILE=bundle)
    start_one(ledger), start_one(ledger)
    assert agent.handshakes == 1 if keeps_connections else agent.resumed == [False, True]

    install(other.file, bundle)
    read_again(worker, is_told)
    for _ in range(3):  # no connection and no session of before vouches for it
        assert is_refused(ledger, agent)
    agent.show(of_other)
    start_one(ledger)

    install(trusted.file, bundle)
    read_again(worker, is_told)
    assert is_refused(ledger, agent)


def test_the_same_authorities_keep_connections(stack, ledger, tls_start, trusted, good, tmp_path):
    bundle = tmp_path / "bundle.pem"
    install(trusted.file, bundle)
    agent = tls_start(good)
    worker = stack.worker(START_URL=agent.url, START_CA_FILE=bundle)
    for _ in range(3):
        start_one(ledger)
        read_again(worker)
    assert agent.handshakes == 1


def test_a_bad_file_leaves_the_old_in_force(stack, ledger, tls_start, trusted, good, tmp_path):
    bundle = tmp_path / "bundle.pem"
    install(trusted.file, bundle)
    agent = tls_start(good, keeps_connections=False)
    worker = stack.worker(START_URL=agent.url, START_CA_FILE=bundle)
    whole = trusted.file.read_bytes()
    for number, bad in enumerate((b"", b"no PEM", whole[:len(whole) // 2], whole + whole[:len(whole) // 2])):
        bundle.write_bytes(bad)
        worker.signal(signal.SIGHUP)
        wait_for(lambda: refusals(worker, bundle) > number, what="the bad file to be refused")
        start_one(ledger)
    bundle.unlink()
    worker.signal(signal.SIGHUP)
    wait_for(lambda: f"{bundle}: cannot be read: No such file".encode() in worker.log(), what="its absence to be told")
    start_one(ledger)


def refusals(worker, bundle):
    return sum(1 for line in worker.log_lines() if " error " in line and "the old one stays in force" in line and
               f"START_CA_FILE: {bundle}: is not a PEM file" in line)


def test_the_systems_bundle_is_read_again_too(stack, ledger, tls_start, trusted, other, good, of_other, tmp_path):
    """In a mount namespace of the worker's own."""
    certs = tmp_path / "ssl" / "certs"
    certs.mkdir(parents=True)
    bundle = certs / "ca-certificates.crt"
    install(trusted.file, bundle)
    agent = tls_start(good, keeps_connections=False)
    worker = stack.worker(START_URL=agent.url, launcher=with_folder(tmp_path / "ssl", "/etc/ssl"))
    start_one(ledger)
    install(other.file, bundle)
    read_again(worker, is_told=False)
    assert is_refused(ledger, agent)
    agent.show(of_other)
    start_one(ledger)


def with_folder(source, target):
    """The command that starts a program to which `target` is `source`."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--mount", "sh", "-c", f'mount --bind {source} {target} && exec "$@"', "sh"]


def test_a_lookup_trusts_the_same_authorities(stack, ledger, start, tls_start, trusted, other, good, tmp_path,
                                              routes):
    bundle = tmp_path / "bundle.pem"
    install(trusted.file, bundle)
    crm = tls_start(good, answer={"body": {"tier": "gold"}})
    path = routes({"name": "all", "lookup": {"url": crm.url, "secret_env": "CRM_SECRET"}})
    worker = stack.worker(START_URL=start.url, ROUTES_FILE=path, CRM_SECRET=CRM_SECRET, START_CA_FILE=bundle)
    call_id = start_one(ledger)
    assert start.requests_of(call_id)[0].json()["body"]["tier"] == "gold"
    install(other.file, bundle)
    read_again(worker)
    start_one(ledger)
    assert len(crm.requests) == 1
