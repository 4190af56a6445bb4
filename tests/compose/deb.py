"""The Debian package on a clean Debian 13: builds, lintian is silent, installs, starts, upgrades, purges.

Run by `make test-deb`. systemd does not run in these containers, so the units are verified and rated by
systemd-analyze, and the programs are started by hand as the units say."""

import pathlib
import re
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = "debian:trixie-slim"
BUILD_DEPENDS = ["build-essential", "debhelper", "fakeroot", "lintian", "pkgconf", "systemd"]
SECRET = "ZGlhbGluLXRlc3Qtc2VjcmV0LTAwMDE="


class Container:
    def __init__(self):
        self.id = subprocess.run(
            ["docker", "run", "-d", "--rm", "--network", "host", BASE, "sleep", "infinity"], check=True,
            capture_output=True, text=True).stdout.strip()

    def run(self, script, check=True):
        done = subprocess.run(["docker", "exec", self.id, "bash", "-euc", script], capture_output=True,
                              text=True, timeout=600)
        assert not check or done.returncode == 0, f"{script}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def install(self, *packages):
        self.run("apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -q -y "
                 "--no-install-recommends " + " ".join(packages))

    def copy_in(self, source, target):
        subprocess.run(["docker", "cp", source, f"{self.id}:{target}"], check=True, capture_output=True)

    def copy_out(self, source, target):
        subprocess.run(["docker", "cp", f"{self.id}:{source}", target], check=True, capture_output=True)

    def close(self):
        subprocess.run(["docker", "rm", "-f", self.id], check=True, capture_output=True)


@pytest.fixture
def clean():
    container = Container()
    yield container
    container.close()


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The package, built on Debian 13 (its unit tests run in make test), what lintian says of it, and the
    same with a newer version."""
    folder = tmp_path_factory.mktemp("packages")
    container = Container()
    try:
        depends = re.search(r"Build-Depends: (.*(?:\n .*)*)", (ROOT / "common/ship/debian/control").read_text())[1]
        names = re.findall(r"(?:^|, |,\n )([a-z0-9-]+)", depends)
        container.install(*BUILD_DEPENDS, *[name for name in names if name != "debhelper-compat"])
        tree = folder / "tree.tar"
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "--null", "-T", "-", "-cf", tree], cwd=ROOT, input=files, check=True)
        container.copy_in(tree, "/tree.tar")
        container.run("mkdir /tree && tar -xf /tree.tar -C /tree")
        container.run("cd /tree && DEB_BUILD_OPTIONS='nocheck parallel=2' common/ship/debian/build >&2 && "
                      "mkdir -p /out && cp build/deb/dialin_*.deb /out")
        container.run("dpkg-deb -R /out/dialin_0.1.0_*.deb /next && sed -i 's/^Version: .*/Version: 0.1.1/' "
                      "/next/DEBIAN/control && dpkg-deb -b /next /out/dialin_0.1.1_next.deb >/dev/null")
        said = container.run("lintian --fail-on error,warning --tag-display-limit 0 /out/dialin_0.1.0_*.deb",
                             check=False)
        rated = {unit: container.run(f"systemd-analyze security --offline=yes /tree/common/ship/systemd/{unit}",
                                     check=False).stdout
                 for unit in ("dialin-ingress.service", "dialin-worker.service", "dialin-board.service")}
        container.copy_out("/out/.", folder)
    finally:
        container.close()
    return {"first": next(folder.glob("dialin_0.1.0_*.deb")), "second": next(folder.glob("dialin_0.1.1_*.deb")),
            "lintian": said, "rated": rated}


def test_lintian_is_silent(packages):
    said = packages["lintian"]
    assert said.returncode == 0 and not said.stdout.strip(), said.stdout


def test_the_units_are_hardened(packages):
    for unit, rated in packages["rated"].items():
        exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", rated)[1])
        assert exposure <= 1.5, rated


def test_it_installs_starts_upgrades_and_purges(packages, clean):
    clean.copy_in(packages["first"], "/first.deb")
    clean.copy_in(packages["second"], "/second.deb")
    clean.install("/first.deb", "redis-server", "bash-completion", "curl")
    assert clean.run("stat -c '%a %U' /etc/dialin/dialin.env").stdout == "600 root\n"
    assert clean.run("id -un dialin").stdout == "dialin\n"
    for page in ("man8/dialin-ingress.8.gz", "man8/dialin-worker.8.gz", "man1/dialin-audit.1.gz"):
        clean.run(f"test -s /usr/share/man/{page} || grep -q path-exclude=/usr/share/man /etc/dpkg/dpkg.cfg.d/*")
    clean.run("test -s /usr/share/bash-completion/completions/dialin-audit")
    assert clean.run("dialin-ingress --check-config", check=False).returncode == 1, "no secret, no start"
    clean.run("mkdir -p -m 700 /var/lib/dialin/spool && chown -R dialin: /var/lib/dialin")
    clean.run(f"echo 'PINLESS_HMAC_SECRET={SECRET}' >> /etc/dialin/dialin.env; "
              "redis-server --port 26390 --save '' --daemonize yes >/dev/null")
    clean.run("set -a; . /etc/dialin/dialin.env; export REDIS_URL=redis://127.0.0.1:26390 PORT=26391 ADMIN_PORT=26392 "
              "SPOOL_DIR=/var/lib/dialin/spool; "
              "setsid setpriv --reuid dialin --regid dialin --clear-groups dialin-ingress >/tmp/log 2>&1 &")
    for _ in range(100):
        if clean.run("curl -fs http://127.0.0.1:26392/readyz", check=False).returncode == 0:
            break
        time.sleep(0.1)
    assert "\"ready\"" in clean.run("curl -s http://127.0.0.1:26392/readyz; cat /tmp/log").stdout
    clean.run("apt-get install -q -y /second.deb")
    assert clean.run("dpkg-query -W -f '${Version}' dialin").stdout == "0.1.1"
    assert SECRET in clean.run("cat /etc/dialin/dialin.env").stdout, "an upgrade keeps the settings"
    clean.run("apt-get purge -q -y dialin")
    assert clean.run("ls -d /etc/dialin /var/lib/dialin /usr/bin/dialin-* 2>/dev/null", check=False).stdout == ""
