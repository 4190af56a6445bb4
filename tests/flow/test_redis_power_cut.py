"""Redis after a power cut that left a transaction half written in its append-only file. Redis alone loses what it
acknowledges from then on; common/ship/compose/mend_aof.sh, which runs before it, prevents that."""

import subprocess

import pytest

import daily
from stack import MEND_AOF, wait_for

TWO_WRITES = "redis.call('SET', 'a', '1') redis.call('SET', 'b', '2')"


def last_file(redis):
    return max((redis.folder / "redis" / "appendonlydir").glob("*.incr.aof"))


def mend(redis):
    done = subprocess.run([MEND_AOF, redis.folder / "redis", "echo", "started"], capture_output=True, text=True,
                          check=True)
    assert done.stdout == "started\n"
    return done.stderr


def cut(redis, count):
    """The power goes, and the last `count` bytes with it."""
    redis.kill()
    file = last_file(redis)
    file.write_bytes(file.read_bytes()[:-count])


def test_what_is_acknowledged_after_a_power_cut_stays(stack, ledger, start, own):
    worker, ingress = stack.worker(START_URL=start.url), stack.ingress()
    calls = [daily.new_call_id() for _ in range(3)]
    assert ingress.ring(daily.webhook(calls[0])).status == 200
    ledger.wait_for_state(calls[0], "started")
    own.client.eval(TWO_WRITES, 0)
    cut(own, len("\r\n*1\r\n$4\r\nEXEC\r\n"))  # of the last command of the script, too
    assert "left unfinished" in mend(own)
    stack.restart_redis()
    for program in (worker, ingress):
        wait_for(program.is_ready, 20)
    assert stack.redis.client.mget("a", "b") == [None, None]
    assert ingress.ring(daily.webhook(calls[1])).status == 200
    ledger.wait_for_state(calls[1], "started")
    stack.redis.kill()
    assert mend(stack.redis) == ""
    stack.restart_redis()
    assert [ledger.call(call_id).get("state") for call_id in calls] == ["started", "started", None]
    assert len(ledger.events(event="started")) == 2


@pytest.mark.parametrize("lost", range(1, 60, 7))
def test_a_transaction_goes_whole_wherever_it_ends(stack, own, lost):
    own.client.set("before", "1")
    own.client.eval(TWO_WRITES, 0)
    cut(own, lost)
    mend(own)
    first = stack.restart_redis()
    first.client.set("after", "1")
    first.kill()
    assert stack.restart_redis().client.mget("before", "a", "b", "after") == [b"1", None, None, b"1"]


@pytest.mark.parametrize("end", [
    b"", b"*2\r\n$3\r\nGET\r\n$1", b"*1\r\n$5\r\nMULTI\r\nzzz\r\n*1\r\n$4\r\nEXEC\r\n*1\r\n$4\r\nPING\r\n",
    b"zzz*1\r\n$5\r\nMULTI\r\n"])
def test_anything_else_is_left_to_redis(own, end):
    own.client.eval(TWO_WRITES, 0)
    own.kill()
    file = last_file(own)
    found = file.read_bytes() + end
    file.write_bytes(found)
    assert mend(own) == ""
    assert file.read_bytes() == found


def test_a_folder_without_files_and_one_that_is_not_there(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        done = subprocess.run([MEND_AOF, folder, "echo", "started"], capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("started\n", "")
