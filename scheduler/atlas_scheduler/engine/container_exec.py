"""Commands beside a job in its container, through Docker's exec and a hijacked connection."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

import requests
from docker import APIClient
from docker.errors import APIError, NotFound

from atlas_scheduler.engine.complaints import in_short, words_of
from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.exec_end import end_command
from atlas_scheduler.engine.exec_port import PIECE_BYTES, ExecPlan, Output, exec_environment
from atlas_scheduler.engine.port import AttemptId
from atlas_scheduler.engine.prepared import PREPARED_LABEL, WITH_SCRIPT
from atlas_scheduler.engine.threads import in_thread
from foundations.errors import EngineDown, JobConflict
from foundations.models import TerminalSize

T = TypeVar("T")

_CANNOT_RUN = re.compile(rb"OCI runtime exec failed: |Error: (runc|crun): ")
"""How the words of Docker, and of podman, begin."""
_HEADER_BYTES = 8
_SETTLE_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Pauses between the end of the output and the engine's word that the command ended."""


class ContainerExec:
    """One command in a container; `exec_port.ExecSession`."""

    def __init__(self, daemon: Daemon, exec_id: str, plan: ExecPlan) -> None:
        self._daemon = daemon
        self._exec_id = exec_id
        self._has_terminal = plan.terminal is not None
        # The connection is closed with the answer that it came with.
        self._answer = daemon.call(partial(_hijack, exec_id, has_terminal=self._has_terminal))
        # What the SDK makes of it skips output that came together with the headers.
        self._stream = cast("Any", self._answer.raw)._fp.fp
        self._socket: socket.socket = self._stream.raw._sock
        self._socket.settimeout(None)
        self._pieces = self._split()

    @classmethod
    async def start(cls, daemon: Daemon, attempt: AttemptId, plan: ExecPlan) -> ContainerExec:
        """Start a command.

        Raises:
            JobConflict: the container does not run.
            EngineDown: the engine does not answer.
        """

        def begin() -> ContainerExec:
            try:
                exec_id = daemon.call(partial(_create, attempt.name, plan))
                session = cls(daemon, exec_id, plan)
            except NotFound as error:
                raise JobConflict("The job's container is gone.") from error
            except APIError as error:
                if error.status_code == 409 or "container state improper" in words_of(error):
                    raise JobConflict("The job's container does not run.") from error
                raise EngineDown(f"The Docker engine failed: {words_of(error)}.") from error
            if plan.terminal is not None:
                session.resize_now(plan.terminal)
            return session

        return await in_thread(begin, name="exec-start")

    async def read(self) -> tuple[Output, bytes] | None:
        """Wait for the next piece of output; None when all of it was read."""
        return await in_thread(
            lambda: next(self._pieces, None), name="exec-output", abort=self._hang_up
        )

    async def write(self, data: bytes) -> None:
        """Pass a piece of input on."""
        with suppress(OSError):
            await in_thread(partial(self._socket.sendall, data), name="exec-input")

    async def end_input(self) -> None:
        """Let it read the end of its input."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    async def resize(self, size: TerminalSize) -> None:
        """Tell it that its terminal has another size."""
        await in_thread(partial(self.resize_now, size), name="exec-resize")

    def resize_now(self, size: TerminalSize) -> None:
        """Tell it that its terminal has another size; blocks."""
        with suppress(APIError):  # it has ended meanwhile
            self._ask(lambda api: api.exec_resize(self._exec_id, size.rows, size.columns))

    async def wait(self) -> int:
        """Ask for its exit code until the engine has noted its end."""
        return await in_thread(self._exit_code, name="exec-wait")

    def _exit_code(self) -> int:
        for seconds in (*_SETTLE_SECONDS, 0.0):
            try:
                found = self._ask(lambda api: api.exec_inspect(self._exec_id))
            except APIError as error:
                raise EngineDown("The job's container is gone, with how it ended.") from error
            if found["ExitCode"] is not None and not found["Running"]:
                return int(found["ExitCode"])
            time.sleep(seconds)
        raise EngineDown("The Docker engine does not say how the command ended.")

    async def close(self) -> None:
        """Hang up, and end it if it does not end by that."""
        self._hang_up()
        await in_thread(self._end, name="exec-close")
        await in_thread(self._let_go, name="exec-close")

    def _end(self) -> None:
        with suppress(APIError, EngineDown):  # the container is gone, or the engine
            end_command(lambda: self._ask(lambda api: api.exec_inspect(self._exec_id)))

    def _let_go(self) -> None:
        # A reader that still waits holds the stream until it sees that the line is cut.
        self._answer.close()
        self._socket.close()

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _split(self) -> Iterator[tuple[Output, bytes]]:
        """Give the output as it comes; a terminal's is not framed."""
        if self._has_terminal:
            while piece := self._some():
                yield Output.STDOUT, _in_words(piece)
            return
        while header := self._exactly(_HEADER_BYTES):
            data = self._exactly(int.from_bytes(header[4:], "big"))
            if _CANNOT_RUN.match(data):
                yield Output.STDERR, _in_words(data)
            elif data:
                yield (Output.STDERR if header[0] == Output.STDERR else Output.STDOUT), data

    def _some(self) -> bytes:
        with suppress(OSError, ValueError):
            return bytes(self._stream.read1(PIECE_BYTES))
        return b""

    def _exactly(self, size: int) -> bytes:
        with suppress(OSError, ValueError):
            return bytes(self._stream.read(size))
        return b""

    def _ask(self, ask: Callable[[APIClient], T]) -> T:
        return self._daemon.call(ask)


def _in_words(piece: bytes) -> bytes:
    """Put what the engine writes into the output of a command that it cannot run into one line."""
    if not _CANNOT_RUN.match(piece):
        return piece
    said = in_short(piece.decode("utf-8", "replace"))
    return f"The engine cannot run it: {said}.\r\n".encode()


def _create(name: str, plan: ExecPlan, api: APIClient) -> str:
    config = api.inspect_container(name)["Config"]
    job = dict(one.split("=", 1) for one in config["Env"])
    # The job's own variables are not the container's where that was made ahead of the job.
    within = WITH_SCRIPT if PREPARED_LABEL in (config["Labels"] or {}) else ()
    made = api.exec_create(
        name,
        [*within, *plan.command],
        stdin=True,
        tty=plan.terminal is not None,
        environment=exec_environment(plan, job),
    )
    return str(made["Id"])


def _hijack(exec_id: str, api: APIClient, *, has_terminal: bool) -> requests.Response:
    """Start it on a connection that then is its own."""
    response = api.post(
        f"{api.base_url}/v{api.api_version}/exec/{exec_id}/start",
        json={"Tty": has_terminal, "Detach": False},
        headers={"Connection": "Upgrade", "Upgrade": "tcp"},
        stream=True,
    )
    if not response.ok and response.status_code != 101:
        raise APIError("", response=response, explanation=response.text)
    return response
