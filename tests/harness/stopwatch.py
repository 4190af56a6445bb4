"""How long a program took, on a machine that others crowd."""

import threading
import time

TURN_S = 0.01
overslept_s = 0.0  # in all, by a thread that wants to wake every TURN_S
looking = None  # that thread


def look():
    global overslept_s
    while True:
        begun = time.monotonic()
        time.sleep(TURN_S)
        overslept_s += time.monotonic() - begun - TURN_S


def awake_s():
    """A clock for upper limits: it stands still while this process oversleeps, as the programs oversleep it too."""
    global looking
    if not looking:
        looking = threading.Thread(target=look, daemon=True)
        looking.start()
    return time.monotonic() - overslept_s


class Stopwatch:
    def __init__(self):
        self.begun = awake_s()

    def seconds(self):
        return awake_s() - self.begun
