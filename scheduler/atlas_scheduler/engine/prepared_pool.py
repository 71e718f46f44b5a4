"""Keeps containers ready that jobs of a known shape can have at once.

One is claimed by being renamed to the name of an attempt, which is the fence of a start: whoever is
second finds the name taken. Until then nothing counts on it, and it may go at any time.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from docker import APIClient
from docker.errors import APIError, NotFound

from atlas_scheduler.engine.container import INSTANCE_LABEL
from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.prepared import PREPARED_LABEL, SCRIPT, SHELL, Mould
from atlas_scheduler.engine.state import ContainerState
from foundations.errors import EngineDown

KEEP_SECONDS = 600.0
"""How long containers of a shape are kept that no job has asked for."""
SHAPES = 4
"""Of so many shapes at most; the one that was not asked for longest goes first."""
_CONFLICT = 409


class NameTaken(Exception):
    """A container has the name of the attempt already."""


@dataclass(frozen=True, slots=True)
class Ready:
    """One that can be claimed."""

    slot: str
    state: ContainerState
    """How it stood when it was made."""


class PreparedContainers:
    """The prepared containers of one instance. Every method blocks, from any thread."""

    def __init__(
        self,
        daemon: Daemon,
        instance: str,
        directory: Path,
        *,
        limit: int,
        clock_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with none.

        Args:
            daemon: makes them.
            instance: whose they are.
            directory: holds the links through which they find the jobs' directories.
            limit: how many of each shape are kept; 0 keeps none.
            clock_seconds: only grows.
        """
        self._daemon = daemon
        self._instance = instance
        self._directory = directory
        self.limit = limit
        self._clock_seconds = clock_seconds
        self._lock = threading.Lock()
        self._filling = threading.Lock()
        self._moulds: dict[str, tuple[Mould, float]] = {}
        """By shape, the one asked for last at the end, with when that was."""
        self._ready: dict[str, list[Ready]] = {}
        """By shape."""
        self._unfit: set[str] = set()
        self._with_shell: set[str] = set()
        """Ids of images."""
        self._is_closed = False

    # -- use

    def claim(self, name: str, mould: Mould | None) -> Ready | None:
        """Give a prepared container the name of an attempt.

        Returns:
            Which; None when none is ready.

        Raises:
            NameTaken: a container has the name.
            EngineDown: no answer came; whether it was claimed, the name tells.
        """
        while mould is not None and (ready := self._take(mould.shape)) is not None:
            try:
                self._daemon.call(partial(_rename, self._name(ready.slot), name))
            except NotFound:
                self.started(ready.slot)  # others removed it
                continue
            except APIError as error:
                self._put_back(mould.shape, ready)
                if error.status_code == _CONFLICT:
                    raise NameTaken from error
                raise
            except EngineDown:
                self._put_back(mould.shape, ready)  # what has another name is not found again
                raise
            return ready
        return None

    def aim(self, slot: str, job_dir: Path, script: str) -> None:
        """Let a claimed container find a job when it starts. May be repeated.

        Raises:
            EngineDown: the disk takes nothing; what was claimed waits for another try.
        """
        aside = job_dir / f".{SCRIPT}.{slot}"
        try:
            aside.unlink(missing_ok=True)
            with aside.open("x", encoding="utf-8", errors="surrogateescape") as file:
                file.write(script)
            aside.replace(job_dir / SCRIPT)
            self._link(slot, job_dir)
        except OSError as error:
            raise EngineDown(f"The job's start cannot be written: {error}") from error

    def started(self, slot: str) -> None:
        """Drop what a container needed only until it was started."""
        (self._directory / slot).unlink(missing_ok=True)

    def want(self, mould: Mould) -> None:
        """Keep containers of a shape that a job was started with just now."""
        if not self.limit:
            return
        with self._lock:
            self._moulds.pop(mould.shape, None)
            if mould.shape not in self._unfit:
                self._moulds[mould.shape] = (mould, self._clock_seconds())
            while len(self._moulds) > SHAPES:
                del self._moulds[next(iter(self._moulds))]

    def is_unfit(self, shape: str) -> None:
        """Make no more of a shape."""
        with self._lock:
            self._unfit.add(shape)
            self._moulds.pop(shape, None)

    # -- stock

    def count(self) -> int:
        """How many are ready."""
        with self._lock:
            return sum(map(len, self._ready.values()))

    def replenish(self) -> None:
        """Make what is missing of the shapes that were asked for last, and remove the others."""
        with self._filling:
            with self._lock:
                moulds = [mould for mould, _ in self._moulds.values()]
            # What cannot be made now is not missed: the next job gets an ordinary container.
            with suppress(EngineDown, APIError, OSError):
                for mould in moulds:
                    while self._is_short(mould.shape):
                        self._make(mould)
                self._remove_unwanted()

    def expire(self) -> float | None:
        """Remove those of shapes that were not asked for long enough.

        Returns:
            In how many seconds to look again; None when nothing is kept.
        """
        before = self._clock_seconds() - KEEP_SECONDS
        with self._lock:
            old = [shape for shape, (_, at) in self._moulds.items() if at <= before]
            for shape in old:
                del self._moulds[shape]
            next_at = min((at for _, at in self._moulds.values()), default=None)
        self.replenish()
        return None if next_at is None else max(0.0, next_at - before)

    def sweep(self) -> None:
        """Remove what an earlier process of the server kept, before anything is kept here."""
        filters = {"label": [f"{INSTANCE_LABEL}={self._instance}", PREPARED_LABEL]}
        for one in self._daemon.call(lambda api: api.containers(all=True, filters=filters)):
            slot = one["Labels"][PREPARED_LABEL]
            if one["Names"][0] == f"/{self._name(slot)}":
                # By name: what is claimed meanwhile has another one.
                self._remove(slot)

    def close(self) -> None:
        """Remove all, as far as the engine answers."""
        with self._lock:
            self._is_closed = True
            self._moulds.clear()
        self.replenish()

    def _take(self, shape: str) -> Ready | None:
        with self._lock:
            ready = self._ready.get(shape)
            return ready.pop() if ready else None

    def _put_back(self, shape: str, ready: Ready) -> None:
        with self._lock:
            self._ready.setdefault(shape, []).append(ready)

    def _is_short(self, shape: str) -> bool:
        with self._lock:
            is_wanted = shape in self._moulds and not self._is_closed
            return is_wanted and len(self._ready.get(shape, ())) < self.limit

    def _make(self, mould: Mould) -> None:
        # A letter first: it must never read as the number of an attempt.
        slot = f"p{uuid.uuid4().hex[:11]}"
        nothing = self._directory / "nothing"
        nothing.mkdir(parents=True, exist_ok=True)
        self._link(slot, nothing)
        body = mould.cast(instance=self._instance, slot=slot, link=self._directory / slot)
        name = self._name(slot)
        try:
            self._daemon.call(
                lambda api: api.create_container_from_config(body, name)  # type: ignore[no-untyped-call]  # in its stubs
            )
            answer = self._daemon.call(lambda api: api.inspect_container(name))
            made = ContainerState.from_inspect(answer)
            has_shell = mould.image_id in self._with_shell or self._daemon.call(
                partial(_has_shell, name)
            )
        except BaseException:
            with suppress(EngineDown, APIError):
                self._remove(slot)
            raise
        # The image's name may mean another one by now.
        is_right = made.image_id.removeprefix("sha256:") == mould.image_id.removeprefix("sha256:")
        if is_right and has_shell:
            self._with_shell.add(mould.image_id)
            return self._put_back(mould.shape, Ready(slot, made))
        self._remove(slot)
        self.is_unfit(mould.shape)

    def _remove_unwanted(self) -> None:
        with self._lock:
            unwanted = [shape for shape in self._ready if shape not in self._moulds]
            going = [ready for shape in unwanted for ready in self._ready.pop(shape)]
        for ready in going:
            self._remove(ready.slot)

    def _remove(self, slot: str) -> None:
        with suppress(NotFound):
            name = self._name(slot)
            self._daemon.call(lambda api: api.remove_container(name, v=True, force=True))
        self.started(slot)

    def _link(self, slot: str, target: Path) -> None:
        aside = self._directory / f"{slot}.new"
        self._directory.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        aside.symlink_to(target)
        aside.replace(self._directory / slot)

    def _name(self, slot: str) -> str:
        return f"atlas-{self._instance}-prepared-{slot}"


def _has_shell(name: str, api: APIClient) -> bool:
    """Look into a container that need not run: an image may have none."""
    where = f"{api.base_url}/v{api.api_version}/containers/{name}/archive"
    return bool(api.head(where, params={"path": SHELL}).ok)


def _rename(name: str, other: str, api: APIClient) -> None:
    api.rename(name, other)
