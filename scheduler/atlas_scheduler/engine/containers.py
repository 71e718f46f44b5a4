"""Make, start, adopt, list and remove the containers of one instance. Everything here blocks."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from atlas_scheduler.core.reconcile import Seen, SeenStatus
from atlas_scheduler.engine.complaints import words_of
from atlas_scheduler.engine.container import INSTANCE_LABEL, Image, labels
from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.port import AttemptId, StartRefusedError
from atlas_scheduler.engine.prepared import PREPARED_LABEL, Mould, script_of
from atlas_scheduler.engine.prepared_pool import NameTaken, PreparedContainers
from atlas_scheduler.engine.state import ContainerState
from foundations.errors import EngineDown

_CONFLICT = 409
_NAME_IS_TAKEN = "is already in use"
"""Podman's word for a name that is taken, which it answers as an error of its own."""
_CONFLICT_TRIES = 20
_CONFLICT_SECONDS = 0.1
_IMPROPER_STATE = "container state improper"
"""Podman's word for a container that is just changing its state."""
_STATUS = {
    "created": SeenStatus.CREATED,
    "configured": SeenStatus.CREATED,
    "initialized": SeenStatus.CREATED,
    "running": SeenStatus.RUNNING,
    "paused": SeenStatus.RUNNING,
    "restarting": SeenStatus.RUNNING,
    "stopping": SeenStatus.RUNNING,
    "stopped": SeenStatus.EXITED,
    "exited": SeenStatus.EXITED,
    "dead": SeenStatus.EXITED,
}
"""Docker's and podman's words for a container; one that is being removed is as good as gone."""
_ENGINE_TROUBLE = re.compile(
    r"containerd\.sock|transport is closing|error while dialing|context canceled"
)

