"""Crashes and full disks at any step on the file system, by Python's audit events."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STEPS = frozenset(
    {
        "open",
        "os.chmod",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.scandir",
        "os.symlink",
        "os.utime",
    }
)
TAKES_SPACE = frozenset({"open to write", "os.mkdir", "os.rename", "os.symlink"})


class SimulatedCrash(BaseException):
    """The process would have died here."""


class _Plan(threading.local):
    """What is to happen in this thread."""

    error: BaseException | None = None
    steps_left = 0
    only: frozenset[str] | None = None
    """Events that count; None is all of them."""
    is_over_after_one = False


_plan = _Plan()
_installed = threading.Event()


def _hook(event: str, args: tuple[Any, ...]) -> None:
    error = _plan.error
    if error is None or event not in STEPS:
        return
    if event == "open" and args[2] & os.O_ACCMODE:
        event = "open to write"
    if _plan.only is not None and event not in _plan.only:
        return
    _plan.steps_left -= 1
    if _plan.steps_left < 0:
        if _plan.is_over_after_one:
            _plan.error = None
        raise error


@contextmanager
def crash_at(step: int) -> Iterator[None]:
    """Raise `SimulatedCrash` at a step of this thread, counted from 0, and at all after it."""
    with _planned(SimulatedCrash(f"at step {step}"), step):
        yield


@contextmanager
def disk_full_from(step: int) -> Iterator[None]:
    """Let the disk be full from a step of this thread on that makes or moves a file."""
    with _planned(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), step, only=TAKES_SPACE):
        yield


@contextmanager
def one_removal_refused(step: int) -> Iterator[None]:
    """Let one file of this thread's removals belong to somebody else."""
    error = PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    with _planned(error, step, only=frozenset({"os.remove"}), once=True):
        yield


@contextmanager
def _planned(
    error: BaseException, step: int, *, only: frozenset[str] | None = None, once: bool = False
) -> Iterator[None]:
    if not _installed.is_set():
        # A hook stays for the life of the process; without a plan it does nothing.
        sys.addaudithook(_hook)
        _installed.set()
    _plan.steps_left = step
    _plan.only = only
    _plan.is_over_after_one = once
    _plan.error = error
    try:
        yield
    finally:
        _plan.error = None
