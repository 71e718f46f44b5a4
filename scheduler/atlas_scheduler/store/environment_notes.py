"""What is noted about a cached environment, in a file inside of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from atlas_scheduler.store.disk_bytes import bytes_on_disk
from atlas_scheduler.store.files import write_durably

ABOUT = "atlas-environment.json"
_KEY = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class CachedEnvironment:
    """One environment that is ready."""

    key: str
    base: str
    """Image or interpreter that it lies on."""
    python: str
    """Version of it."""
    packages: tuple[str, ...]
    """What was installed, as `name==version`."""
    size_bytes: int
    created_at_ms: int
    used_at_ms: int
    job_ids: tuple[str, ...]
    """Who uses it now."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went away."""

    environments: int
    freed_bytes: int
    in_use: int
    """How many stayed because jobs use them."""


def complete(directory: Path, *, base: str, now_ms: int) -> None:
    """Add what the scheduler knows to what the build noted.

    Raises:
        OSError: it noted nothing, or the disk is full.
    """
    about = json.loads((directory / ABOUT).read_bytes())
    about |= {"base": base, "size_bytes": bytes_on_disk(directory), "created_at_ms": now_ms}
    write_durably(directory / ABOUT, json.dumps(about).encode())


def load(directory: Path, *, job_ids: Sequence[str] = ()) -> CachedEnvironment | None:
    """Read the notes of an environment; None when it is none, or not complete.

    Args:
        directory: where it lies, named by its key.
        job_ids: who uses it now.
    """
    if not _KEY.fullmatch(directory.name):
        return None
    about = directory / ABOUT
    try:
        used_at_ms = about.stat().st_mtime_ns // 1_000_000
        known = json.loads(about.read_bytes())
        return CachedEnvironment(
            key=directory.name,
            base=str(known["base"]),
            python=str(known["python"]),
            packages=tuple(map(str, known["packages"])),
            size_bytes=int(known["size_bytes"]),
            created_at_ms=int(known["created_at_ms"]),
            used_at_ms=used_at_ms,
            job_ids=tuple(sorted(job_ids)),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
