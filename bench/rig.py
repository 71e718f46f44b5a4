"""What benchmarks run against: a server in a throw-away home, a project, a reader of its feed."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import docker
import requests
import yaml

from foundations.bundles import bundle
from foundations.client import Client
from foundations.errors import AtlasError
from foundations.home import HOME_VARIABLE, Home
from foundations.models import FINAL_STATES, Change, JobSpec, Submission
from foundations.transport.reconnection import FeedPlace

T = TypeVar("T")

WAIT_SECONDS = 60.0
"""Longest wait for anything that a benchmark waits for."""
IMAGES = ("atlas-base:bookworm", "python:3.11-slim", "atlas-ce/worker:latest")
"""Images that a container of `true` can be made of, in the order of preference."""
INSTANCE_LABEL = "atlas.instance"


@contextmanager
def workspace() -> Iterator[Path]:
    """Give a new directory, and remove it with whatever modes its files got."""
    root = Path(tempfile.mkdtemp(prefix="atlas-bench-"))
    try:
        yield root
    finally:
        for folder, _, _ in os.walk(root):
            with suppress(OSError):
                Path(folder).chmod(stat.S_IRWXU)
        shutil.rmtree(root, ignore_errors=True)


@dataclass(frozen=True)
class Server:
    """A scheduler that runs, and a client for it."""

    home: Home
    pid: int
    instance: str
    client: Client

    def wait_archived(self, *job_ids: str) -> None:
        """Wait until the archives of jobs are complete."""
        for job_id in job_ids:
            until(partial(self._is_archived, job_id))

    def _is_archived(self, job_id: str) -> bool:
        return self.client.job(job_id).archived


@contextmanager
def server(
    settings: Mapping[str, Any], *, furnish: Callable[[Home], None] | None = None
) -> Iterator[Server]:
    """Run a scheduler on a new home with these settings; its containers go with it.

    Args:
        settings: what `server.yaml` says.
        furnish: puts something into the home before the scheduler starts.
    """
    with workspace() as root:
        home = Home(root / "home")
        home.create()
        home.server_config.parent.mkdir(parents=True)
        home.server_config.write_text(yaml.safe_dump(dict(settings)), encoding="utf-8")
        if furnish is not None:
            furnish(home)
        command(["atlas_scheduler", "start", "--detach", "--home", str(home.root)])
        with Client(f"unix://{home.socket}") as client:
            until(lambda: client.info().engine.available)
            info = client.info()
            try:
                yield Server(home, info.pid, info.instance, client)
            finally:
                with suppress(AtlasError):
                    client.clear_queue()
                    for job in client.jobs(states=("starting", "running"), limit=200).jobs:
                        client.stop(job.job_id)
                    until(lambda: not client.jobs(states=("running", "stopping")).jobs)
                command(["atlas_scheduler", "stop", "--home", str(home.root)])
                _remove_containers(info.instance)


@contextmanager
def as_user_of(home: Home) -> Iterator[None]:
    """Make a home the one that `foundations` uses in this process and its children."""
    before = os.environ.get(HOME_VARIABLE)
    os.environ[HOME_VARIABLE] = str(home.root)
    try:
        yield
    finally:
        if before is None:
            del os.environ[HOME_VARIABLE]
        else:
            os.environ[HOME_VARIABLE] = before


def command(arguments: list[str]) -> None:
    """Run a module of the product as a command; its output is shown when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")


def until(holds: Callable[[], object]) -> None:
    """Ask every 5 ms until something holds.

    Raises:
        TimeoutError: it does not within `WAIT_SECONDS`.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"what was waited for did not happen in {WAIT_SECONDS:.0f} s")
        time.sleep(0.005)


# -- jobs


def make_project(directory: Path, *, marker: str = "") -> Path:
    """Make a project of five small files; another marker is other content."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("main.py", "model.py", "data.py", "README.md"):
        (directory / name).write_text(f"# {name} {marker}\n" + "x = 1\n" * 200, encoding="utf-8")
    (directory / "settings.json").write_text('{"layers": 3}\n', encoding="utf-8")
    return directory


