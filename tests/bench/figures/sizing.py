"""How far does one Redis go? Real calls through an ingress and two workers, one attempt each; then
the memory that their record keeps, and the processor that Redis has spent on them."""

from lab import read_rows
from table import Row

COUNT = 50000
WORKERS = 2
PARTS = {"webhooks": "webhook", "audit": "two events", "call": "hash"}

ROWS = [
    Row("sizing_calls", "calls through one Redis: an ingress, two workers, each write synced", "/s"),
    Row("sizing_us", "processor of Redis for a call, its webhook included", "µs"),
    Row("sizing_bytes", "memory of Redis for a kept call", "bytes"),
    *(Row(f"sizing_{name}", f"of it {title}", "bytes", of="sizing_bytes") for name, title in PARTS.items()),
    Row("sizing_gigabyte", "kept calls a gigabyte", ""),
]


def processor_us(client):
    info = client.info("cpu")
    return (info["used_cpu_user"] + info["used_cpu_sys"]) * 1e6


def bytes_of(client, key):
    return client.memory_usage(key, samples=0)


def take(lab):
    with lab.stack() as stack:
        client = stack.redis.client
        empty = client.info("memory")["used_memory"]
        agent = stack.fast_agent()
        ingress = stack.ingress()
        workers = [stack.worker(agent) for _ in range(WORKERS)]
        times = stack.folder / "caller.times"
        spent = processor_us(client)
        stack.call(ingress, COUNT, times)
        took_us = stack.wait_until_started(COUNT) - min(int(sent) for _, sent, _ in read_rows(times))
        spent = processor_us(client) - spent
        for program in (ingress, *workers):
            stack.end(program)
        kept = (client.info("memory")["used_memory"] - empty) / COUNT
        call = next(client.scan_iter(match=stack.prefix + ":call:*", count=1000))
        return {"sizing_calls": COUNT / took_us * 1e6, "sizing_us": spent / COUNT, "sizing_bytes": kept,
                "sizing_webhooks": bytes_of(client, stack.stream) / COUNT,
                "sizing_audit": bytes_of(client, stack.prefix + ":audit") / COUNT,
                "sizing_call": bytes_of(client, call), "sizing_gigabyte": 1e9 / kept}
