"""How the ingress starts, and when it refuses to."""

import os
import re
import socket

import pytest

import daily
from stopwatch import Stopwatch

GOOD = {"PINLESS_HMAC_SECRET": daily.SECRET, "REDIS_URL": "redis://127.0.0.1:1"}
VARIABLES = ["PORT", "LISTEN_ADDR", "PINLESS_HMAC_SECRET", "INGRESS_API_KEY", "ALLOW_UNSIGNED",
             "TRUSTED_PROXIES", "MAX_BODY_BYTES", "MAX_BODIES_MB", "MAX_IN_FLIGHT", "SPOOL_DIR",
             "SPOOL_MAX_MB", "LAME_DUCK_S", "TLS_CERT", "TLS_KEY", "REDIS_URL", "REDIS_CA_FILE", "REDIS_CERT",
             "REDIS_KEY", "REDIS_PREFIX", "REDIS_WAIT_REPLICAS",
             "ADMIN_PORT", "ADMIN_ADDR", "LOG_LEVEL", "LOG_FORMAT"]
DEFAULTS = {"PORT": "7860", "LISTEN_ADDR": "0.0.0.0", "MAX_BODY_BYTES": "65536",
            "MAX_BODIES_MB": "64", "MAX_IN_FLIGHT": "10000", "SPOOL_MAX_MB": "256", "REDIS_WAIT_REPLICAS": "0",
            "REDIS_URL": "redis://127.0.0.1:6379",
            "REDIS_PREFIX": "{dialin}", "ADMIN_PORT": "9464", "ADMIN_ADDR": "127.0.0.1", "LAME_DUCK_S": "0", "LOG_LEVEL": "info",
            "LOG_FORMAT": "text"}


def refuses(stack, names, **values):
    """It leaves with an exit code, naming every problem at once; gives back what it said."""
    done = stack.run("dialin-ingress", **values)
    assert done.returncode == 1, done
    for name in names:
        assert re.search(rf"^ *{name}: \S", done.stderr, re.MULTILINE), (name, done.stderr)
    assert done.stderr.count("\n") == len(names) + 1, done.stderr
    for secret in (daily.SECRET, daily.OTHER_SECRET, daily.API_KEY):
        assert secret not in done.stderr
    return done.stderr


def test_help_lists_every_variable_with_its_default(stack):
    done = stack.run("dialin-ingress", "--help")
    assert done.returncode == 0 and not done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith("  ")}
    for name in VARIABLES:
        assert name in lines
    for name, value in DEFAULTS.items():
        assert value in lines[name], lines[name]


