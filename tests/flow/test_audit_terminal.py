"""dialin-audit as a person at a terminal of 80 columns uses it."""

import json
import re

import pytest

import daily
from audit import Audit
from fake_start import answers
from terminal import columns_of, on_terminal

COLUMNS = 80
FROM, SHOWN = "+14158483432", "+1…3432"


@pytest.fixture
def recorded(stack, ledger, start):
    """Two dead calls of one beginning, a dial-out, and one with a hostile number."""
    start.script(answers(413, b'{"error":"too large for +14158483432"}'))
    stack.worker(START_URL=start.url)
    ids = ["aaaa-first", "aaaa-second", "bbbb-third"]
    for call_id, number in zip(ids, (FROM, FROM, "\x1b[31m日本📞" * 9)):
        ledger.queue(daily.webhook(call_id, From=number))
    ledger.queue({"dialout_settings": [{"phoneNumber": "+4930123456"}, {"sipUri": "sip:a@b"}]},
                 kind="dialout", call_id="out-two")
    ledger.queue({"dialout_settings": {"phone_number": "+4930123456"}}, kind="dialout",
                 call_id="out-one")
    ledger.wait_until_finished()
    return ids


def shown(audit, *arguments, **values):
    out, err = on_terminal(audit, *arguments, columns=COLUMNS, **values)
    plain = re.sub("\x1b\\[[0-9]*m", "", out.decode())
    assert max(map(columns_of, plain.split("\n"))) <= COLUMNS, plain
    return plain, err.decode().replace("\n> ", "")


@pytest.mark.parametrize("command", [["list"], ["dead", "list"], ["show", "aaaa-first"],
                                     ["tail", "-n", "50"]])
def test_numbers_are_hidden_on_a_terminal_only(recorded, audit, command):
    digits = FROM[5:]
    assert digits not in shown(audit, *command)[0]
    assert digits not in shown(audit, *command, TERM="dumb")[0]
    if command[0] != "tail":
        assert SHOWN in shown(audit, *command)[0]
        assert FROM[:9] in shown(audit, *command, "--reveal")[0]
        assert FROM[:9] in audit(*command).out


def test_list_says_who_waited_how_long_and_why_it_ended(recorded, audit):
    out, _ = shown(audit, "list")
    head, *rows = out.splitlines()
    assert head.split() == ["RANG", "STATE", "FROM", "WAITED", "TRY", "CALL"]
    row, = [row for row in rows if "aaaa-first" in row]
    assert "dead rejected" in row and SHOWN in row and re.search(r"s +1 aaaa-first$", row)
    row, = [row for row in rows if "out-two" in row]
    assert "to 2 numbers" in row
    row, = [row for row in rows if "out-one" in row]
    assert "to +4…3456" in row
    assert [call["dials"] for call in audit.json("list", "--limit", "2")] == [
        [{"number": "+4930123456"}], [{"number": "+4930123456"}, {"number": "sip:a@b"}]]


def test_a_dead_letter_says_how_often_was_asked_and_the_last_answer(recorded, audit):
    out, _ = shown(audit, "dead", "list")
    row, = [row for row in out.splitlines() if "aaaa-first" in row]
    assert "rejected" in row and SHOWN in row and "1 HTTP 413" in row
    letter = [letter for letter in audit.json("dead", "list") if letter["call_id"] == "aaaa-first"][0]
    assert (letter["attempts"], letter["http_status"]) == (1, 413)
    assert isinstance(letter["received_ms"], int)


def test_a_beginning_is_enough_if_it_is_one_calls(recorded, audit):
    for name in ("bbbb", "bbbb-th…", "bbbb-third"):
        assert "bbbb-third" in shown(audit, "show", name)[0]
    entry = audit.json("list", "--limit", "1")[0]["entry"]
    assert "out-one" in audit("show", entry).out
    several = audit("show", "aaaa-", code=1).err
    assert "ambiguous" in several and "aaaa-first" in several and "aaaa-second" in several
    assert "is not known" in audit("show", "aaa", code=1).err, "too short"
    assert "is not known" in audit("show", "bbbb", "--json", code=1).err, "programs give the whole id"


