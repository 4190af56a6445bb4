"""What speaks at Redis' address makes no sense, or too much of it: another connection is made, not
too often; nothing is acknowledged; no program breaks or grows."""

import itertools
import os
import threading
import time

from callers import cpu_s
from fake_redis import FakeRedis, bulk

# An answer may hold 256 entries with bodies of 1 MB: more than one such is not kept.
GROWTH_KB_MAX = {None: 32 * 1024, "texts without end": 400 * 1024}
CPU_SHARE_MAX = 0.5
MIB = 1 << 20


def endless(start, piece):
    """More than anybody should hold."""
    return lambda: itertools.chain([start], itertools.repeat(piece, 1200))


NONSENSE = {
    "no RESP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no type": b"?what\r\n",
    "zeros": b"\0" * 100,
    "a length that is not a number": b"$abc\r\n",
    "a length below -1": b"$-2\r\n",
    "a length beyond all numbers": b"$99999999999999999999\r\n",
    "a length without an end": b"$" + b"1" * 100000,
    "an array longer than memory": b"*2147483647\r\n:1\r\n",
    "an array that could be made": b"*100000000\r\n:1\r\n",
    "an array of more than numbers": b"*4294967297\r\n:1\r\n",
    "a negative array": b"*-7\r\n",
    "nested": b"*1\r\n" * 100 + b":1\r\n",
    "nested and wide": b"*1000\r\n" * 6 + b":1\r\n",
    "a text without end": endless(b"$536870912\r\n", b"x" * MIB),
    "a line without end": endless(b"+", b"x" * MIB),
    "values without end": endless(b"*250000000\r\n", b":1\r\n" * (MIB // 4)),
    "texts without end": endless(b"*250000\r\n", bulk(b"x" * MIB)),
    "RESP3": b"%1\r\n+a\r\n:1\r\n",
    "two answers": b"+OK\r\n" * 50,
    "nil": b"$-1\r\n",
    "a nil array": b"*-1\r\n",
    "a number": b":-9223372036854775808\r\n",
    "an empty array": b"*0\r\n",
    "strange rows": b"*1\r\n*2\r\n:1\r\n*2\r\n:1\r\n*3\r\n$-1\r\n*1\r\n:1\r\n*-1\r\n",
    "an empty error": b"-\r\n",
    "an error": b"-ERR \xff\xfe\x1b[31m %s%n\r\n",
    "a text": bulk(b"\0\xff" * 500),
    "an id that is none": bulk(b"hello"),
}
# Where an answer is not the one to a call, most of them make no difference.
FEW = ("no RESP", "a length without an end", "nested", "an array that could be made",
       "a text without end", "values without end", "two answers", "an error")


def resident_kb(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1])


class Victim:
    """An ingress, a worker, and what speaks to them."""

    def __init__(self, stack, start, name, when):
        self.name = f"{name}, {when}"
        self.server = FakeRedis(NONSENSE[name], when)
        # Freed memory that AddressSanitizer holds back would count as growth.
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        values = {"REDIS_URL": self.server.url, "LOG_LEVEL": "warning", "ASAN_OPTIONS": sanitizer}
        self.programs = [stack.ingress(is_ready=False, **values),
                         stack.worker(is_ready=False, START_URL=start.url, DRAIN_TIMEOUT_S=1,
                                      **values)]
        self.before_kb = [resident_kb(program) for program in self.programs]
        self.growth_kb_max = GROWTH_KB_MAX.get(name, GROWTH_KB_MAX[None])
        self.begun = time.monotonic()
        self.answer = None
        self.thread = threading.Thread(target=self.ring)
        self.thread.start()

    def ring(self):
        self.answer = self.programs[0].ring()

    def check(self):
        self.thread.join()
        seconds = time.monotonic() - self.begun
        for program, before_kb in zip(self.programs, self.before_kb):
            growth_kb = resident_kb(program) - before_kb
            print(f"{self.name}: {program.name}, {growth_kb} KB more, {cpu_s(program):.2f} s of a "
                  f"processor, {self.server.connections} connections")
            assert program.is_running(), self.name
            assert growth_kb < self.growth_kb_max, self.name
            assert cpu_s(program) < CPU_SHARE_MAX * seconds, self.name
        assert self.server.connections >= 2, f"{self.name}: nobody came"
        assert self.answer.status == 503, f"{self.name} is taken for an acknowledgement"


def test_nonsense(stack, start):
    """All of it at once, each to programs of its own."""
    cases = [(name, "checked") for name in NONSENSE]
    cases += [(name, when) for when in ("greeted", "unasked") for name in FEW]
    victims = []
    try:
        for name, when in cases:
            victims.append(Victim(stack, start, name, when))
        for victim in victims:
            victim.check()
        assert not start.requests
    finally:
        for victim in victims:
            victim.thread.join()
            for program in victim.programs:
                program.terminate()
        for victim in victims:
            for program in victim.programs:
                program.wait()
            victim.server.close()
