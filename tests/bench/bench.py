"""make bench: the README's figures, measured here, each beside what bounds it on this machine.

Prints one table and writes build/bench.json with every sample. Builds for release, brings a Redis of
its own that syncs every write to the disk (appendfsync always). All figures are taken once, then all
of them again, RUNS times (3), a figure beside its own ceiling: what else the machine does hits both.
These are figures, not tests: one that misses its aim is shown as missed, and nothing fails for it.

ONLY=latency,memory takes some families only: the names of the files in figures/. ONLY=record is one that is taken
only if it is named.
"""
import json
import os
import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from figures import (acknowledgements, board, calls, events, growth, https, image_size, latency,  # noqa: E402
                     memory, record, routes, sizing, start_up)
from lab import ROOT, Lab, machine  # noqa: E402
from table import Result, text  # noqa: E402

FAMILIES = [https, acknowledgements, events, calls, routes, latency, memory, board, growth, sizing, start_up,
            image_size]
ALL = [*FAMILIES, record]  # `record` takes minutes: only by ONLY
RUNS = int(os.environ.get("RUNS", "3"))
ONLY = os.environ.get("ONLY", "").replace(",", " ").split()


def name_of(family):
    return family.__name__.rpartition(".")[2]


def chosen():
    names = [name_of(family) for family in ALL]
    unknown = [name for name in ONLY if name not in names]
    if unknown:
        sys.exit(f"bench: ONLY: there is no {', '.join(unknown)}; there is {', '.join(names)}")
    return [family for family in ALL if name_of(family) in ONLY] if ONLY else FAMILIES


def measure(lab, families):
    """{key: one sample for each run}."""
    samples = {}
    for run in range(RUNS):
        for family in families:
            print(f"bench: run {run + 1} of {RUNS}: {name_of(family)}", file=sys.stderr)
            for key, sample in family.take(lab).items():
                samples.setdefault(key, []).append(sample)
    return samples


def check_keys(families):
    keys = [row.key for family in families for row in family.ROWS]
    twice = {key for key in keys if keys.count(key) > 1}
    assert not twice, f"two families have figures named {', '.join(sorted(twice))}"


def main():
    families = chosen()
    check_keys(ALL)
    begun, load_before = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="dialin-bench-") as folder:
        lab = Lab(pathlib.Path(folder))
        try:
            samples = measure(lab, families)
        finally:
            lab.close()
    results = [Result(row, samples[row.key], samples.get(row.of))
               for family in families for row in family.ROWS]
    about = {"runs": RUNS, "took_s": round(time.monotonic() - begun), "load_before": load_before,
             "machine": machine()}
    path = ROOT / "build" / "bench.json"
    path.write_text(json.dumps({**about, "figures": [result.as_json() for result in results]},
                               indent=1) + "\n")
    facts = about["machine"]
    print(text(results))
    print(f"\n{RUNS} runs in {about['took_s']} s on {facts['cores']} cores, {facts['cpu']}; Redis "
          f"{facts['versions']['redis']}.\nratio: to the row above that bounds it. All samples: "
          f"build/bench.json")


if __name__ == "__main__":
    main()
