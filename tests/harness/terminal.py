"""A command of dialin-audit on a terminal of a given width."""

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

from stack import build_folder

TIMEOUT_S = 60


def columns_of(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else
               0 if unicodedata.combining(c) else 1 for c in line)


def open_terminal(columns):
    ours, theirs = os.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # or the kernel writes \r\n
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    return ours, theirs


def on_terminal(audit, *arguments, columns, until=None, meanwhile=lambda: None, **values):
    """Runs a command with its standard output and its standard error on terminals. Until `until` is
    seen, `meanwhile` is done again and again; then the command is ended. Returns what came on each."""
    pairs = [open_terminal(columns), open_terminal(columns)]
    process = subprocess.Popen([build_folder() / "dialin-audit", *arguments],
                               env=audit.environment(values), stdin=subprocess.DEVNULL,
                               stdout=pairs[0][1], stderr=pairs[1][1], preexec_fn=os.setpgrp)
    for _, theirs in pairs:
        os.close(theirs)
    left = {ours: b"" for ours, _ in pairs}
    texts, deadline = dict(left), time.monotonic() + TIMEOUT_S
    while left:
        assert time.monotonic() < deadline, (arguments, texts)
        for ours in select.select(list(left), [], [], 0.1)[0]:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the last writer is gone
                chunk = b""
            texts[ours] += chunk
            if not chunk:
                left.pop(ours)
                os.close(ours)
        meanwhile()
        if until and any(until in text for text in texts.values()):
            process.send_signal(signal.SIGINT)
            until, meanwhile = None, lambda: None
    assert process.wait(TIMEOUT_S) in (0, 1)
    return [texts[ours] for ours, _ in pairs]
