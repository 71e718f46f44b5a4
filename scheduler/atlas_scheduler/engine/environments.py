"""Environments that jobs with the same requirements share: each is built once, by whoever is first.

What an engine contributes is an `EnvironmentBuilder`: it knows on what a job's environment lies and
where uv runs. The standard entry point installs for one job alone what cannot be shared.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from atlas_scheduler.engine.launch import SOURCE
from atlas_scheduler.engine.port import (
    AttemptId,
    EnvironmentStore,
    JobLog,
    Launch,
    StartRefusedError,
)
from atlas_scheduler.engine.requirements import FILE_NAME, Requirements
from atlas_scheduler.engine.sharing import SharedRuns, Tell
from atlas_scheduler.engine.threads import in_thread

LONGEST_SECONDS = 2 * 3600
"""Longest time that one build may take in all."""
MODULE = "atlas_worker.installation"
"""What builds, in the library of jobs."""
_CANNOT_RUN = (3, 126, 127)
"""Exit codes that mean: uv, or Python, does not run there."""
_FORMAT = 2
"""Part of every key: raised when environments are built in another way."""
_KEY_DIGITS = 32
_REPLAYED_LINES = 5_000
_REASON_LINES = 40
_LONGEST_REASON = 600

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """An environment that a job wants."""

    requirements: Requirements
    base: str
    """Image or interpreter that it lies on, as people call it."""
    ground: tuple[str, ...]
    """What decides how packages are built: image or interpreter, and all variables of the job that
    a build sees."""
    python: tuple[str, ...]
    """Command line that runs a module when its name and arguments are added."""
    variables: Mapping[str, str]
    """Those variables."""
    present: tuple[str, ...] = ()
    """What the interpreter has already, where that can change."""

    @property
    def key(self) -> str:
        """Names the environment: the same for all jobs that can share it."""
        return _named(self.requirements.digest, *self.ground, *self.present)

    @property
    def downloads_key(self) -> str:
        """Names uv's cache, which also holds what was built: of use only on the same ground."""
        return _named(*self.ground)


@dataclass(frozen=True, slots=True)
class Build:
    """One build: what is wanted, by whom, and where it is to be made."""

    launch: Launch
    order: Order
    place: Path
    """Holds `environment/`, to be filled, `source/` with what of the project is needed, and
    `tmp/`."""
    wheels: Path
    """uv's cache."""
    tell: Tell
    """Takes the lines of the log."""


class EnvironmentBuilder(Protocol):
    """Builds environments in an engine's own way."""

    def order(self, launch: Launch) -> Order | None:
        """Say which environment a job wants; None when nothing is to be installed for it. Blocks.

        Raises:
            StartRefusedError: the job cannot start at all.
        """

    def run(self, build: Build) -> tuple[Callable[[], int], Callable[[], None]]:
        """Prepare a build: what blocks until its exit code is there, and what aborts that."""


