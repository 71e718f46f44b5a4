"""Connections to ports inside containers: by the container's address, else by a relay in it."""

from __future__ import annotations

from functools import partial

from docker import APIClient
from docker.errors import APIError, NotFound

from atlas_scheduler.engine.complaints import words_of
from atlas_scheduler.engine.container import FIND_PYTHON
from atlas_scheduler.engine.container_exec import ContainerExec
from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession, Output
from atlas_scheduler.engine.port import AttemptId
from atlas_scheduler.engine.port_stream import PortStream
from atlas_scheduler.engine.threads import in_thread
from foundations.errors import EngineDown, JobConflict
from foundations.models import TerminalSize

_RELAY = "atlas_worker.relay"
_CONNECTED = b"+"
_CANNOT_RUN = (126, 127)
"""Exit codes that mean: the image has no Python, or no shell to look for it."""


class ContainerPorts:
    """The ports of the containers of one engine."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._reaches_addresses = True
        """Whether this machine has a way to addresses of containers, as far as is known."""

    async def connect(self, attempt: AttemptId, port: int) -> ExecSession:
        """Connect to a port inside a container.

        What listens at the container's own address is reached straight away, where the engine is
        on this machine. What listens at its loopback address only, and every container that has
        no address from here, is reached by a program in it.

        Raises:
            JobConflict: the container does not run, or nothing in it listens there.
        """
        for address in await in_thread(partial(self._addresses, attempt), name="address"):
            try:
                return await PortStream.connect(address, port)
            except ConnectionRefusedError:
                continue
            except OSError:
                self._reaches_addresses = False
                break
        return await self._relay(attempt, port)

    def _addresses(self, attempt: AttemptId) -> list[str]:
        """Name the addresses of a container that may be reached from here."""
        if self._daemon.socket_path is None or not self._reaches_addresses:
            return []
        try:
            found = self._daemon.call(partial(_inspect, attempt.name))
        except NotFound as error:
            raise JobConflict("The job's container is gone.") from error
        except APIError as error:
            raise EngineDown(f"The Docker engine failed: {words_of(error)}.") from error
        networks = found["NetworkSettings"].get("Networks") or {}
        addresses = [network.get("IPAddress") for network in networks.values()]
        return [address for address in addresses if address]

    async def _relay(self, attempt: AttemptId, port: int) -> ExecSession:
        command = ("/bin/sh", "-c", FIND_PYTHON, _RELAY, str(port))
        session = await ContainerExec.start(self._daemon, attempt, ExecPlan(command))
        said = b""
        while (piece := await session.read()) is not None:
            if piece[0] is Output.STDOUT:
                return _Relay(session, piece[1].removeprefix(_CONNECTED))
            said += piece[1]
        code = await session.wait()
        await session.close()
        if code in _CANNOT_RUN:
            raise JobConflict(
                f"Port {port} of the job cannot be reached from outside its container, and the "
                f"image has no Python to reach it from inside. Let the program listen at 0.0.0.0, "
                f"in a network that the scheduler's machine is part of."
            )
        reason = said.decode("utf-8", "replace").strip() or f"exit code {code}"
        raise JobConflict(f"Nothing listens at port {port} of the job now ({reason}).")


class _Relay:
    """A relay that is connected; `exec_port.ExecSession`."""

    def __init__(self, session: ContainerExec, first: bytes) -> None:
        self._session = session
        self._first = first
        """What came together with the word that it is connected."""

    async def read(self) -> tuple[Output, bytes] | None:
        """Wait for the next piece; None when the job has closed the connection."""
        if self._first:
            first, self._first = self._first, b""
            return Output.STDOUT, first
        while (piece := await self._session.read()) is not None:
            if piece[0] is Output.STDOUT:
                return piece
        return None

    async def write(self, data: bytes) -> None:
        """Pass a piece on."""
        await self._session.write(data)

    async def end_input(self) -> None:
        """Close this direction; the other stays open."""
        await self._session.end_input()

    async def resize(self, size: TerminalSize) -> None:
        """Do nothing: it is no terminal."""

    async def wait(self) -> int:
        """Wait until the relay has ended."""
        return await self._session.wait()

    async def close(self) -> None:
        """Cut it: the relay's end of input ends what waits for more."""
        await self._session.end_input()
        await self._session.close()


def _inspect(name: str, api: APIClient) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    found: dict[str, dict[str, dict[str, dict[str, str]]]] = api.inspect_container(name)
    return found
