"""Own one job's process: start it once, outlive the server, keep how it ended.

    python -I -S -X utf8 .../atlas_worker/shim.py SPEC.json   (or: python -m atlas_worker.shim …)

The call returns as soon as the outcome of the start is on disk, and leaves a daemon behind:

    exit 0   started.json or exit.json is there; or this attempt was started before: nothing done
    exit 1   nothing was started, and the same call may be repeated; the reason is on stderr
    exit 2   SPEC.json cannot be used; the reason is on stderr

SPEC.json:

    {"argv": [...], "env": {...}, "cwd": "...", "log": "...", "private_dir": "...",
     "rlimits": {"NPROC": 4096, ...}}        optional; names of resource.RLIMIT_*, soft = hard

The job gets exactly that environment, no standard input, and its output appended to `log`. A
program without a slash is looked up in the PATH of `env`. Files in `private_dir`, each written
under a temporary name, synced and renamed:

    shim.lock      held by flock(2) from before the start to the end of this process
    started.json   {"pid", "pgid", "at_ms", "start_ticks", "boot_id", "shim_pid"}; on disk before
                   the job's program runs, so a job without it has never run. `start_ticks`
                   (field 22 of /proc/PID/stat) and `boot_id` tell the job from another process
                   that was given its number later.
    exit.json      {"exit_code", "at_ms", "signal", "error"}; `exit_code` is 128 + `signal` when a
                   signal ended it. `error` is null, or why the program could not be started
                   (exit_code 127: something is missing; 126: anything else).

started.json without exit.json and with a free lock means that the shim itself was killed: how the
job ended is not known, and its process group may still run. Whoever tries the lock to find that
out must not do so while a start is under way.

To stop the job, signal its group (killpg): no other process can have its number before exit.json
is there. The shim ignores SIGTERM, SIGINT and SIGHUP and ends when the job's main process has
ended; it then kills whatever else the job left running, in its group or out of it. Linux only.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time

if not __package__:  # run by its path: isolated mode knows no other way to its siblings
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from atlas_worker import program

TYPE_CHECKING = False  # as in program.py
if TYPE_CHECKING:
    from typing import Any, Dict, List, NoReturn, Optional, Tuple

STARTED = "started.json"
EXITED = "exit.json"

_LOCK_WAIT_SECONDS = 1.0
_RESERVED_BYTES = 1024
_DISK_RETRY_SECONDS = 1.0


def main(arguments: List[str]) -> int:
    """Start the job of a spec file unless it was started before; return the exit status."""
    _close_inherited_files()
    try:
        spec = _read_spec(arguments)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write("atlas_worker.shim: cannot use the spec: {!r}\n".format(error))
        return 2
    try:
        lock = _take_lock(spec["private_dir"])
        fault = "" if lock is None else _start_daemon(spec, lock)
    except OSError as error:
        fault = str(error)
    if fault:
        sys.stderr.write("atlas_worker.shim: {}\n".format(fault))
    return 1 if fault else 0


def _read_spec(arguments: List[str]) -> Dict[str, Any]:
    (path,) = arguments
    with open(path, encoding="utf-8") as file:
        spec: Dict[str, Any] = json.load(file)
    for name, kind in (("argv", list), ("env", dict), ("cwd", str), ("log", str)):
        if not isinstance(spec[name], kind):
            raise TypeError("{} is not a {}".format(name, kind.__name__))
    if not spec["argv"]:
        raise ValueError("argv is empty")
    if not os.path.isdir(spec["private_dir"]):
        raise ValueError("private_dir is not a directory")
    return spec


def _close_inherited_files() -> None:
    """Close what the caller left open, and make sure that 0, 1 and 2 are taken."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.close(int(name))
            except OSError:
                continue  # the one that listed them
    spare = os.open(os.devnull, os.O_RDWR)
    while spare <= 2:
        spare = os.open(os.devnull, os.O_RDWR)
    os.close(spare)


