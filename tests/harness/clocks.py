"""A wall clock that can be stepped for the programs that are given it; their monotonic one goes on.

A library of a few lines is built for it: a Redis with jemalloc does not start under libfaketime.
"""

import functools
import os
import struct
import subprocess
import tempfile
from pathlib import Path

SHIM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_s;

static void find_offset(void)
{
    int file = open(getenv("STEPPED_CLOCK"), O_RDONLY | O_CLOEXEC);
    offset_s = mmap(NULL, sizeof *offset_s, PROT_READ, MAP_SHARED, file, 0);
    if (offset_s == MAP_FAILED) {
        abort();
    }
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        if (!offset_s) {
            find_offset();
        }
        now->tv_sec += *offset_s;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
"""


@functools.cache
def shim():
    """Built once in a run; its folder goes with this process."""
    shim.folder = tempfile.TemporaryDirectory(prefix="dialin-clock-")
    source, library = (Path(shim.folder.name) / name for name in ("clock.c", "clock.so"))
    source.write_text(SHIM)
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


class Clock:
    def __init__(self, path):
        self.path = path
        path.write_bytes(struct.pack("q", 0))

    def step(self, seconds):
        """To so far from the machine's own clock."""
        file = os.open(self.path, os.O_WRONLY)
        os.pwrite(file, struct.pack("q", seconds), 0)
        os.close(file)

    def environment(self):
        return {"LD_PRELOAD": str(shim()), "STEPPED_CLOCK": str(self.path),
                "ASAN_OPTIONS": "verify_asan_link_order=0"}