def test_the_head_names_the_last_answer_and_whom_a_dialout_calls(recorded, audit):
    out, _ = shown(audit, "show", "aaaa-first")
    head = out.split("\nwebhook\n")[0]
    assert re.search("last answer +attempt 1: HTTP 413 in ", head), head
    assert re.findall("calls +(.*)", audit("show", "out-two").out) == ["+4930123456", "sip:a@b"]


def test_long_texts_are_cut_on_a_terminal_unless_they_are_wanted(recorded, audit):
    short, whole = (shown(audit, "show", "aaaa-first", *flags)[0] for flags in ([], ["--full"]))
    assert '"sipHeaders"' not in short and len(short.splitlines()) <= 24 < len(whole.splitlines())
    assert "callDomain" in whole.replace("\n> ", "")
    assert "callDomain" in audit("show", "aaaa-first").out, "a pipe gets all"


def test_tail_shows_the_last_of_before_and_what_is_asked_for(recorded, audit):
    def found(*flags):
        return [(event["call_id"], event["event"]) for event in audit.json("tail", *flags)]
    assert len(found("-n", "3")) == 3 and found("-n", "0") == []
    assert found("-n", "500", "--call", "aaaa-first") == [("aaaa-first", "attempt"), ("aaaa-first", "dead")]
    assert found("-n", "1", "--call", "aaaa-first") == [("aaaa-first", "dead")]
    assert {event for _, event in found("-n", "500", "--event", "dead")} == {"dead"}
    assert found("-n", "500", "--agent", "nobody") == []
    assert found("--lines", "500") == found("-n500")


def test_tail_goes_on_after_the_last(ledger, recorded, audit):
    running = audit.begin("tail", "-n", "1", "-f", "--event", "dead", "--json")
    assert json.loads(running.stdout.readline())["event"] == "dead"
    ledger.client.xadd(ledger.key("audit"), {"call_id": "another", "event": "waiting"})
    ledger.client.xadd(ledger.key("audit"), {"call_id": "another", "event": "dead"})
    assert json.loads(running.stdout.readline())["call_id"] == "another"
    assert audit.interrupt(running).code == 0


def test_colours_as_asked_for(recorded, audit):
    assert "\x1b[31m" in audit("list", "--color", "always").out
    for flags, values in ((["--color", "never"], {}), ([], {"TERM": "dumb"}), ([], {"NO_COLOR": "1"})):
        assert b"\x1b" not in on_terminal(audit, "list", *flags, columns=COLUMNS, **values)[0]
    assert "auto, always or never" in audit("list", "--color", "red", code=2).err


def test_settings_come_from_a_file_and_the_environment_wins(stack, ledger, tmp_path):
    values = {name: value for name, value in stack.values({}).items() if name.startswith("REDIS_")}
    path = tmp_path / "env"
    path.write_text("# ours\n\nexport REDIS_PREFIX='{other}'\r\nREDIS_URL=redis://127.0.0.1:1 # away\n")
    audit = Audit(stack)
    assert "under {other}" in audit("list", "--env-file", path, REDIS_PREFIX=None).err
    assert "under {other}" not in audit("list", "--env-file", path).err
    assert values["REDIS_URL"], "the environment's address was used"
    for text, problem in (("A=1\nsecret words\n", "line 2 has no ="), ("A='secret", "line 1 has a quote"),
                          ("1A=secret", "does not begin with a name"), ("A=\0", "NUL")):
        path.write_text(text)
        error = audit("list", "--env-file", path, code=2).err
        assert problem in error and "secret" not in error
    assert "No such file" in audit("list", "--env-file", tmp_path / "absent", code=2).err


def test_each_figure_of_the_trade_has_its_formula(audit):
    shown_help = audit("stats", "--help").out
    for formula in ("answered + lost", "waiting time / answered", "within 20 s of ringing / offered",
                    "longest wait"):
        assert formula in shown_help
    assert formula not in audit("list", "--help").out
