"""The ingress: how many webhooks it acknowledges durably, and how soon."""

import re
import subprocess

from lab import CONNECTIONS
from table import Row, at_most, ratio_at_least

SECONDS = 2
WARM_UP = 5000
CEILING_COUNT, COUNT = 350000, 120000  # more than are taken in that time
CALM_RATE, CALM_COUNT = 500, 1500

ROWS = [
    Row("bare_server", "a bare libmicrohttpd, stores nothing, 64 connections", "/s"),
    Row("redis_alone", "Redis alone, appendfsync always: XADDs, 64 at a time", "/s"),
    Row("acks", "durable acknowledgements, signed, 64 connections", "/s",
        (ratio_at_least(0.5),), of="bare_server"),
    Row("ack_p99_full", "acknowledgement p99 under that load", "ms", (at_most(5),)),
    Row("ack_p99_500", "acknowledgement p99 at 500 calls a second", "ms", (at_most(1.5),)),
]

# As long as an entry; all 64 leave in one write, as those of the ingress do.
XADD = ["XADD", "bench", "*", "body", "x" * 500]
XADDS = 60000


def redis_alone(redis):
    done = subprocess.run(["redis-benchmark", "-s", redis.socket_path, "-c", "1", "-P",
                           str(CONNECTIONS), "-n", str(XADDS), "-q", *XADD],
                          stdout=subprocess.PIPE, text=True, check=True)
    return float(re.findall(r"([0-9.]+) requests per second", done.stdout)[-1])


def take(lab):
    with lab.stack() as stack:
        ceiling = stack.call(stack.bare_server(), CEILING_COUNT, seconds=SECONDS)
        appended = redis_alone(lab.redis)
    with lab.stack() as stack:
        ingress = stack.ingress()
        stack.call(ingress, WARM_UP)
        full = stack.call(ingress, COUNT, seconds=SECONDS, first=WARM_UP)
    with lab.stack() as stack:
        calm = stack.call(stack.ingress(), CALM_COUNT, rate=CALM_RATE)
    return {"bare_server": ceiling["rate"], "redis_alone": appended, "acks": full["rate"],
            "ack_p99_full": full["p99_us"] / 1000, "ack_p99_500": calm["p99_us"] / 1000}
