"""The short form of `make chaos`, and proof that its account sees what it is there to see."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "chaos"))

from account import Account, Seen
from campaign import Campaign

SEED = 20261123


@pytest.mark.slow
def test_a_campaign(tmp_path):
    print(f"SEED={SEED}")
    campaign = Campaign(SEED, calls=600, rate=60, pause_s=0.4, folder=tmp_path,
                        options=("https", "filter"))
    try:
        account = campaign.run()
    finally:
        troubles = campaign.close()
    assert troubles == []
    assert account.violations == []
    assert len(account.seen.acknowledged) > 500
    assert sum(campaign.dealt.values()) > 10


def attempt(number=1, status="200", error="", **more):
    return {"event": "attempt", "entry": "1-0", "call_id": "a", "attempt": str(number),
            "http_status": status, "error": error, "reason": "", "at_ms": "1000", **more}


def end(event="started", entry="1-0", reason="", at_ms="1000"):
    return {"event": event, "entry": entry, "call_id": "a", "reason": reason, "error": "",
            "at_ms": at_ms}


def seen(**changes):
    """One call that rang once and was started once."""
    good = {"acknowledged": {"a": 1}, "entries": [("1-0", "a")], "events": [attempt(), end()],
            "calls": {"a": {"state": "started", "received_ms": "1"}}, "counts": {"started": 1},
            "entries_added": 1, "starts": {"a": 1}, "posts": {"a": 1}, "left": [],
            "hold_ms": 30000}
    return Seen(**{**good, **changes})


def test_a_good_account_has_no_violation():
    assert Account(seen()).violations == []


def test_an_unknown_outcome_excuses_one_more_bot():
    events = [attempt(1, "", "unknown outcome"), attempt(2), end()]
    account = Account(seen(events=events, starts={"a": 2}, posts={"a": 2}))
    assert account.violations == [] and account.second_starts == 1


def revived():
    return [attempt(1, "", "unknown outcome"), end("dead", reason="unknown"), attempt(1, late="1"),
            {**end(), "late": "1"}]


def test_an_answer_after_its_calls_death_makes_it_started():
    assert Account(seen(events=revived())).violations == []
    died_again = Account(seen(events=[*revived(), end("dead", reason="expired")]))
    assert any("ended 2 times" in text for _, text in died_again.violations)


DEAD = {"calls": {"a": {"state": "dead", "received_ms": "1000"}}, "counts": {"dead": 1},
        "starts": {}, "posts": {}}


@pytest.mark.parametrize("changes", [
    {"events": [attempt(1, "0", "timeout"), end("dead", reason="unknown", at_ms="50000")],
     "starts": {"a": 1}, "posts": {"a": 1}},
    {"events": [attempt(1, "500"), end("dead", reason="expired", at_ms="50000")],
     "starts": {"a": 1}, "posts": {"a": 1}},
    {"events": [attempt(1, "429"), end("dead", reason="expired", at_ms="50000")], "posts": {"a": 1}},
], ids=["unknown", "a 5xx with a bot", "expired"])
def test_what_a_dead_call_is_called(changes):
    assert Account(seen(**{**DEAD, **changes})).violations == []


@pytest.mark.parametrize("changes, sentence", [
    ({"entries": [], "events": [], "counts": {}, "entries_added": 0, "starts": {}},
     "not in the stream"),
    ({"events": [attempt()], "counts": {}}, "ended 0 times"),
    ({"events": [attempt(), end(), end()], "counts": {"started": 2}}, "ended 2 times"),
    ({"entries": [("1-0", "a"), ("2-0", "a")], "entries_added": 2,
      "events": [attempt(), end(), end(entry="2-0")], "counts": {"started": 2}}, "not once"),
    ({"starts": {"a": 2}, "posts": {"a": 2}, "events": [attempt(1, "429"), attempt(2), end()]},
     "2 bots and only 0"),
    ({"posts": {"a": 2}}, "saw 2 requests"),
    ({"starts": {}}, "began no session"),
    ({"events": [attempt(1, "429"), end()]}, "without an attempt that was answered 2xx"),
    ({**DEAD, "events": [end("dead", reason="expired", at_ms="30900")]}, "expired after 29900 ms"),
    ({**DEAD, "events": [end("dead", reason="rejected", at_ms="50000")]}, "rejected"),
    ({**DEAD, "events": [end("dead", reason="unknown", at_ms="50000")]}, "unknown"),
    ({**DEAD, "events": [attempt(1, "429"), end("dead", reason="expired", at_ms="50000")],
      "starts": {"a": 1}, "posts": {"a": 1}}, "1 bots and only 0"),
    ({**DEAD, "events": [attempt(1, "0", "timeout"), end("dead", reason="expired", at_ms="50000")],
      "starts": {"a": 1}, "posts": {"a": 1}}, "is called expired, but 1 bots began"),
    ({**DEAD, "events": [attempt(1, "503"), end("dead", reason="unknown", at_ms="50000")],
      "posts": {"a": 1}}, "is called unknown, but"),
    ({"calls": {"a": {"state": "waiting"}}}, "its record says waiting"),
    ({"counts": {"started": 2}}, "are counted as started"),
    ({"entries_added": 2}, "2 entries were queued, 1 ended"),
    ({"left": ["somebody waits"]}, "somebody waits"),
])
def test_what_is_wrong_is_seen(changes, sentence):
    violations = [text for _, text in Account(seen(**changes)).violations]
    assert any(sentence in text for text in violations), violations
