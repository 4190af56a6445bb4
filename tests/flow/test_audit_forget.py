"""dialin-audit forget: what is kept of a person's number goes, the account stays."""

import pytest

import daily
from audit import Audit
from fake_start import answers, starts_a_bot
from stack import wait_for

PERSON, OTHER = "+14155550777", "+14155550778"


@pytest.fixture
def audit(stack):
    return Audit(stack)


@pytest.fixture
def worker(stack, start):
    return stack.worker(START_URL=start.url)


def test_a_number_is_erased_and_the_account_stays(ledger, start, worker, audit):
    def by_number(exchange):
        step = answers(422, b"{}") if b"rejected" in exchange.request.body else starts_a_bot()
        step(exchange)
    start.script(by_number)
    webhooks = [daily.webhook(From=PERSON), daily.webhook(From=OTHER),
                daily.webhook(From=PERSON, note="rejected"), daily.webhook(From=PERSON)]
    for webhook in webhooks + webhooks[:1]:  # the first one twice: a duplicate
        ledger.queue(webhook)
    ledger.wait_until_finished()
    before = audit("stats", "--json").object()["account"]
    assert before == {"queued": 5, "started": 3, "dead": 1, "duplicate": 1, "unfinished": 0,
                      "adds_up": True}
    result = audit("forget", PERSON)
    assert "erased 3 calls: 4 webhooks, 7 events, 1 dead letters" in result.out, result
    assert PERSON.encode() not in ledger.everything()
    assert OTHER.encode() in ledger.everything()
    assert audit("stats", "--json").object()["account"] == before
    worker.read_account(ledger.client)
    assert worker.metrics()["dialin_account_difference"] == 0
    assert b"lost" not in worker.log(), "what was erased counts as lost"
    assert [call["from"] for call in audit.json("list")] == [OTHER]
    assert audit.json("list", "--from", PERSON) == []
    assert "erased 0 calls" in audit("forget", PERSON).out


def test_a_copy_of_a_forgotten_webhook_starts_no_second_bot(ledger, start, worker, audit):
    webhook = daily.webhook(From=PERSON)
    ledger.queue(webhook)
    ledger.wait_until_finished()
    audit("forget", PERSON)
    assert PERSON not in str(ledger.call(webhook["callId"]))
    ledger.queue(webhook)
    ledger.wait_until_finished()
    assert len(start.requests) == 1
    assert ledger.counts() == {"started": 1, "duplicate": 1}
    assert 0 < ledger.client.ttl(ledger.key(f"call:{webhook['callId']}")) <= 600


def test_numbers_in_dialouts_and_headers_are_found(ledger, start, worker, audit):
    """Also where the number is written in another way; but not in the middle of a longer one."""
    ledger.queue(daily.dialout(dialout_settings=[{"phoneNumber": PERSON}]), "out-1", "dialout")
    ledger.queue(daily.webhook(From=PERSON[1:]))
    ledger.queue(daily.webhook(From=f"sip:{PERSON}@example.com"))
    ledger.queue(daily.webhook(From="anonymous", sipHeaders={"X-Caller": PERSON}))
    ledger.queue(daily.webhook(From=PERSON + "9"))
    ledger.wait_until_finished()
    assert "erased 4 calls" in audit("forget", PERSON).out
    assert [call["from"] for call in audit.json("list")] == [PERSON + "9"]


def test_a_number_of_ones_own_is_left(ledger, start, worker, audit):
    ledger.queue(daily.webhook(From=OTHER))
    ledger.wait_until_finished()
    before = ledger.everything()
    result = audit("forget", daily.TO)
    assert "erased 0 calls" in result.out and "1 others rang this number" in result.err
    assert ledger.everything() == before


def test_who_is_in_work_is_left_and_said(ledger, start, worker, audit):
    start.script(answers(429, b"{}"))
    webhook = daily.webhook(From=PERSON)
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "waiting")
    result = audit("forget", PERSON, code=1)
    assert "erased 0 calls" in result.out and "1 calls are still in work" in result.err
    start.script(starts_a_bot())
    ledger.wait_for_state(webhook["callId"], "started")
    ledger.wait_until_finished()
    assert "erased 1 calls" in audit("forget", PERSON).out


def test_the_newest_entry_may_go(stack, ledger, start, audit):
    """Whoever remembers it must not take the stream for one that has lost something."""
    ingress = stack.ingress()
    worker = stack.worker(START_URL=start.url)
    webhook = daily.webhook(From=PERSON)
    assert ingress.ring(webhook).status == 200
    ledger.wait_until_finished()
    audit("forget", PERSON)
    for connection in ledger.client.client_list():
        if connection["name"].startswith("dialin-"):
            ledger.client.client_kill_filter(_id=connection["id"])
    ledger.client.xgroup_destroy(ledger.key("webhooks"), "workers")
    ingress.wait_until_ready()
    worker.wait_until_ready()
    second = daily.webhook(From=OTHER)
    wait_for(lambda: ingress.ring(second).status == 200)
    ledger.wait_for_state(second["callId"], "started")
    ledger.wait_until_finished()
    worker.read_account(ledger.client)
    assert b"lost webhooks" not in worker.log() + ingress.log()
    assert ledger.counts()["started"] == 2
    assert len(start.requests) == 2
