"""The ingress runs out of descriptors: it waits without turning, and goes on when there are some."""

import os
import resource
import socket
import time

import pytest

from stack import wait_for


def processor_s(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("spare", [0, 2], ids=["at the first connection", "at the third"])
def test_no_descriptor_is_left_for_a_connection(stack, spare):
    ingress = stack.ingress()
    assert ingress.ring().status == 200
    limits = resource.prlimit(ingress.pid, resource.RLIMIT_NOFILE)
    highest = max(int(fd) for fd in os.listdir(f"/proc/{ingress.pid}/fd"))
    resource.prlimit(ingress.pid, resource.RLIMIT_NOFILE, (highest + 1 + spare, limits[1]))
    # One more than needed: the connection of the ring may have been the highest, and is closed now.
    clients = [socket.create_connection(("127.0.0.1", ingress.port)) for _ in range(spare + 2)]
    wait_for(lambda: b"out of file descriptors" in ingress.log())
    before = processor_s(ingress.pid)
    time.sleep(1)  # in which it has nothing to do
    assert processor_s(ingress.pid) - before < 0.5, "it turns without end"
    resource.prlimit(ingress.pid, resource.RLIMIT_NOFILE, limits)
    for client in clients:
        client.close()
    assert ingress.ring().status == 200
    assert ingress.ring().status == 200
