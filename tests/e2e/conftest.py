"""Servers for the tests: shared ones for what does not disturb others, and one's own for the rest.

Whatever a server started is ended with it, also after a failure.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.driver import INSTANCES, Scheduler
from tests.e2e.engines import ENGINES, Make
from tests.e2e.images import WORKER_IMAGE, has_image
from tests.e2e.inspector import Problem, inspected
from tests.e2e.projects import write_project


@pytest.fixture(scope="session")
def watch_containers() -> Iterator[Callable[[], None]]:
    """Compare every container that servers make from now on with the policy."""
    with ExitStack() as stack:
        found: list[list[Problem]] = []

        def watch() -> None:
            if not found:
                found.append(stack.enter_context(inspected()))

        yield watch
    assert [one for problems in found for one in problems if one.instance in INSTANCES] == []


@pytest.fixture(scope="session")
def need_worker_image(
    tmp_path_factory: pytest.TempPathFactory, watch_containers: Callable[[], None]
) -> Callable[[], None]:
    """Have the standard worker image built by a first job: one at a time in the whole run."""

    def build() -> None:
        watch_containers()
        shared = tmp_path_factory.getbasetemp().parent
        with (shared / "worker-image.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if has_image(WORKER_IMAGE):
                return
            scheduler = Scheduler(tmp_path_factory.mktemp("image"), "docker")
            try:
                project = write_project(scheduler.root / "first", {"main.py": "print('hello')\n"})
                scheduler.cli("submit", "scheduler", str(project))
            finally:
                scheduler.close()

    return build


@pytest.fixture(params=ENGINES, scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that the test's jobs run on."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def _shared_servers(
    tmp_path_factory: pytest.TempPathFactory, need_worker_image: Callable[[], None]
) -> Iterator[Callable[[str], Scheduler]]:
    found: dict[str, Scheduler] = {}
    with ExitStack() as stack:

        def get(engine: str) -> Scheduler:
            if engine not in found:
                if engine == "docker":
                    need_worker_image()
                root = tmp_path_factory.mktemp(engine)
                found[engine] = stack.enter_context(_running(root, engine, max_running_jobs=4))
            return found[engine]

        yield get


@pytest.fixture
def shared(_shared_servers: Callable[[str], Scheduler], engine: str) -> Scheduler:
    """A server that other tests use too: it runs four jobs at once and is never stopped."""
    return _shared_servers(engine)


@pytest.fixture
def make(tmp_path: Path, engine: str, need_worker_image: Callable[[], None]) -> Iterator[Make]:
    """Make homes with servers of the test's own, not started yet."""
    with ExitStack() as stack:
        made: list[Scheduler] = []

        def one(**settings: Any) -> Scheduler:
            if engine == "docker":
                need_worker_image()
            scheduler = Scheduler(_new(tmp_path / f"s{len(made)}"), engine, **settings)
            stack.callback(scheduler.close)
            made.append(scheduler)
            return scheduler

        yield one


@pytest.fixture
def own(make: Make) -> Scheduler:
    """A server of the test's own, with default settings, started."""
    scheduler = make()
    scheduler.start()
    return scheduler


@contextmanager
def _running(root: Path, engine: str, **settings: Any) -> Iterator[Scheduler]:
    scheduler = Scheduler(root, engine, **settings)
    try:
        scheduler.start()
        yield scheduler
    finally:
        scheduler.close()


def _new(directory: Path) -> Path:
    directory.mkdir()
    return directory
