"""`python -m bench [NAME…]`: measure, and print the table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time

from bench import (
    array,
    arrays,
    bundle,
    crowd,
    dispatch,
    environments,
    forward,
    ingest,
    log_metric,
    log_times,
    measure,
    queue,
    remote,
    search,
    source_diff,
    startup,
    submit,
    trackers,
    trees,
    true_end_to_end,
    tui,
)
from bench.measure import Benchmark, Figure, Plan

BENCHMARKS: dict[str, tuple[Benchmark, str]] = {
    "submit": (submit.run, "from the call to the 201"),
    "arrays": (arrays.run, "10,000 jobs of one submission"),
    "array": (array.run, "a hundred jobs of `true`, two at a time, against other queues"),
    "true_end_to_end": (true_end_to_end.run, "a job of `true` against the bare Docker SDK"),
    "dispatch": (dispatch.run, "from the end of a job to the start of the next"),
    "environments": (environments.run, "a ready environment against no requirements, and pip"),
    "startup": (startup.run, "whole processes and imports"),
    "remote": (remote.run, "a command over ssh next to the local socket"),
    "bundle": (bundle.run, "a large bundle: the server's memory, and speed"),
    "queue": (queue.run, "ten thousand jobs that wait, and GPU time used on a trace"),
    "trees": (trees.run, "a large project submitted again, and its work dirs"),
    "search": (search.run, "pages of jobs and a metric's course out of a full store"),
    "ingest": (ingest.run, "what jobs recorded, into the database"),
    "crowd": (crowd.run, "many clients at once, and a noisy one"),
    "forward": (forward.run, "a small request to a port of a job"),
    "source_diff": (source_diff.run, "the files of two jobs, compared"),
    "log_times": (log_times.run, "what it costs to know when logs were written"),
    "tui": (tui.run, "the control center on a real terminal, next to stock widgets"),
    "trackers": (trackers.run, "side by side with other trackers"),
    "log_metric": (log_metric.run, "one record in a tight loop"),
}


def main() -> int:
    """Run the benchmarks that the command line names; 0 also when targets are missed."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    listing = ", ".join(f"{name} ({what})" for name, (_, what) in BENCHMARKS.items())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which; all without: {listing}")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller samples")
    parser.add_argument("--verbose", action="store_true", help="show where the time goes")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    plan = Plan(quick=chosen.quick, verbose=chosen.verbose)
    figures: list[Figure] = []
    notes: list[str] = []
    for name in chosen.names or BENCHMARKS:
        began = time.monotonic()
        measure.say(f"{name}: {BENCHMARKS[name][1]} …")
        found = BENCHMARKS[name][0](plan)
        measure.say(f"{name}: {time.monotonic() - began:.0f} s")
        figures += found.figures
        notes += found.notes
    words = " ".join(sys.argv[1:])
    print(f"\n`./dev bench{' ' + words if words else ''}`, {time.strftime('%Y-%m-%d %H:%M')}")
    print(f"{_machine()}\n\n{measure.table(figures)}")
    for note in notes:
        print(f"\n{note}")
    return 0


def _machine() -> str:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, load {load:.1f} at the end"
    )


if __name__ == "__main__":
    sys.exit(main())
