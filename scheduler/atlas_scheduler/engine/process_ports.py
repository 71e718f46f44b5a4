"""Connections to ports of jobs of the process engine: only to what the job itself listens at."""

from __future__ import annotations

from atlas_scheduler.engine.attempts import AttemptDir
from atlas_scheduler.engine.listening import listeners, reachable_at
from atlas_scheduler.engine.port_stream import PortStream
from atlas_scheduler.engine.process_usage import process_tree, processes_of
from atlas_scheduler.engine.threads import in_thread
from foundations.errors import JobConflict


async def connect(attempt: AttemptDir, port: int) -> PortStream:
    """Connect to a port that a process of an attempt listens at.

    The job shares its ports with the whole machine: whoever may forward them must not reach what
    is not the job's.

    Raises:
        JobConflict: the attempt does not run, or none of its processes listens there.
    """

    def find() -> str | None:
        return reachable_at(port, processes_of(attempt, process_tree()), listeners())

    host = await in_thread(find, name="port")
    if host is None:
        raise JobConflict(f"No process of the job listens at port {port} now.")
    try:
        return await PortStream.connect(host, port)
    except OSError as error:
        raise JobConflict(f"The job does not answer at port {port}: {error}.") from error
