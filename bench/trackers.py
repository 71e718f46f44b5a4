"""Figure 10: side by side with other trackers, where they can be installed.

They come into an environment that is thrown away. Each keeps its runs in SQLite on this disk and is
asked without a server of its own; Atlas answers over its socket.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench import measure, rig
from bench.log_metric import microseconds_of_calls
from bench.measure import Figure, Peer, Plan, Result, timed
from bench.sample_jobs import Amount
from bench.search import make_store
from bench.tracker_peer import FOUND, LEAST, METRICS, PAGE, POINTS
from foundations import calls

INSTALL_SECONDS = 300
PEERS: dict[str, tuple[str, ...]] = {
    "mlflow": ("mlflow-skinny", "sqlalchemy", "alembic", "sqlparse"),
    "trackio": ("trackio",),
}
"""Other trackers, and the packages that each needs for what is measured."""
_FILTER = f"metric.{FOUND} > {LEAST} param.optimizer = adam sort:-metric.{FOUND}"


def run(plan: Plan) -> Result:
    """Import, log a point and read a filtered page: Atlas, then each tracker."""
    runs = plan.count(500, 100)
    pages = plan.count(40, 10)
    figures: list[Figure] = []
    notes: list[str] = []
    with rig.workspace() as root:
        page = _page(runs, pages)
        logged = microseconds_of_calls(plan.count(100, 20))
        for name, packages in PEERS.items():
            measure.say(f"trackers: installing {name} …")
            try:
                python = _install(root / name, packages)
            except _Missing as reason:
                notes.append(f"trackers: {name} is not compared: {reason}.")
                continue
            measure.say(f"trackers: measuring {name} with {runs} runs …")
            imports = _imports(name, python, plan.count(10, 3))
            found = _measure(name, python, root / f"{name}-data", runs, pages)
            figures += _figures(name, imports, (logged, page), found)
    notes.append(
        f"trackers: {runs} runs with {len(METRICS)} metrics of {POINTS} points each; a page is up "
        f"to {PAGE} runs by `{_FILTER}`. `import` is a whole process less `python -c pass`."
    )
    return Result(figures, notes)


class _Missing(Exception):
    """A tracker cannot be had here; the text says why."""


def _figures(
    name: str,
    imports: tuple[list[float], list[float]],
    ours: tuple[list[float], list[float]],
    theirs: dict[str, Any],
) -> Iterator[Figure]:
    logged, page = ours
    yield Figure("trackers: import", imports[0], peer=Peer(f"{name}, import", imports[1]))
    calls_us = [seconds * 1e6 for seconds in theirs["log"]]
    yield Figure(
        "trackers: log a point", logged, unit="µs", peer=Peer(f"{name}, the call", calls_us)
    )
    if "written" in theirs:
        written = [seconds * 1e6 for seconds in theirs["written"]]
        peer = Peer(f"{name}, until written", written)
        yield Figure("trackers: log a point", logged, unit="µs", peer=peer)
    pages_ms = [seconds * 1e3 for seconds in theirs["page"]]
    yield Figure("trackers: a filtered page", page, peer=Peer(f"{name}, a page", pages_ms))


def _page(runs: int, pages: int) -> list[float]:
    amount = Amount(jobs=runs, points=runs * POINTS * len(METRICS))
    samples: list[float] = []
    furnish = partial(make_store, amount=amount)
    with rig.server({"engine": "process"}, furnish=furnish) as server:
        for _ in range(pages):
            with timed(samples):
                found = server.client.json(calls.jobs.jobs(filter=_FILTER, limit=PAGE))
    if not found["jobs"]:
        raise RuntimeError("the filter took no job")
    return samples


def _install(directory: Path, packages: Sequence[str]) -> str:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise _Missing("there is no uv to install it with")
    python = str(directory / "bin" / "python")
    for command in (
        [uv, "venv", "-q", "--python", sys.executable, str(directory)],
        [uv, "pip", "install", "-q", "--python", python, *packages],
    ):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise _Missing(f"it was not installed in {INSTALL_SECONDS} s") from error
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1].strip()
            raise _Missing(f"it cannot be installed ({last})")
    return python


def _imports(name: str, python: str, times: int) -> tuple[list[float], list[float]]:
    """Milliseconds that imports take: of `foundations`, and of the tracker in its Python."""
    ours: list[float] = []
    theirs: list[float] = []
    for samples, program, module in ((ours, sys.executable, "foundations"), (theirs, python, name)):
        bare: list[float] = []
        whole: list[float] = []
        for _ in range(times):
            with timed(bare):
                _start(program, "pass")
            with timed(whole):
                _start(program, f"import {module}")
        # An import that takes next to nothing must not come out below it.
        samples += [max(0.1, one) for one in measure.differences(whole, bare)]
    return ours, theirs


def _start(python: str, statement: str) -> None:
    subprocess.run([python, "-c", statement], capture_output=True, check=True)


def _measure(name: str, python: str, directory: Path, runs: int, pages: int) -> dict[str, Any]:
    directory.mkdir()
    script = Path(__file__).with_name("tracker_peer.py")
    command = [python, "-P", str(script), name, str(runs), "200", str(pages)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=directory, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    if not found["found"]:
        raise RuntimeError(f"{name} found no run")
    return found
