"""A scheduler to try things out on: made-up jobs of a month, and a few that really run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from foundations import autostart
from foundations.client import Client
from foundations.errors import AtlasError, Unreachable
from foundations.home import Home
from foundations.models import HOLDING_STATES, JobSpec, JobState, Submission

JOBS = 2_000
QUEUED = 14
"""Jobs that are submitted at the start: some run, the others wait."""
_SETTINGS = "engine: process\nmax_running_jobs: 3\n"
_FILL_SECONDS = 120.0
_END_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 0.1
_PROJECTS = ("digits", "cats-vs-dogs", "speech-small")
_ARCHITECTURES = ("lenet", "resnet18", "conformer")
_RATES = (0.1, 0.03, 0.01, 0.003, 0.001)


@contextmanager
def demo_home(*, announce: Callable[[str], None], count: int = JOBS) -> Iterator[Home]:
    """Give a temporary home whose scheduler runs; all of it is gone afterwards.

    Raises:
        Unreachable: the scheduler could not be started.
    """
    with tempfile.TemporaryDirectory(prefix="atlas-demo-", ignore_cleanup_errors=True) as folder:
        home = Home(folder)
        announce(f"Inventing {count} jobs…")
        _run_server(home, "demo", "--jobs", str(count))
        home.server_config.parent.mkdir(parents=True, exist_ok=True)
        home.server_config.write_text(_SETTINGS, encoding="utf-8")
        autostart.start_server(home)
        try:
            with Client(f"unix://{home.socket}") as client:
                _submit(client, home)
            yield home
        finally:
            announce("Taking the demo away…")
            _end(home)


def _submit(client: Client, home: Home) -> None:
    """Give the scheduler the sources that the past ran, and some jobs of its own."""
    packed = sorted(sources(home).glob("*.tar.gz"))
    for path in packed:
        client.upload_bundle(f"sha256:{path.name.removesuffix('.tar.gz')}", path)
    for number in range(QUEUED):
        path = packed[number % len(packed)]
        rate = _RATES[number % len(_RATES)]
        spec = JobSpec(
            project=_PROJECTS[number % len(_PROJECTS)],
            command=("main.py", "--arch", _ARCHITECTURES[number % len(_ARCHITECTURES)]),
            params={"lr": rate, "epochs": 60 + 40 * (number % 4), "seed": number},
            user="you",
            python=sys.executable,
        )
        client.submit(Submission(spec=spec, bundle=f"sha256:{path.name.removesuffix('.tar.gz')}"))


def sources(home: Home) -> Path:
    """Where a demo's home has the packed sources."""
    return home.root / "demo_sources"


def _end(home: Home) -> None:
    """End the jobs, then the scheduler."""
    try:
        with Client(f"unix://{home.socket}", timeout_seconds=_END_SECONDS) as client:
            client.clear_queue()
            for job in client.jobs(states=sorted(HOLDING_STATES)).jobs:
                client.stop(job.job_id)
            deadline = time.monotonic() + _END_SECONDS
            while _holds(client) and time.monotonic() < deadline:
                time.sleep(_LOOK_EVERY_SECONDS)
    except AtlasError:
        pass  # it does not answer any more: there is nothing to be asked of it
    _run_server(home, "stop")


def _holds(client: Client) -> bool:
    states = client.info().states
    return any(states.get(JobState(state), 0) for state in HOLDING_STATES)


def _run_server(home: Home, *command: str) -> None:
    words = [sys.executable, "-P", "-m", "atlas_scheduler", *command, "--home", str(home.root)]
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=home.root,
        timeout=_FILL_SECONDS,
        check=False,
    )
    if done.returncode:
        raise Unreachable(f"`{' '.join(words)}` failed: {done.stderr.strip()}")
