"""dialin-audit export: everything once, in order, also where it was broken off."""

import csv
import io
import json
import random
import subprocess

import pytest

import daily
from fake_start import answers, starts_a_bot
from stack import build_folder, wait_for


@pytest.fixture
def recorded(stack, ledger, start):
    """Calls of every outcome, with bodies that need quotes in CSV."""
    def by_number(exchange):
        step = answers(413, b'no "bot",\nsorry') if b"+1222" in exchange.request.body \
            else starts_a_bot()
        step(exchange)
    start.script(by_number)
    stack.worker(START_URL=start.url)
    webhooks = [daily.webhook(From=number, note='line\nend, "quoted"')
                for number in ("+1111", "+1222", "+1333", "anonymous")]
    for webhook in webhooks + webhooks[:1]:
        ledger.queue(webhook)
    ledger.wait_until_finished()
    settled(ledger)
    return webhooks


def settled(ledger):
    """An export ends a millisecond before it begins: until then all is in."""
    newest = max(int(entry.split(b"-")[0]) for key in ("webhooks", "audit")
                 for entry, _ in ledger.client.xrevrange(ledger.key(key), count=1))
    wait_for(lambda: ledger.client.time()[0] * 1000 + ledger.client.time()[1] // 1000 > newest + 1)


def rows_of(text, form):
    if form == "json":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text, newline="")))


def place(row):
    return tuple(map(int, row["id"].split("-")))


@pytest.mark.parametrize("form", ["json", "csv"])
def test_everything_once_and_in_order(ledger, recorded, audit, form):
    result = audit("export", "--format", form)
    rows = rows_of(result.out, form)
    webhooks = [row for row in rows if row["record"] == "webhook"]
    events = [row for row in rows if row["record"] == "event"]
    outcomes = [row for row in rows if row["record"] == "outcome"]
    assert [row["id"] for row in webhooks] == [entry for entry, _ in ledger.entries()]
    assert [row["body"].encode() for row in webhooks] == [
        fields["body"] for _, fields in ledger.entries()]
    assert [row["id"] for row in events] == [
        entry.decode() for entry, _ in ledger.client.xrange(ledger.key("audit"))]
    assert {row["call_id"] if "call_id" in row and row["call_id"] else row["entry"]
            for row in outcomes} and len(outcomes) == 4
    assert sorted(row["state"] for row in outcomes) == ["dead"] + ["started"] * 3
    assert [place(row) for row in rows] == sorted(place(row) for row in rows)
    assert "token" not in result.out.replace("dailyToken", ""), "what scripts keep is left out"
    for i, row in enumerate(rows):
        if row["record"] == "outcome":
            assert rows[i - 1]["event"] in ("started", "dead") and rows[i - 1]["id"] == row["id"]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_it_goes_on_from_every_byte(ledger, recorded, audit, tmp_path, form):
    """Cut anywhere in its last rows, as a full disk or a kill leaves it."""
    path = tmp_path / "export"
    audit("export", "--format", form, "--output", path)
    whole = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    ends = range(max(len(whole) - 1500, 0), len(whole) + 1, 43)
    for end in [0, 1, 100, *ends]:
        path.write_bytes(whole[:end])
        audit("export", "--format", form, "--output", path, "--resume")
        assert path.read_bytes() == whole, f"cut at {end} of {len(whole)}"


def odd_bytes(chance):
    """What a caller, an agent or Redis may hold."""
    parts = [b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"\0", b"\\", b'\\"', b"\xff\xfe", b"\xed\xa0\x80",
             "\u202e\u200b\U000e0001".encode(), b"\x1b[2J", b",started,", b",dead,", b'"event":"dead"',
             b'{"record":"event","id":"1-1"}', b"event,1-1,\r\n", b"\\u0000", b"a", b" "]
    return b"".join(chance.choices(parts, k=chance.randrange(6)))


def odd_record(ledger, chance, rows):
    """Entries, events and hashes as no worker would write them."""
    names = ("call_id", "from", "agent", "error", "request", "response", "body", "reason")
    for i in range(1, rows + 1):
        fields = {name: odd_bytes(chance) for name in chance.sample(names, 4)}
        call_id = f"c{i}".encode() + odd_bytes(chance)
        ledger.client.xadd(ledger.key("webhooks"), {**fields, "call_id": call_id}, id=f"{i * 2}-0")
        event = chance.choice(("attempt", "started", "dead", "duplicate", odd_bytes(chance)))
        ledger.client.xadd(ledger.key("audit"), {**fields, "call_id": call_id, "event": event},
                           id=f"{i * 2 + chance.randrange(2)}-0")
        ledger.client.hset(f"{ledger.key('call')}:".encode() + call_id.split(b"\0")[0],
                           mapping={"state": event, "error": odd_bytes(chance)})
    ledger.client.xadd(ledger.key("audit"), {"call_id": b"z", "event": "dead", "error": b'"\n,\0"'},
                       id=f"{rows * 2 + 2}-0")
    ledger.client.hset(ledger.key("call:z"), mapping={"state": "dead", "error": b'\r\n""\0'})