def test_version(stack):
    done = stack.run("dialin-ingress", "--version")
    assert done.returncode == 0 and re.fullmatch(r"dialin-ingress \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("arguments", [["--nonsense"], ["serve"], ["--help", "--version"]])
def test_wrong_usage(stack, arguments):
    done = stack.run("dialin-ingress", *arguments, **GOOD)
    assert done.returncode == 2 and "--help" in done.stderr
    assert f"unknown argument '{arguments[-1]}'" in done.stderr


def test_a_port_that_another_program_uses(stack):
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = stack.run("dialin-ingress", **GOOD, LISTEN_ADDR="127.0.0.1", ADMIN_PORT=0,
                         PORT=other.getsockname()[1])
    assert done.returncode == 1
    assert "another program uses this port" in done.stdout + done.stderr


def test_print_config_shows_what_is_in_force_and_no_secret(stack):
    done = stack.run("dialin-ingress", "--print-config", **GOOD, INGRESS_API_KEY=daily.API_KEY,
                     LOG_LEVEL="warning", ALLOW_UNSIGNED="no")
    assert done.returncode == 0 and not done.stderr
    values = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert set(values) >= set(VARIABLES)
    assert {name: values[name] for name in (
        "PINLESS_HMAC_SECRET", "INGRESS_API_KEY", "REDIS_URL", "PORT", "LOG_LEVEL", "ALLOW_UNSIGNED",
        "SPOOL_DIR")} == {
            "PINLESS_HMAC_SECRET": "set", "INGRESS_API_KEY": "set", "REDIS_URL": "set",
            "PORT": "7860", "LOG_LEVEL": "warning", "ALLOW_UNSIGNED": "false", "SPOOL_DIR": ""}
    assert daily.SECRET not in done.stdout and daily.API_KEY not in done.stdout


@pytest.mark.parametrize("values, name", [
    ({"LISTEN_ADDR": "localhost"}, "LISTEN_ADDR"), ({"ADMIN_ADDR": "nowhere"}, "ADMIN_ADDR"),
    ({"PORT": "7000", "ADMIN_PORT": "7000"}, "ADMIN_PORT"), ({"SPOOL_DIR": "/proc"}, "SPOOL_DIR")])
def test_a_setting_that_cannot_work_is_found_before_the_start(stack, values, name):
    refuses(stack, [name], **GOOD, **values)


def test_a_misspelled_setting_is_warned_of(stack):
    done = stack.run("dialin-ingress", "--check-config", **GOOD, PINLES_HMAC_SECRET="x", HOMES="y",
                     INGRESS_API_KYE_FILE="z")
    assert done.returncode == 0
    warned = [line for line in done.stderr.splitlines() if "misspelling" in line]
    assert len(warned) == 2, done.stderr
    assert "PINLES_HMAC_SECRET" in warned[0] + warned[1]
    assert "setting=INGRESS_API_KEY_FILE" in warned[0] + warned[1]


def test_check_config_starts_nothing(stack):
    done = stack.run("dialin-ingress", "--check-config", **GOOD)
    assert done.returncode == 0, done
    done = stack.run("dialin-ingress", "--check-config", **GOOD, PORT="0")
    assert done.returncode == 1 and "PORT" in done.stderr


def test_without_a_secret_it_does_not_start(stack):
    assert "INGRESS_API_KEY" in refuses(stack, ["PINLESS_HMAC_SECRET"])
    refuses(stack, ["PINLESS_HMAC_SECRET"], PINLESS_HMAC_SECRET="", ALLOW_UNSIGNED="false")
    assert "SIP_TRUNK_SECRET" in refuses(stack, ["PINLESS_HMAC_SECRET"], DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET)


@pytest.mark.parametrize("name, value", [("PINLESS_HMAC_SECRET", daily.SECRET), ("INGRESS_API_KEY", daily.API_KEY),
                                         ("SIP_TRUNK_SECRET", daily.TRUNK_SECRET)])
def test_one_of_three_is_enough(stack, name, value):
    done = stack.run("dialin-ingress", "--check-config", **{name: value})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name, secret", [("PINLESS_HMAC_SECRET", daily.SECRET),
                                          ("INGRESS_API_KEY", daily.API_KEY),
                                          ("SIP_TRUNK_SECRET", daily.TRUNK_SECRET)])
def test_unsigned_with_a_secret_is_refused(stack, name, secret):
    refuses(stack, ["ALLOW_UNSIGNED"], ALLOW_UNSIGNED="true", **{name: secret})


def test_all_problems_at_once(stack):
    refuses(stack, ["PORT", "MAX_BODY_BYTES", "ALLOW_UNSIGNED", "REDIS_URL", "LOG_LEVEL",
                    "LOG_FORMAT", "TRUSTED_PROXIES", "PINLESS_HMAC_SECRET", "SPOOL_DIR"],
            PORT="eighty", MAX_BODY_BYTES="-1", ALLOW_UNSIGNED="perhaps", REDIS_URL="http://x",
            LOG_LEVEL="loud", LOG_FORMAT="xml", TRUSTED_PROXIES="10.0.0.0/33",
            PINLESS_HMAC_SECRET="no base64!", SPOOL_DIR="/does/not/exist")


@pytest.mark.parametrize("name, value", [
    ("PORT", "0"), ("PORT", "65536"), ("PORT", "80x"), ("PORT", " 80"), ("PORT", "1e3"),
    ("ADMIN_PORT", "65536"), ("MAX_BODY_BYTES", "1"), ("MAX_BODY_BYTES", "9" * 30),
    ("MAX_IN_FLIGHT", "0"), ("TRUSTED_PROXIES", "proxy.example.org"), ("REDIS_PREFIX", "a b"),
    ("REDIS_URL", "redis://127.0.0.1:0"), ("REDIS_URL", "redis://127.0.0.1:99999"),
    ("REDIS_URL", "127.0.0.1:6379"), ("PINLESS_HMAC_SECRET", "c2hvcnQ="),
    ("PINLESS_HMAC_SECRET", daily.SECRET + ",,"), ("PINLESS_HMAC_SECRET", daily.SECRET[:-1]),
    ("INGRESS_API_KEY", "short"), ("SPOOL_MAX_MB", "0"), ("SPOOL_DIR", "/does/not/exist"),
    ("REDIS_WAIT_REPLICAS", "-1")])
def test_values_that_cannot_be(stack, name, value):
    refuses(stack, [name], **{**GOOD, name: value})


