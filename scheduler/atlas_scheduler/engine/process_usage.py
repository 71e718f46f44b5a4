"""The processes of one attempt of the process engine, and what they use. Everything here blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress

import psutil

from atlas_scheduler.clock import now_ms
from atlas_scheduler.core.usage import Usage
from atlas_scheduler.engine.attempts import AttemptDir, StartRecord, is_same_process

Tree = Mapping[int, Sequence[psutil.Process]]
"""The children of each process, by its number."""


def process_tree() -> Tree:
    """Look once at every process of the machine, for as many attempts as there are."""
    children: defaultdict[int, list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            children[process.ppid()].append(process)
    return children


def usage_of(attempt: AttemptDir, tree: Tree) -> Usage | None:
    """Add up an attempt's processes; None when it does not run."""
    started = _running(attempt)
    processes = [] if started is None else _descendants(started, tree)
    if started is None or not processes:
        return None
    total = _Sum()
    for process in processes:
        total.add(process)
    # The shim adopts what the job leaves behind, and so has the times of those that ended.
    with suppress(psutil.Error):
        times = psutil.Process(started.shim_pid).cpu_times()
        total.cpu_seconds += times.children_user + times.children_system
    return total.usage()


def processes_of(attempt: AttemptDir, tree: Tree) -> list[int]:
    """Number an attempt's processes; none when it does not run."""
    started = _running(attempt)
    return [] if started is None else [one.pid for one in _descendants(started, tree)]


def _running(attempt: AttemptDir) -> StartRecord | None:
    try:
        started = attempt.started
        return started if started is not None and is_same_process(started) else None
    except OSError:
        return None


def _descendants(started: StartRecord, tree: Tree) -> list[psutil.Process]:
    """The job's main process, all that it started, and what the shim adopted of that."""
    if started.pid not in [process.pid for process in tree.get(started.shim_pid, ())]:
        return []  # the shim is gone: the engine is about to find out
    found: list[psutil.Process] = []
    parents = [started.shim_pid]
    while parents:
        children = tree.get(parents.pop(), ())
        found += children
        parents += [process.pid for process in children]
    return found


class _Sum:
    def __init__(self) -> None:
        self.cpu_seconds = 0.0
        self._memory_bytes = 0
        self._threads = 0
        self._read_bytes = 0
        self._write_bytes = 0
        self._knows_disk = True

    def add(self, process: psutil.Process) -> None:
        """Add what one process uses; one that has ended adds nothing."""
        with suppress(psutil.Error), process.oneshot():
            times = process.cpu_times()
            memory_bytes = process.memory_info().rss
            threads = process.num_threads()
            # Children whose end was noted are in the times of their parent.
            self.cpu_seconds += times.user + times.system
            self.cpu_seconds += times.children_user + times.children_system
            self._memory_bytes += memory_bytes
            self._threads += threads
        try:
            counters = process.io_counters()
        except psutil.NoSuchProcess:
            return
        except psutil.Error:
            self._knows_disk = False
        else:
            self._read_bytes += counters.read_bytes
            self._write_bytes += counters.write_bytes

    def usage(self) -> Usage:
        return Usage(
            at_ms=now_ms(),
            cpu_seconds=self.cpu_seconds,
            memory_bytes=self._memory_bytes,
            threads=self._threads,
            disk_read_bytes=self._read_bytes if self._knows_disk else None,
            disk_write_bytes=self._write_bytes if self._knows_disk else None,
        )
