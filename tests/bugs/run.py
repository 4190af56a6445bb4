"""make bugs: proof that the tests can see. Each patch here puts one bug in; its tests must then fail.

A patch file begins with what the bug breaks, and a line `Caught by:` with the pytest selection (or a
unit test's path) that must catch it. A patch that no longer applies, or does not build, is a
failure, and so is a test that fails without the bug.

    ONLY=name   tries the patches whose name holds this
    JOBS=2      how many copies of the tree are built and tested at once (default: one for each core)
"""

import concurrent.futures
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
TEST_TIMEOUT_S = 300
OUTPUT_SHOWN = 3000  # characters


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
    done = subprocess.run(["make", "-s", "-j2", "all", "unit-tests"], cwd=folder,
                          capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr[-OUTPUT_SHOWN:]


def complaint_of(folder, tests):
    """None if they pass, else the end of what they print; a test that could not be run raises."""
    unit = [test for test in tests if test.startswith("unit/")]
    for test in unit:
        done = subprocess.run([folder / "build" / test], capture_output=True, text=True, errors="replace",
                              timeout=TEST_TIMEOUT_S)
        if done.returncode != 0:
            return (done.stdout + done.stderr)[-OUTPUT_SHOWN:]
    flow = [test for test in tests if test not in unit]
    if not flow:
        return None
    done = subprocess.run([PYTHON, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *flow],
                          cwd=folder, env={**os.environ, "DIALIN_BUILD": str(folder / "build")},
                          capture_output=True, text=True, timeout=TEST_TIMEOUT_S)
    assert done.returncode in (0, 1), done.stdout[-OUTPUT_SHOWN:] + done.stderr[-OUTPUT_SHOWN:]
    return done.stdout[-OUTPUT_SHOWN:] if done.returncode else None


def patch_tree(folder, patch, *options):
    done = subprocess.run(["patch", "-p1", "-s", "-f", *options, "-i", patch], cwd=folder,
                          capture_output=True, text=True)
    return None if done.returncode == 0 else done.stdout[-1000:]


def try_without_bug(folder, tests):
    complaint = complaint_of(folder, tests)
    return complaint and f"its tests fail without the bug:\n{complaint}"


def try_with_bug(folder, patch):
    """Leaves the sources as they were; what was built of the bug is built again with the next one."""
    if trouble := patch_tree(folder, patch, "--dry-run"):
        return f"it does not apply: {trouble}"
    patch_tree(folder, patch)
    try:
        if trouble := build(folder):
            return f"it does not build: {trouble}"
        return None if complaint_of(folder, tests_of(patch)) else "NOT CAUGHT"
    finally:
        patch_tree(folder, patch, "-R")


class Trees:
    """Copies of the tree. Each task has one of them to itself while it runs."""

    def __init__(self, root, count):
        self._free = queue.Queue()
        for number in range(count):
            folder = root / str(number)
            folder.mkdir()
            copy_tree(folder)
            if trouble := build(folder):
                sys.exit(f"the tree itself does not build: {trouble}")
            self._free.put(folder)
        self._pool = concurrent.futures.ThreadPoolExecutor(count)

    def run(self, task, each):
        """The trouble, or None, of each argument in turn."""
        return self._pool.map(lambda argument: self._run_one(task, argument), each)

    def _run_one(self, task, argument):
        folder = self._free.get()
        try:
            return task(folder, argument)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            return f"its tests could not be run: {error}"
        finally:
            self._free.put(folder)


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
    if not patches:
        sys.exit(f"no patch's name holds {os.environ['ONLY']}")
    selections = list(dict.fromkeys(tuple(tests_of(patch)) for patch in patches))
    caught = 0
    with tempfile.TemporaryDirectory(prefix="dialin-bugs-") as folder:
        trees = Trees(pathlib.Path(folder), int(os.environ.get("JOBS") or os.cpu_count()))
        without = dict(zip(selections, trees.run(try_without_bug, selections)))
        passing = sum(trouble is None for trouble in without.values())
        print(f"{passing} of {len(without)} selections of tests pass without a bug", flush=True)
        for patch, trouble in zip(patches, trees.run(try_with_bug, patches)):
            trouble = without[tuple(tests_of(patch))] or trouble
            caught += trouble is None
            print(f"{patch.stem}: {trouble or 'caught'}", flush=True)
    print(f"{caught} of {len(patches)} bugs caught")
    return 0 if caught == len(patches) else 1


if __name__ == "__main__":
    sys.exit(main())
