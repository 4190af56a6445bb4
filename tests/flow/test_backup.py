"""A backup is a copy of Redis' append-only files. Brought back later, it starts no bot for a caller
who has gone, and loses nothing that it held."""

import os
import re
import shutil
import subprocess
import threading

import daily
from fake_start import answers, hangs, starts_a_bot
from stack import REPOSITORY, wait_for

HOLD_S = 2


def ring(ledger, count=1):
    call_ids = [daily.new_call_id() for _ in range(count)]
    for call_id in call_ids:
        ledger.queue(daily.webhook(call_id))
    return call_ids


def in_many_states(stack, ledger, start):
    """Calls that are started, dead, waiting in line, starting, and not read yet."""
    worker = stack.worker(START_URL=start.url, LEASE_S=3)
    calls = {"started": ring(ledger, 2)}
    for call_id in calls["started"]:
        ledger.wait_for_state(call_id, "started")
    start.script(answers(413))
    calls["dead"] = ring(ledger)
    ledger.wait_for_state(calls["dead"][0], "dead")
    start.script(hangs())
    calls["starting"] = ring(ledger)
    ledger.wait_for_state(calls["starting"][0], "starting")
    wait_for(lambda: start.requests_of(calls["starting"][0]))  # it hangs, by the script of now
    start.script(answers(429))
    calls["waiting"] = ring(ledger, 3)
    for call_id in calls["waiting"]:
        ledger.wait_for_state(call_id, "waiting")
    worker.kill()
    calls["queued"] = ring(ledger, 3)
    return calls


def back_up(redis, path=os.environ["PATH"]):
    """With the very commands that the README gives."""
    command, = re.findall(r"^```sh\n(until .*?)^```", (REPOSITORY / "README.md").read_text(),
                          re.DOTALL | re.MULTILINE)
    data = redis.folder / "redis"
    subprocess.run(["sh", "-c", command], cwd=data, check=True, timeout=30,
                   env={"PATH": path})
    return data / "backup"


def restore(stack, folder):
    stack.redis.kill()
    shutil.rmtree(stack.redis.folder / "redis" / "appendonlydir")
    shutil.copytree(folder, stack.redis.folder / "redis" / "appendonlydir")
    return stack.restart_redis()


def test_a_restored_backup_starts_no_call_whose_hold_is_over(stack, ledger, start):
    redis = stack.own_redis(fsync="always")
    calls = in_many_states(stack, ledger, start)
    before = {entry for entry, _ in ledger.entries()}
    events = [event["id"] for event in ledger.events()]
    stories = {call_id: ledger.call(call_id) for call_id in calls["started"] + calls["dead"]}
    backup = back_up(redis)
    later = ring(ledger)  # after the backup: what is brought back does not know of it

    redis = restore(stack, backup)
    assert {entry for entry, _ in ledger.entries()} == before
    assert not ledger.entries_of(later[0])
    newest_ms = max(int(entry.split("-")[0]) for entry in before)
    wait_for(lambda: redis.client.time()[0] * 1000 > newest_ms + HOLD_S * 1000)
    start.script(starts_a_bot())
    requests = len(start.requests)
    worker = stack.worker(START_URL=start.url, HOLD_LIMIT_S=HOLD_S, HOLD_GRACE_S=1)
    for state in ("starting", "waiting", "queued"):
        for call_id in calls[state]:
            call = ledger.wait_for_state(call_id, "dead", timeout_s=20)
            # The request of one that was starting was never answered: a bot may be there.
            reason = "unknown" if state == "starting" else "expired"
            assert call["reason"] == reason, (state, call)
    ledger.wait_until_finished()
    assert len(start.requests) == requests, "a bot was asked for"
    assert ledger.counts() == {"started": 2, "dead": 8, "dead:rejected": 1, "dead:expired": 6,
                               "dead:unknown": 1}
    ledger.check_account(before)
    assert {call_id: ledger.call(call_id) for call_id in stories} == stories
    assert [event["id"] for event in ledger.events()][:len(events)] == events
    call_id, = ring(ledger)  # and who rings now is served
    ledger.wait_for_state(call_id, "started")
    assert b"does not add up" not in worker.log()


def test_a_worker_that_ran_through_a_restore_says_what_is_gone(stack, ledger, start):
    redis = stack.own_redis(fsync="always")
    worker = stack.worker(START_URL=start.url)
    for call_id in ring(ledger, 2):
        ledger.wait_for_state(call_id, "started")
    backup = back_up(redis)
    for call_id in ring(ledger, 3):
        ledger.wait_for_state(call_id, "started")
    newest = ledger.entries()[-1][0]
    worker.read_account(stack.redis.client)
    restore(stack, backup)
    wait_for(lambda: b"has lost webhooks" in worker.log())
    said, = [line for line in worker.log_lines() if "has lost webhooks" in line]
    assert "entries=3" in said and f"up_to={newest}" in said
    call_id, = ring(ledger)
    ledger.wait_for_state(call_id, "started")
    assert ledger.counts() == {"started": 3}


REWRITES = """#!/bin/sh
/bin/cp "$@" || exit
echo >> {folder}/copies
[ "$(wc -l < {folder}/copies)" -le 3 ] || exit 0
redis-cli -p {port} bgrewriteaof
while redis-cli -p {port} info persistence | grep -qE "aof_rewrite_(in_progress|scheduled):1"; do
    sleep 0.01
done
"""


def test_a_backup_during_rewrites_is_whole(stack, ledger, tmp_path):
    """Redis rewrites its files behind each of the first copies; webhooks come in meanwhile."""
    redis = stack.own_redis(fsync="always")
    copy = tmp_path / "cp"
    copy.write_text(REWRITES.format(folder=tmp_path, port=redis.port))
    copy.chmod(0o755)
    before = [ledger.queue(daily.webhook()) for _ in range(20)]
    queued, is_over = list(before), threading.Event()

    def go_on():
        while not is_over.is_set():
            queued.append(ledger.queue(daily.webhook()))
    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        backup = back_up(redis, path=f"{tmp_path}:{os.environ['PATH']}")
    finally:
        is_over.set()
        writer.join()
    restore(stack, backup)
    restored = [entry for entry, _ in ledger.entries()]
    assert restored[:len(before)] == before
    assert restored == queued[:len(restored)]
