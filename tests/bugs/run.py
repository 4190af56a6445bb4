"""make bugs: proof that the tests can see. Each patch here puts one bug in; its tests must then fail.

A patch file begins with what the bug breaks, and a line `Caught by:` with the pytest selection (or a
unit test's path) that must catch it. The tree is copied and built once; a patch that no longer
applies, or does not build, is a failure, and so is a test that fails without the bug.

    ONLY=name   tries the patches whose name holds this
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
TEST_TIMEOUT_S = 300


def tests_of(patch):
    found = re.search(r"^Caught by: (.+)$", patch.read_text(), re.MULTILINE)
    assert found, f"{patch.name} does not say which test catches it"
    return found.group(1).split()


def copy_tree(folder):
    """What git knows of the tree as it stands, new files included."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT,
                            check=True, capture_output=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def build(folder):
    done = subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "all", "unit-tests"], cwd=folder,
                          capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr[-3000:]


def passes(folder, tests):
    """True or False; a test that could not be run is neither."""
    unit = [test for test in tests if test.startswith("unit/")]
    for test in unit:
        if subprocess.run([folder / "build" / test], capture_output=True,
                          timeout=TEST_TIMEOUT_S).returncode != 0:
            return False
    flow = [test for test in tests if test not in unit]
    if not flow:
        return True
    done = subprocess.run([PYTHON, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *flow],
                          cwd=folder, env={**os.environ, "DIALIN_BUILD": str(folder / "build")},
                          capture_output=True, text=True, timeout=TEST_TIMEOUT_S)
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    return done.returncode == 0


def patch_tree(folder, patch, *options):
    done = subprocess.run(["patch", "-p1", "-s", "-f", *options, "-i", patch], cwd=folder,
                          capture_output=True, text=True)
    return None if done.returncode == 0 else done.stdout[-1000:]


def try_one(folder, patch):
    tests = tests_of(patch)
    if not passes(folder, tests):
        return "its tests fail without the bug"
    if trouble := patch_tree(folder, patch):
        return f"it does not apply: {trouble}"
    try:
        if trouble := build(folder):
            return f"it does not build: {trouble}"
        return "NOT CAUGHT" if passes(folder, tests) else None
    finally:
        patch_tree(folder, patch, "-R")
        assert not (trouble := build(folder)), trouble


def usage(arguments):
    """Settings come from the environment. Returns the exit code."""
    is_help = arguments in (["-h"], ["--help"])
    print(__doc__.strip(), file=sys.stdout if is_help else sys.stderr)
    return 0 if is_help else 2


def main():
    if len(sys.argv) > 1:
        return usage(sys.argv[1:])
    patches = [patch for patch in sorted(HERE.glob("*.patch"))
               if os.environ.get("ONLY", "") in patch.name]
    caught = 0
    with tempfile.TemporaryDirectory(prefix="dialin-bugs-") as folder:
        folder = pathlib.Path(folder)
        copy_tree(folder)
        if trouble := build(folder):
            sys.exit(f"the tree itself does not build: {trouble}")
        for patch in patches:
            try:
                trouble = try_one(folder, patch)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                trouble = f"its tests could not be run: {error}"
            caught += trouble is None
            print(f"{patch.stem}: {trouble or 'caught'}", flush=True)
    print(f"{caught} of {len(patches)} bugs caught")
    return 0 if patches and caught == len(patches) else 1


if __name__ == "__main__":
    sys.exit(main())
