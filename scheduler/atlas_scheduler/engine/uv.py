"""Where uv is: a program that comes with this installation."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def uv_program() -> Path | None:
    """Find uv; None where the installation lacks it."""
    try:
        from uv import find_uv_bin

        return Path(find_uv_bin()).resolve()
    except (ImportError, OSError):
        return None
