"""dialin-audit secrets --from-daily: Daily's secrets in a file, which a real ingress reads."""

import os
import stat
import threading

import pytest

import daily
import fake_daily
from fake_daily import new_secret
from stack import wait_for

URL = "https://calls.example/api/dial"
NUMBER, OTHER = "+14152251493", "+16285550100"


@pytest.fixture
def file(tmp_path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder / "pinless"


def write(audit, phone, file, code=0):
    result = audit("secrets", "--from-daily", "--output", file, code=code, **phone.values)
    assert fake_daily.KEY not in result.out + result.err
    assert {path.name for path in file.parent.iterdir()} <= {file.name}  # no remains
    return result


@pytest.fixture
def watch(audit, phone, file):
    """Begins to watch; the file is there then."""
    processes = []

    def begin():
        processes.append(audit.begin("secrets", "--from-daily", "--watch", "--output", file,
                                     **phone.values))
        wait_for(file.exists, 40)
    yield begin
    for process in processes:
        result = audit.interrupt(process)
        assert result.code == 0 and "Sanitizer" not in result.err, result


def test_the_secrets_of_all_numbers(audit, phone, file):
    one, two = phone.add(NUMBER)["hmac"], phone.add(None, sip_uri="u--1@s.example")["hmac"]
    phone.older = [{"phone_number": OTHER, "hmac": daily.SECRET}]
    assert write(audit, phone, file).out == "3 secrets of Daily's numbers\n"
    assert sorted(file.read_text().strip().split(",")) == sorted([
        f"{NUMBER}={one}", f"sip:u--1@s.example={two}", f"{OTHER}={daily.SECRET}"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().endswith("\n")


def test_a_secret_that_cannot_be_used_harms_no_other(audit, phone, file):
    good = phone.add(NUMBER)["hmac"]
    phone.add(OTHER, "not base64!")
    phone.add("+1999", "c2hvcnQ=")
    phone.add("+1998")["hmac"] = ""
    result = write(audit, phone, file)
    assert file.read_text() == f"{NUMBER}={good}\n"
    assert "no usable secret of: +1998, +1999, +16285550100" in result.err, result


def test_an_unchanged_file_is_not_touched(audit, phone, file):
    phone.add(NUMBER)
    write(audit, phone, file)
    before = file.stat()
    write(audit, phone, file)
    assert (before.st_ino, before.st_mtime_ns) == (file.stat().st_ino, file.stat().st_mtime_ns)


def test_a_number_in_any_spelling(audit, phone, file):
    one, two = phone.add("+1 (415) 225-1493")["hmac"], phone.add("0016285550100")["hmac"]
    write(audit, phone, file)
    assert set(file.read_text().strip().split(",")) == {f"{NUMBER}={one}", f"{OTHER}={two}"}


def test_long_entries_come_in_shorter_pages(audit, phone, file):
    secrets = [phone.add(f"+1415225{number:04}", ivr_greeting={"message": "x" * 9000})["hmac"] for number in range(25)]
    assert write(audit, phone, file).out == "25 secrets of Daily's numbers\n"
    assert sorted(pair.split("=", 1)[1] for pair in file.read_text().strip().split(",")) == sorted(secrets)


def test_a_file_that_others_may_read_is_written_anew(audit, phone, file):
    phone.add(NUMBER)
    write(audit, phone, file)
    file.chmod(0o644)
    write(audit, phone, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_somebody_else_could_have_written(audit, phone, file, tmp_path):
    """Its secrets would be good for ten minutes."""
    phone.add(NUMBER)
    forged = f"{NUMBER}={new_secret()}\n"

    def refused(sentence):
        assert f"cannot be used: {sentence}" in audit("secrets", "--from-daily", "--output", file, code=1,
                                                      **phone.values).err
        assert not phone.requests
    file.write_text(forged)
    file.chmod(0o666)
    refused("can be written by others")
    assert file.read_text() == forged
    file.chmod(0o644)
    if os.geteuid() == 0:
        os.chown(file, 65534, -1)
        refused("belongs to another user")
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text(forged)
    refused("is a symbolic link, which would be replaced")
    assert file.is_symlink()
    file.unlink()
    os.mkfifo(file)  # which would be waited for
    refused("is not a regular file")


@pytest.mark.parametrize("fault, sentence", [
    (fake_daily.answers(401, {"error": "x"}), "does not accept DAILY_API_KEY (401)"),
    (fake_daily.answers(429), "is asked too often"), (fake_daily.answers(500), "answers 500"),
    (fake_daily.answers(200, b"garbage"), "something else than a JSON object"),
    (fake_daily.answers(200, {"data": []}), "shows no number with a secret"),
    (fake_daily.answers(200, {}), "not understood"), (fake_daily.closes, "does not answer")])
def test_a_failure_of_daily_never_empties_the_file(audit, phone, file, fault, sentence):
    phone.add(NUMBER)
    write(audit, phone, file)
    before = file.read_text()
    phone.fail(fault)
    assert sentence in write(audit, phone, file, code=1).err
    assert file.read_text() == before


def test_a_part_of_the_numbers_is_not_all(audit, phone, file):
    """The list comes, and what stands beside it does not."""
    phone.older = [{"phone_number": OTHER, "hmac": daily.SECRET}]
    phone.add(NUMBER)
    write(audit, phone, file)
    before = file.read_text()
    phone.add("+1999")
    phone.fail(fake_daily.answers(500), path="/")
    write(audit, phone, file, code=1)
    assert file.read_text() == before


def test_a_file_that_cannot_be_written(audit, phone, tmp_path):
    phone.add(NUMBER)
    result = audit("secrets", "--from-daily", "--output", tmp_path / "no" / "file", code=1, **phone.values)
    assert "cannot be written: No such file or directory" in result.err
    result = audit("secrets", "--from-daily", "--output", tmp_path, code=1, **phone.values)
    assert "cannot be used: is not a regular file" in result.err
    result = audit("secrets", "--from-daily", "--output", "x/" * 2046 + "file", code=1, **phone.values)
    assert "cannot be used: File name too long" in result.err or "cannot be written: File name too long" in result.err
    assert "needs --from-daily and --output FILE" in audit("secrets", code=2).err


# --- with a real ingress ------------------------------------------------------------------------

def ring(ingress, number, secret):
    body = daily.body(daily.webhook(To=number))
    return ingress.post(body, daily.headers(body, secret)).status


class Caller:
    """Rings all the time, signed with the secret that Daily has at that moment."""

    def __init__(self, ingress, phone):
        self.ingress, self.phone = ingress, phone
        self.statuses = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.is_over.wait(0.01):
            self.statuses.append(ring(self.ingress, NUMBER, self.phone.config(NUMBER)["hmac"]))

    def stop(self):
        self.is_over.set()
        self.thread.join()


def test_a_number_that_is_configured_anew_loses_nobody(stack, audit, phone, file, watch):
    old = phone.add(NUMBER, room_creation_api="https://old.example/")["hmac"]
    watch()
    ingress = stack.ingress(PINLESS_HMAC_SECRET=None, PINLESS_HMAC_SECRET_FILE=file)
    caller = Caller(ingress, phone)
    try:
        audit("doctor", "--number", NUMBER, "--url", URL, "--yes", **phone.values)
        rung = len(caller.statuses)
        wait_for(lambda: len(caller.statuses) > rung + 20, 20)
    finally:
        caller.stop()
    assert set(caller.statuses) == {200} and phone.config(NUMBER)["hmac"] == old
    assert phone.config(NUMBER)["room_creation_api"] == URL


def test_new_secrets_are_taken_up_and_old_ones_stay_for_a_while(stack, audit, phone, file, watch):
    """Somebody else configures a number without its secret, and buys another one."""
    old = phone.add(NUMBER)["hmac"]
    watch()
    ingress = stack.ingress(PINLESS_HMAC_SECRET=None, PINLESS_HMAC_SECRET_FILE=file)
    assert ring(ingress, NUMBER, old) == 200
    new, other = new_secret(), phone.add(OTHER)["hmac"]
    phone.config(NUMBER)["hmac"] = new
    wait_for(lambda: ring(ingress, NUMBER, new) == 200, 40, "the new secret to be in force")
    wait_for(lambda: ring(ingress, OTHER, other) == 200, 40, "the other number's to be in force")
    assert ring(ingress, NUMBER, old) == 200  # a webhook that was on its way
    assert ring(ingress, OTHER, new) == 401   # each for its own number
    assert ring(ingress, NUMBER, new_secret()) == 401


def test_daily_is_away_while_it_watches(stack, audit, phone, file, watch):
    secret = phone.add(NUMBER)["hmac"]
    watch()
    before = file.read_text()
    phone.fail(fake_daily.answers(500))
    count = len(phone.requests)
    wait_for(lambda: len(phone.requests) > count, 30, "a question that fails")
    assert file.read_text() == before and secret in before
    phone.fail(None)
    new = phone.add(OTHER)["hmac"]
    wait_for(lambda: new in file.read_text(), 40, "the next answer")


def test_a_file_that_is_taken_away_comes_back(audit, phone, file, watch):
    phone.add(NUMBER)
    watch()
    before = file.read_text()
    file.unlink()
    wait_for(file.exists, 40, "the file to be written again")
    assert file.read_text() == before


def test_what_goes_on_is_said_once(audit, phone, file):
    phone.add(NUMBER)
    phone.add("+1999", "c2hvcnQ=")
    process = audit.begin("secrets", "--from-daily", "--watch", "--output", file, **phone.values)
    wait_for(lambda: len([path for path, _ in phone.asked("GET") if path == "/"]) >= 3, 60, "a third turn")
    assert audit.interrupt(process).err.count("+1999") == 1


def test_secrets_of_an_earlier_run(audit, phone, file):
    """The file's age counts: what Daily no longer shows goes after ten minutes, restart or not."""
    current = phone.add(NUMBER)["hmac"]
    late, old = f"{OTHER}={new_secret()}", f"+1999={new_secret()}"
    for text, age_s, stays in ((late, 60, True), (old, 700, False)):
        file.write_text(text + "\n")
        at = file.stat().st_mtime - age_s
        os.utime(file, (at, at))
        process = audit.begin("secrets", "--from-daily", "--watch", "--output", file, **phone.values)
        wait_for(lambda: current in file.read_text(), 20)
        assert (text in file.read_text()) == stays
        assert audit.interrupt(process).code == 0
