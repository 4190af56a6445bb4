"""dialin-board's stream of events: nothing twice, nothing left out without saying so, and nobody who
reads slowly holds anything up."""

import socket
import time

import pytest

import http_raw
from clocks import Clock
from event_stream import EventStream
from stack import wait_for
from stopwatch import Stopwatch

VIEWERS_MAX = 32


@pytest.fixture
def board(stack):
    return stack.board()


def write_events(ledger, count, name="c", at_once=False, **fields):
    """Events as the workers write them, in one go; `at_once`: nobody reads a part of them. Returns their ids."""
    with ledger.client.pipeline(transaction=at_once) as pipeline:
        for i in range(count):
            pipeline.xadd(ledger.key("audit"), {
                "call_id": f"{name}{i % 100}", "entry": "1-0", "event": "attempt", "attempt": "1",
                "at_ms": "1795408783000", "agent": "a", "http_status": "429", **fields})
        return [entry.decode() for entry in pipeline.execute()]


def has_events(count):
    return lambda messages: sum(name == "event" for name, _, _ in messages) >= count


def ends_with(event_id):
    return lambda messages: any(one == event_id for _, one, _ in messages)


def test_a_new_viewer_gets_now_and_the_newest_events(board, ledger):
    ids = write_events(ledger, 40)
    with EventStream(board.port) as stream:
        assert stream.status == 200
        assert "content-type: text/event-stream" in stream.head
        assert "x-accel-buffering: no" in stream.head and "cache-control: no-store" in stream.head
        # Either may come first: the board's first snapshot is asked of Redis like the events.
        assert stream.read_until(lambda messages: has_events(25)(messages) and stream.named("now"))
        assert stream.ids() == ids[-25:]


def test_now_comes_each_second(board):
    with EventStream(board.port) as stream:
        assert stream.read_until(lambda messages: len(stream.named("now")) >= 3)
        times = [now["now_ms"] for now in stream.named("now")]
        assert times == sorted(times) and times[2] - times[0] < 5000


def test_an_event_comes_at_once_and_without_its_number(board, ledger):
    with EventStream(board.port) as stream:
        stream.read_until(lambda messages: stream.named("now"))
        delays = []
        for i in range(5):
            begun = time.monotonic()
            [event_id] = write_events(ledger, 1, error="no route to sip:anna@pbx from +14158483432",
                                      request="secret request", response="secret answer")
            assert stream.read_until(ends_with(event_id))
            delays.append(time.monotonic() - begun)
        event = stream.events()[-1]
        assert event["error"] == "no route to sip:…@pbx from +1…3432"
        assert "request" not in event and "response" not in event
        assert min(delays[1:]) < 0.1, delays  # events that follow one another are gathered, but not for long


@pytest.mark.parametrize("by_header", [True, False])
def test_a_viewer_goes_on_from_its_last_event(board, ledger, by_header):
    ids = write_events(ledger, 600)
    path = "/api/stream" if by_header else f"/api/stream?after={ids[99]}"
    headers = [("Last-Event-ID", ids[99])] if by_header else []
    with EventStream(board.port, path, headers) as stream:
        assert stream.read_until(ends_with(ids[-1]))
        more = write_events(ledger, 3)
        assert stream.read_until(ends_with(more[-1]))
        assert stream.ids() == ids[100:] + more
        assert not stream.named("gap")


@pytest.mark.parametrize("missed", [1000, 1024])
def test_who_missed_no_more_than_is_sent_again_sees_no_gap(board, ledger, missed):
    """1,000 are sent again, and the newest 25 follow: up to there nothing is left out."""
    ids = write_events(ledger, missed + 1)
    with EventStream(board.port, f"/api/stream?after={ids[0]}") as stream:
        assert stream.read_until(ends_with(ids[-1]))
        assert stream.ids() == ids[1:] and not stream.named("gap")


@pytest.mark.parametrize("missed", [1026, 1400])
def test_who_missed_too_much_is_told(board, ledger, missed):
    ids = write_events(ledger, missed + 1)
    with EventStream(board.port, f"/api/stream?after={ids[0]}") as stream:
        assert stream.read_until(ends_with(ids[-1]))
        assert stream.named("gap") == [{"left_out": None}]
        assert stream.ids() == ids[1:1001] + ids[-25:]


