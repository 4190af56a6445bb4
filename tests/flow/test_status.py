"""What programs tell of themselves in Redis, and the samples of each minute."""

import json

import daily
from fake_start import answers
from stack import build_folder, wait_for


def statuses(ledger):
    return {key.decode().split(":status:")[1]: json.loads(ledger.client.get(key))
            for key in ledger.client.keys(ledger.key("status:*"))}


def test_worker_and_ingress_write_their_status(stack, ledger, start, tmp_path):
    key = tmp_path / "key"
    key.write_text("a-secret-key\n")
    stack.worker(START_URL=start.url + "?token=in-a-query", START_API_KEY_FILE=str(key),
                 CONCURRENCY="7")
    stack.ingress(PINLESS_HMAC_SECRET=daily.SECRET, SPOOL_DIR=str(tmp_path))
    found = wait_for(lambda: len(statuses(ledger)) == 2 and statuses(ledger))
    names = {name.split(":")[0]: name for name in found}
    worker, ingress = found[names["worker"]], found[names["ingress"]]
    assert (worker["in_work"], worker["in_work_max"], worker["ready"]) == (0, 7, True)
    assert worker["settings"]["START_API_KEY"] == "set" and worker["settings"]["LEASE_S"] == "10"
    assert ingress["spool_bytes_max"] == 256_000_000 and ingress["started_ms"] > 0
    text = json.dumps(found)
    assert not any(secret in text for secret in ("a-secret-key", "in-a-query", daily.SECRET))
    assert set(ledger.client.zrange(ledger.key("programs"), 0, -1)) == {
        name.encode() for name in found}
    assert 0 < ledger.client.ttl(ledger.key("status:" + names["worker"])) <= 15


def test_a_user_of_redis_who_may_not_write_the_status_serves_all_the_same(stack, ledger):
    stack.own_redis()
    ledger.client.execute_command("ACL", "SETUSER", "default", "-set", "-zadd")
    ingress = stack.ingress(PINLESS_HMAC_SECRET=daily.SECRET)
    wait_for(lambda: ledger.client.info("commandstats").get("cmdstat_set", {}).get("rejected_calls"))
    assert ingress.is_ready() and b"NOPERM" not in ingress.log()


def test_a_new_problem_is_written_before_its_turn(stack, ledger):
    """Alerts are made of it. The turn comes every 5 s."""
    ingress = stack.ingress()

    def at_ms(refused):
        return [status["at_ms"] for status in statuses(ledger).values() if status["refused"] == refused]
    first, = wait_for(lambda: at_ms(0))
    wait_for(lambda: at_ms(0) > [first])
    last, = at_ms(0)
    assert ingress.post(b"[]", daily.headers(b"[]")).status == 400
    told, = wait_for(lambda: at_ms(1))
    assert told - last < 4500
    assert ledger.client.zscore(ledger.key("programs"), "problem") >= told


def test_the_first_worker_of_a_minute_stores_a_sample(stack, ledger, start):
    ledger.client.hset(ledger.key("counts"), mapping={"dead:expired": 3, "waited:2": 5})
    start.script(answers(429))
    stack.worker(START_URL=start.url)
    keys = wait_for(lambda: ledger.client.keys(ledger.key("minute:*")))
    sample = {name.decode(): value.decode() for name, value in
              ledger.client.hgetall(keys[0]).items()}
    assert (sample["dead:expired"], sample["waited:2"], sample["waiting"]) == ("3", "5", "0")
    assert int(keys[0].decode().rsplit(":", 1)[1]) == int(sample["at_ms"]) // 60000
    assert 6 * 24 * 3600 < ledger.client.ttl(keys[0]) <= 7 * 24 * 3600

    text = (build_folder() / "scripts" / "sample.lua").read_bytes()  # the second changes nothing
    ledger.client.hset(ledger.key("counts"), "dead:expired", 4)
    first = ledger.client.eval(text, 1, ledger.key("webhooks"), 60)
    again = ledger.client.eval(text, 1, ledger.key("webhooks"), 60)
    assert again == 0 and len(ledger.client.keys(ledger.key("minute:*"))) == 1 + first
