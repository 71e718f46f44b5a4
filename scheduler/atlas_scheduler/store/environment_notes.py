"""What is noted about a cached environment, in a file inside of it."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from atlas_scheduler.store.disk_bytes import bytes_on_disk
from atlas_scheduler.store.files import write_durably

ABOUT = "atlas-environment.json"
_LARGEST_BYTES = 10_000_000
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
    user: str | None = None
    """Whose jobs alone can have it."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went away."""

    environments: int
    freed_bytes: int
    in_use: int
    """How many stayed because jobs use them."""


def complete(directory: Path, *, base: str, user: str | None, now_ms: int) -> None:
    """Add what the scheduler knows to what the build noted.

    Args:
        directory: what was built.
        base: image or interpreter that it lies on.
        user: whose jobs alone can have it; None is everybody's.
        now_ms: the time.

    Raises:
        OSError: it noted nothing that can be read, or the disk is full.
    """
    about = _noted(directory / ABOUT)
    about |= {"base": base, "size_bytes": bytes_on_disk(directory), "created_at_ms": now_ms}
    about |= {"user": user}
    write_durably(directory / ABOUT, json.dumps(about).encode())


def _noted(path: Path) -> dict[str, object]:
    """Read what a build noted, which an image of anybody's may have written."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path.name} is no file")
        content = file.read(_LARGEST_BYTES)
    try:
        noted = json.loads(content)
        return {"python": str(noted["python"]), "packages": [str(one) for one in noted["packages"]]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise OSError(f"{path.name} is not what a build writes") from error


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
            user=known.get("user") or None,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
