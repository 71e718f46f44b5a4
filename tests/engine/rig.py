"""One engine with a home of its own, and what tests do with it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
from docker.errors import NotFound

from atlas_scheduler.engine.api_client import connect
from atlas_scheduler.engine.container import DockerSettings
from atlas_scheduler.engine.docker import DockerEngine
from atlas_scheduler.engine.port import AttemptId, Ended, Engine, Launch
from atlas_scheduler.engine.process import ProcessEngine
from atlas_scheduler.store.environments import Environments
from atlas_scheduler.store.library import install_library
from foundations.home import Home
from tests.engine.joblog import ReadableLog
from tests.engine.policy import assert_policy

BASE_IMAGE = "atlas-base:bookworm"
DEADLINE_SECONDS = 30.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, within a deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.01)


class NewThreads:
    """The threads that were started since this was made."""

    def __init__(self) -> None:
        self._older = set(threading.enumerate())

    async def end(self, name: str) -> None:
        """Wait for the end of those that are called `name` and a number."""
        await until(lambda: not self._alive(name))

    def _alive(self, name: str) -> bool:
        new = set(threading.enumerate()) - self._older
        return any(one.name.rpartition("-")[0] == name for one in new)


class Rig:
    """What is the same with every engine."""

    kind: str
    is_docker = False

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = Home(directory / "home")
        self.home.create()
        self.instance = uuid.uuid4().hex[:8]
        self.library = install_library(self.home)
        self.environments = Environments(self.home)
        self._engines: list[Engine] = []
        self._launches: list[Launch] = []
        self.engine = self.open()

    def _make(self) -> Engine:
        raise NotImplementedError

    def open(self) -> Engine:
        """Make an engine object, as each process of the server does."""
        engine = self._make()
        self._engines.append(engine)
        return engine

    def launch(self, *command: str, **fields: Any) -> Launch:
        """Make a job's directory, as the store does, and say how to start it.

        Without an `entrypoint` in `fields`, the command is a program with its arguments.
        """
        attempt = AttemptId(self.instance, str(uuid.uuid4()), 1)
        job_dir = self.home.job_dir(attempt.job_id)
        for name in ("job_source", "records", "artifacts", "home"):
            (job_dir / name).mkdir(parents=True)
        fields.setdefault("entrypoint", ("/usr/bin/env",))
        fields.setdefault("environment", {"FOUNDATIONS_JOB_ID": attempt.job_id})
        launch = Launch(
            attempt=attempt,
            job_dir=job_dir,
            library_dir=self.library,
            log_path=self.home.archive(attempt.job_id) / "job.log",
            command=command,
            **fields,
        )
        self._launches.append(launch)
        return launch

    def python(self, code: str, **fields: Any) -> Launch:
        """A launch of a piece of Python."""
        return self.launch("python3", "-c", code, **fields)

    def log(self, launch: Launch) -> ReadableLog:
        return ReadableLog(launch.log_path)

    def source(self, launch: Launch) -> Path:
        return launch.job_dir / "job_source"

    async def prepare(self, launch: Launch) -> None:
        """Make all that the start needs."""
        await self.engine.fetch_image(launch, self.log(launch))
        await self.engine.prepare(launch, self.log(launch))

    async def begin(self, launch: Launch) -> int:
        """Prepare and start."""
        await self.prepare(launch)
        return await self.engine.start(launch)

    async def finish(self, launch: Launch) -> Ended:
        """Watch to the end."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.engine.watch(launch.attempt, self.log(launch))

    async def run(self, launch: Launch) -> Ended:
        """Take a launch from its start to its end."""
        await self.begin(launch)
        return await self.finish(launch)

    async def destroy(self, launch: Launch) -> None:
        """End the job as no engine would: behind its back, records and all."""
        raise NotImplementedError

    async def restart(self) -> None:
        """Go on with a new engine object, as a new process of the server does."""
        await self.engine.close()
        self.engine = self.open()

    async def close(self) -> None:
        for launch in self._launches:
            await self.engine.remove(launch.attempt)
        for engine in self._engines:
            await engine.close()


class ProcessRig(Rig):
    kind = "process"

    def _make(self) -> Engine:
        return ProcessEngine(home=self.home, instance=self.instance, environments=self.environments)

    def private(self, launch: Launch) -> Path:
        return self.home.run / "attempts" / launch.attempt.name

    def started(self, launch: Launch) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.private(launch) / "started.json").read_text())
        return record

    async def destroy(self, launch: Launch) -> None:
        started = self.started(launch)
        os.kill(started["shim_pid"], signal.SIGKILL)
        os.killpg(started["pgid"], signal.SIGKILL)
        shutil.rmtree(self.private(launch))


class DockerRig(Rig):
    kind = "docker"
    is_docker = True

    def __init__(self, directory: Path, *, check_seconds: float = 0.3, **settings: Any) -> None:
        # The network's sandbox is most of a start's time, and few tests need it.
        self.settings = DockerSettings(**{"network": "none", **settings})
        self.check_seconds = check_seconds
        self.client = docker.from_env(timeout=60)
        self._api = connect(timeout_seconds=60)
        super().__init__(directory)

    def _make(self) -> Engine:
        return DockerEngine(
            home=self.home,
            instance=self.instance,
            settings=self.settings,
            check_seconds=self.check_seconds,
            environments=self.environments,
        )

    def launch(self, *command: str, **fields: Any) -> Launch:
        return super().launch(*command, **{"image": BASE_IMAGE, **fields})

    async def begin(self, launch: Launch) -> int:
        started_at_ms = await super().begin(launch)
        assert_policy(self.inspect(launch), launch)
        return started_at_ms

    def inspect(self, launch: Launch) -> dict[str, Any]:
        answer: dict[str, Any] = self._api.inspect_container(launch.attempt.name)
        return answer

    async def destroy(self, launch: Launch) -> None:
        self.client.api.remove_container(launch.attempt.name, force=True)

    async def close(self) -> None:
        try:
            await super().close()
            for launch in self._launches:
                assert not self._is_known(launch), "a container is left over"
        finally:
            self._api.close()
            self.client.close()

    def _is_known(self, launch: Launch) -> bool:
        try:
            self.inspect(launch)
        except NotFound:
            return False
        return True
