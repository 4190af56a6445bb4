"""The worker: how many calls a second one takes from the stream to the acknowledged record, beside
what libcurl alone posts to the same agent."""

import json
import subprocess

from lab import CONNECTIONS
from stack import build_folder
from table import Row, at_least, ratio_at_least

COUNT = 30000

ROWS = [
    Row("bare_client", "a bare libcurl multi, posts only, 64 connections", "/s"),
    Row("calls", "calls through one worker, recorded", "/s",
        (at_least(15000), ratio_at_least(0.4)), of="bare_client"),
]


def start_request(stack):
    """The start request that the worker has sent, as its record shows it."""
    for _, fields in stack.redis.client.xrange(stack.prefix + ":audit", count=100):
        if fields[b"event"] == b"attempt":
            return fields[b"request"].decode()
    raise AssertionError("no attempt is recorded")


def posts_a_second(stack, body):
    agent = stack.fast_agent()
    done = subprocess.run([build_folder() / "bench" / "bare_client", agent.url, str(COUNT),
                           str(CONNECTIONS), body], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)["rate"]


def take(lab):
    with lab.stack() as stack:
        calls = stack.calls_a_second(COUNT)
        return {"calls": calls, "bare_client": posts_a_second(stack, start_request(stack))}