_NO_PROGRAM = re.compile(
    r"\bexec\b.*no such file or directory|executable file .*not found", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an attempt's container comes about."""

    body: Mapping[str, Any]
    """Of the call that makes it."""
    image: Image
    job_dir: Path
    mould: Mould | None = None
    """Prepared containers that can do the same; None when there are none."""


class Containers:
    """The containers of one instance; their names are the fence against a second start."""

    def __init__(self, daemon: Daemon, instance: str, prepared: PreparedContainers) -> None:
        self._daemon = daemon
        self._instance = instance
        self._prepared = prepared

    def start(self, attempt: AttemptId, recipe: Callable[[], Recipe]) -> ContainerState:
        """Start an attempt's container, or adopt the one that has its name.

        Args:
            attempt: whose it is.
            recipe: gives what to create.

        Returns:
            How it stood just before. After its start Docker tells nothing of one that ends at
            once until all is put away that it had.

        Raises:
            StartRefusedError: the engine will not run it; nothing is left of it.
            EngineDown: the engine does not answer.
        """
        try:
            return self._start(attempt, recipe)
        except EngineDown:
            # Perhaps only the answer was lost. What was made has the name, and is found.
            return self._start(attempt, recipe)

    def _start(self, attempt: AttemptId, recipe: Callable[[], Recipe]) -> ContainerState:
        try:
            known = recipe()
        except StartRefusedError:
            state = self.find(attempt)
            if state is None or (state.never_started and PREPARED_LABEL in state.labels):
                raise
            self._begin(attempt, state)  # made while what it needs was still there
            return state
        slot, state = self._obtain(attempt, known)
        if slot is not None and state.never_started:
            self._prepared.aim(slot, known.job_dir, script_of(known.body, known.image))
        try:
            self._begin(attempt, state)
        except StartRefusedError:
            if slot is None or known.mould is None:
                raise
            # Perhaps an ordinary one can be started: the image need not have a shell.
            self._prepared.is_unfit(known.mould.shape)
            return self._start(attempt, lambda: replace(known, mould=None))
        if slot is not None:
            self._prepared.started(slot)
        if known.mould is not None:
            self._prepared.want(known.mould)
        return state

    def _begin(self, attempt: AttemptId, state: ContainerState) -> None:
        """Start a container unless it was started before."""
        if not state.never_started:
            return
        try:
            self._daemon.call(lambda api: api.start(attempt.name))
        except APIError as error:
            if _is_engine_trouble(error):
                raise
            self.remove(attempt.name)
            raise _refusal(error) from error

    def _obtain(self, attempt: AttemptId, known: Recipe) -> tuple[str | None, ContainerState]:
        """Claim or create a container, or find the one that has its name.

        Returns:
            The slot of a prepared one; how it stands.
        """
        for _ in range(_CONFLICT_TRIES):
            with suppress(NameTaken):
                claimed = self._prepared.claim(attempt.name, known.mould)
                if claimed is not None:
                    return claimed.slot, claimed.state
                self._create(attempt.name, known.body)
            state = self.find(attempt)
            if state is not None:
                return state.labels.get(PREPARED_LABEL), state
            time.sleep(_CONFLICT_SECONDS)  # someone removes the one that had the name
        raise EngineDown(f"The Docker engine does not let go of the name {attempt.name}.")

    def _create(self, name: str, body: Mapping[str, Any]) -> None:
        """Create a container, or raise `NameTaken`."""
        try:
            self._daemon.call(partial(_create, body=body, name=name))
        except APIError as error:
            if error.status_code == _CONFLICT or _NAME_IS_TAKEN in (error.explanation or ""):
                raise NameTaken from error
            if _is_engine_trouble(error):
                raise
            raise _refusal(error) from error

    def find(self, attempt: AttemptId) -> ContainerState | None:
        """Inspect an attempt's container; None when there is none.

        Raises:
            StartRefusedError: it is not Atlas'.
            EngineDown: the engine does not answer.
        """
        try:
            answer = self._daemon.call(lambda api: api.inspect_container(attempt.name))
        except NotFound:
            return None
        state = ContainerState.from_inspect(answer)
        if state.is_going:
            return None
        if not self._is_ours(state.labels, attempt):
            raise StartRefusedError(
                f"Another container has the name {attempt.name}, and it is not Atlas'. Remove it "
                f"and submit again."
            )
        return state

    def _is_ours(self, found: Mapping[str, str], attempt: AttemptId) -> bool:
        """Tell by its labels whether a container that has an attempt's name is Atlas'."""
        if PREPARED_LABEL in found:
            return found.get(INSTANCE_LABEL) == self._instance
        return labels(attempt).items() <= found.items()

    def list(self) -> list[Seen]:
        """List every container of this instance."""
        filters = {"label": f"{INSTANCE_LABEL}={self._instance}"}
        found = self._daemon.call(lambda api: api.containers(all=True, filters=filters))
        seen = [self._seen(one) for one in found if one["State"] in _STATUS]
        return [one for one in seen if one is not None]

    def _seen(self, summary: dict[str, Any]) -> Seen | None:
        name = summary["Names"][0].lstrip("/")
        job_id, _, attempt = name.removeprefix(AttemptId.prefix(self._instance)).rpartition("-")
        if not attempt.isdecimal() or name != AttemptId(self._instance, job_id, int(attempt)).name:
            return None  # prepared and not claimed, or someone else's
        if not self._is_ours(summary["Labels"], AttemptId(self._instance, job_id, int(attempt))):
            return None  # someone else's, who copied our labels
        try:
            answer = self._daemon.call(lambda api: api.inspect_container(name))
        except NotFound:
            return None
        state = ContainerState.from_inspect(answer)
        if state.status not in _STATUS:
            return None
        return Seen(
            name=name,
            job_id=job_id,
            attempt=int(attempt),
            status=_STATUS[state.status],
            started_at_ms=state.started_at_ms,
        )

    def sweep(self) -> None:
        """Remove what an earlier process of the server prepared; at the start, and once."""
        self._prepared.sweep()

    def ended(self) -> frozenset[str]:
        """Name the containers of this instance that have ended."""
        # Podman knows fewer states and refuses to filter by the others, so that is done here.
        filters = {"label": f"{INSTANCE_LABEL}={self._instance}"}
        found = self._daemon.call(lambda api: api.containers(all=True, filters=filters))
        return frozenset(
            one["Names"][0].lstrip("/")
            for one in found
            if _STATUS.get(one["State"]) is SeenStatus.EXITED
        )

    def remove(self, name: str) -> None:
        """Remove a container, whatever its state; an unknown one is fine."""
        for tries_left in reversed(range(_CONFLICT_TRIES)):
            try:
                self._daemon.call(lambda api: api.remove_container(name, v=True, force=True))
            except NotFound:
                return
            except APIError as error:
                if error.status_code == _CONFLICT:
                    return  # someone else removes it already
                if _IMPROPER_STATE not in (error.explanation or "") or not tries_left:
                    raise
                time.sleep(_CONFLICT_SECONDS)
            else:
                return


def _create(api: APIClient, *, body: Mapping[str, Any], name: str) -> None:
    api.create_container_from_config(body, name)  # type: ignore[no-untyped-call]  # in its stubs


def _is_engine_trouble(error: APIError) -> bool:
    """Tell whether an error is the engine's own and may pass, rather than the container's."""
    return bool(_ENGINE_TROUBLE.search(error.explanation or ""))


def _refusal(error: APIError) -> StartRefusedError:
    words = words_of(error)
    return StartRefusedError(f"Docker cannot start the job: {words}.{_advice(words)}")


def _advice(words: str) -> str:
    if "container-init binary not found" in words:
        return " Install `catatonit`, which podman needs to reap the processes of a container."
    if "cgroups in hybrid mode not supported" in words:
        return (
            ' Set `runtime = "runc"` below `[engine]` in ~/.config/containers/containers.conf '
            "(package `runc`), or start the machine with the unified cgroup hierarchy."
        )
    if _NO_PROGRAM.search(words):
        return " The image has no such program; look at `entrypoint` and the command."
    if "no such image" in words.lower():
        return " Submit the job again: the image is pulled or built anew."
    if "cpu.cfs_quota_us" in words or "cpu.max" in words:
        return " `cpus` is less than the engine can give; 0.01 is the least."
    if words.startswith(("lstat ", "mkdir ", "stat ")):
        return " Look at `working_dir`, and at what the volumes are called in the container."
    if "could not select device driver" in words:
        return " Docker has no NVIDIA runtime; install the NVIDIA Container Toolkit."
    return ""
