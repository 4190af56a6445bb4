"""The short form of `make chaos`, and proof that its account sees what it is there to see."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "chaos"))

from account import Account, Seen
from campaign import Campaign
from events import Verdicts

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


def of(call_id, event, place, **more):
    """An event of another call; all happen in the order of their places, a second apart."""
    return {"event": event, "entry": f"{call_id}-entry", "call_id": call_id, "attempt": "1", "error": "",
            "reason": "", "at_ms": str(place * 1000), **more}


def lost(call_id, place, **more):
    return of(call_id, "dead", place, reason="expired", **more)


def asked(call_id, place, status="429"):
    return of(call_id, "attempt", place, http_status=status, latency_ms="10")


def called_back(events, rang=1000, **counts):
    """What an account sees of these events; all calls are of one number."""
    ids = dict.fromkeys(event["call_id"] for event in events)
    ends = {event["call_id"]: event["event"] for event in events if event["event"] in ("started", "dead")}
    dead = sum(1 for call_id, end in ends.items() if end == "dead" and call_id.endswith("~cb"))
    counts = {"callbacks": sum(call_id.endswith("~cb") for call_id in ids), "dead:callback": dead,
              **{name: list(ends.values()).count(name) for name in ("started", "dead")}, **counts}
    good = {event["call_id"]: 1 for event in events if event.get("http_status") == "200"}
    posts = {call_id: sum(1 for event in events if event["event"] == "attempt" and event["call_id"] == call_id)
             for call_id in ids}
    seen_now = Seen({}, [(f"{call_id}-entry", call_id) for call_id in ids], events,
                    {call_id: {"state": ends[call_id], "from": "+1", "received_ms": rang} for call_id in ids},
                    counts, len(ids), good, posts, [], 0, callback_ms=1)
    return [sentence for _, sentence in Account(seen_now).violations]


QUEUED = [lost("a", 2, callback="a~cb")]
STARTED = [asked("a~cb", 3, "200"), of("a~cb", "started", 3)]
AGAIN = [asked("b", 4, "200"), of("b", "started", 4)]


def test_a_good_call_back_has_no_violation():
    assert called_back(QUEUED + STARTED) == []
    assert called_back(QUEUED + AGAIN + [of("a~cb", "dead", 5, reason="served")]) == []
    assert called_back(QUEUED + [lost("b", 3)] + [asked("a~cb", 4, "200"), of("a~cb", "started", 4)]) == []
    assert called_back(QUEUED + STARTED + [lost("b", 5)]) == [], "served since it rang"


@pytest.mark.parametrize("events, sentence, counts", [
    ([lost("a", 2)], "died expired and is not called back", {}),
    (QUEUED + [lost("b", 3, callback="b~cb")] + STARTED + [of("b~cb", "dead", 9, reason="expired")],
     "is called back, though a~cb is not over", {}),
    (AGAIN + [lost("a", 5, callback="a~cb"), of("a~cb", "dead", 6, reason="served")],
     "though its number has been served since it rang", {}),
    (QUEUED + AGAIN + [asked("a~cb", 6), of("a~cb", "dead", 7, reason="served")],
     "asked, though its number had been served by b", {}),
    (QUEUED + [of("a~cb", "dead", 5, reason="served")], "nobody served its number", {}),
    ([of("a", "dead", 2, reason="unknown", callback="a~cb")] + STARTED, "died unknown and is called back", {}),
    (STARTED, "a call back that no death names", {}),
    (QUEUED, "is not in the stream", {}),
    (QUEUED + STARTED, "2 call backs are counted, 1 are there", {"callbacks": 2}),
    (QUEUED + STARTED, "1 call backs are counted as dead, 0 are", {"dead:callback": 1}),
])
def test_what_is_wrong_with_a_call_back_is_seen(events, sentence, counts):
    violations = called_back(events, **counts)
    assert any(sentence in text for text in violations), violations


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


# --- events -------------------------------------------------------------------------------------------

def verdicts(acknowledged, call=None, told=("connected", "ended"), **changes):
    """The sentences about one started call whose bot was in room r."""
    call = {"state": "started", "room_url": "https://d/r", "verdict": "ended", "talked_s": "2", **(call or {})}
    call = {name: value for name, value in call.items() if value is not None}
    events = [{"event": name, "call_id": "a"} for name in told]
    said = []
    Verdicts({"r": {str(i): kind for i, kind in enumerate(acknowledged)}},
             seen(calls={"a": call}, events=events, **changes), lambda _, sentence: said.append(sentence))
    return said


COUNTS = {"verdict:ended": 1, "talked": 1, "talked_s": 2}


def test_a_conversation_whose_events_were_acknowledged():
    assert verdicts(["connected", "ended"], counts=COUNTS) == []
    assert verdicts(["connected"], {"verdict": "connected", "talked_s": None}, ["connected"],
                    counts={"verdict:connected": 1}) == []
    assert verdicts([], {"verdict": None, "talked_s": None}, [], counts={}) == []


@pytest.mark.parametrize("acknowledged, call, told, counts", [
    (["connected", "ended"], {"verdict": "never_connected"}, ["connected", "ended"], COUNTS),
    (["connected", "ended"], {"verdict": "connected"}, ["connected", "ended"], COUNTS),
    (["connected", "ended"], {}, ["connected", "ended", "ended"], COUNTS),
    (["connected", "ended"], {}, ["connected"], COUNTS),
    (["connected", "ended"], {"talked_s": None}, ["connected", "ended"], COUNTS),
    ([], {"verdict": "ended", "talked_s": None}, [], {"verdict:ended": 1}),
    (["connected", "ended"], {}, ["connected", "ended"], {**COUNTS, "verdict:ended": 2}),
    (["connected", "ended"], {}, ["connected", "ended"], {**COUNTS, "talked_s": 9}),
], ids=["told never", "not ended", "twice", "lost", "no length", "of nothing", "counts", "seconds"])
def test_the_verdicts_are_held_against_the_events(acknowledged, call, told, counts):
    assert verdicts(acknowledged, call, told, counts=counts)


def test_nobody_is_abandoned_who_has_not_hung_up():
    calls = {"a": {"state": "dead", "received_ms": "1"}}
    gone = [attempt(1, "429"), end("dead", reason="abandoned")]
    fields = {"calls": calls, "events": gone, "counts": {"dead": 1}, "starts": {}}
    assert Account(seen(**fields, hung_up={"a"})).violations == []
    assert Account(seen(**fields)).violations
    assert Account(seen(**{**fields, "starts": {"a": 1}}, hung_up={"a"})).violations
