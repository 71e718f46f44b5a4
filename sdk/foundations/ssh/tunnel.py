"""Keeps a tunnel by ssh open: a socket here that leads to a scheduler's socket on another machine.

ssh itself stays in the background (`ControlPersist`) and ends some minutes after the last use, so
the next command finds the tunnel and pays for no log-in. Where the user has a connection of that
kind already, by the settings of their own, it is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from foundations.errors import Unreachable
from foundations.home import Home
from foundations.ssh import scripts
from foundations.ssh.command import Ran, run
from foundations.ssh.place import SshPlace, forward
from foundations.ssh.words import advice_on, is_refusal, words_of
from foundations.transport.socket_probe import is_listening, speaks_http

CONNECT_SECONDS = 15.0
"""Longest wait for a connection, the log-in not counted."""
IDLE_SECONDS = 600
"""A tunnel that was not used for so long is closed."""
ANSWER_SECONDS = 15.0
START_SECONDS = 60.0
"""Longest wait for a server that is being started there."""
REFUSED_SECONDS = 60.0
"""For so long a refused log-in is not tried again unasked: hosts lock out who tries often."""
_ASKED_SECONDS = 120.0
_LOOK_EVERY_SECONDS = 0.05
# The user's own settings for the host stay, but for those that are for people who look at a shell.
_PLAIN = (
    *("-o", "ClearAllForwardings=yes"),
    *("-o", "RemoteCommand=none"),
    *("-o", "PermitLocalCommand=no"),
    *("-o", "ForwardAgent=no"),
    *("-o", "ForwardX11=no"),
)
LIVELY = ("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")
"""Lets ssh end within half a minute on a line that fell silent."""

Announce = Callable[[str], None]


class Tunnel:
    """The way to one scheduler by ssh; any number of processes may use the same one."""

    def __init__(self, place: SshPlace, home: Home) -> None:
        """Name the tunnel; nothing is opened yet."""
        self.place = place
        self._home = home
        self._name = hashlib.sha256(repr(place).encode()).hexdigest()[:16]
        self._refusal: tuple[float, Unreachable] | None = None

    @property
    def socket(self) -> str:
        """Path of the socket here."""
        return str(self._home.tunnels / f"{self._name}.sock")

    def is_open(self) -> bool:
        """Tell whether connections are taken."""
        return is_listening(self.socket)

    def open(self, *, asks: bool = False, seconds: float = CONNECT_SECONDS) -> bool:
        """Make the tunnel unless it is there. Returns whether it was made now.

        Args:
            asks: let ssh ask the user, on the terminal.
            seconds: longest wait for the connection.

        Raises:
            Unreachable: ssh fails; the text has what it says.
        """
        if self.is_open():
            return False
        if not asks and self._refusal and time.monotonic() < self._refusal[0]:
            raise self._refusal[1]
        self._home.secure_tunnels()
        with self._alone(_ASKED_SECONDS if asks else seconds + ANSWER_SECONDS):
            if self.is_open():
                return False
            self._make(asks=asks, seconds=seconds)
            self._refusal = None
            return True

    def wake(self, *, announce: Announce | None = None) -> None:
        """Start the scheduler there when nobody listens at the other end.

        Raises:
            Unreachable: the tunnel cannot be made, or the scheduler not be started; the text says
                why.
        """
        self.open()
        if speaks_http(self.socket, within_seconds=ANSWER_SECONDS):
            return
        if self.place.socket is not None:
            raise Unreachable(
                f"ssh reaches {self.place.host}, but no scheduler listens at {self.place.socket} "
                "there. Start it with `atlas-server start --detach` on that machine."
            )
        if announce is not None:
            announce(f"Starting the Atlas server on {self.place.host}…")
        self._start()

    def close(self) -> None:
        """End the tunnel, also for other processes. One that is not there is fine."""
        self._ssh("-O", "exit")
        self._socket.unlink(missing_ok=True)
        self._control.unlink(missing_ok=True)

    @property
    def _socket(self) -> Path:
        return Path(self.socket)

    @property
    def _control(self) -> Path:
        return self._home.tunnels / f"{self._name}.ctl"

    def _make(self, *, asks: bool, seconds: float) -> None:
        self._socket.unlink(missing_ok=True)
        if self._control.exists():
            self.close()
        if not self._ssh("-O", "check").is_fine:
            self._log_in(asks=asks, seconds=seconds)
        remote = self.place.socket or self._ask_where()
        joined = forward(self.socket, remote)
        # The user's own connection may know the tunnel from before, and then makes no socket.
        self._ssh("-O", "cancel", "-L", joined)
        done = self._ssh("-O", "forward", "-L", joined)
        if not done.is_fine:
            self._fail(done, "it does not forward Unix sockets")

    def _log_in(self, *, asks: bool, seconds: float) -> None:
        """Leave an ssh in the background that takes commands at the control socket."""
        persist = ("-o", f"ControlPersist={IDLE_SECONDS}")
        control = ("-M", "-S", str(self._control).replace("%", "%%"))
        wait = ("-o", f"ConnectTimeout={max(1, round(seconds))}")
        done = run(
            [*control, "-f", "-N", *persist, *LIVELY, *wait, *_PLAIN, *self.place.destination],
            asks=asks,
            seconds=None if asks else 2 * seconds + ANSWER_SECONDS,
        )
        if not done.is_fine:
            self._fail(done, f"no connection within {seconds:.0f} s")

    def _ask_where(self) -> str:
        done = self._ssh(*_PLAIN, script=scripts.WHERE)
        remote = scripts.socket_of(done.out)
        if remote is None:
            self._fail(done, "it runs no commands, so name the socket: ssh://host/path/atlas.sock")
        return remote

    def _start(self) -> None:
        done = self._ssh(*_PLAIN, script=scripts.START, seconds=START_SECONDS)
        by_hand = f"ssh reaches {self.place.host}, but no Atlas server runs there, and"
        if done.code == scripts.NOT_INSTALLED:
            raise Unreachable(
                f"{by_hand} `atlas-server` is not on the PATH of its shells. Install Atlas there, "
                "or start the server by hand: atlas-server start --detach"
            )
        deadline = time.monotonic() + (ANSWER_SECONDS if done.is_fine else 0.0)
        while not speaks_http(self.socket, within_seconds=ANSWER_SECONDS):
            if time.monotonic() > deadline:
                raise Unreachable(f"{by_hand} {_failed_start(done)}")
            time.sleep(_LOOK_EVERY_SECONDS)

    def _ssh(self, *options: str, script: str = "", seconds: float = ANSWER_SECONDS) -> Ran:
        """Run ssh over the connection that is there: ours, else that of the user's settings."""
        control = ["-S", str(self._control).replace("%", "%%")] if self._control.exists() else []
        command = ("sh", "-s") if script else ()
        return run(
            [*control, *options, *self.place.destination, *command], seconds=seconds, script=script
        )

    def _fail(self, done: Ran, otherwise: str) -> NoReturn:
        """Raise what ssh said, with what to do about it."""
        reason, before = words_of(done, otherwise)
        advice = " ".join(one for one in (advice_on(reason), "Try it by hand:") if one)
        error = Unreachable(
            f"{self.place.host} cannot be reached by ssh ({reason}). "
            f"{advice} {self.place.by_hand('true')}{before}"
        )
        if is_refusal(reason):
            self._refusal = (time.monotonic() + REFUSED_SECONDS, error)
        raise error

    @contextmanager
    def _alone(self, within_seconds: float) -> Iterator[None]:
        """Keep other processes from making the same tunnel at the same time."""
        deadline = time.monotonic() + within_seconds
        with (self._home.tunnels / f"{self._name}.lock").open("w") as lock:
            while not _takes(lock.fileno()):
                if time.monotonic() > deadline:
                    raise Unreachable(
                        f"Another command is still connecting to {self.place.host} by ssh. "
                        "End it, or answer what it asks."
                    )
                time.sleep(_LOOK_EVERY_SECONDS)
            yield


def _takes(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _failed_start(done: Ran) -> str:
    if done.is_fine:
        return (
            "although it was started nothing comes through. Connections to Unix sockets may be "
            "forbidden: see AllowStreamLocalForwarding in the settings of sshd there."
        )
    return "\n".join(("it could not be started:", *done.words))
