"""The spool: what the ingress acknowledges while Redis is away, and what becomes of it.

A webhook counts as kept when it is on the disk; in the stream it keeps the time at which it rang.
"""

import os
import signal
import time

import pytest

import daily
from burst import Burst
from spool_disk import files, under
from stack import wait_for
from stopwatch import Stopwatch


def ring_spooled(ingress, webhook=None):
    webhook = webhook or daily.webhook()
    answer = ingress.ring(webhook)
    assert answer.status == 200, answer
    assert answer.json() == {"status": "queued", "spooled": True, "call_id": webhook["callId"]}
    return webhook["callId"]


def in_stream(ledger, call_ids):
    """Whether each has come, and in which order they came first."""
    order = []
    for _, fields in ledger.entries():
        call_id = fields["call_id"].decode()
        if call_id in call_ids and call_id not in order:
            order.append(call_id)
    return order if len(order) == len(call_ids) else None


def test_redis_is_killed_and_comes_back(stack, ledger, own, folder, start):
    ingress = stack.ingress(SPOOL_DIR=folder)
    worker = stack.worker(START_URL=start.url)
    own.kill()
    rang = time.time()
    call_ids = [ring_spooled(ingress) for _ in range(20)]
    assert time.time() - rang < 10, "only the first is waited with"
    assert [path.stat().st_mode & 0o777 for path in files(folder)] == [0o600]
    assert ingress.is_ready(), "the spool takes webhooks"
    assert ingress.metrics()['dialin_webhooks_total{result="spooled"}'] == 20
    stack.restart_redis()
    back = time.time()
    assert wait_for(lambda: in_stream(ledger, call_ids), what="all in the stream") == call_ids
    for _, fields in ledger.entries():
        assert rang - 1 < int(fields["received_ms"]) / 1000 < back, "the hold counts from the ring"
    ledger.wait_until_finished()
    ended = ledger.check_account([])
    assert set(ended.values()) <= {"started", "duplicate"}
    assert sorted({request.key for request in start.requests}) == sorted(call_ids)
    assert len(start.requests) == 20
    wait_for(lambda: files(folder) == [], what="the file to be removed")
    assert worker.is_running()


def test_redis_is_stopped_and_goes_on(stack, ledger, own, folder):
    """Its answer to the XADD comes, but late: the webhook is in the stream twice, at most."""
    ingress = stack.ingress(SPOOL_DIR=folder)
    own.signal(signal.SIGSTOP)
    begun, watch = time.monotonic(), Stopwatch()
    call_id = ring_spooled(ingress)
    assert time.monotonic() - begun > 0.2 and watch.seconds() < 2.5
    own.signal(signal.SIGCONT)
    wait_for(lambda: in_stream(ledger, [call_id]))
    wait_for(lambda: files(folder) == [])
    assert len(ledger.entries_of(call_id)) <= 2
    assert "id" in ingress.ring().json(), "the next one is queued as ever"


def test_an_ingress_that_starts_without_redis_spools_too(stack, own, folder, ledger):
    own.kill()
    ingress = stack.ingress(is_ready=False, SPOOL_DIR=folder)
    wait_for(ingress.is_ready)
    call_id = ring_spooled(ingress)
    stack.restart_redis()
    wait_for(lambda: in_stream(ledger, [call_id]))


def test_a_full_redis_refuses_and_the_spool_takes(stack, ledger, own, folder):
    ingress = stack.ingress(SPOOL_DIR=folder)
    own.client.config_set("maxmemory", 1)
    call_id = ring_spooled(ingress)
    own.client.config_set("maxmemory", 0)
    wait_for(lambda: in_stream(ledger, [call_id]))
    wait_for(lambda: files(folder) == [])


