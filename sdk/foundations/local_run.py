"""Record a program that no scheduler runs: a local run, begun by its first record.

A run is a directory of its own below `$FOUNDATIONS_HOME`, where the scheduler of that home finds
it, now or later (docs/records.md). This process holds a lock in it for as long as it lives, which
the kernel lets go whatever ends the process. Nothing here raises; a training run must not end
because it cannot be recorded.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time

from foundations.local_run_dir import DESCRIPTION, ENDED, make_directory, write_json
from foundations.process_exit import ExitWatch, Outcome
from foundations.recorder import clean, tell, warn, warn_once

TYPE_CHECKING = False  # as in recorder.py
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Dict, Optional, Type

VARIABLE = "ATLAS_LOCAL_RUN"
"""Names a run's directory, for the child processes that record to it."""
_FALSE = ("", "0", "false", "no", "off", "n", "f")


class LocalRun:
    """One run; as a context manager it ends with the block, failed when that raises."""

    def __init__(self, path: Optional[str], project: str = "", *, is_implicit: bool = True) -> None:
        self.path = path or ""
        """Its directory; empty where nothing is recorded, and inside a scheduled job."""
        self.id = os.path.basename(self.path) or os.environ.get("FOUNDATIONS_JOB_ID", "")
        """Its job id."""
        self.project = project
        self.is_implicit = is_implicit
        self.owner = 0
        """Process id of the one that began it here, and that ends it; 0 for another's run."""
        self.lock = -1

    @property
    def is_own(self) -> bool:
        """Whether this very process began it; a forked child did not."""
        return self.owner == os.getpid()

    def __enter__(self) -> LocalRun:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        _finish(self, Outcome.of(error))


class _Process:
    """What this process knows of its run."""

    run: Optional[LocalRun] = None
    watch: Optional[ExitWatch] = None
    is_ending = False
    lock = threading.Lock()
    """Held while a run begins, so that two threads do not begin two."""


def start_run(
    project: Optional[str] = None,
    *,
    name: Optional[str] = None,
    tags: Optional[Dict[str, str]] = None,
) -> LocalRun:
    """Begin a local run, which the next records belong to.

    Inside a scheduled job, and for child processes of a run, this is the run that is there. A run
    that the first record began by itself is kept, unless another project is named. Any other run
    of this process is ended first.

    Args:
        project: its project; by default `FOUNDATIONS_PROJECT_NAME`, else the directory's name.
        name: kept as the tag `name`.
        tags: tags of the run.
    """
    run = _Process.run or _joined()
    if os.environ.get("ATLAS_EVENTS"):
        run = LocalRun(None, os.environ.get("FOUNDATIONS_PROJECT_NAME", ""))
    elif run is not None and (not run.is_own or (run.is_implicit and _fits(run, project))):
        run.is_implicit = False
    else:
        if run is not None:
            warn("Local run '{}' goes on no longer: another one was started.".format(run.id))
            _finish(run, Outcome(0))
        run = _begin(project, is_implicit=False) or LocalRun(None)
    named = {} if name is None else {"name": name}
    if tags or named:
        from foundations.tracking import set_tag

        for key, value in {**(tags or {}), **named}.items():
            set_tag(key, value)
    return run


def end_run() -> None:
    """End the local run of this process as completed; without one, do nothing."""
    if _Process.run is not None:
        _finish(_Process.run, Outcome(0))


def directory(*, begin: bool = True) -> Optional[str]:
    """Find the directory of the run that this process records to.

    Args:
        begin: whether to begin a run when there is none.

    Returns:
        The directory; None when there is no run.
    """
    run = _Process.run
    if run is None:
        with _Process.lock:
            run = _Process.run or _joined()
            if run is None and begin:
                run = _begin(None, is_implicit=True)
    return run.path if run is not None else None


def _fits(run: LocalRun, project: Optional[str]) -> bool:
    return project is None or _project_name(project) == run.project


def _joined() -> Optional[LocalRun]:
    """Take up the run of a parent process, which told of it in the environment."""
    path = os.environ.get(VARIABLE)
    if not path or os.path.exists(os.path.join(path, ENDED)):
        return None
    if not os.path.exists(os.path.join(path, DESCRIPTION)):
        return None
    _Process.run = LocalRun(path)
    return _Process.run


def _begin(project: Optional[str], *, is_implicit: bool) -> Optional[LocalRun]:
    """Begin a run, unless there is to be none; None then."""
    obstacle = _obstacle()
    if obstacle is not None:
        warn_once(obstacle)
        return None
    try:
        name = _project_name(project)
        path, lock = make_directory(name)
    except (OSError, ImportError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        warn_once("No local run is recorded: {}; the program goes on.".format(reason))
        return None
    run = LocalRun(path, name, is_implicit=is_implicit)
    run.owner, run.lock = os.getpid(), lock
    _Process.run = run
    os.environ[VARIABLE] = run.path
    if _Process.watch is None:
        _Process.watch = ExitWatch()
        atexit.register(_end_of_process)
    tell("Recording local run '{}' of project {}.".format(run.id, run.project))
    return run


def _obstacle() -> Optional[str]:
    """Say why no run may begin here; None where one may."""
    if os.environ.get("FOUNDATIONS_COMMAND_LINE", "").strip().lower() not in _FALSE:
        return "Script not run with Foundations."
    if _Process.is_ending:
        return "What is recorded after the end of a run is not kept."
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        return (
            "Not recorded: a child process cannot begin a local run. Record something in the "
            "main process first, or call foundations.start_run() there."
        )
    return None


def _project_name(project: Optional[str]) -> str:
    """Choose a project; names that the scheduler would not take are made ones that it does."""
    name = project or os.environ.get("FOUNDATIONS_PROJECT_NAME") or os.path.basename(os.getcwd())
    clean_name = "".join(
        "_" if each in "/\\" or ord(each) < 32 or ord(each) == 127 else each for each in clean(name)
    )
    return clean_name[:200] or "default"


def _finish(run: LocalRun, outcome: Outcome) -> None:
    """Say how a run ended, if it is this process's and has not ended, and let its lock go."""
    if not run.is_own:
        return
    run.owner = 0
    if _Process.run is run:
        _Process.run = None
    if os.environ.get(VARIABLE) == run.path:
        del os.environ[VARIABLE]
    end = {
        "exit_code": outcome.exit_code,
        "error": None if outcome.error is None else clean(outcome.error),
        "interrupted": outcome.interrupted,
        "at": time.time(),
    }
    try:
        write_json(os.path.join(run.path, ENDED), end)
        os.close(run.lock)
    except OSError as error:
        reason = error.strerror or str(error)
        warn("The end of local run '{}' cannot be recorded: {}.".format(run.id, reason))


def _in_forked_child() -> None:
    """Let nothing stay locked that a thread which the child does not have was about to do."""
    _Process.lock = threading.Lock()


def _end_of_process() -> None:
    run, watch = _Process.run, _Process.watch
    if run is not None and run.is_own and watch is not None:
        _Process.is_ending = True
        _finish(run, watch.outcome())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
