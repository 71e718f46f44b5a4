"""Reads the server's log back: the last lines, those that come, and each as a person reads it."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TextIO

from atlas_scheduler.serverlog import aside
from foundations.text.terminal import clean

LOOK_SECONDS = 0.25
"""How often a followed log is looked at."""


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a log, of the one before it too where it was put aside just now."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in _last(path, file, count)]


def follow(
    path: Path, count: int, *, pause: Callable[[float], None] = time.sleep
) -> Generator[str]:
    """Yield the last lines and then each that is written, also after the log was put aside."""
    file = path.open(encoding="utf-8", errors="replace")
    held = ""
    try:
        found = _last(path, file, count)
        while True:
            for piece in chain(found, file):
                held += piece
                if held.endswith("\n"):
                    yield held.rstrip("\n")
                    held = ""
            found = []
            if _is_replaced(file.fileno(), path):
                file.close()
                file = path.open(encoding="utf-8", errors="replace")
            else:
                pause(LOOK_SECONDS)
    finally:
        file.close()


def _last(path: Path, file: TextIO, count: int) -> Sequence[str]:
    found: deque[str] = deque(maxlen=count)
    with suppress(FileNotFoundError), aside(path, 1).open(errors="replace") as older:
        found.extend(older)
    found.extend(file)
    return list(found)


def _is_replaced(descriptor: int, path: Path) -> bool:
    try:
        return not os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def readable(line: str) -> str:
    """Turn a line of the log into one for people; what is no record stays as it is, cleaned."""
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return clean(line, one_line=True)
    at, level = record.pop("timestamp", ""), record.pop("level", "")
    event, traceback = record.pop("event", ""), record.pop("exception", None)
    fields = " ".join(f"{key}={_shown(value)}" for key, value in record.items())
    told = clean(f"{at} {level:<8} {event}  {fields}".rstrip(), one_line=True)
    return told if traceback is None else f"{told}\n{clean(str(traceback))}"


def _shown(value: object) -> str:
    return value if isinstance(value, str) and value.isprintable() and value else json.dumps(value)
