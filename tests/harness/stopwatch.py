"""How long a program took, on a machine that others crowd."""

import threading
import time

TURN_S = 0.01
overslept_s = 0.0  # in all, by a thread that wants to wake every TURN_S


def look():
    global overslept_s
    while True:
        begun = time.monotonic()
        time.sleep(TURN_S)
        overslept_s += time.monotonic() - begun - TURN_S


class Stopwatch:
    """For upper limits: what this process overslept is not counted, as the programs overslept it too."""

    looking = None

    def __init__(self):
        if not Stopwatch.looking:
            Stopwatch.looking = threading.Thread(target=look, daemon=True)
            Stopwatch.looking.start()
        self.begun, self.overslept_s = time.monotonic(), overslept_s

    def seconds(self):
        return time.monotonic() - self.begun - (overslept_s - self.overslept_s)
