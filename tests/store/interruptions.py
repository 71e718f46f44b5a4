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
TAKES_SPACE = frozenset({"os.mkdir", "os.rename", "os.symlink"})


class SimulatedCrash(BaseException):
    """The process would have died here."""


class _Plan(threading.local):
    """What is to happen in this thread."""

    error: BaseException | None = None
    steps_left = 0
    only_where_space_is_taken = False


_plan = _Plan()
_installed = threading.Event()


def _takes_space(event: str, args: tuple[Any, ...]) -> bool:
    if event == "open":
        return bool(args[2] & os.O_ACCMODE)
    return event in TAKES_SPACE


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _plan.error is None or event not in STEPS:
        return
    if _plan.only_where_space_is_taken and not _takes_space(event, args):
        return
    _plan.steps_left -= 1
    if _plan.steps_left < 0:
        raise _plan.error


@contextmanager
def crash_at(step: int) -> Iterator[None]:
    """Raise `SimulatedCrash` at a step of this thread, counted from 0, and at all after it."""
    with _planned(SimulatedCrash(f"at step {step}"), step, only_where_space_is_taken=False):
        yield


@contextmanager
def disk_full_from(step: int) -> Iterator[None]:
    """Let the disk be full from a step of this thread on that makes or moves a file."""
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with _planned(error, step, only_where_space_is_taken=True):
        yield


@contextmanager
def _planned(error: BaseException, step: int, *, only_where_space_is_taken: bool) -> Iterator[None]:
    if not _installed.is_set():
        # A hook stays for the life of the process; without a plan it does nothing.
        sys.addaudithook(_hook)
        _installed.set()
    _plan.steps_left = step
    _plan.only_where_space_is_taken = only_where_space_is_taken
    _plan.error = error
    try:
        yield
    finally:
        _plan.error = None
