"""A job's program as a process: become it, wait for it, end what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import time

# Loading the real typing module would take a tenth of a start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, NoReturn, Optional, Tuple

NOT_FOUND = 127
CANNOT_RUN = 126

_PR_SET_CHILD_SUBREAPER = 36
_LEFTOVERS_WAIT_SECONDS = 5.0


def become(spec: Dict[str, Any], *, word: int, faults: int) -> NoReturn:
    """Turn this process, just forked, into the program of a spec.

    It happens when a byte can be read from `word`; at its end of file the process ends unused.
    When the program cannot be run, the reason goes to `faults` as `{"exit_code", "error"}`;
    otherwise that file is closed without a byte.
    """
    try:
        os.setpgid(0, 0)
        if not os.read(word, 1):
            os._exit(1)
        _set_up(spec)
        _reset_signals()
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606 - no shell is wanted
    except (OSError, ValueError, TypeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        text = "cannot start {!r}: {}".format(spec["argv"][0], reason)[:1000]
        code = NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_RUN
        os.write(faults, json.dumps({"exit_code": code, "error": text}).encode("ascii"))
    finally:
        os._exit(NOT_FOUND)


def _set_up(spec: Dict[str, Any]) -> None:
    try:
        log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.chdir(spec["cwd"])
    except OSError as error:
        error.strerror = "{} ({})".format(error.strerror, error.filename)
        raise
    os.dup2(log, 1)
    os.dup2(log, 2)
    if spec.get("rlimits"):
        _limit(spec["rlimits"])


def _limit(limits: Dict[str, int]) -> None:
    import resource

    for name, value in limits.items():
        number = getattr(resource, "RLIMIT_" + name, None)
        if number is None:
            raise ValueError("there is no limit RLIMIT_{}".format(name))
        resource.setrlimit(number, (value, value))


def _reset_signals() -> None:
    """Undo what Python and the shim ignore: a program inherits that."""
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def adopt_orphans() -> None:
    """Become the parent of the job's orphans in init's place, so that they can be found."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return  # the job's process group is then all that is ended after it


def wait_for(job: int) -> Tuple[int, Optional[int]]:
    """Wait until a child ends, and do not reap it; reap orphans meanwhile.

    Returns:
        Its exit code, and the signal that ended it if one did (the code is then 128 + signal).
    """
    while True:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        if ended is None:
            continue
        if ended.si_pid != job:
            os.waitpid(ended.si_pid, 0)
        elif ended.si_code == os.CLD_EXITED:
            return ended.si_status, None
        else:
            return 128 + ended.si_status, ended.si_status


def end_leftovers(job: int) -> None:
    """Kill what an ended job left running, in its group or outside, and wait until it is gone."""
    _kill(-job)
    deadline = time.monotonic() + _LEFTOVERS_WAIT_SECONDS
    # A killed one's own children become children of this process: look again. One that hangs in
    # the kernel cannot be waited for; it ends as soon as it comes out of there.
    while time.monotonic() < deadline:
        others = [pid for pid in _children() if pid != job]
        if not others:
            return
        for pid in others:
            _kill(pid)
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.002)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # gone, or given to another user by a set-user-ID program


def _children() -> List[int]:
    try:
        with open("/proc/{0}/task/{0}/children".format(os.getpid()), "rb") as file:
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:
        return []  # a kernel built without this file