@pytest.mark.parametrize("url", [
    "rediss://127.0.0.1:1", "redis+sentinel://a:26379,b:26379/m/0", "redis+cluster://a:1,b",
    "redis://127.0.0.1:6379/?db=2", "redis://default:pw@redis.railway.internal:6379?family=6",
    "REDIS://127.0.0.1:1", "unix:///tmp/x.sock?db=1"])
def test_urls_of_redis(stack, url):
    done = stack.run("dialin-ingress", "--check-config", **{**GOOD, "REDIS_URL": url})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("url, part", [
    ("redis://pw-of-ours@127.0.0.1", "log-in"), ("redis://:100%pw-of-ours@127.0.0.1", "password"),
    ("redis://127.0.0.1/0#main", "#"), ("tcp://redis:6379", "scheme"),
    ("redis://127.0.0.1?password=pw-of-ours", "parameter password")])
def test_a_url_of_redis_is_refused_by_its_part(stack, url, part):
    said = refuses(stack, ["REDIS_URL"], **{**GOOD, "REDIS_URL": url})
    assert part in said and "pw-of-ours" not in said


@pytest.mark.parametrize("values, name", [
    ({"REDIS_URL": "redis://127.0.0.1:1", "REDIS_CA_FILE": "/none"}, "REDIS_CA_FILE"),
    ({"REDIS_URL": "rediss://127.0.0.1:1", "REDIS_CA_FILE": "/none"}, "REDIS_CA_FILE"),
    ({"REDIS_URL": "rediss://127.0.0.1:1", "REDIS_CERT": "/none"}, "REDIS_KEY"),
    ({"REDIS_URL": "rediss://127.0.0.1:1", "REDIS_CERT": "/none", "REDIS_KEY": "/none"},
     "REDIS_CERT")])
def test_files_of_tls_to_redis(stack, values, name):
    refuses(stack, [name], **{**GOOD, **values})


@pytest.mark.parametrize("name, value", [("SPOOL_MAX_MB", "256"), ("REDIS_WAIT_REPLICAS", "0"),
                                         ("SPOOL_DIR", ""), ("TLS_CERT", "")])
def test_what_is_not_there_yet_may_have_its_default(stack, name, value):
    done = stack.run("dialin-ingress", "--check-config", **{**GOOD, name: value})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("secrets", [daily.DEMONSTRATION_SECRET,
                                     f"{daily.SECRET},{daily.DEMONSTRATION_SECRET}",
                                     f"+14155550100={daily.DEMONSTRATION_SECRET}"])
@pytest.mark.parametrize("allowed", [None, "", "true", "yes", "ALLOWED"])
def test_the_demonstration_secret_guards_nothing_real(stack, secrets, allowed):
    refuses(stack, ["PINLESS_HMAC_SECRET"], PINLESS_HMAC_SECRET=secrets, DEMO_SECRET=allowed)


@pytest.mark.parametrize("name, secrets", [
    ("DAILY_WEBHOOK_SECRET", f"{daily.SECRET},{daily.DEMONSTRATION_SECRET}"),
    ("SIP_TRUNK_SECRET", f"sales={daily.DEMONSTRATION_SECRET}")])
def test_nor_does_it_guard_events_and_trunks(stack, name, secrets):
    said = refuses(stack, [name], PINLESS_HMAC_SECRET=daily.SECRET, DEMO_SECRET="allowed", **{name: secrets})
    assert "demonstration" in said


@pytest.mark.parametrize("name", ["START_URL", "START_API_KEY", "PIPECAT_CLOUD_API_KEY", "AGENT_NAME",
                                  "DAILY_API_KEY", "ROUTES_FILE", "INGRESS_API_KEY"])
@pytest.mark.parametrize("form", ["", "_FILE"])
def test_the_demonstration_ends_with_the_first_setting_of_ones_own(stack, tmp_path, name, form):
    key = tmp_path / "key"
    key.write_text("something-of-ones-own")
    value = str(key) if form else "something-of-ones-own"
    said = refuses(stack, ["PINLESS_HMAC_SECRET"], PINLESS_HMAC_SECRET=daily.DEMONSTRATION_SECRET,
                   DEMO_SECRET="allowed", **{name + form: value})
    assert f"({name} is set, so the calls are real)" in said


