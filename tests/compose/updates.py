"""Counts what becomes of webhooks while `make update` replaces everything, again and again.

    UPDATES=10 WEBHOOKS=6000 RATE=10 REBUILDS=1 python3 tests/compose/updates.py

Needs a running project (COMPOSE_PROJECT_NAME, PORT; make update-test starts one). Each update gets
images of a content of its own, so that there is something to replace; the last REBUILDS of them
compile all sources, beside the programs that serve. Webhooks come until the last update is over, WEBHOOKS
at least. Fails if one of them is not answered 200, or an update replaced nothing.
"""
import base64
import collections
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import subprocess
import threading
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMONSTRATION_SECRET = b"dialin-demonstration-secret-0001"
IN_FLIGHT_MAX = 64


def signed_webhook():
    body = json.dumps({"To": "+14152251493", "From": "+14158483432", "callId": str(uuid.uuid4()),
                       "callDomain": str(uuid.uuid4())}).encode()
    timestamp = str(int(time.time() * 1000))
    digest = hmac.new(DEMONSTRATION_SECRET, timestamp.encode() + b"." + body, hashlib.sha256).digest()
    return body, {"X-Pinless-Timestamp": timestamp, "X-Pinless-Signature": base64.b64encode(digest).decode()}


class Sender(threading.Thread):
    """Sends at a rate, each webhook on a connection of its own, and notes how it was answered."""

    def __init__(self, port, rate, count=None):
        super().__init__(daemon=True)
        self.port, self.rate, self.count = port, rate, count
        self.answers = collections.Counter()
        self.slowest_s = 0
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.room = threading.Semaphore(IN_FLIGHT_MAX)

    def send(self):
        began = time.monotonic()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            connection.request("POST", "/api/dial", *signed_webhook())
            answer = connection.getresponse().status
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            answer = repr(error)
        with self.lock:
            self.answers[answer] += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        self.room.release()

    def run(self):
        due, sent, threads = time.monotonic(), 0, []
        while not self.ended.is_set() and sent != self.count:
            self.room.acquire()
            threads.append(threading.Thread(target=self.send))
            threads[-1].start()
            sent += 1
            due += 1 / self.rate
            time.sleep(max(0, due - time.monotonic()))
        for thread in threads:
            thread.join()

    def refused(self):
        return {answer: count for answer, count in self.answers.items() if answer != 200}


def touch_images(tag, env):
    """Images of another content under the same names, as a rebuild makes them."""
    for image in ("dialin-ingress", "dialin-worker"):
        subprocess.run(["docker", "build", "-q", "-t", f"{image}:{tag}", "-"], env=env, check=True, text=True,
                       input=f"FROM {image}:{tag}\nLABEL update={uuid.uuid4()}\n", capture_output=True)


def update(env, builds=False):
    """make update; without its build, if `builds` is false."""
    done = subprocess.run(["common/ship/compose/update.sh"], cwd=ROOT, text=True, capture_output=True,
                          env={**env, "BUILD_IMAGES": "yes" if builds else "no"})
    assert done.returncode == 0, done.stdout + done.stderr


def rebuild(env):
    """make update with sources of another content: the whole of it is compiled."""
    change = ROOT / "tests" / "trial" / "of-another-content"
    change.write_text(f"{uuid.uuid4()}\n", encoding="ascii")
    try:
        update(env, builds=True)
    finally:
        change.unlink()


def containers(env):
    done = subprocess.run(["docker", "compose", "ps", "-q", "ingress", "worker"], cwd=ROOT, env=env, check=True,
                          text=True, capture_output=True)
    return set(done.stdout.split())


def main():
    updates, count = int(os.environ.get("UPDATES", 10)), int(os.environ.get("WEBHOOKS", 6000))
    rebuilds = int(os.environ.get("REBUILDS", 1))
    rate, port = float(os.environ.get("RATE", 10)), int(os.environ.get("PORT", 7860))
    env = dict(os.environ)
    sender = Sender(port, rate)
    sender.start()
    for number in range(1, updates + 1):
        began, before, builds = time.monotonic(), containers(env), number > updates - rebuilds
        if builds:
            rebuild(env)
        else:
            touch_images(env.get("DIALIN_TAG", "0.1.0"), env)
            update(env)
        assert before and not before & containers(env), "the update replaced nothing"
        print(f"update {number} of {updates}{' with a build' if builds else ''}: {time.monotonic() - began:.1f} s, "
              f"{sum(sender.answers.values())} webhooks so far, refused: {sender.refused() or 0}", flush=True)
    while sum(sender.answers.values()) < count:
        time.sleep(0.1)
    sender.ended.set()
    sender.join()
    print(f"{sum(sender.answers.values())} webhooks, {updates} updates, refused: {sender.refused() or 0}, "
          f"slowest answer {sender.slowest_s:.2f} s")
    raise SystemExit(1 if sender.refused() else 0)


if __name__ == "__main__":
    main()
