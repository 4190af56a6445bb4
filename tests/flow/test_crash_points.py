"""The short form of `make crash-points`: kills at the calls by which others learn of a call's life.

Between two of these, a process that dies leaves the same behind. The points are found by tracing a
life first, and are its last such calls: what came before is the start of the process.
"""

import concurrent.futures
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "crash_points"))

from life import Bench, live, trace
from subject import Fault

LEAVING = ("write", "sendto", "sendmsg", "fdatasync", "fsync", "unlinkat")
POINTS = {"ingress": 3, "spooling": 8, "draining": 7, "worker": 12}
AT_A_TIME = 4


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    assert made.close() is None


def live_through(bench, lives):
    """What was wrong, by life; and how many of the points were reached."""
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        results = list(pool.map(lambda each: live(bench, *each), lives))
    bad = {str(each): result[0] for each, result in zip(lives, results) if result[0]}
    return bad, sum(was_hit for _, was_hit, _ in results)


@pytest.mark.slow
def test_a_kill_wherever_something_leaves_the_process(bench):
    lives = []
    for kind, count in POINTS.items():
        before, after = trace(bench, kind)
        leaving = [point for point in before + after if point[0] in LEAVING][-count:]
        assert len(leaving) == count, leaving
        lives += [(kind, Fault(name, number, None, False)) for name, number in leaving]
    bad, hits = live_through(bench, lives)
    assert bad == {}
    assert hits >= len(lives) - 4, "a life is not quite the same each time, but nearly"


@pytest.mark.slow
def test_a_call_back_is_neither_lost_nor_made_twice(bench):
    """Killed wherever something leaves the worker between the death and the call back's start."""
    before, after = trace(bench, "overdue")
    leaving = [point for point in before + after if point[0] in LEAVING][-20:]
    bad, hits = live_through(bench, [("overdue", Fault(name, number, None, False)) for name, number in leaving])
    assert bad == {}
    assert hits >= len(leaving) - 4, "a life is not quite the same each time, but nearly"


def test_a_call_that_fails(bench):
    """The spool's disk; the connections to a caller, to Redis, and to the agent."""
    bad, hits = live_through(bench, [
        ("spooling", Fault("fdatasync", 1, "EIO", False)),
        ("spooling", Fault("fsync", 1, "EIO", False)),
        ("ingress", Fault("sendmsg", 1, "EIO", False)),
        ("worker", Fault("sendto", 1, "EIO", False)),
        ("worker", Fault("recvfrom", 1, "EIO", False)),
    ])
    assert bad == {}
    assert hits == 5
