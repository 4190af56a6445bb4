"""A process under strace, which kills it or fails one of its system calls.

With -D it stays a child of ours, and strace becomes its grandchild, which needs no privilege though
the programs are not dumpable. A signal comes at the entry of a call, which then does not happen.
"""

import collections
import os
import pathlib
import re
import signal
import time

from stack import Process, build_folder, clean_environment, wait_for

BUSY = 0.4  # of a core; strace makes each call dear, so that even a loop of few calls shows

# `error` None: a kill.
Fault = collections.namedtuple("Fault", ["name", "number", "error", "for_ever"])


def words_of(fault):
    if fault is None:
        return []
    what = f"error={fault.error}" if fault.error else "signal=SIGKILL"
    when = f"{fault.number}{'+' if fault.for_ever else ''}"
    return ["-e", f"trace={fault.name}", "-e", f"inject={fault.name}:{what}:when={when}"]


class Subject(Process):
    def __init__(self, program, folder, values, fault):
        self.trace_path = folder / "trace"
        command = ["strace", "-D", "-I2", "-f", "-qq", "-o", self.trace_path, *words_of(fault),
                   build_folder() / program]
        super().__init__(program, command, folder, clean_environment(values))
        self.is_ours = fault is None or fault.error is None
        self.expected_exit = None

    def calls(self):
        """The system calls so far, in order: [(thread, name)]."""
        text = self.trace_path.read_text(errors="replace")
        return re.findall(r"^(\d+) +(\w+)\(", text, re.MULTILINE)

    def has_failed(self):
        return b"(INJECTED)" in self.trace_path.read_bytes()

    def tracer(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"TracerPid:\s+(\d+)", status).group(1))

    def cpu_s(self):
        """Of the process and of what traces it."""
        ticks = 0
        for pid in (self.pid, self.tracer()):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def is_busy(self, seconds=0.5):
        try:
            before = self.cpu_s()
            time.sleep(seconds)
            return (self.cpu_s() - before) / seconds > BUSY
        except (OSError, AttributeError):
            return False  # it has left

    def end_fault(self):
        """strace leaves it; from now on every call does what it should."""
        if self.is_running() and (tracer := self.tracer()):
            os.kill(tracer, signal.SIGTERM)
            wait_for(lambda: not self.is_running() or self.tracer() == 0, what="strace to leave")
