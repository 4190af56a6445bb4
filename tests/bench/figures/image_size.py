"""What the two images add to their base. The images themselves are looked at where a container engine
runs that has them; what goes into them, the stripped program and the libraries that it loads and the
base lacks, is added up anywhere, from this machine's packages."""

import functools
import os
import re
import subprocess
import tempfile
from pathlib import Path

from stack import build_folder
from table import Row, at_most

BASE_IMAGE = "debian:trixie-slim"
NO_ENGINE = "needs a container engine"
NO_IMAGES = "docker compose build has not made it"
BYTES_PER_MB = 1e6

ROWS = [
    Row("files_ingress", "ingress: program and libraries beyond the base", "MB",
        (at_most(3),)),
    Row("files_worker", "worker: program and libraries beyond the base", "MB", (at_most(3),)),
    Row("image_ingress", "image of the ingress beyond its base", "MB", (at_most(3),)),
    Row("image_worker", "image of the worker beyond its base", "MB", (at_most(3),)),
]


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False)
    return done.stdout


def packages_of_base():
    """As Debian makes its smallest system: what is essential or required, apt, and what they need."""
    depends, names = {}, {"apt"}
    rows = output("dpkg-query", "-W", "-f",
                  "${Package}\\t${Essential}\\t${Priority}\\t${Pre-Depends}, ${Depends}\\n")
    for row in rows.splitlines():
        name, essential, priority, needs = row.split("\t")
        depends[name] = re.findall(r"(?:^|, )([a-z0-9][a-z0-9.+-]+)", needs)
        if essential == "yes" or priority == "required":
            names.add(name)
    new = names
    while new:
        new = {need for name in new for need in depends.get(name, [])} - names
        names |= new
    return names


def libraries(program):
    return [Path(path).resolve() for path in
            re.findall(r"(/\S+) \(0x", output("ldd", str(program)))]


def packages_of(paths):
    """The package of each file. Some own it as /lib/…, some as /usr/lib/…: it is the same."""
    names = {str(path).removeprefix("/usr"): path for path in paths}
    owners = {}
    for row in output("dpkg-query", "-S", *names, *(str(path) for path in paths)).splitlines():
        package, _, name = row.partition(": ")
        owners[names[name.removeprefix("/usr")]] = package.split(":")[0]
    return owners


@functools.cache
def files_mb(program):
    base = packages_of_base()
    owners = packages_of(libraries(build_folder() / program))
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, build_folder() / program], check=True)
        size = os.stat(stripped.name).st_size
    beyond = [library for library, package in owners.items() if package not in base]
    return (size + sum(library.stat().st_size for library in beyond)) / BYTES_PER_MB


def image_bytes(pattern):
    """Of the newest image of that name; 0 where there is none."""
    names = output("docker", "image", "ls", "-q", "--filter", f"reference={pattern}").split()
    return int(output("docker", "image", "inspect", "-f", "{{.Size}}", names[0])) if names else 0


@functools.cache
def image_mb(pattern):
    if not has_engine():
        return NO_ENGINE
    base, whole = image_bytes(BASE_IMAGE), image_bytes(pattern)
    return (whole - base) / BYTES_PER_MB if base and whole else NO_IMAGES


@functools.cache
def has_engine():
    try:
        return bool(output("docker", "info", "-f", "{{.ServerVersion}}").strip())
    except OSError:
        return False


def take(_lab):
    return {"files_ingress": files_mb("dialin-ingress"), "files_worker": files_mb("dialin-worker"),
            "image_ingress": image_mb("*-ingress"), "image_worker": image_mb("*-worker")}
