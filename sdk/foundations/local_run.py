"""Record a program that no scheduler runs: a local run, begun by its first record.

A run is a directory of its own below `$FOUNDATIONS_HOME`, where the scheduler of that home finds
it, now or later (docs/records.md). This process holds a lock in it for as long as it lives, which
the kernel lets go whatever ends the process. Nothing here raises; a training run must not end
because it cannot be recorded.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time
from contextlib import suppress

from foundations.process_exit import ExitWatch, Outcome
from foundations.recorder import clean, tell, warn, warn_once

TYPE_CHECKING = False  # as in recorder.py
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Dict, Optional, Type

VARIABLE = "ATLAS_LOCAL_RUN"
"""Names a run's directory, for the child processes that record to it."""
DESCRIPTION, ENDED, LOCK, HEARTBEAT = "run.json", "ended.json", "run.lock", "heartbeat"
_FALSE = ("", "0", "false", "no", "off", "n", "f")
_LONGEST_ARGUMENT = 100_000
_MOST_ARGUMENTS = 4_000


class LocalRun:
    """One run; as a context manager it ends with the block, failed when that raises."""

    def __init__(self, path: Optional[str], project: str = "", is_implicit: bool = True) -> None:
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


def directory(begin: bool = True) -> Optional[str]:
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


def _begin(project: Optional[str], is_implicit: bool) -> Optional[LocalRun]:
    """Begin a run, unless there is to be none; None then."""
    obstacle = _obstacle()
    if obstacle is not None:
        warn_once(obstacle)
        return None
    run = LocalRun(None, is_implicit=is_implicit)
    try:
        run.project = _project_name(project)
        _make_directory(run)
    except (OSError, ImportError) as error:
        if run.lock >= 0:
            os.close(run.lock)
        reason = getattr(error, "strerror", None) or str(error)
        warn_once("No local run is recorded: {}; the program goes on.".format(reason))
        return None
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


def _make_directory(run: LocalRun) -> None:
    """Make a run's directory; it gets its name when it is complete and locked."""
    import fcntl  # not everywhere
    import uuid

    from foundations.local_machine import describe_machine, start_heartbeat

    run.id, run.owner = str(uuid.uuid4()), os.getpid()
    parent = _parent()
    run.path = os.path.join(parent, run.id)
    part = os.path.join(parent, ".{}.part".format(run.id))
    os.mkdir(part, 0o700)
    for name in ("records", "artifacts"):
        os.mkdir(os.path.join(part, name))
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    run.lock = os.open(os.path.join(part, LOCK), flags, 0o600)
    # A file system without locks leaves the process id to tell whether it lives.
    with suppress(OSError):
        fcntl.lockf(run.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    machine = describe_machine(part)
    _write(os.path.join(part, DESCRIPTION), {**_description(run), **machine})
    heartbeat = os.path.join(part, HEARTBEAT)
    os.close(os.open(heartbeat, flags, 0o600))
    os.rename(part, run.path)
    if machine["beats"]:
        start_heartbeat(os.path.join(run.path, HEARTBEAT))


def _parent() -> str:
    """Make the home, for its owner alone, and the place for directories of jobs in it."""
    home = os.path.realpath(
        os.path.expanduser(os.environ.get("FOUNDATIONS_HOME") or "~/.foundations")
    )
    os.makedirs(home, mode=0o700, exist_ok=True)
    parent = os.path.join(home, "local_docker_scheduler", "work_dir")
    os.makedirs(parent, exist_ok=True)
    return parent


def _description(run: LocalRun) -> Dict[str, Any]:
    return {
        "version": 1,
        "job_id": run.id,
        "project": run.project,
        "command": [_argument(each) for each in sys.argv[:_MOST_ARGUMENTS]] or [""],
        "working_dir": clean(os.getcwd()),
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "interpreter": clean(sys.executable or ""),
        "interactive": hasattr(sys, "ps1") or "ipykernel" in sys.modules,
        "started_at": time.time(),
    }


def _argument(text: str) -> str:
    return clean(str(text)[:_LONGEST_ARGUMENT]).replace("\0", "")


def _project_name(project: Optional[str]) -> str:
    """Choose a project; names that the scheduler would not take are made ones that it does."""
    name = project or os.environ.get("FOUNDATIONS_PROJECT_NAME") or os.path.basename(os.getcwd())
    clean_name = "".join(
        "_" if each in "/\\" or ord(each) < 32 or ord(each) == 127 else each for each in clean(name)
    )
    return clean_name[:200] or "default"


def _write(path: str, content: Dict[str, Any]) -> None:
    """Write a JSON file so that nobody sees a part of it."""
    part = "{}.{}.part".format(path, os.getpid())
    with open(part, "w", encoding="ascii") as file:
        json.dump(content, file)
    os.replace(part, path)


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
        _write(os.path.join(run.path, ENDED), end)
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
