"""make board-pictures: a quarter of an hour of a too small agent in a minute and a half, and the
board's pictures of it, into .github/pictures. ALL=1 takes those of every screen."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

import daily
from ledger import Ledger
from stack import Stack

PICTURES = HERE.parents[1] / ".github" / "pictures"
QUIET_S, BUSY_S = 25, 65


def ring_for(ingress, seconds, per_s):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ingress.ring(daily.webhook(str(uuid.uuid4()), From=f"+1415848{random.randrange(10000):04}"))
        time.sleep(random.expovariate(per_s))


def a_dead_call(ledger):
    """The one that asked most often."""
    lost = [event["call_id"] for event in ledger.events(event="dead")]
    return max(lost, key=lambda call: int(ledger.call(call)["attempts"]))


def main():
    random.seed(1)
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), None, "{dialin}")
        try:
            stack.own_redis(fsync="always")
            agent = stack.agent("--pool", "14", "--session-ms", "15000", "--latency-ms", "150")
            stack.worker(START_URL=agent.url, HOLD_LIMIT_S=30)
            ingress = stack.ingress()
            board = stack.board(PINLESS_HMAC_SECRET=daily.SECRET, BOARD_TITLE="trial")
            ring_for(ingress, QUIET_S, 0.6)
            ring_for(ingress, BUSY_S, 1.9)
            given = {"board": f"http://127.0.0.1:{board.port}/", "folder": str(PICTURES),
                     "call": a_dead_call(Ledger(stack.redis, stack.prefix)),
                     "chromium": shutil.which("chromium"), "all": "ALL" in os.environ}
            script = Path(os.environ["BOARD_MODULES"]) / "pictures.mjs"
            subprocess.run(["node", script, json.dumps(given)], check=True, timeout=60)
        finally:
            print(*stack.close(), sep="\n")
    print(f"look at {PICTURES}")


main()