@pytest.mark.parametrize("count", [200, 225])
def test_up_to_the_limit_of_a_second_every_event_is_sent(board, ledger, count):
    with EventStream(board.port) as stream:
        stream.read_until(lambda messages: stream.named("now"))
        ids = write_events(ledger, count)
        assert stream.read_until(ends_with(ids[-1]))
        more = write_events(ledger, 1)
        assert stream.read_until(ends_with(more[-1]))
        assert stream.ids() == ids + more and not stream.named("gap")


def test_too_many_events_in_a_second_leave_a_gap(board, ledger):
    with EventStream(board.port) as stream:
        stream.read_until(lambda messages: stream.named("now"))
        ids = write_events(ledger, 1500)
        assert stream.read_until(ends_with(ids[-1]))
        left_out = sum(gap["left_out"] for gap in stream.named("gap"))
        seen = stream.ids()
        assert seen == sorted(set(seen), key=ids.index)  # in order, none twice
        assert left_out + len(seen) == len(ids)
        assert left_out > 0 and seen[-25:] == ids[-25:]


def counts_and_events(stream):
    """What the viewer knows of: those it was told were left out, and those it has."""
    return sum(gap["left_out"] for gap in stream.named("gap")) + len(stream.ids())


def test_of_more_events_than_are_shown_only_the_newest_are_read(stack, ledger):
    """Redis would be asked for all of them else, at the full rate of the workers."""
    client = stack.own_redis().client
    board = stack.board()
    with EventStream(board.port) as stream:
        stream.read_until(lambda messages: stream.named("now"))
        client.config_resetstat()
        ids = write_events(ledger, 20_000, at_once=True)
        assert stream.read_until(ends_with(ids[-1]))
        assert counts_and_events(stream) == len(ids)
        assert client.info("commandstats")["cmdstat_xread"]["calls"] < 20_000 / 256 / 2


def test_who_comes_back_among_too_many_events_counts_each_once(board, ledger):
    """It may come before the newest are sent: what it is sent again was not left out."""
    with EventStream(board.port) as stream:
        [last] = write_events(ledger, 1)
        assert stream.read_until(ends_with(last))
        for _ in range(3):
            ids = write_events(ledger, 300, at_once=True)
            with EventStream(board.port, f"/api/stream?after={last}") as other:
                assert other.read_until(ends_with(ids[-1]))
                assert counts_and_events(other) == len(ids) == len(set(other.ids())) + sum(
                    gap["left_out"] for gap in other.named("gap"))
            assert stream.read_until(ends_with(ids[-1]))
            last = ids[-1]
        assert counts_and_events(stream) == 1 + 3 * 300


def test_a_record_that_was_made_anew_leaves_an_unknown_gap(board, ledger):
    """As after a failover to a Redis that has less: nobody knows how many events there were."""
    with EventStream(board.port) as stream:
        stream.read_until(lambda messages: stream.named("now"))

        def has_an_unknown_gap():
            seen = len(stream.ids())
            write_events(ledger, 500, at_once=True)
            assert stream.read_until(has_events(seen + 200))  # the others wait for the end of the second
            with ledger.client.pipeline() as pipeline:
                pipeline.delete(ledger.key("audit"))
                for _ in range(30):
                    pipeline.xadd(ledger.key("audit"), {"call_id": "c", "event": "attempt"})
                last = pipeline.execute()[-1].decode()
            assert stream.read_until(ends_with(last))
            return {"left_out": None} in stream.named("gap")
        wait_for(has_an_unknown_gap, 30)


@pytest.mark.parametrize("after", ["nonsense", "-", "0", "1-", "99999999999999999999-1", "%00"])
def test_a_foreign_id_is_no_harm(board, ledger, after):
    with EventStream(board.port, f"/api/stream?after={after}") as stream:
        stream.read_until(lambda messages: stream.named("now"))
        [event_id] = write_events(ledger, 1)
        assert stream.read_until(ends_with(event_id))


