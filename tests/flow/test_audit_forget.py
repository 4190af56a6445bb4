"""dialin-audit forget: what is kept of a person's number goes, the account stays."""

import pytest

import daily
from fake_start import answers, starts_a_bot
from ledger import WRITTEN_BY_THE_CLOCK
from redis_between import Between
from stack import wait_for

PERSON, OTHER = "+14155550777", "+14155550778"


@pytest.fixture
def worker(stack, start):
    return stack.worker(START_URL=start.url)


def test_a_number_is_erased_and_the_account_stays(ledger, start, worker, audit):
    def by_number(exchange):
        step = answers(413, b"{}") if b"rejected" in exchange.request.body else starts_a_bot()
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
    result = audit("forget", PERSON, "--yes")
    assert "erased 3 calls: 4 webhooks, 7 events, 1 dead letters" in result.out, result
    assert PERSON.encode() not in ledger.everything()
    assert OTHER.encode() in ledger.everything()
    assert audit("stats", "--json").object()["account"] == before
    worker.read_account(ledger.client)
    assert worker.metrics()["dialin_account_difference"] == 0
    assert b"lost" not in worker.log(), "what was erased counts as lost"
    assert [call["from"] for call in audit.json("list")] == [OTHER]
    assert audit.json("list", "--from", PERSON) == []
    assert "erased 0 calls" in audit("forget", PERSON, "--yes").out


def test_a_copy_of_a_forgotten_webhook_starts_no_second_bot(ledger, start, worker, audit):
    webhook = daily.webhook(From=PERSON)
    ledger.queue(webhook)
    ledger.wait_until_finished()
    audit("forget", PERSON, "--yes")
    assert PERSON not in str(ledger.call(webhook["callId"]))
    ledger.queue(webhook)
    ledger.wait_until_finished()
    assert len(start.requests) == 1
    assert ledger.counts() == {"started": 1, "duplicate": 1}
    assert 0 < ledger.client.ttl(ledger.key(f"call:{webhook['callId']}")) <= 600


def test_what_lies_in_a_spool_is_forgotten_by_a_second_run(stack, ledger, start, worker, audit, folder):
    """What an ingress has spooled becomes part of the record only when the spool drains; --help of forget says so."""
    wire = stack.keep_wire(Between(stack.redis.port))
    ingress = stack.ingress(SPOOL_DIR=folder, REDIS_URL=wire.url, DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET)
    first, second = daily.webhook(From=PERSON), daily.webhook(From=PERSON)
    assert ingress.ring(first).status == 200
    ledger.wait_until_finished()
    wire.refuse()
    event = daily.body(daily.event("dialin.warning", "a-room", from_=PERSON))
    for answer in (ingress.ring(first), ingress.ring(second),
                   ingress.post(event, daily.event_headers(event), path="/api/daily-events")):
        assert answer.status == 200 and answer.json()["spooled"] is True
    assert "erased 1 calls" in audit("forget", PERSON, "--yes").out
    assert PERSON.encode() not in ledger.everything()
    wire.open()
    wait_for(lambda: not any(folder.iterdir()), 30, "the spool to be empty")
    ledger.wait_until_finished()
    assert len(start.requests) == 2, "a copy of a forgotten webhook starts no second bot"
    assert PERSON.encode() in ledger.everything()
    result = audit("forget", PERSON, "--yes")
    assert "2 webhooks" in result.out and "1 of Daily's events" in result.out, result
    assert PERSON.encode() not in ledger.everything()
    assert "When every spool is empty" in audit("forget", "--help").out


def test_numbers_in_dialouts_and_headers_are_found(ledger, start, worker, audit):
    """Also where the number is written in another way; but not in the middle of a longer one."""
    ledger.queue(daily.dialout(dialout_settings=[{"phoneNumber": PERSON}]), "out-1", "dialout")
    ledger.queue(daily.webhook(From=PERSON[1:]))
    ledger.queue(daily.webhook(From=f"sip:{PERSON}@example.com"))
    ledger.queue(daily.webhook(From="anonymous", sipHeaders={"X-Caller": PERSON}))
    ledger.queue(daily.webhook(From=PERSON + "9"))
    ledger.wait_until_finished()
    assert "erased 4 calls" in audit("forget", PERSON, "--yes").out
    assert [call["from"] for call in audit.json("list")] == [PERSON + "9"]


SPELLINGS = ["14155550777", "0014155550777", "+1 (415) 555-0777", "tel:+1-415-555-0777",
             "sip:14155550777@example.com", "%2B14155550777", '"Ann" <sip:+14155550777@example.com>']


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_found_by_every_spelling(ledger, start, worker, audit, spelling):
    webhooks = [daily.webhook(From=caller) for caller in [PERSON, *SPELLINGS]]
    webhooks.append(daily.webhook(From=OTHER))
    webhooks.append(daily.webhook(From=None, sipHeaders={"P-Asserted-Identity": [SPELLINGS[2], 7]}))
    for webhook in webhooks:
        ledger.queue(webhook)
    for number, settings in enumerate([{"phone_number": SPELLINGS[2]}, [{"sipUri": SPELLINGS[4]}]]):
        ledger.queue({"dialout_settings": settings}, f"out-{number}", "dialout")
    ledger.wait_until_finished()
    before = ledger.entries(), ledger.events()
    found = audit.json("list", "--from", spelling)
    assert len(found) == 1 + len(SPELLINGS)
    assert len(audit.json("list", "--from", "+1415555*", "--limit", "0")) == 2 + len(SPELLINGS)
    plan = audit("forget", spelling)
    assert "would erase 11 calls: 11 webhooks" in plan.out and "--yes does it" in plan.out
    assert webhooks[0]["callId"] in plan.out and "in the dial-out" in plan.out
    assert (ledger.entries(), ledger.events()) == before, "the plan changes nothing"
    assert "erased 11 calls" in audit("forget", spelling, "--yes").out
    assert [call["from"] for call in audit.json("list")] == [OTHER]


