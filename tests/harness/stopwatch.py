"""How long a program took, on a machine that others crowd."""

import bisect
import collections
import threading
import time

TURN_S = 0.01
overslept_s = 0.0  # in all, by a thread that wants to wake every TURN_S
noted = collections.deque(maxlen=20_000)  # (time.time(), overslept_s): at least the last three minutes
looking = None  # that thread


def look():
    global overslept_s
    while True:
        begun = time.monotonic()
        time.sleep(TURN_S)
        overslept_s += time.monotonic() - begun - TURN_S
        noted.append((time.time(), overslept_s))


def awake_s():
    """A clock for upper limits: it stands still while this process oversleeps, as the programs oversleep it too."""
    global looking
    if not looking:
        looking = threading.Thread(target=look, daemon=True)
        looking.start()
    return time.monotonic() - overslept_s


def overslept_between(begun, ended):
    """By time.time(), for what others have noted the time of; after a first call of awake_s."""
    rows = list(noted)
    if not rows:
        return 0
    times = [at for at, _ in rows]
    before = max(bisect.bisect_right(times, begun) - 1, 0)
    after = min(bisect.bisect_left(times, ended), len(rows) - 1)
    return rows[after][1] - rows[before][1]


class Stopwatch:
    def __init__(self):
        self.begun = awake_s()

    def seconds(self):
        return awake_s() - self.begun