def test_thirty_two_viewers_and_no_more(board, ledger):
    streams = [EventStream(board.port) for _ in range(VIEWERS_MAX)]
    try:
        answer = board.get("/api/stream")
        assert (answer.status, answer.code) == (503, "too_many_viewers")
        assert answer.header("Retry-After") == "5"
        assert board.get("/api/now").status == 200
        [event_id] = write_events(ledger, 1)
        for stream in streams:
            assert stream.read_until(ends_with(event_id))
        assert board.metrics()["dialin_board_viewers"] == VIEWERS_MAX
    finally:
        for stream in streams:
            stream.close()
    # A place is free once something could not be sent to who has left.
    wait_for(lambda: board.metrics()["dialin_board_viewers"] == 0, what="the viewers to leave")


def test_a_slow_reader_is_ended_and_holds_nobody_up(board, ledger):
    """It reads its head and nothing more; its socket takes little."""
    with EventStream(board.port) as slow, EventStream(board.port) as other:
        other.read_until(lambda messages: other.named("now"))
        slow.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        written = 0
        while board.metrics()["dialin_board_slow_viewers_total"] == 0:
            last = write_events(ledger, 190, error="x" * 190, agent="y" * 190)[-1]
            assert other.read_until(ends_with(last))
            written += 190
            assert written < 60_000, "the slow reader was never ended"
        assert board.metrics()["dialin_board_viewers"] == 1
        [last] = write_events(ledger, 1)
        assert other.read_until(ends_with(last))


def test_nothing_twice_over_a_restart_of_redis(stack, ledger):
    stack.own_redis(fsync="always")
    board = stack.board()
    before = write_events(ledger, 5)
    with EventStream(board.port) as stream:
        assert stream.read_until(ends_with(before[-1]))
        stack.redis.kill()
        assert stream.read_until(lambda messages: any("redis_problem" in now for now in stream.named("now")))
        stack.restart_redis()
        after = write_events(ledger, 5)
        assert stream.read_until(ends_with(after[-1]))
        assert stream.ids() == before + after


def test_nobody_is_read_for_when_nobody_watches(board, ledger):
    """What happened meanwhile is not sent to the next viewer as if it were new."""
    with EventStream(board.port) as stream:
        stream.read_until(lambda messages: stream.named("now"))
    wait_for(lambda: board.metrics()["dialin_board_viewers"] == 0)
    ids = write_events(ledger, 300)
    with EventStream(board.port) as stream:
        assert stream.read_until(ends_with(ids[-1]))
        assert not stream.named("gap")
        assert 25 <= len(stream.ids()) <= 300


def test_a_stream_ends_with_its_session(stack, ledger, tmp_path):
    """Twelve hours after the log-in, also in a page that stays open."""
    clock = Clock(tmp_path / "clock")
    board = stack.board(BOARD_TOKEN="a-token-of-the-test", **clock.environment())
    own = [("Sec-Fetch-Site", "same-origin")]
    cookie = board.post("/api/login", {"token": "a-token-of-the-test"}, own).header("Set-Cookie").split(";")[0]
    with EventStream(board.port, headers=[("Cookie", cookie), *own]) as stream:
        assert stream.read_until(lambda messages: stream.named("now"))
        clock.step(11 * 3600)
        seen = len(stream.named("now"))
        assert stream.read_until(lambda messages: len(stream.named("now")) > seen + 1)
        clock.step(12 * 3600 + 5)
        assert not stream.read_until(lambda messages: False)
    assert board.get("/api/now", [("Cookie", cookie), *own]).code == "not_logged_in"
    wait_for(lambda: board.metrics()["dialin_board_viewers"] == 0)


def test_a_stop_ends_the_streams(stack, ledger):
    board = stack.board()
    with EventStream(board.port) as stream:
        stream.read_until(lambda messages: stream.named("now"))
        watch = Stopwatch()
        board.terminate()
        assert not stream.read_until(lambda messages: False)
        assert board.wait() == 0
        assert watch.seconds() < 5


def test_a_head_request_opens_no_stream(board):
    with http_raw.Connection(board.port) as connection:
        connection.send(http_raw.request("HEAD", "/api/stream"))
        assert connection.read_answer(to_head=True).status == 200
    wait_for(lambda: board.metrics()["dialin_board_viewers"] == 0)