def test_a_sip_address_has_no_case(ledger, start, worker, audit):
    for caller in ("sip:Anna@Example.org", '"Anna" <sip:anna@example.org;x=1>', "sip:anna@other.org"):
        ledger.queue(daily.webhook(From=caller))
    ledger.wait_until_finished()
    assert len(audit.json("list", "--from", "SIP:ANNA@example.org")) == 2
    assert len(audit.json("list", "--from", "sip:anna@*")) == 3
    assert "erased 2 calls" in audit("forget", "anna@example.org", "--yes").out


@pytest.mark.parametrize("word", ["anonymous", "Restricted", "", "*", "+1415*", "+266696687",
                                  "sip:anonymous@anonymous.invalid"])
def test_what_is_no_number_is_refused(ledger, audit, word):
    result = audit("forget", word, "--yes", code=2)
    assert "is neither a number nor a SIP address" in result.err


def test_refused_webhooks_are_forgotten_too(stack, ledger, audit):
    ingress = stack.ingress()
    for caller in (PERSON, OTHER):
        assert ingress.ring(daily.webhook("", From=caller, callId="")).status == 400
    wait_for(lambda: ledger.client.xlen(ledger.key("refused")) == 2)
    assert "1 refused webhooks" in audit("forget", PERSON).out
    assert ledger.client.xlen(ledger.key("refused")) == 2
    assert "1 refused webhooks" in audit("forget", PERSON, "--yes").out
    entry, = ledger.client.xrange(ledger.key("refused"))
    assert OTHER.encode() in entry[1][b"body"]


def test_a_number_of_ones_own_is_left(ledger, start, worker, audit):
    ledger.queue(daily.webhook(From=OTHER))
    ledger.wait_until_finished()
    before = ledger.everything(without=WRITTEN_BY_THE_CLOCK)
    result = audit("forget", daily.TO, "--yes")
    assert "erased 0 calls" in result.out and "1 others rang this number" in result.err
    assert ledger.everything(without=WRITTEN_BY_THE_CLOCK) == before


def test_who_is_in_work_is_left_and_said(ledger, start, worker, audit):
    start.script(answers(429, b"{}"))
    webhook = daily.webhook(From=PERSON)
    ledger.queue(webhook)
    ledger.wait_for_state(webhook["callId"], "waiting")
    result = audit("forget", PERSON, "--yes", code=1)
    assert "erased 0 calls" in result.out and "1 calls are still in work" in result.err
    start.script(starts_a_bot())
    ledger.wait_for_state(webhook["callId"], "started")
    ledger.wait_until_finished()
    assert "erased 1 calls" in audit("forget", PERSON, "--yes").out


def test_the_newest_entry_may_go(stack, ledger, start, audit):
    """Whoever remembers it must not take the stream for one that has lost something."""
    ingress = stack.ingress()
    worker = stack.worker(START_URL=start.url)
    webhook = daily.webhook(From=PERSON)
    assert ingress.ring(webhook).status == 200
    ledger.wait_until_finished()
    audit("forget", PERSON, "--yes")
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


def test_daily_s_events_go_too(ledger, start, worker, audit):
    start.script(starts_a_bot())
    webhook, other = daily.webhook(From=PERSON), daily.webhook(From=OTHER)
    for each, number in ((webhook, PERSON), (other, OTHER)):
        ledger.queue(each)
        ledger.wait_for_state(each["callId"], "started")
        event = daily.event("dialin.connected", f"room-{each['callId']}", sip_from=f"sip:{number}@sip.example",
                            display_name=number)
        ledger.client.xadd(ledger.key("daily"), {"v": "1", "body": daily.body(event)})
        wait_for(lambda: ledger.call(each["callId"]).get("verdict") == "connected")
    foreign = daily.event("dialin.ready", "no-room-of-ours", sip_from=f"sip:{PERSON}@sip.example")
    ledger.client.xadd(ledger.key("daily"), {"v": "1", "body": daily.body(foreign)})
    assert "of Daily's events; --yes does it" in audit("forget", PERSON).out
    assert ledger.client.xlen(ledger.key("daily")) == 3
    assert "1 of Daily's events" in audit("forget", PERSON, "--yes").out  # the other went with its call
    assert PERSON.encode() not in ledger.everything()
    assert ledger.client.xlen(ledger.key("daily")) == 1
    assert ledger.events(webhook["callId"]) == []
    assert ledger.call(other["callId"])["verdict"] == "connected"
