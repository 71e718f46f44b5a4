"""Runs attempts as plain processes, each owned by a shim that outlives the server."""

from __future__ import annotations

import asyncio
import errno
import re
import signal
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import foundations
from atlas_scheduler.core.reconcile import Seen, SeenStatus
from atlas_scheduler.core.usage import Usage
from atlas_scheduler.engine.attempts import AttemptDir, ExitRecord
from atlas_scheduler.engine.ends import process_end
from atlas_scheduler.engine.environment_processes import ProcessBuilder
from atlas_scheduler.engine.environments import SharedEnvironments
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession, exec_environment
from atlas_scheduler.engine.gpus import described, discover_gpus, missing_gpus
from atlas_scheduler.engine.interpreter import choose_python, surroundings
from atlas_scheduler.engine.launch import READY, Places, job_environment, start_dir
from atlas_scheduler.engine.log_growth import growth_noted
from atlas_scheduler.engine.port import (
    AttemptId,
    Capabilities,
    Ended,
    EnvironmentStore,
    JobLog,
    Launch,
    StartRefusedError,
)
from atlas_scheduler.engine.process_exec import ProcessExec
from atlas_scheduler.engine.process_ports import ProcessPorts
from atlas_scheduler.engine.process_usage import process_tree, usage_of
from atlas_scheduler.engine.shim_start import run_shim
from atlas_scheduler.engine.shimwait import shim_ended
from atlas_scheduler.engine.threads import in_thread
from atlas_scheduler.engine.volumes import refuse_elsewhere
from foundations.errors import EngineDown, JobConflict, StorageFull
from foundations.home import Home
from foundations.provenance import Execution

NOTES = (
    "Jobs run as plain processes of your user: they are not isolated from each other or from this "
    "machine.",
    "Limits on memory and processors are not enforced, and images are ignored.",
)
_KILL_SECONDS = 10.0
"""Longest wait for a killed process: one that hangs in the kernel goes later."""