def test_an_empty_file_is_no_setting_of_ones_own(stack, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    done = stack.run("dialin-ingress", "--check-config", DEMO_SECRET="allowed",
                     **{name + "_FILE": empty for name in ("PINLESS_HMAC_SECRET", "INGRESS_API_KEY", "START_URL")})
    assert done.returncode == 0, done.stderr


# --- NAME_FILE ------------------------------------------------------------------------------------

@pytest.mark.parametrize("end", ["", "\n"])
def test_a_value_may_come_from_a_file(stack, tmp_path, end):
    secret, key = tmp_path / "secret", tmp_path / "key"
    secret.write_text(daily.SECRET + end)
    key.write_text(daily.API_KEY + end)
    ingress = stack.ingress(PINLESS_HMAC_SECRET=None, PINLESS_HMAC_SECRET_FILE=secret,
                            INGRESS_API_KEY_FILE=key)
    assert ingress.ring().status == 200
    assert ingress.post(daily.body(daily.dialout()), daily.bearer()).status == 200


def test_both_forms_are_one_too_many(stack, tmp_path):
    (tmp_path / "secret").write_text(daily.SECRET)
    said = refuses(stack, ["PINLESS_HMAC_SECRET"], PINLESS_HMAC_SECRET=daily.SECRET,
                   PINLESS_HMAC_SECRET_FILE=tmp_path / "secret", INGRESS_API_KEY=daily.API_KEY)
    assert "PINLESS_HMAC_SECRET_FILE" in said


def test_a_file_that_is_not_there_is_named(stack, tmp_path):
    done = stack.run("dialin-ingress", PINLESS_HMAC_SECRET_FILE=tmp_path / "none",
                     INGRESS_API_KEY=daily.API_KEY)
    assert done.returncode == 1
    assert "PINLESS_HMAC_SECRET_FILE" in done.stderr and "none" in done.stderr


def test_only_one_newline_is_cut(stack, tmp_path):
    (tmp_path / "key").write_text(daily.API_KEY + "\n\n")
    done = stack.run("dialin-ingress", INGRESS_API_KEY_FILE=tmp_path / "key")
    assert done.returncode == 1 and "INGRESS_API_KEY" in done.stderr


@pytest.fixture
def no_files(tmp_path):
    """What is no file of a value, by its kind."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with open(tmp_path / "huge", "wb") as huge:
        huge.truncate(20 << 30)  # sparse
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        yield {"fifo": tmp_path / "fifo", "folder": tmp_path / "folder",
               "huge": tmp_path / "huge", "socket": tmp_path / "socket",
               "device": "/dev/zero", "terminal": "/dev/tty"}


@pytest.mark.parametrize("program, name, others", [
    ("dialin-ingress", "PINLESS_HMAC_SECRET_FILE", {}),
    ("dialin-worker", "START_API_KEY_FILE", {"START_URL": "http://127.0.0.1/start"})])
@pytest.mark.parametrize("kind", ["fifo", "folder", "huge", "socket", "device", "terminal"])
def test_what_is_no_file_of_a_value_is_refused_at_once(stack, no_files, program, name, others, kind):
    watch = Stopwatch()
    done = stack.run(program, "--check-config", **others, REDIS_URL="redis://127.0.0.1:1",
                     **{name: no_files[kind]})
    assert done.returncode == 1 and f"{name}: " in done.stderr, done.stderr
    assert watch.seconds() < 3, "it waited for the file"


# --- the machine ----------------------------------------------------------------------------------

def test_a_port_that_is_taken(stack, shared):
    other = stack.ingress()
    done = stack.run("dialin-ingress", **GOOD, PORT=str(other.port), LISTEN_ADDR="127.0.0.1",
                     ADMIN_PORT="0")
    assert done.returncode == 1 and str(other.port) in done.stderr


def test_without_an_admin_port(stack):
    from stack import Program, free_port
    port = free_port()
    ingress = stack.keep(Program("dialin-ingress", stack.folder, stack.values(
        {**GOOD, "REDIS_URL": stack.redis.unix_url, "PORT": port, "ADMIN_PORT": 0,
         "LISTEN_ADDR": "127.0.0.1"})))
    ingress.wait_until_it_listens(port)
    ingress.terminate()
    assert ingress.wait() == 0


def test_json_logs(stack):
    import json
    ingress = stack.ingress(LOG_FORMAT="json")
    call_id = daily.new_call_id('"')
    assert ingress.ring(daily.webhook(call_id)).status == 200
    ingress.terminate()
    assert ingress.wait() == 0
    lines = [json.loads(line) for line in ingress.log_lines()]
    assert all({"time", "level", "program", "message"} <= set(line) for line in lines)
    assert [line for line in lines if line.get("call_id") == call_id]


def test_log_level(stack):
    ingress = stack.ingress(LOG_LEVEL="ERROR")
    assert ingress.ring().status == 200
    ingress.terminate()
    assert ingress.wait() == 0 and ingress.log() == b""