@pytest.mark.parametrize("form", ["json", "csv"])
def test_it_goes_on_from_every_cut_whatever_the_record_holds(ledger, audit, tmp_path, form):
    seed = random.randrange(2 ** 32)
    chance = random.Random(seed)
    odd_record(ledger, chance, rows=60)
    path = tmp_path / "export"
    audit("export", "--format", form, "--output", path)
    whole = path.read_bytes()
    last = whole.rfind(b"outcome,122-0" if form == "csv" else b'{"record":"outcome","id":"122-0"')
    assert 0 < last and len(whole) - last < 400
    cuts = [*range(last - 1, len(whole) + 1), *chance.sample(range(len(whole)), 60)]
    for cut in cuts:
        path.write_bytes(whole[:cut])
        audit("export", "--format", form, "--output", path, "--resume")
        assert path.read_bytes() == whole, f"cut at {cut} of {len(whole)}, seed {seed}"


def test_what_comes_between_the_runs_is_there_once(ledger, recorded, audit, tmp_path):
    path = tmp_path / "export"
    for _ in range(5):
        audit("export", "--output", path, "--resume")
        ledger.queue(daily.webhook())
        ledger.wait_until_finished()
    settled(ledger)
    audit("export", "--output", path, "--resume")
    assert path.read_text() == audit("export").out


def test_an_interrupt_is_resumed(stack, ledger, start, audit, tmp_path):
    with ledger.client.pipeline(transaction=False) as pipeline:
        for i in range(30000):
            pipeline.xadd(ledger.key("webhooks"), {
                "v": "1", "kind": "dialin", "call_id": f"c{i}", "received_ms": "1", "body": "{}",
                "sha256": "", "timestamp": "", "signature": "", "peer": ""}, id=f"{1000 + i}-0")
        pipeline.execute()
    path = tmp_path / "export"
    running = audit.begin("export", "--output", str(path))
    wait_for(lambda: path.exists() and path.stat().st_size > 100_000)
    result = audit.interrupt(running)
    if result.code != 0:  # else it was faster than the signal
        assert result.code == 1 and "--resume goes on" in result.err and "interrupted" in result.err
    audit("export", "--output", path, "--resume")
    assert path.read_text() == audit("export").out


def test_a_span_of_time(ledger, recorded, audit):
    assert audit("export", "--until", "1h").out == ""
    assert audit("export", "--since", "1h").out == audit("export").out


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("content", [
    b"not an export\n", b'{"record":"other","id":"1-1"}\n', b'{"record":"event"}\n', b"[]\n",
    b"one line without an end", b"a line\nand one without an end", b'an "open quote\n',
    b"record,id\nevent,1-1\n", b"a\0b",
])
def test_another_file_is_left_alone(ledger, audit, tmp_path, form, content):
    """Nothing of it is lost, though the end of a file that is an export may be cut off."""
    path = tmp_path / "export"
    path.write_bytes(content)
    result = audit("export", "--format", form, "--output", path, "--resume", code=1)
    assert "cannot be resumed" in result.err
    assert "exists" in audit("export", "--format", form, "--output", path, code=1).err
    assert path.read_bytes() == content
    assert "cannot be written" in audit("export", "--output", tmp_path / "no" / "x", code=1).err


@pytest.mark.parametrize("form, other", [("json", "csv"), ("csv", "json")])
def test_an_export_is_not_resumed_in_another_format(ledger, recorded, audit, tmp_path, form, other):
    path = tmp_path / "export"
    audit("export", "--format", form, "--output", path)
    whole = path.read_bytes()
    for content in (whole, whole[:-10]):
        path.write_bytes(content)
        audit("export", "--format", other, "--output", path, "--resume", code=1)
        assert path.read_bytes() == content


def test_the_head_is_there_behind_what_others_have_written(ledger, recorded, audit, tmp_path):
    path = tmp_path / "output"
    with open(path, "wb") as output:
        output.write(b"a title\r\n")
        output.flush()
        subprocess.run([build_folder() / "dialin-audit", "export", "--format", "csv"],
                       stdout=output, stderr=subprocess.DEVNULL, env=audit.environment({}),
                       check=True, timeout=20)
    assert path.read_text().splitlines()[1].startswith("record,id,time,")
