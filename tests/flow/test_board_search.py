"""The board's search through a record that is too large for one question: the page's own code, run by node, asks
a real board span by span."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import many_calls

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")

SEARCH = Path(__file__).resolve().parents[2] / "worker" / "board" / "page" / "search.js"
CALLS, STEP_MS = 3000, 60_000  # two days
HOUR_MS = 3600 * 1000
ORIGIN = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}

# A question about more of the record than this counts as one that took the board too long: its answer is that of
# questions.c.
RUN = """
const [url, path, asked, nowMs, oldestMs, mostMs] = JSON.parse(process.argv[1]);
const { searchBack } = await import(path);
const spans = [], reached = [];
async function ask(body) {
  const span = body.until - body.since;
  spans.push(span);
  if (body.until - Math.max(body.since, oldestMs) > mostMs) throw Object.assign(new Error('the answer took over 10 s'), { code: 'too_slow' });
  const answer = await fetch(url + '/api/calls', { method: 'POST', headers: HEADERS, body: JSON.stringify(body) });
  const value = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.error), { code: value.code });
  return value.calls;
}
try {
  const rows = await searchBack(ask, asked, nowMs, (rows, from) => reached.push([rows.length, from]), () => true);
  console.log(JSON.stringify({ ids: rows.map(row => row.call_id), spans, reached }));
} catch (problem) {
  console.log(JSON.stringify({ error: problem.message, spans }));
}
""".replace("HEADERS", json.dumps(ORIGIN))


@pytest.fixture
def search(stack, ledger):
    seconds, us = ledger.client.time()
    now_ms = seconds * 1000 + us // 1000
    many_calls.fill(ledger.client, ledger.prefix, CALLS, now_ms - CALLS * STEP_MS, STEP_MS, 20)
    board = stack.board()

    def run(asked, most_ms=10**15):
        given = [f"http://127.0.0.1:{board.port}", SEARCH.as_uri(), {"limit": 100, **asked}, now_ms, now_ms - CALLS * STEP_MS,
                 most_ms]
        done = subprocess.run(["node", "--input-type=module", "-e", RUN, json.dumps(given)], capture_output=True,
                              text=True, timeout=60, check=True)
        return json.loads(done.stdout)
    return run


def ids(numbers):
    return [many_calls.CALL_ID.format(number) for number in numbers]


def test_it_goes_back_to_the_oldest(search):
    """All that is kept, nothing twice, though it is asked for in spans of at most four hours."""
    found = search({"to": "+1415*", "state": "dead", "limit": 500}, most_ms=4 * HOUR_MS)
    assert found["ids"] == ids(range(CALLS - 20, -1, -20))
    assert max(found["spans"]) > 4 * HOUR_MS, "longer ones were tried"
    counts, reached = zip(*found["reached"])
    assert list(counts) == sorted(counts) and list(reached) == sorted(reached, reverse=True)


def test_it_ends_with_enough_rows(search):
    found = search({"state": "started", "limit": 300})
    assert found["ids"] == ids(number for number in range(CALLS - 1, CALLS - 400, -1) if number % 20)[:300]
    assert len(found["spans"]) <= 3, "it goes no further back than it must"


def test_it_ends_where_the_time_asked_for_begins(search):
    found = search({"state": "dead", "since": "24h"}, most_ms=2 * HOUR_MS)
    assert found["ids"] == ids(range(CALLS - 20, CALLS - 1441, -20))
    assert len(found["spans"]) < 40


def test_what_is_too_slow_by_the_minute_is_said(search):
    found = search({"state": "dead"}, most_ms=0)
    assert "over 10 s" in found["error"] and len(found["spans"]) < 10
