"""SIGHUP ends no program, and has secrets read again: a number that is configured anew at Daily loses
nobody."""

import signal

import pytest

import daily
from stack import wait_for


def ring_signed_with(ingress, secret):
    body = daily.body(daily.webhook())
    return ingress.post(body, daily.headers(body, secret=secret)).status


def hang_up(program, word=b"were read again"):
    before = program.log().count(word)
    program.signal(signal.SIGHUP)
    wait_for(lambda: program.log().count(word) > before, what=f"{program.name} to read again")


def test_new_secrets_without_a_restart(stack, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.write_text(daily.SECRET + "\n")
    ingress = stack.ingress(PINLESS_HMAC_SECRET=None, PINLESS_HMAC_SECRET_FILE=secrets)
    assert ring_signed_with(ingress, daily.SECRET) == 200
    secrets.write_text(f"{daily.OTHER_SECRET}\n")
    assert ring_signed_with(ingress, daily.OTHER_SECRET) == 401
    hang_up(ingress, b"were read again")
    assert ring_signed_with(ingress, daily.OTHER_SECRET) == 200
    assert ring_signed_with(ingress, daily.SECRET) == 401
    for bad in ("c2hvcnQ=", "", "not base64!"):
        secrets.write_text(bad)
        hang_up(ingress, b"the old one stays")
        assert ring_signed_with(ingress, daily.OTHER_SECRET) == 200
        assert bad not in ingress.log().decode() or not bad
    secrets.write_text(f"{daily.SECRET},{daily.OTHER_SECRET}")
    hang_up(ingress, b"were read again")
    assert {ring_signed_with(ingress, secret) for secret in
            (daily.SECRET, daily.OTHER_SECRET)} == {200}


def test_a_new_password_of_redis(stack, start, tmp_path):
    redis = stack.own_redis()
    url = tmp_path / "url"

    def change(password):
        redis.client.execute_command("ACL", "SETUSER", "dialin", "on", "resetpass", f">{password}",
                                     "~*", "&*", "+@all")
        url.write_text(f"redis://dialin:{password}@127.0.0.1:{redis.port}\n")
    change("the-first-word")
    values = {"REDIS_URL": None, "REDIS_URL_FILE": url}
    programs = [stack.ingress(**values), stack.worker(START_URL=start.url, **values)]
    change("the-second-word")
    for program in programs:
        hang_up(program)
    redis.client.client_kill_filter(_type="normal", skipme=True)
    for program in programs:
        wait_for(lambda: program.log().count(b"connected to Redis") >=
                 (2 if program.name == "dialin-ingress" else 4), what="the new password")
        assert b"WRONGPASS" not in program.log()
        program.wait_until_ready()


def test_the_agent_goes_on(stack):
    agent = stack.agent()
    hang_up(agent, b"read again")
    assert agent.get("/starts") == {}


@pytest.mark.parametrize("command", [["tail"]])
def test_the_audit_goes_on(stack, audit_of, command):
    running = audit_of(command)
    running.send_signal(signal.SIGHUP)
    with pytest.raises(Exception):
        running.wait(1)
    running.send_signal(signal.SIGTERM)
    running.wait(10)


@pytest.fixture
def audit_of(stack):
    import subprocess
    from stack import build_folder, clean_environment
    started = []

    def begin(command):
        child = subprocess.Popen([str(build_folder() / "dialin-audit"), *command],
                                 env=clean_environment(stack.values({})), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        started.append(child)
        assert child.stdout.readline()
        return child
    yield begin
    for child in started:
        if child.poll() is None:
            child.kill()
            child.wait()
        child.stdout.close()