class ProcessEngine:
    """The engine `process`: one process group an attempt."""

    name = "process"

    def __init__(
        self,
        *,
        home: Home,
        instance: str,
        environments: EnvironmentStore | None = None,
        allowed_gpus: Sequence[str] | None = None,
        instead_of: str | None = None,
    ) -> None:
        self._instead_of = () if instead_of is None else (instead_of,)
        """Why it runs the jobs, where containers were wished for."""
        self._allowed_gpus = allowed_gpus
        self._home = home
        self._environments = SharedEnvironments(environments, ProcessBuilder(home))
        self._attempts = home.run / "attempts"
        self._ports = ProcessPorts()
        self._name = re.compile(
            rf"(?P<name>atlas-{re.escape(instance)}-(?P<job>.+)-(?P<attempt>\d+))"
        )

    async def capabilities(self) -> Capabilities:
        """Say what the engine is."""
        discover = partial(discover_gpus, chosen=self._allowed_gpus)
        gpus = await in_thread(discover, name="gpus")
        return Capabilities(
            name=self.name,
            version=foundations.__version__,
            isolated=False,
            gpus=tuple(gpu.uuid for gpu in gpus),
            notes=(*NOTES, *self._instead_of, *missing_gpus(gpus, self._allowed_gpus)),
        )

    async def fetch_image(self, launch: Launch, log: JobLog) -> None:
        """Do nothing: jobs have no image."""

    async def prepare(self, launch: Launch, log: JobLog) -> None:
        """Build the environment when it is missing, and mark where the job's output begins,
        because the job writes its log itself."""
        if self._dir(launch.attempt).started is None:
            await self._environments.prepare(launch, log)
        await in_thread(partial(self._prepare, launch, log), name="prepare")

    def _prepare(self, launch: Launch, log: JobLog) -> None:
        directory = self._dir(launch.attempt).path
        if not directory.exists():
            if launch.build is not None:
                log.say(
                    f"The process engine runs jobs without containers: {launch.build.dockerfile} "
                    f"is not built."
                )
            if launch.image is not None:
                log.say(
                    f"The process engine runs jobs without containers: image {launch.image} is "
                    f"ignored."
                )
            if launch.shm_bytes is not None:
                log.say(
                    "The process engine gives jobs the machine's own /dev/shm: the size that is "
                    "asked for is ignored."
                )
            with _disk_errors():
                directory.mkdir(mode=0o700, parents=True)
        log.begin_output()

    async def start(self, launch: Launch) -> int:
        """Start the attempt's process, or adopt the one that has its name."""
        return await in_thread(partial(self._start, launch), name="start")

    def _start(self, launch: Launch) -> int:
        attempt = self._dir(launch.attempt)
        if attempt.started is None and attempt.exited is None:
            spec = self._spec(launch, attempt)
            with _disk_errors():
                attempt.write_spec(spec)
            run_shim(launch.library_dir / "atlas_worker" / "shim.py", attempt)
        exited = attempt.exited
        if exited is not None and exited.error is not None:
            attempt.remove()
            raise _refusal(exited)
        started = attempt.started
        if started is None:
            raise EngineDown("The job's process was started and its records are gone.")
        return started.at_ms

    def _spec(self, launch: Launch, attempt: AttemptDir) -> dict[str, Any]:
        refuse_elsewhere(launch.volumes)
        python = choose_python(launch.python)
        places = Places(
            job_dir=str(launch.job_dir),
            library_dir=str(launch.library_dir),
            foundations_home=str(self._home.root),
            secrets_dir=str(launch.secrets_dir),
        )
        entrypoint = launch.entrypoint or (python, "-m", "atlas_worker")
        variables = job_environment(launch, places, defaults=surroundings(python))
        ready = self._environments.ready(launch.attempt)
        if ready is not None:
            variables[READY] = str(ready)
        return {
            "argv": [*entrypoint, *launch.command],
            "env": variables,
            "cwd": start_dir(launch, places),
            "log": str(launch.log_path),
            "private_dir": str(attempt.path),
        }

    async def execution(self, attempt: AttemptId, *, gpus: Sequence[str]) -> Execution | None:
        """Say what an attempt really runs on."""
        return await in_thread(partial(self._execution, attempt, gpus), name="execution")

    def _execution(self, attempt: AttemptId, gpus: Sequence[str]) -> Execution | None:
        directory = self._dir(attempt)
        if not directory.path.exists():
            return None
        return Execution(
            attempt=attempt.attempt,
            engine=self.name,
            engine_version=foundations.__version__,
            host=socket.gethostname(),
            gpus=described(gpus),
            python=directory.interpreter,
        )

    async def observe(self) -> list[Seen]:
        """List the attempts of this instance that have a directory."""
        return await in_thread(self._list, name="observe")

    def _list(self) -> list[Seen]:
        with suppress(FileNotFoundError):
            names = [self._name.fullmatch(path.name) for path in sorted(self._attempts.iterdir())]
            return [self._seen(found) for found in names if found is not None]
        return []

    def _seen(self, found: re.Match[str]) -> Seen:
        attempt = AttemptDir(self._attempts / found["name"])
        started = attempt.started
        if started is None and attempt.exited is None:
            status = SeenStatus.CREATED
        else:
            status = SeenStatus.RUNNING if attempt.has_shim else SeenStatus.EXITED
        return Seen(
            name=found["name"],
            job_id=found["job"],
            attempt=int(found["attempt"]),
            status=status,
            started_at_ms=None if started is None else started.at_ms,
        )

    async def watch(self, attempt: AttemptId, log: JobLog) -> Ended:
        """Wait for the end; the job itself writes its output into the log."""
        directory = self._dir(attempt)
        async with growth_noted(log):
            await shim_ended(directory)
        await in_thread(log.touch, name="look")
        return await in_thread(partial(process_end, directory), name="collect")

    async def usage(self, attempts: Collection[AttemptId]) -> dict[AttemptId, Usage]:
        """Add up what the processes of each attempt use."""
        return await in_thread(partial(self._usage, attempts), name="usage")

    def _usage(self, attempts: Collection[AttemptId]) -> dict[AttemptId, Usage]:
        tree = process_tree()
        found = {attempt: usage_of(self._dir(attempt), tree) for attempt in attempts}
        return {attempt: usage for attempt, usage in found.items() if usage is not None}

    async def execute(self, attempt: AttemptId, plan: ExecPlan) -> ExecSession:
        """Run a command with the attempt's environment, in its work dir."""
        surroundings = await in_thread(partial(self._surroundings, attempt), name="execute")
        if surroundings is None:
            raise JobConflict("The job's process has ended.")
        environment, directory = surroundings
        environment |= exec_environment(plan, environment)
        try:
            return await ProcessExec.start(plan, environment=environment, directory=directory)
        except OSError as error:
            raise EngineDown(f"The command cannot be started now: {error}") from error

    async def connect(self, attempt: AttemptId, port: int) -> ExecSession:
        """Connect to a port that a process of the attempt listens at."""
        return await self._ports.connect(self._dir(attempt), port)

    def _surroundings(self, attempt: AttemptId) -> tuple[dict[str, str], str] | None:
        directory = self._dir(attempt)
        return directory.surroundings if directory.has_shim else None

    async def stop(self, attempt: AttemptId, *, grace_seconds: float) -> None:
        """End it: SIGTERM to its process group, then SIGKILL after the grace period."""
        directory = self._dir(attempt)
        for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, _KILL_SECONDS)):
            await in_thread(partial(directory.signal_job, number), name="signal")
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await shim_ended(directory)
                return

    async def remove(self, attempt: AttemptId) -> None:
        """Forget the attempt, and kill it if it still runs."""
        directory = self._dir(attempt)
        await self.stop(attempt, grace_seconds=0)
        await in_thread(directory.remove, name="remove")
        self._ports.forget(directory)
        await self._environments.release(attempt)

    async def close(self) -> None:
        """Let go of what is done beside jobs; shims need nobody."""
        await self._environments.close()

    def _dir(self, attempt: AttemptId) -> AttemptDir:
        return AttemptDir(self._attempts / attempt.name)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Say what is wrong when the attempt's files cannot be written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                "The scheduler's disk is full, so the job cannot be started. Free some space and "
                "submit it again."
            ) from error
        raise EngineDown(f"The job's process cannot be started now: {error}") from error


def _refusal(exited: ExitRecord) -> StartRefusedError:
    return StartRefusedError(
        f"The job's process cannot be started: {exited.error}. Look at `entrypoint`, the command "
        f"and `worker: python:`."
    )