@pytest.mark.slow
def test_the_ingress_is_killed_amid_a_burst_that_is_spooled(stack, ledger, own, folder):
    dying = stack.ingress(SPOOL_DIR=folder)
    own.kill()
    burst = Burst([dying.port], 3000, connections=30)
    wait_for(lambda: len(burst.acknowledged) > 500)
    dying.kill()
    burst.join()
    assert len(files(folder)) == 1
    heir = stack.ingress(is_ready=False, SPOOL_DIR=folder)
    stack.restart_redis()
    assert burst.acknowledged.keys() <= set(
        wait_for(lambda: files(folder) == [] and {fields["call_id"].decode()
                                                  for _, fields in ledger.entries()}, 30))
    assert b"that no ingress uses" in heir.log()


def test_two_ingresses_share_a_folder(stack, ledger, own, folder):
    ingresses = [stack.ingress(SPOOL_DIR=folder) for _ in range(2)]
    own.kill()
    call_ids = [ring_spooled(ingress) for _ in range(3) for ingress in ingresses]
    assert len(files(folder)) == 2
    ingresses[0].kill()
    wait_for(lambda: b"that no ingress uses" in ingresses[1].log(), what="the orphan to be found")
    stack.restart_redis()
    assert wait_for(lambda: in_stream(ledger, call_ids), what="all in the stream")
    wait_for(lambda: files(folder) == [])
    assert len(ledger.entries()) == 6


def test_sigterm_leaves_the_file_to_the_next(stack, ledger, own, folder):
    leaving = stack.ingress(SPOOL_DIR=folder)
    own.kill()
    call_id = ring_spooled(leaving)
    leaving.terminate()
    assert leaving.wait() == 0
    assert len(files(folder)) == 1
    stack.ingress(is_ready=False, SPOOL_DIR=folder)
    stack.restart_redis()
    wait_for(lambda: in_stream(ledger, [call_id]))
    wait_for(lambda: files(folder) == [])


def leave_a_file(stack, own, folder, count):
    """A spool file with `count` webhooks, whose ingress is gone."""
    ingress = stack.ingress(SPOOL_DIR=folder)
    own.kill()
    call_ids = [ring_spooled(ingress) for _ in range(count)]
    ingress.kill()
    return call_ids, files(folder)[0]


@pytest.mark.parametrize("cut", [1, 40, 79, 81, 300])
def test_a_torn_last_record_is_dropped(stack, ledger, own, folder, cut):
    """As a kill amid the write leaves it; nobody was told that it is kept."""
    call_ids, path = leave_a_file(stack, own, folder, 3)
    whole = path.read_bytes()
    last = whole.rindex(b"dialinS1")
    path.write_bytes(whole + whole[last:last + cut])
    stack.restart_redis()
    heir = stack.ingress(SPOOL_DIR=folder)
    wait_for(lambda: files(folder) == [])
    assert in_stream(ledger, call_ids) == call_ids
    assert len(ledger.entries()) == 3
    assert heir.metrics()['dialin_spool_records_total{result="torn"}'] == 1


def make_foreign(path, kind):
    """What somebody else may have put there, or may change."""
    if kind == "owner":
        os.chown(path, 12345, 12345)
    elif kind == "writable":
        path.chmod(0o666)
    elif kind == "link":
        path.rename(path.with_suffix(".else"))
        path.symlink_to(path.with_suffix(".else"))
    elif kind == "second name":
        os.link(path, path.with_suffix(".else"))
    elif kind == "fifo":
        path.unlink()
        os.mkfifo(path)


@pytest.mark.parametrize("kind", ["owner", "writable", "link", "second name", "fifo"])
def test_a_file_that_is_not_to_be_trusted_is_left_alone(stack, ledger, own, folder, kind):
    """A record in it carries no signature: it would reach the agent all the same."""
    if kind == "owner" and os.geteuid() != 0:
        pytest.fail("giving a file away needs root")
    _, path = leave_a_file(stack, own, folder, 1)
    make_foreign(path, kind)
    stack.restart_redis()
    heir = stack.ingress(SPOOL_DIR=folder)
    wait_for(lambda: b"that cannot be trusted" in heir.log())
    webhook = daily.webhook()
    assert heir.ring(webhook).status == 200
    wait_for(lambda: in_stream(ledger, [webhook["callId"]]))
    # Twice, if Redis answered late and the webhook was spooled as well.
    assert {fields["call_id"].decode() for _, fields in ledger.entries()} == {webhook["callId"]}
    assert path in files(folder)


