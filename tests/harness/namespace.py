"""A network of the test's own: a namespace with addresses and names that the machine may lack.

A child process holds the namespaces (network and mounts) and makes sockets in them for the test;
programs enter them by nsenter. Redis is reached through its unix socket. It needs root, or a kernel
that lets everybody make user namespaces; a test without either fails with a sentence.
"""

import array
import ctypes
import os
import socket
import struct
import subprocess
import sys

import pytest

# In the namespaces. Makes a socket for each request, and passes it on.
HOLDER = """
import array, os, socket, subprocess, sys
control = socket.socket(fileno=int(sys.argv[1]))
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for address in sys.argv[3:]:
    subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)
subprocess.run(["mount", "--make-rprivate", "/"], check=True)
subprocess.run(["mount", "--bind", sys.argv[2], "/etc/hosts"], check=True)
control.send(b"ready")
while asked := control.recv(4096):
    use, family, host, port = asked.decode().split()
    with socket.socket(int(family)) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
        if use == "listen":
            made.listen(1024)
        control.sendmsg([b"made"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                     array.array("i", [made.fileno()]))])
"""

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
RETURN_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))


def drop_packets(connection):
    """From now on the kernel drops every packet that comes for this socket, as a firewall does."""
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                          struct.pack("HP", 1, ctypes.addressof(RETURN_NOTHING)))


def take_packets(connection):
    connection.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


class Namespace:
    def __init__(self, folder, hosts="", addresses=()):
        """`addresses`: that the namespace has beside those of loopback."""
        (folder / "hosts").write_text(hosts)
        self.control, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(10)
        self.is_root = os.geteuid() == 0
        options = ["--net", "--mount"] + ([] if self.is_root else ["--user", "--map-root-user"])
        with its:
            self.holder = subprocess.Popen(
                ["unshare", *options, sys.executable, "-c", HOLDER, str(its.fileno()),
                 str(folder / "hosts"), *addresses], pass_fds=[its.fileno()], stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True)
        if self.control.recv(16) != b"ready":
            trouble = self.holder.communicate()[1].strip()
            self.control.close()
            pytest.fail("this test needs a network namespace of its own: root with CAP_SYS_ADMIN, or "
                        f"user namespaces for everybody; unshare says: {trouble}", pytrace=False)

    def listen(self, host, port=0):
        """A listening socket in the namespace."""
        return self.made("listen", host, port)

    def connect(self, source, address, timeout_s=10):
        """A connection from one of its addresses to (host, port) in it."""
        connection = self.made("connect", source, 0)
        connection.settimeout(timeout_s)
        connection.connect(address)
        return connection

    def made(self, use, host, port):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.control.send(f"{use} {family.value} {host} {port}".encode())
        _, ancillary, _, _ = self.control.recvmsg(16, socket.CMSG_SPACE(4))
        assert ancillary, f"there is no socket at {host} in the namespace"
        descriptor, = array.array("i", ancillary[0][2])
        return socket.socket(fileno=descriptor)

    @property
    def command(self):
        """What stands in front of a program that runs in it."""
        options = [] if self.is_root else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", self.holder.pid, "--net", "--mount", *options, "--"]

    def close(self):
        self.control.close()
        self.holder.communicate(timeout=10)
