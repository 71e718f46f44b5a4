"""The name under which whoever runs this submits jobs."""

from __future__ import annotations

import getpass
import os


def current_user() -> str:
    """Return the name that jobs are submitted under."""
    named = os.environ.get("FOUNDATIONS_USER")
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
