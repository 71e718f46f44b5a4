"""Which directories of this machine the engine fills."""

from __future__ import annotations

import os
from pathlib import Path

from atlas_scheduler.engine.facts import EngineFacts


def data_dirs_here(
    facts: EngineFacts, *, socket_path: str | None, machine: os.uname_result | None = None
) -> tuple[Path, ...]:
    """Find where an engine keeps images and containers, if that is this machine.

    A socket may lead elsewhere, by ssh or into a virtual machine, where a directory of the same
    name is another one.

    Args:
        facts: what it says of itself.
        socket_path: where it listens; None when that is no path of this machine.
        machine: this one; None asks the system.
    """
    here = machine or os.uname()
    if socket_path is None or (facts.hostname, facts.kernel) != (here.nodename, here.release):
        return ()
    return tuple(path for path in map(Path, facts.data_dirs) if _is_there(path))


def _is_there(path: Path) -> bool:
    try:
        return path.is_dir()
    except PermissionError:
        return False
