"""Append a job's records to its event file: whole lines, each call one write.

Nothing is buffered, so what was recorded survives a `kill -9`. Nothing is locked, because the
kernel keeps an appending write in one piece: threads, forked children and other processes of the
job may record at the same time. Trouble with the file is told once and never raised: a training
run must not end because its records cannot be kept.
"""

from __future__ import annotations

import errno
import json
import operator
import os
import sys
import time
from collections.abc import Mapping

# Loading the real typing module takes milliseconds of every start of a job.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Set, Union

    Scalar = Union[str, int, float, bool]

_SCALARS = (float, int, str, bool)
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
# What the scheduler takes: 1 MiB a line (a character may become twelve), keys of 500 characters,
# 64 levels.
_LONGEST_TEXT = 80_000
_LONGEST_KEY = 500
_DEEPEST = 60

_told: Set[object] = set()


def warn(text: str) -> None:
    """Write a warning to standard error, where the job's log is."""
    tell(text, "WARNING")


def tell(text: str, level: str = "INFO") -> None:
    """Write something that is good to know to standard error."""
    try:
        sys.stderr.write("Foundations {}: {}\n".format(level, text))
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        return  # there is no standard error, or it is closed: nobody to tell


def warn_once(text: str, about: object = None) -> None:
    """Write a warning that this process has not written yet, or of that it has not warned yet."""
    if (about or text) not in _told:
        _told.add(about or text)
        warn(text)


class Recorder:
    """The event file of one job."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.tags: Dict[str, str] = {}  # that this process set
        self._file = -1
        self._device = 0
        self._inode = 0
        self._is_torn = False

    def append(self, lines: bytes) -> None:
        """Append whole lines, each with its newline. Tells of trouble once, raises nothing."""
        try:
            self._append(lines)
        except OSError as error:
            reason = error.strerror or str(error)
            warn_once("Cannot record to {}: {}; the job goes on.".format(self.path, reason))

    def _append(self, lines: bytes) -> None:
        if not self._is_open():
            self._open()
        if self._is_torn:
            lines = b"\n" + lines
        if os.write(self._file, lines) == len(lines):
            self._is_torn = False
            return
        # The disk took a part. Readers skip a broken line, so the whole goes on a fresh one.
        self._is_torn = True
        lines = b"\n" + lines
        if os.write(self._file, lines) < len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._is_torn = False

    def _is_open(self) -> bool:
        """Tell whether the number still means our file.

        A program that becomes a daemon closes every file it finds, and the number may then be
        given to one of the user's files.
        """
        if self._file < 0:
            return False
        try:
            now = os.fstat(self._file)
        except OSError:
            return False
        return now.st_ino == self._inode and now.st_dev == self._device and now.st_nlink > 0

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._file = os.open(self.path, flags, 0o644)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            self._file = os.open(self.path, flags, 0o644)
        found = os.fstat(self._file)
        self._device, self._inode = found.st_dev, found.st_ino
        if found.st_size > 0:
            # A process that was killed in the middle of a long line left its beginning.
            self._is_torn = os.pread(self._file, 1, found.st_size - 1) != b"\n"


def record_line(event: str, key: str, rest: str) -> bytes:
    """Write a record of now as a line; `rest` holds its other fields as they stand in JSON."""
    line = '{{"event":"{}","key":{},{},"at":{:.3f}}}\n'
    return line.format(event, key_text(key), rest, time.time()).encode("ascii")


def param_line(key: str, value: Any) -> bytes:
    """Write the record of a parameter, whatever its value is."""
    try:
        text = scalar_text(value)
    except TypeError:
        text = value_text(value)
    return record_line("param", str(key), '"value":' + text)


def value_text(value: Any) -> str:
    """Write anything as JSON; what JSON has no form for becomes its text, as does what is huge."""
    try:
        text = json.dumps(_plain(value, 0), separators=(",", ":"))
    except RecursionError:
        text = quoted("<{} nested too deeply>".format(type(value).__name__))
    return text if len(text) <= _LONGEST_TEXT else quoted(text)


def _plain(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise RecursionError
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {clean(str(key)): _plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return [_plain(each, depth + 1) for each in value]
    try:
        scalar = plain_scalar(value)
    except TypeError:
        to_list = getattr(value, "tolist", None)  # an array
        return _plain(to_list(), depth + 1) if callable(to_list) else clean(str(value))
    if isinstance(scalar, float) and scalar - scalar != 0:
        return _NOT_FINITE[repr(scalar)]
    return clean(scalar) if isinstance(scalar, str) else scalar


def scalar_text(value: Any) -> str:
    """Write a scalar as JSON, with the flag that goes with NaN and infinities.

    Raises:
        TypeError: it is not a scalar.
    """
    scalar = plain_scalar(value)
    if isinstance(scalar, float):
        text = repr(scalar)
        return text if text not in _NOT_FINITE else '"{}","special":true'.format(_NOT_FINITE[text])
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    return quoted(scalar) if isinstance(scalar, str) else str(scalar)


def plain_scalar(value: Any) -> Scalar:
    """Reduce a value to a plain Python scalar, or raise TypeError."""
    if type(value) in _SCALARS:
        return _bounded(value) if type(value) is int else value
    if isinstance(value, str):
        return str.__str__(value)
    item = getattr(value, "item", None)  # of numpy, torch, jax
    if callable(item):
        try:
            value = item()
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError("it has more than one element") from error
        if type(value) in _SCALARS:
            return plain_scalar(value)
    try:
        return _bounded(operator.index(value))
    except (TypeError, AttributeError):
        return _float(value)


def _float(value: Any) -> float:
    # float() itself would also read text.
    if not hasattr(type(value), "__float__"):
        raise TypeError("it is not a number")
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise TypeError("it is not a number") from error


def _bounded(value: int) -> Union[int, float]:
    """Make a number that does not fit in 64 bits a float, which every reader can store."""
    if -(2**63) <= value < 2**63:
        return value
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def key_text(key: str) -> str:
    """Write a key as JSON; readers take none that is empty or very long."""
    return json.dumps(clean(key[:_LONGEST_KEY])) if key else '"_"'


def quoted(text: str) -> str:
    """Write a string as JSON: ASCII only, and not longer than readers take."""
    if len(text) > _LONGEST_TEXT:
        warn_once("A text of {} characters was recorded shortened.".format(len(text)))
        text = text[:_LONGEST_TEXT] + " ..."
    return json.dumps(clean(text))


def clean(text: str) -> str:
    """Replace halves of surrogate pairs, which UTF-8 and so databases have no form for."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
