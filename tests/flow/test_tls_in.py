"""https on the webhook's port: TLS 1.2 and 1.3, the same limits as without it, certificates that are
exchanged while it runs, and a sentence for each file that cannot serve."""

import os
import shutil
import signal
import socket
import ssl
import subprocess

import pytest

import daily
from authority import Authority, openssl
from http_raw import Connection, request
from stack import wait_for
from stopwatch import Stopwatch


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def pair(authority):
    return private(authority.certificate("server"))


def private(pair):
    pair[1].chmod(0o600)
    return pair


def client(authority, version=None):
    context = ssl.create_default_context(cafile=authority.file)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def ring(connection, webhook=None):
    body = daily.body(webhook or daily.webhook())
    return connection.ask("POST", "/api/dial", daily.headers(body), body).status


def serial(port, authority):
    """The certificate that a client gets."""
    with Connection(port, tls=client(authority)) as connection:
        return connection.socket.getpeercert()["serialNumber"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_webhooks_come_in_over_tls(stack, ledger, authority, pair, version):
    """The connection stays open: what libmicrohttpd understood is compared with what came, here too."""
    ingress = stack.ingress(MAX_IN_FLIGHT=1000, TLS_CERT=pair[0], TLS_KEY=pair[1])
    with Connection(ingress.port, tls=client(authority, version)) as connection:
        assert connection.socket.version() == version.name.replace("_", ".")
        assert [ring(connection) for _ in range(3)] == [200] * 3
    assert len(ledger.entries()) == 3


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_older_tls_and_plain_http_are_refused(stack, authority, pair):
    ingress = stack.ingress(MAX_IN_FLIGHT=1000, TLS_CERT=pair[0], TLS_KEY=pair[1])
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, OSError)):
        Connection(ingress.port, tls=old)
    with Connection(ingress.port) as plain:
        plain.send(request("GET", "/healthz"))
        try:
            assert b"HTTP" not in plain.socket.recv(1000)
        except ConnectionResetError:
            pass


def test_a_crooked_head_is_the_last_of_its_connection(stack, ledger, authority, pair):
    """A bare LF, hidden behind as many bytes as it saves, would let the next webhook pass as a body."""
    ingress = stack.ingress(MAX_IN_FLIGHT=1000, TLS_CERT=pair[0], TLS_KEY=pair[1])
    hidden = daily.body(daily.webhook())
    with Connection(ingress.port, tls=client(authority)) as connection:
        assert ring(connection) == 200  # known: its connection would stay open
        connection.send(b"GET /healthz HTTP/1.1\nHost:  x\r\n\r\n" +
                        request("POST", "/api/dial", daily.headers(hidden), hidden))
        data = b""
        while more := connection.socket.recv(65536):
            data += more
    assert data.count(b"HTTP/1.1 ") == 1, data
    assert len(ledger.entries()) == 1


def test_a_handshake_has_the_deadline_of_a_head(stack, authority, pair):
    """A client that says nothing, and one that begins a handshake and stops."""
    ingress = stack.ingress(MAX_IN_FLIGHT=1000, TLS_CERT=pair[0], TLS_KEY=pair[1])
    hello = ssl.MemoryBIO()
    client(authority).wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
    watch = Stopwatch()
    sockets = [socket.create_connection(("127.0.0.1", ingress.port), 5) for _ in range(2)]
    sockets[1].sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    for sock in sockets:
        sock.settimeout(30)
        while sock.recv(1000):
            pass
        sock.close()
    assert watch.seconds() < 20
    with Connection(ingress.port, tls=client(authority)) as connection:
        assert ring(connection) == 200