def test_a_hole_of_20_gigabytes_holds_nobody_up(stack, ledger, own, folder):
    """Its length counts neither as time nor as what the spool may hold."""
    call_ids, path = leave_a_file(stack, own, folder, 2)
    records = path.read_bytes()
    with path.open("r+b") as file:
        file.truncate(20 << 30)
        file.seek(0, os.SEEK_END)
        file.write(records)
    stack.restart_redis()
    heir = stack.ingress(SPOOL_DIR=folder, SPOOL_MAX_MB=1)
    wait_for(lambda: len(ledger.entries()) == 4, what="the records on both sides of the hole")
    assert in_stream(ledger, call_ids)
    wait_for(lambda: files(folder) == [])
    assert heir.metrics()["dialin_spool_files_damaged_total"] == 1


def test_draining_garbage_lets_others_be_served(stack, ledger, own, folder):
    """Each place that looks like a record is tried, in turns: others are answered meanwhile."""
    call_ids, path = leave_a_file(stack, own, folder, 1)
    records = path.read_bytes()
    path.write_bytes(b"dialinS1" * (1 << 23) + records)
    stack.restart_redis()
    heir = stack.ingress(SPOOL_DIR=folder)
    assert heir.ring(daily.webhook()).status == 200
    assert path in files(folder), "it was drained before the first answer"
    assert wait_for(lambda: in_stream(ledger, call_ids), 60)


def test_a_damaged_record_costs_no_other(stack, ledger, own, folder):
    call_ids, path = leave_a_file(stack, own, folder, 3)
    data = bytearray(path.read_bytes())
    second = data.index(b"dialinS1", 8)
    data[second + 200] ^= 0x40
    path.write_bytes(data)
    stack.restart_redis()
    heir = stack.ingress(SPOOL_DIR=folder)
    wait_for(lambda: files(folder) == [])
    assert in_stream(ledger, [call_ids[0], call_ids[2]]) == [call_ids[0], call_ids[2]]
    assert len(ledger.entries()) == 2
    assert [path.name.endswith(".damaged") for path in folder.iterdir()] == [True], "it is kept"
    assert b"is damaged" in heir.log()


def test_a_full_spool_is_a_503(stack, own, folder):
    ingress = stack.ingress(SPOOL_DIR=folder, SPOOL_MAX_MB=1, MAX_BODY_BYTES=600000)
    own.kill()
    large = {**daily.webhook(), "note": "x" * 400000}
    ring_spooled(ingress, large)
    ring_spooled(ingress, {**large, "callId": daily.new_call_id()})
    answer = ingress.ring({**large, "callId": daily.new_call_id()})
    assert (answer.status, answer.json()["code"]) == (503, "queue_unavailable")
    ring_spooled(ingress)


@pytest.mark.parametrize("fault", ["fdatasync", "write", "short", "open"])
def test_a_disk_that_fails_is_no_acknowledgement(stack, ledger, own, folder, shim, tmp_path,
                                                 fault):
    control = tmp_path / "fault"
    control.write_text("")
    ingress = stack.ingress(SPOOL_DIR=folder, **under(shim, control))
    own.kill()
    kept = ring_spooled(ingress)
    control.write_text(fault)
    if fault == "open":  # the file at hand still takes some; only a new one fails
        ingress.kill()
        ingress = stack.ingress(is_ready=False, SPOOL_DIR=folder, **under(shim, control))
    answer = ingress.ring()
    assert (answer.status, answer.json()["code"]) == (503, "queue_unavailable"), answer
    assert b"disk fails" in ingress.log()
    control.write_text("")
    again = wait_for(lambda: (lambda webhook: webhook["callId"] if ingress.ring(
        webhook).status == 200 else None)(daily.webhook()), what="the disk to be tried again")
    stack.restart_redis()
    wait_for(lambda: in_stream(ledger, [kept, again]), what="what was kept, in the stream")
    wait_for(lambda: files(folder) == [])