def _take_lock(private_dir: str) -> Optional[int]:
    """Take the attempt's lock; None when it was started before."""
    lock = os.open(os.path.join(private_dir, "shim.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Held by another shim, whose files tell soon, or for an instant by someone who looks.
            if _was_started(private_dir) or time.monotonic() > deadline:
                return None
            time.sleep(0.002)
        else:
            return None if _was_started(private_dir) else lock


def _was_started(private_dir: str) -> bool:
    return any(os.path.exists(os.path.join(private_dir, name)) for name in (STARTED, EXITED))


def _start_daemon(spec: Dict[str, Any], lock: int) -> str:
    """Fork the process that owns the job; return what kept it from starting, or nothing."""
    outcome, report = os.pipe()
    if os.fork() == 0:
        try:
            os.close(outcome)
            _own(spec, lock=lock, report=report)
        finally:
            os._exit(1)
    os.close(report)
    answer = os.read(outcome, 4096)
    if answer == b"ok":
        return ""
    return answer.decode("utf-8", "replace") or "the shim ended before it started the job"


def _own(spec: Dict[str, Any], *, lock: int, report: int) -> NoReturn:
    """Be the daemon: start the job, wait for it, record its end."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    program.adopt_orphans()
    try:
        job, fault = _start(spec, lock=lock, report=report)
    except OSError as error:
        _tell(report, str(error))
        os._exit(1)
    if fault is None:
        _tell(report, "ok")
        _reserve(spec["private_dir"])
        exit_code, signal_number = program.wait_for(job)
        ended_at_ms = _now_ms()
        program.end_leftovers(job)
        _keep(spec["private_dir"], _ended(exit_code, at_ms=ended_at_ms, signal=signal_number))
    else:
        _keep(spec["private_dir"], _ended(fault["exit_code"], error=fault["error"]))
        _tell(report, "ok")
    # Only now may the kernel give the job's number to another process.
    os.waitpid(job, 0)
    os._exit(0)


def _tell(report: int, text: str) -> None:
    try:
        os.write(report, text.encode("utf-8", "replace")[:4096])
    except BrokenPipeError:
        return  # who called was killed meanwhile; the job is started all the same


def _start(spec: Dict[str, Any], *, lock: int, report: int) -> Tuple[int, Optional[Dict[str, Any]]]:
    """Start the program; return its process id, and its fault when it could not be run."""
    word, give_word = os.pipe()
    faults, tell_faults = os.pipe()
    job = os.fork()
    if job == 0:
        for file in (lock, report, give_word, faults):
            os.close(file)
        program.become(spec, word=word, faults=tell_faults)
    os.close(tell_faults)
    os.setpgid(job, job)
    try:
        _write_atomically(spec["private_dir"], STARTED, _description(job))
    except OSError:
        _forget(os.path.join(spec["private_dir"], STARTED))
        raise
    # Should this process end before the word is given, the job's ends too, unused.
    os.write(give_word, b"g")
    told = os.read(faults, 65536)
    for file in (word, give_word, faults):
        os.close(file)
    return job, json.loads(told.decode("ascii")) if told else None


def _description(job: int) -> Dict[str, Any]:
    with open("/proc/{}/stat".format(job), "rb") as stat:
        # The second field is a name in parentheses, which may hold spaces and parentheses.
        start_ticks = int(stat.read().rpartition(b")")[2].split()[19])
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot_id = file.read().strip()
    found = {"pid": job, "pgid": job, "at_ms": _now_ms(), "start_ticks": start_ticks}
    return {**found, "boot_id": boot_id, "shim_pid": os.getpid()}


def _ended(
    exit_code: int,
    *,
    at_ms: Optional[int] = None,
    signal: Optional[int] = None,
    error: Optional[str] = None,
) -> Dict[str, Any]:
    at_ms = _now_ms() if at_ms is None else at_ms
    return {"exit_code": exit_code, "at_ms": at_ms, "signal": signal, "error": error}


def _reserve(private_dir: str) -> None:
    """Take the space now for how it will end, since the job may leave none on the disk."""
    try:
        with open(os.path.join(private_dir, EXITED + ".part"), "wb") as file:
            file.write(b" " * _RESERVED_BYTES)
    except OSError:
        return  # then it is waited for at the end


def _keep(private_dir: str, record: Dict[str, Any]) -> None:
    """Write how it ended; wait for space on the disk, because nobody else knows it."""
    while True:
        try:
            return _write_atomically(private_dir, EXITED, record)
        except FileNotFoundError:
            return None  # the server has forgotten this attempt
        except OSError:
            time.sleep(_DISK_RETRY_SECONDS)


def _write_atomically(directory: str, name: str, record: Dict[str, Any]) -> None:
    path = os.path.join(directory, name)
    # What is there already is written over, not emptied first: it may be the last space there is.
    descriptor = os.open(path + ".part", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(record).encode("ascii") + b"\n")
        file.flush()
        os.ftruncate(file.fileno(), file.tell())
        os.fsync(file.fileno())
    os.rename(path + ".part", path)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)
