"""make crash-points: a call's life, killed at each system call in turn; the account after each.

    DURATION  seconds after which no further point is begun (600)
    STRIDE    only every so-manieth point (1: each)
    ONLY      only points whose name holds this, "worker write 12" for instance
    JOBS      how many lives at a time (4)
    SEED      of the order in which the points are tried; printed (default: the time)

The lives are those of life.py: the ingress with Redis there, with Redis away (the spool), and
putting into the stream what it had spooled, with one of Daily's events behind the call in both; the
worker with a call that is started at once, that goes through the line, that fails first, that is
taken over, and that is called back, after a wait and at once. Each is first traced without a fault. Then each of its points is tried: a kill; for
calls that take memory, descriptors, threads or the disk, and for reading and writing, also an
error, once, and (at two points of each name) for ever. What a bad one leaves behind is kept in
build/crash-points.
"""

import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from life import LIVES, Bench, live, trace  # noqa: E402
from subject import Fault  # noqa: E402

ERRORS = {
    "EMFILE": ("socket", "accept4", "openat", "pipe2", "eventfd2", "epoll_create1", "socketpair"),
    "ENOMEM": ("brk", "mmap", "mremap", "epoll_ctl", "connect", "bind", "listen", "setsockopt"),
    "EAGAIN": ("clone3", "clone"),
    "EIO": ("write", "writev", "sendto", "sendmsg", "read", "recvfrom", "recvmsg", "fsync",
            "fdatasync", "pread64", "unlinkat", "renameat", "flock", "newfstatat", "getrandom"),
}
ERROR_OF = {name: error for error, names in ERRORS.items() for name in names}
DULL = {"epoll_ctl": 6}  # so many of them that only every so-manieth is failed
WORST_SHOWN = 20


def faults_of(before, after):
    """All faults of a life, from its trace."""
    points = before + after
    kills = [Fault(name, number, None, False) for name, number in points]
    once = [Fault(name, number, ERROR_OF[name], False) for name, number in points
            if name in ERROR_OF and number % DULL.get(name, 1) == 0]
    firsts = {}
    for part, points_of in (("before", before), ("after", after)):
        for name, number in points_of:
            firsts.setdefault((part, name), number)
    for_ever = [Fault(name, number, ERROR_OF[name], True) for (_, name), number in firsts.items()
                if name in ERROR_OF]
    return kills, once, for_ever


def label(kind, fault):
    what = "killed"
    if fault.error:
        what = f"{fault.error} {'for ever' if fault.for_ever else 'once'}"
    return f"{kind}: {what} at {fault.name} {fault.number}"


def plan(bench, stride, only, chance):
    planned = []
    for kind in LIVES:
        before, after = trace(bench, kind)
        sorts = faults_of(before, after)
        print(f"  {kind}: {len(before)} system calls before the call, {len(after)} for it; errors "
              f"{len(sorts[1])} once, {len(sorts[2])} for ever", flush=True)
        planned += [(kind, fault) for faults in sorts for fault in faults[::stride]
                    if only in f"{kind} {fault.name} {fault.number} {fault.error or 'kill'}"]
    chance.shuffle(planned)
    return planned


class Campaign:
    def __init__(self, bench, until):
        self.bench, self.until = bench, until
        self.hit, self.missed, self.second_starts, self.not_tried = collections.Counter(), 0, 0, 0
        self.bad = []

    def try_one(self, kind, fault):
        if time.monotonic() > self.until:
            return None
        return live(self.bench, kind, fault)

    def count(self, kind, fault, result):
        if result is None:
            self.not_tried += 1
            return
        troubles, was_hit, second_starts = result
        self.second_starts += second_starts
        self.missed += not was_hit
        if was_hit:
            self.hit[kind, "kills" if fault.error is None else
                     "errors for ever" if fault.for_ever else "errors"] += 1
        if troubles:
            self.bad.append(label(kind, fault))
            if len(self.bad) <= WORST_SHOWN:
                said = [f"       {trouble[:1500]}" for trouble in troubles]
                print(f"  BAD  {label(kind, fault)}", *said, sep="\n", flush=True)

    def run(self, planned, jobs):
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            waited = {pool.submit(self.try_one, *each): each for each in planned}
            for done, future in enumerate(concurrent.futures.as_completed(waited), 1):
                self.count(*waited[future], future.result())
                if done % 200 == 0:
                    print(f"  {done} of {len(planned)} after {time.monotonic() - begun:.0f} s, "
                          f"{len(self.bad)} bad", flush=True)


def number(name, default):
    return int(os.environ.get(name) or default)


def main():
    begun = time.monotonic()
    seed = number("SEED", time.time())
    print(f"SEED={seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dialin-crash-points-"))
    bench = Bench(folder)
    campaign = Campaign(bench, begun + number("DURATION", 600))
    try:
        planned = plan(bench, number("STRIDE", 1), os.environ.get("ONLY") or "",
                       random.Random(seed))
        campaign.run(planned, number("JOBS", 4))
    finally:
        bench.close()
        shutil.rmtree(folder)
    for kind in LIVES:
        print(f"  {kind}: " + ", ".join(f"{count} {sort}" for (of, sort), count
                                        in sorted(campaign.hit.items()) if of == kind))
    print(f"{sum(campaign.hit.values())} points hit in {time.monotonic() - begun:.0f} s, "
          f"{campaign.missed} not reached again, {campaign.not_tried} not tried; second starts "
          f"{campaign.second_starts}; bad: {len(campaign.bad)}")
    return 1 if campaign.bad or not campaign.hit else 0


if __name__ == "__main__":
    sys.exit(main())
