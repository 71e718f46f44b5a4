"""Connections to ports of jobs of the process engine: only to what the job itself listens at."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from atlas_scheduler.engine.attempts import AttemptDir
from atlas_scheduler.engine.listening import (
    FAMILIES,
    Listener,
    is_open,
    listeners,
    reachable_at,
    sockets_of,
)
from atlas_scheduler.engine.port_stream import PortStream
from atlas_scheduler.engine.process_usage import process_tree, processes_of
from atlas_scheduler.engine.threads import in_thread
from foundations.errors import JobConflict


class ProcessPorts:
    """The ports of the attempts of one engine.

    A job shares its ports with the whole machine: whoever may forward them must not reach what is
    not the job's.
    """

    def __init__(self) -> None:
        self._sockets: dict[Path, dict[str, Path]] = {}
        """Sockets that attempts had when they were last looked at; a number names one for ever."""
        self._exact: dict[tuple[Path, int], Listener] = {}
        """Sockets that listen at the one address where a port of an attempt was reached last."""

    async def connect(self, attempt: AttemptDir, port: int) -> PortStream:
        """Connect to a port that a process of an attempt listens at.

        Raises:
            JobConflict: the attempt does not run, or none of its processes listens there.
        """
        host = await in_thread(partial(self._find, attempt, port), name="port")
        if host is None:
            raise JobConflict(f"No process of the job listens at port {port} now.")
        try:
            return await PortStream.connect(host, port)
        except OSError as error:
            raise JobConflict(f"The job does not answer at port {port}: {error}.") from error

    def forget(self, attempt: AttemptDir) -> None:
        """Forget an attempt that is removed."""
        self._sockets.pop(attempt.path, None)
        self._exact = {key: one for key, one in self._exact.items() if key[0] != attempt.path}

    def _find(self, attempt: AttemptDir, port: int) -> str | None:
        found = self._exact.get((attempt.path, port))
        if found is not None and self._is_open(attempt, found):
            return found.host  # as long as it listens there, nobody else can
        for family in FAMILIES:  # reading a table of the kernel's may take milliseconds
            listening = [one for one in listeners(family) if one.port == port]
            host = reachable_at(port, self._sockets.get(attempt.path, {}), listening)
            if host is None and listening:
                # A look at every process of the machine takes longer still.
                own = sockets_of(processes_of(attempt, process_tree()))
                self._sockets[attempt.path] = own
                host = reachable_at(port, own, listening)
            if host is not None:
                exact = next((one for one in listening if one.host == host), None)
                if exact is not None:
                    self._exact[attempt.path, port] = exact
                return host
        return None

    def _is_open(self, attempt: AttemptDir, found: Listener) -> bool:
        file = self._sockets.get(attempt.path, {}).get(found.inode)
        return file is not None and is_open(found.inode, file)