def test_a_chain_is_served_whole(stack, tmp_path):
    root = Authority(tmp_path, "root")
    openssl(tmp_path, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            "middle.key", "-out", "middle.csr", "-subj", "/CN=middle")
    (tmp_path / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\n")
    openssl(tmp_path, "x509", "-req", "-in", "middle.csr", "-CA", "root.pem", "-CAkey", "root.key",
            "-CAcreateserial", "-out", "middle.pem", "-days", "2", "-extfile", "ca.ext")
    middle = Authority.__new__(Authority)
    middle.folder, middle.name, middle.file = tmp_path, "middle", tmp_path / "middle.pem"
    cert, key = private(middle.certificate("leaf"))
    chain = tmp_path / "chain.pem"
    chain.write_text(cert.read_text() + (tmp_path / "middle.pem").read_text())
    ingress = stack.ingress(MAX_IN_FLIGHT=1000, TLS_CERT=chain, TLS_KEY=key)
    with Connection(ingress.port, tls=client(root)) as connection:
        assert ring(connection) == 200


@pytest.mark.parametrize("is_told", [True, False], ids=["SIGHUP", "change"])
def test_a_new_certificate_without_a_restart(stack, authority, pair, tmp_path, is_told):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def install(files):
        for source, target in zip(files, (cert, key)):
            copy = tmp_path / "new"
            shutil.copy(source, copy)
            copy.chmod(0o600)
            os.replace(copy, target)
    install(pair)
    ingress = stack.ingress(MAX_IN_FLIGHT=1000, TLS_CERT=cert, TLS_KEY=key)
    first = serial(ingress.port, authority)
    with Connection(ingress.port, tls=client(authority)) as old:
        assert ring(old) == 200
        install(private(authority.certificate("renewed")))
        if is_told:
            ingress.signal(signal.SIGHUP)
        wait_for(lambda: serial(ingress.port, authority) != first, 20)
        assert ring(old) == 200, "open connections go on"
    key.write_text("not a key")
    wait_for(lambda: b"stays in force" in ingress.log(), 20)
    assert serial(ingress.port, authority) != first


def test_an_expired_certificate_is_an_error_in_the_log(stack, authority):
    files = private(authority.certificate("expired", days=-1))
    ingress = stack.ingress(MAX_IN_FLIGHT=1000, TLS_CERT=files[0], TLS_KEY=files[1])
    assert any(" error " in line and "has expired" in line for line in ingress.log_lines())


def test_each_file_that_cannot_serve_has_its_sentence(stack, authority, pair, tmp_path):
    cert, key = pair
    readable = tmp_path / "readable.key"
    shutil.copy(key, readable)
    readable.chmod(0o644)
    garbage = tmp_path / "garbage"
    garbage.write_text("nothing")
    garbage.chmod(0o600)
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "pkey", "-aes256", "-passout", "pass:x", "-in", key, "-out", locked],
                   check=True, capture_output=True)
    locked.chmod(0o600)
    other = private(authority.certificate("other"))[1]
    for values, name, words in (
            ({"TLS_CERT": cert}, "TLS_KEY", "belong together"),
            ({"TLS_KEY": key}, "TLS_CERT", "belong together"),
            ({"TLS_CERT": cert, "TLS_KEY": readable}, "TLS_KEY", "every user may read"),
            ({"TLS_CERT": cert, "TLS_KEY": garbage}, "TLS_KEY", "is not a PEM key"),
            ({"TLS_CERT": cert, "TLS_KEY": locked}, "TLS_KEY", "is not a PEM key without a password"),
            ({"TLS_CERT": garbage, "TLS_KEY": key}, "TLS_CERT", "is not a PEM certificate"),
            ({"TLS_CERT": tmp_path, "TLS_KEY": key}, "TLS_CERT", "is not a regular file"),
            ({"TLS_CERT": tmp_path / "none", "TLS_KEY": key}, "TLS_CERT", "No such file"),
            ({"TLS_CERT": cert, "TLS_KEY": other}, "TLS_KEY", "is not the key of")):
        done = stack.run("dialin-ingress", "--check-config", MAX_IN_FLIGHT="1000", PINLESS_HMAC_SECRET=daily.SECRET,
                         **{name: str(value) for name, value in values.items()})
        assert done.returncode == 1 and f"{name}: " in done.stderr and words in done.stderr, done.stderr