def upload(client: Client, project: Path, packed: Path) -> str:
    """Pack and upload a project; returns its digest."""
    found = bundle.pack(project, packed)
    client.upload_bundle(found.digest, packed)
    return found.digest


def hold_the_slot(server: Server, digest: str) -> None:
    """Let a job run that takes the only slot, so that nothing else does."""
    spec = JobSpec(project="bench", entrypoint=("sleep",), command=("600",))
    holder = server.client.submit(Submission(spec=spec, bundle=digest))
    until(lambda: server.client.job(holder.job_id).state == "running")


def true_job(digest: str, *, image: str | None = None) -> Submission:
    """The smallest job there is."""
    return Submission(
        spec=JobSpec(project="bench", entrypoint=("true",), image=image), bundle=digest
    )


# -- the feed


@dataclass(frozen=True, slots=True)
class Arrival:
    """A change, and when this process had it (`time.perf_counter`)."""

    at: float
    change: Change


class Feed:
    """Reads a server's changes in a thread, and notes when each arrives."""

    def __init__(self, server: Server) -> None:
        self._client = Client(server.client.url)
        self._place = FeedPlace(server.client.info().last_seq, job=None, follow=True)
        self._news = threading.Condition()
        self._arrivals: list[Arrival] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        # Not `client.changes`: this ends with the server instead of waiting for its return.
        feed = self._client.open(self._place.call(), silence_seconds=WAIT_SECONDS)
        with suppress(AtlasError), self._client, feed as answer:
            for piece in answer.iter_raw():
                at = time.perf_counter()
                for change in self._place.read(piece):
                    if isinstance(change, Change):
                        self._note(Arrival(at, change))

    def _note(self, arrival: Arrival) -> None:
        with self._news:
            self._arrivals.append(arrival)
            self._news.notify_all()

    def of_job(self, job_id: str) -> list[Arrival]:
        """What happened to a job so far."""
        return [one for one in list(self._arrivals) if one.change.job_id == job_id]

    def wait_final(self, job_id: str) -> Arrival:
        """Wait for a job's end, and give its arrival."""
        with self._news:
            self._news.wait_for(lambda: self._final(job_id) is not None, WAIT_SECONDS)
        found = self._final(job_id)
        if found is None:
            raise TimeoutError(f"job {job_id} did not end in {WAIT_SECONDS:.0f} s")
        return found

    def wait_all_final(self, count: int) -> float:
        """Wait until so many jobs have ended, and give when the last did (`perf_counter`)."""
        with self._news:
            self._news.wait_for(lambda: len(self._ends()) >= count, 5 * WAIT_SECONDS)
        ends = self._ends()
        if len(ends) < count:
            raise TimeoutError(f"{len(ends)} of {count} jobs ended in {5 * WAIT_SECONDS:.0f} s")
        return max(ends.values())

    def _ends(self) -> dict[str, float]:
        final = (one for one in self._arrivals if one.change.state in FINAL_STATES)
        ends: dict[str, float] = {}
        for one in final:
            ends.setdefault(str(one.change.job_id), one.at)
        return ends

    def _final(self, job_id: str) -> Arrival | None:
        ends = (one for one in self.of_job(job_id) if one.change.state in FINAL_STATES)
        return next(ends, None)


def named(arrivals: list[Arrival], event: str) -> Arrival:
    """Pick the arrival of an event."""
    return next(one for one in arrivals if one.change.event == event)


# -- Docker


def docker_client() -> docker.APIClient | None:
    """A client for the Docker engine, or None where none answers."""
    try:
        api = docker.from_env(timeout=60).api
        api.ping()
    except (docker.errors.DockerException, requests.RequestException):
        return None
    return api


def find_image(api: docker.APIClient) -> str | None:
    """The first of `IMAGES` that is here."""
    for name in IMAGES:
        with suppress(docker.errors.ImageNotFound):
            api.inspect_image(name)  # type: ignore[no-untyped-call]  # in its stubs
            return name
    return None


def _remove_containers(instance: str) -> None:
    api = docker_client()
    if api is None:
        return
    found = api.containers(all=True, filters={"label": f"{INSTANCE_LABEL}={instance}"})
    for one in found:
        with suppress(docker.errors.APIError):
            api.remove_container(one["Id"], force=True, v=True)
    api.close()
