"""TLS_CERT and TLS_KEY: the published port speaks https, and takes renewed certificates without a restart."""

import base64
import contextlib
import http.client
import ssl
import sys

import pytest

from conftest import ROOT, wait_for

sys.path.append(str(ROOT / "tests/harness"))
from authority import Authority  # noqa: E402

SECRET = base64.b64encode(b"a secret of thirty-two bytes, ok").decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secure(compose, authority):
    """The project with a certificate, whose key nobody but its owner may read."""
    cert, key = authority.certificate("server")
    key.chmod(0o600)
    with compose.configured(TLS_CERT=str(cert), TLS_KEY=str(key), PINLESS_HMAC_SECRET=SECRET):
        compose("up", "-d", "--wait")
        yield compose
    compose("up", "-d", "--wait")


@contextlib.contextmanager
def connected(compose, authority, version=None):
    context = ssl.create_default_context(cafile=authority.file)
    if version:
        context.minimum_version = context.maximum_version = version
    connection = http.client.HTTPSConnection("127.0.0.1", compose.port, timeout=10, context=context)
    try:
        connection.connect()
        yield connection
    finally:
        connection.close()


def ask(connection):
    connection.request("POST", "/api/dial", b'{"Test":"test"}')
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_published_port_speaks_https(secure, authority, version):
    with connected(secure, authority, version) as connection:
        assert connection.sock.version() == version.name.replace("v1_", "v1.")
        assert ask(connection)[0] == 200


def test_it_speaks_nothing_else(secure):
    connection = http.client.HTTPConnection("127.0.0.1", secure.port, timeout=10)
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(connection)
    connection.close()


def test_a_call_goes_through(secure):
    assert secure.ring()["call"]["state"] == "started"


def test_the_key_stands_where_the_proxy_alone_reads_it(secure):
    done = secure("exec", "-T", "proxy", "stat", "-c", "%a %u", "/run/dialin/tls.pem")
    assert done.stdout.strip() == "400 10001" or done.stdout.strip() == "600 10001"


def test_a_renewed_certificate_is_taken_by_the_commands_that_the_compose_file_names(secure, authority):
    def serial():
        with connected(secure, authority) as connection:
            return connection.sock.getpeercert()["serialNumber"]
    before = serial()
    authority.certificate("server")[1].chmod(0o600)  # the same files
    secure("up", "setup")
    secure("kill", "-s", "USR2", "proxy")
    wait_for(lambda: serial() != before, what="the new certificate")
    with connected(secure, authority) as connection:
        assert ask(connection)[0] == 200


def test_half_of_it_is_refused(secure):
    with secure.configured(**{**secure.env, "TLS_KEY": ""}):
        done = secure("run", "--rm", "-T", "setup", check=False)
    assert done.returncode == 1 and "TLS_CERT and TLS_KEY belong together" in done.stderr, done
    secure("up", "setup")
