"""Which scheduler is meant where none is named."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from foundations import configs
from foundations.errors import ConfigError
from foundations.home import Home

_LONGEST_BYTES = 1_000


def default_name(home: Home) -> str:
    """Return the name of the scheduler config that is meant where none is named."""
    try:
        with home.default_scheduler.open("rb") as file:
            name = file.read(_LONGEST_BYTES).decode("utf-8", "replace").strip()
    except FileNotFoundError:
        return configs.DEFAULT_NAME
    return name or configs.DEFAULT_NAME


def choose(name: str, *, home: Home, cwd: Path | None = None) -> None:
    """Let a scheduler config be meant where none is named.

    Raises:
        ConfigError: there is none of that name, or it is not valid.
    """
    configs.load(name, home=home, cwd=cwd)
    if name == configs.DEFAULT_NAME:
        forget(home)
        return
    home.create()
    home.default_scheduler.parent.mkdir(parents=True, exist_ok=True)
    write_privately(home.default_scheduler, f"{name}\n")


def forget(home: Home) -> None:
    """Let this machine's own scheduler be meant again."""
    home.default_scheduler.unlink(missing_ok=True)


def write_privately(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, whole or not at all.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror}") from error