class SharedEnvironments:
    """The environments of one engine."""

    def __init__(self, store: EnvironmentStore | None, builder: EnvironmentBuilder) -> None:
        """Put them together; without a store each job installs for itself."""
        self._store = store
        self._builder = builder
        self._runs = SharedRuns(replayed_lines=_REPLAYED_LINES)
        self._tidying: asyncio.Task[None] | None = None

    async def prepare(self, launch: Launch, log: JobLog) -> None:
        """Make sure that a job's environment is there; several jobs that lack it build it once.

        Raises:
            StartRefusedError: the requirements cannot be installed; the text holds uv's words.
        """
        if self._store is None:
            return
        order = await in_thread(partial(self._builder.order, launch), name="requirements")
        if order is None:
            return
        if order.requirements.own_reason is not None:
            log.say(
                f"{FILE_NAME} is installed for this job alone, because "
                f"{order.requirements.own_reason}."
            )
            return
        attempt = launch.attempt
        key = self._store.key_for(order.key, _user(launch))
        lease = partial(self._store.lease, key, job_id=attempt.job_id, attempt=attempt.attempt)
        if await in_thread(lease, name="environment"):
            log.say(f"The requirements are installed already, in environment {key[:8]}.")
            return
        await self._runs.join(key, log.say, partial(self._make, self._store, launch, order, key))

    def ready(self, attempt: AttemptId) -> Path | None:
        """Say where an attempt's environment is; None when it has none of that kind. Blocks."""
        if self._store is None:
            return None
        return self._store.leased(job_id=attempt.job_id, attempt=attempt.attempt)

    async def release(self, attempt: AttemptId) -> None:
        """Say that an attempt is over."""
        if self._store is not None:
            release = partial(self._store.release, job_id=attempt.job_id, attempt=attempt.attempt)
            await in_thread(release, name="environment")
            self._tidy_soon(self._store)

    async def close(self) -> None:
        """Wait for nothing any more."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.wait([self._tidying])

    def _tidy_soon(self, store: EnvironmentStore) -> None:
        """Let go of what is too much, while nobody waits for it."""
        is_under_way = self._tidying is not None and not self._tidying.done()
        if store.is_over and not is_under_way:
            self._tidying = asyncio.create_task(_tidy(store))

    async def _make(
        self, store: EnvironmentStore, launch: Launch, order: Order, key: str, tell: Tell
    ) -> None:
        """Build an environment, and let everybody have it."""
        if await in_thread(partial(self.ready, launch.attempt), name="environment") is not None:
            return  # somebody else's build ended just now
        wheels = store.wheels_of(order.downloads_key, _user(launch))
        place = await in_thread(partial(store.begin, key, wheels), name="environment")
        try:
            tell(
                f"Installing {order.requirements.named} into environment {key[:8]}, for this "
                f"job and all that ask for the same."
            )
            source = launch.job_dir / SOURCE
            bring = partial(store.bring, place, source, order.requirements.files)
            await in_thread(bring, name="environment")
            if await self._build(Build(launch, order, place, wheels, tell)):
                publish = partial(store.publish, key, place, base=order.base, user=_user(launch))
                await in_thread(publish, name="environment")
        except OSError as error:
            raise StartRefusedError(
                f"{order.requirements.named} cannot be installed: {error}."
            ) from error
        finally:
            await in_thread(partial(store.discard, place), name="environment")
            self._tidy_soon(store)

    async def _build(self, build: Build) -> bool:
        """Run a build. Returns false where none can be run."""
        said: deque[str] = deque(maxlen=_REASON_LINES)
        named = build.order.requirements.named

        def hear(line: str) -> None:
            said.append(line)
            build.tell(line)

        run, abort = self._builder.run(replace(build, tell=hear))
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                status = await in_thread(run, name="build", abort=abort)
        except TimeoutError:
            raise StartRefusedError(
                f"{named} was not installed after {LONGEST_SECONDS // 3600} hours."
            ) from None
        if status in _CANNOT_RUN:
            build.tell("The shared environment cannot be built here; the job installs for itself.")
            return False
        if status != 0:
            raise StartRefusedError(
                f"{named} cannot be installed: {reason_of(said, status)}",
                log_line=f"{named} cannot be installed." if said else None,
            )
        return True


def _named(*content: str) -> str:
    return hashlib.sha256(json.dumps([_FORMAT, *content]).encode()).hexdigest()[:_KEY_DIGITS]


def _user(launch: Launch) -> str:
    """Whose job it is; the server itself sets this variable."""
    return launch.environment.get("FOUNDATIONS_USER", "")


async def _tidy(store: EnvironmentStore) -> None:
    try:
        await in_thread(store.trim, name="environment")
    except OSError as error:
        log.warning("environments stay", problem=str(error))


def interpreter_of(entrypoint: Sequence[str]) -> str | None:
    """Give the Python of the standard entry point; None for another entry point."""
    match tuple(entrypoint):
        case (python, "-m", "atlas_worker"):
            return python
    return None


def reason_of(said: Iterable[str], status: int) -> str:
    """Say in one line why a build failed, in uv's own words as far as there are any."""
    lines = [line.strip() for line in said if line.strip()]
    marks = [at for at, line in enumerate(lines) if set(line) == {"^"}]
    # The mark is below a place in the line before, which the words around it name.
    lines = [line for at, line in enumerate(lines) if not {at, at + 1} & set(marks)]
    first = max((at for at, line in enumerate(lines) if line.startswith("error:")), default=None)
    if first is None:
        words = lines[-1] if lines else f"the build ended with exit code {status}"
    else:
        words = " ".join(
            line.removeprefix("error:").removeprefix("cause:").strip() + ("" if last else ":")
            for line, last in _with_last(lines[first:])
        )
    words = words.rstrip(".:")
    return f"{words[: _LONGEST_REASON - 1]}…" if len(words) >= _LONGEST_REASON else f"{words}."


def _with_last(lines: Sequence[str]) -> Iterable[tuple[str, bool]]:
    """Pair each line with whether no `cause:` follows it at once."""
    following = [*lines[1:], ""]
    return [
        (line, not after.startswith("cause:")) for line, after in zip(lines, following, strict=True)
    ]
