"""The server's own log: one JSON object a line, user text only as field values."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

from foundations.text.terminal import clean

LARGEST_BYTES = 10_000_000
"""A log file that is larger is put aside, and a new one begun."""
KEPT_FILES = 3
"""So many that were put aside are kept: `server.log.1` is the newest of them."""

_STDOUT, _STDERR = 1, 2


def configure(*, on_terminal: bool, log_file: Path | None = None) -> None:
    """Send the server's log to stderr, readable on a terminal and as JSON elsewhere.

    Args:
        on_terminal: whether stderr is one.
        log_file: what stderr may have been led to; where it is, it does not grow for ever.
    """
    finishing: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
    ]
    finishing += [_cleaned, _console()] if on_terminal else [structlog.processors.JSONRenderer()]
    before: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr) if log_file is None else BoundedHandler(log_file)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=finishing)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("uvicorn.error", "uvicorn.access", "docker", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _console() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _cleaned(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Let no field control the terminal or begin a line; a traceback has lines of its own."""
    for key, value in event.items():
        text = value if isinstance(value, str) else repr(value)
        event[key] = clean(text, one_line=key != "exception")
    return event


class BoundedHandler(logging.StreamHandler[Any]):
    """Writes to stderr, and puts the file aside that this is led to once it is too large.

    Whatever else writes to stderr, such as the interpreter at a fatal error, goes on in the new
    file: the descriptors themselves are led there.
    """

    def __init__(self, path: Path, *, largest_bytes: int = LARGEST_BYTES) -> None:
        """Write to stderr.

        Args:
            path: the file that is bound, where stderr leads to it.
            largest_bytes: from this size on it is put aside.
        """
        super().__init__(sys.stderr)
        self._path = path
        self._largest_bytes = largest_bytes

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, then look at the size."""
        super().emit(record)
        try:
            if os.fstat(_STDERR).st_size > self._largest_bytes and leads_to(_STDERR, self._path):
                put_aside(self._path)
        except OSError:
            self.handleError(record)


def leads_to(descriptor: int, path: Path) -> bool:
    """Say whether an open descriptor is that of a file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def aside(path: Path, number: int) -> Path:
    """Name a log that was put aside; 1 is the newest."""
    return path.with_name(f"{path.name}.{number}")


def put_aside(path: Path) -> None:
    """Begin a new log file, and lead stdout and stderr of this process there."""
    for number in range(KEPT_FILES - 1, 0, -1):
        if aside(path, number).exists():
            aside(path, number).replace(aside(path, number + 1))
    outputs = [output for output in (_STDOUT, _STDERR) if leads_to(output, path)]
    path.replace(aside(path, 1))
    fresh = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for output in outputs:
            os.dup2(fresh, output)
    finally:
        os.close(fresh)
