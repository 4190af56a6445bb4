"""What is missing is named, by make alone too; what is there counts, however it came."""
import os
import shutil
import subprocess

import stack as stacks

ROOT = stacks.REPOSITORY


def test_make_alone_names_the_packages_that_are_missing(tmp_path):
    done = subprocess.run(["make", "-s", "all", f"BUILD={tmp_path}"], cwd=ROOT, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "PKG_CONFIG_LIBDIR": "/nonexistent"})
    assert done.returncode != 0
    assert "missing for 'build': apt-get install" in done.stderr, done
    for package in ("libmicrohttpd-dev", "libhiredis-dev", "libuv1-dev", "libcurl4-openssl-dev"):
        assert package in done.stderr, done
    assert "fatal error" not in done.stderr  # the compiler was not asked


def without_package_manager(folder):
    """A PATH of all commands but those of apt and dpkg."""
    for source in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for name in os.listdir(source):
            if not name.startswith(("apt", "dpkg")) and not (folder / name).exists():
                (folder / name).symlink_to(f"{source}/{name}")
    return str(folder)


def test_libraries_count_without_a_package_manager(tmp_path):
    env = {"PATH": without_package_manager(tmp_path)}
    done = subprocess.run([ROOT / ".ci/install", "build", "run"], env=env, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, done
    (tmp_path / "redis-server").unlink()
    done = subprocess.run([ROOT / ".ci/install", "build", "run"], env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "redis-server" in done.stderr, done


def test_each_system_has_its_own_names(tmp_path):
    script = (ROOT / ".ci/install").read_text()
    for system, named in (("fedora", "dnf install libmicrohttpd-devel hiredis-devel"),
                          ("alpine", "apk add libmicrohttpd-dev hiredis-dev"),
                          ("ubuntu", "apt-get install libmicrohttpd-dev libhiredis-dev"),
                          ("plan9", "(as Debian calls them): libmicrohttpd-dev libhiredis-dev")):
        (tmp_path / "os-release").write_text(f"ID={system}\n")
        (tmp_path / "install").write_text(script.replace("/etc/os-release", f"{tmp_path}/os-release"))
        done = subprocess.run(["bash", tmp_path / "install", "--check", "build"], capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "PKG_CONFIG_LIBDIR": "/nonexistent"})
        assert done.returncode == 1 and named in done.stderr, (system, done)


def test_a_build_says_how_far_it_is(tmp_path):
    tree = tmp_path / "tree"
    (tree / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci/build", tree / ".ci/build")
    (tree / "Makefile").write_text(
        "all: $(addsuffix .txt,1 2 3)\n\t@:\n%.txt:\n\t$(if $(PROGRESS),@echo compiling $@)\n\t@cp /dev/null $@ # -c -o $@\n")
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run([".ci/build", "all"], cwd=tree, env=env, capture_output=True, text=True)
    assert done.returncode == 0
    assert "building: 3 of 3 files" in done.stdout, done
    done = subprocess.run([".ci/build", "all"], cwd=tree, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout, done
    done = subprocess.run([".ci/build", "nonsense"], cwd=tree, env=env, capture_output=True, text=True)
    assert done.returncode != 0