def test_a_hold_that_ends_in_the_spool_starts_no_bot(stack, ledger, own, folder, start):
    ingress = stack.ingress(SPOOL_DIR=folder)
    own.kill()
    call_id = ring_spooled(ingress)
    time.sleep(1.1)  # the hold itself
    stack.restart_redis()
    stack.worker(START_URL=start.url, HOLD_LIMIT_S=1)
    call = ledger.wait_for_state(call_id, "dead")
    assert call["reason"] == "expired"
    assert start.requests == []


def test_a_folder_that_cannot_be_used_is_refused(stack, tmp_path):
    values = {"PINLESS_HMAC_SECRET": daily.SECRET}
    everybodys, others = tmp_path / "everybodys", tmp_path / "others"
    everybodys.mkdir()
    everybodys.chmod(0o1777)
    others.mkdir()
    os.chown(others, 12345, 12345)
    for folder in (tmp_path / "missing", __file__, "/proc", everybodys, others):
        done = stack.run("dialin-ingress", "--check-config", SPOOL_DIR=folder, **values)
        assert done.returncode == 1
        assert "SPOOL_DIR" in done.stderr


# --- replicas ------------------------------------------------------------------------------------

def make_replica(stack, own):
    from stack import Redis
    replica = stack.keep(Redis(stack.folder / "replica"))
    replica.client.replicaof("127.0.0.1", own.port)
    wait_for(lambda: replica.client.info("replication")["master_link_status"] == "up")
    return replica


def test_an_answer_waits_for_the_replica(stack, ledger, own):
    replica = make_replica(stack, own)
    ingress = stack.ingress(REDIS_WAIT_REPLICAS=1)
    burst = Burst([ingress.port], 200).join()
    assert not burst.refused
    acknowledged = {entry.encode() for entry in burst.acknowledged.values()}
    assert acknowledged <= {entry for entry, _ in
                            replica.client.xrange(ledger.key("webhooks"))}
    replica.signal(signal.SIGSTOP)
    answer = ingress.ring()
    assert (answer.status, answer.json()["code"]) == (503, "queue_unavailable")
    replica.signal(signal.SIGCONT)
    wait_for(lambda: ingress.ring().status == 200)


def test_without_its_replica_the_spool_answers(stack, ledger, own, folder):
    replica = make_replica(stack, own)
    ingress = stack.ingress(REDIS_WAIT_REPLICAS=1, SPOOL_DIR=folder)
    replica.signal(signal.SIGSTOP)
    call_ids = [ring_spooled(ingress) for _ in range(10)]
    assert files(folder)
    time.sleep(2)  # in which nothing is put into the stream again and again
    assert len(ledger.entries()) <= 10
    replica.signal(signal.SIGCONT)
    wait_for(lambda: files(folder) == [], what="it to be drained")
    assert all(ledger.entries_of(call_id) for call_id in call_ids)
    assert len(ledger.entries()) <= 20


# --- what Redis has lost -------------------------------------------------------------------------

def test_a_redis_that_came_back_without_some_is_noticed(stack, own):
    ingress = stack.ingress()
    entry = ingress.ring().json()["id"]
    own.client.flushall()
    own.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    line = wait_for(lambda: [line for line in ingress.log_lines() if "has lost webhooks" in line])
    assert entry in line[0]
    assert ingress.metrics()["dialin_losses_total"] == 1


def test_a_redis_that_came_back_whole_is_no_loss(stack, own):
    ingress = stack.ingress()
    ingress.ring()
    own.kill()
    stack.restart_redis()
    wait_for(lambda: ingress.ring().status == 200)
    assert b"has lost" not in ingress.log()
