"""The server as a process: one a home, found by its lock, started apart and stopped by signal."""

from __future__ import annotations

import fcntl
import gc
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from foundations.errors import AtlasError, ConfigError
from foundations.home import Home

READY_FD_VARIABLE = "ATLAS_READY_FD"
START_SECONDS = 30.0
"""Longest that a start may take, such as a migration of a large database."""
STOP_SECONDS = 30.0
LOG_TAIL_LINES = 15
SWITCH_SECONDS = 0.001
"""How long a thread that computes may keep the interpreter from the event loop. Python's own 5 ms
would be waited for several times in a request, which goes from the loop to a thread and back."""


def take_lock(home: Home) -> None:
    """Become the one server of a home, until this process ends.

    The lock is not given back before: whoever waits for it may then touch the home's files.

    Raises:
        ConfigError: another server has it; the text names its process.
    """
    home.create()
    home.run.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(home.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 32).decode(errors="replace").strip()
        os.close(lock)
        raise ConfigError(
            f"An Atlas server (process {holder or 'unknown'}) already serves {home.root}. "
            "Use it, or stop it with `atlas-server stop`."
        ) from None
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())


def find_server(home: Home) -> int | None:
    """The process id of the server that holds the home, or None."""
    try:
        with home.lock_file.open("r", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read().strip() or 0) or None
    except FileNotFoundError:
        pass
    return None


def start_detached(home: Home, options: Sequence[str] = ()) -> int:
    """Start a server that outlives this process, and wait until it answers.

    Args:
        home: what it serves.
        options: of `atlas-server start`, for it.

    Returns:
        Its process id.

    Raises:
        AtlasError: it ended or did not become ready; the text has what it said.
    """
    home.create()
    home.logs.mkdir(mode=0o700, exist_ok=True)
    ready, announce = os.pipe()
    try:
        child, begin = _spawn(home, options, announce)
        readable, _, _ = select.select([ready], [], [], START_SECONDS)
        if readable and os.read(ready, 1):
            return child.pid
    finally:
        os.close(ready)
    if readable:
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=STOP_SECONDS)
    problem = "ended at once" if readable else f"is not ready after {START_SECONDS:.0f} s"
    said = "".join(f"\n  {line}" for line in _last_words(home.server_log, begin))
    raise AtlasError(
        f"The Atlas server for {home.root} {problem}:{said}\nIts log is {home.server_log}."
    )


def _spawn(
    home: Home, options: Sequence[str], announce: int
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a server that tells `announce` when it answers; return it, and where its log begins.

    `announce` is the server's alone afterwards.
    """
    with os.fdopen(announce, "wb"), home.server_log.open("ab") as output:
        begin = output.tell()
        child = subprocess.Popen(
            [sys.executable, "-m", "atlas_scheduler", "start", "--home", str(home.root), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(announce,),
            env={**os.environ, READY_FD_VARIABLE: str(announce)},
            cwd="/",
        )
    return child, begin


def stay_responsive() -> None:
    """Let neither threads nor the search for garbage hold up who asks; once all is loaded."""
    sys.setswitchinterval(SWITCH_SECONDS)
    # What is there now stays: looking through it again would take a tenth of a second each time.
    gc.freeze()


def announce_ready() -> None:
    """Tell whoever started this process, if it waits, that requests are answered."""
    _notify_systemd()
    descriptor = os.environ.pop(READY_FD_VARIABLE, None)
    if descriptor is not None:
        os.write(int(descriptor), b"1")
        os.close(int(descriptor))


def leave() -> NoReturn:
    """End this process at once, and with it threads that a disk still keeps busy.

    What these do is taken up by the next start, as after a crash.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _notify_systemd() -> None:
    address = os.environ.pop("NOTIFY_SOCKET", None)
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        # An address that begins with @ is an abstract one, which no file stands for.
        notices.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
        notices.send(b"READY=1\nSTATUS=Answers requests.")


def stop(home: Home) -> int | None:
    """Stop the server of a home; its jobs run on.

    Returns:
        The process id that was stopped, or None when there was no server.

    Raises:
        AtlasError: it does not end.
    """
    pid = find_server(home)
    if pid is None:
        return None
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while find_server(home) == pid:
        if time.monotonic() > deadline:
            raise AtlasError(
                f"The Atlas server (process {pid}) does not end. See {home.server_log}."
            )
        time.sleep(0.02)
    return pid


def _last_words(log: Path, begin: int) -> list[str]:
    """What a server said from a byte of its log on: in words, or else its last records."""
    content = log.read_bytes()
    # A log that was begun anew meanwhile is shorter.
    fresh = content[begin if begin <= len(content) else 0 :]
    lines = fresh.decode("utf-8", "replace").splitlines()
    words = [line.removeprefix("Error: ") for line in lines if not line.startswith("{")]
    return (words or lines)[-LOG_TAIL_LINES:]
