"""How attempts ended, told from what is left of them: by themselves, or lost and by what."""

from __future__ import annotations

import signal

import psutil

from atlas_scheduler.boot import boot_id
from atlas_scheduler.clock import now_ms
from atlas_scheduler.engine.attempts import AttemptDir
from atlas_scheduler.engine.port import Ended
from atlas_scheduler.engine.state import ContainerState

REMOVED = "its container was removed"
ENGINE_RESTARTED = "the Docker engine was restarted while the job ran"
MACHINE_RESTARTED = "the machine was restarted while the job ran"
SHIM_LOST = "its process was killed together with its shim"
RECORDS_LOST = "its records were removed"

_KILLED_FROM_OUTSIDE = frozenset({137, 143, 255})
"""Exit codes of a container that ends with its engine: SIGKILL, SIGTERM, unknown."""


def lost(reason: str, at_ms: int | None = None) -> Ended:
    """The end of an attempt that something took away; now, unless it is known when."""
    return Ended(at_ms=at_ms or now_ms(), exit_code=None, lost_reason=reason)


def container_end(
    state: ContainerState, *, was_stopped: bool, was_cut: bool, is_here: bool
) -> Ended:
    """Say how a container ended.

    Args:
        state: how it stands, now that it has ended.
        was_stopped: whether its end was asked for.
        was_cut: whether the engine went away while it was followed.
        is_here: whether the engine is on this machine, whose restarts are known.
    """
    may_be_lost = _is_like_a_kill(state.exit_code) and not state.oom_killed and not was_stopped
    if may_be_lost and was_cut:
        return lost(ENGINE_RESTARTED, state.finished_at_ms)
    if may_be_lost and is_here and _predates_boot(state):
        return lost(MACHINE_RESTARTED, state.finished_at_ms)
    return Ended(
        at_ms=state.finished_at_ms or now_ms(),
        exit_code=state.exit_code,
        oom_killed=state.oom_killed,
        started_at_ms=state.started_at_ms,
    )


def is_its_own(end: Ended) -> bool:
    """Whether an end is one that nothing outside of a container can have brought about."""
    return not _is_like_a_kill(end.exit_code)


def process_end(attempt: AttemptDir) -> Ended:
    """Say how an attempt without a shim ended; of one that is lost, what is left is killed."""
    exited = attempt.exited
    if exited is not None:
        return Ended(at_ms=exited.at_ms, exit_code=exited.exit_code)
    started = attempt.started
    if started is None:
        return lost(RECORDS_LOST)
    if started.boot_id != boot_id():
        return lost(MACHINE_RESTARTED)
    # The job is given up, so what is left of it may not go on using its GPUs.
    attempt.signal_job(signal.SIGKILL)
    return lost(SHIM_LOST)


def _is_like_a_kill(exit_code: int | None) -> bool:
    return exit_code in _KILLED_FROM_OUTSIDE


def _predates_boot(state: ContainerState) -> bool:
    return state.started_at_ms is not None and state.started_at_ms < psutil.boot_time() * 1000
