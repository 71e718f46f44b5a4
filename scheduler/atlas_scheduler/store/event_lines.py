"""Reads the lines that jobs record, whoever wrote them and whatever is in them.

A job may write anything into its event file, so nothing here trusts a line: it becomes one of the
records below, it is of a kind that this version does not know, or it is bad and only counted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pydantic_core import from_json

from atlas_scheduler.store.record_kinds import (
    Artifact,
    Environment,
    Metric,
    Parameter,
    Record,
    Tag,
)
from foundations.models import SYSTEM_PREFIX
from foundations.provenance import MOST_PACKAGES

LINE_LIMIT_BYTES = 1 << 20
"""A longer line is bad."""
KEY_LIMIT = 500
"""A longer key (in characters) makes a line bad."""
DEPTH_LIMIT = 64
"""A line whose JSON is nested deeper is bad."""
INTEGERS = range(-(2**63), 2**63)
"""What the database holds as an integer."""

LOGDIR_TAG = "tensorboard"
"""The tag that says where a job's TensorBoard logs lie."""
LOGDIR_TOPS = ("job_source", "artifacts")
"""Directories of a job's directory that are kept, so that logs may lie in them."""

_DECODER = json.JSONDecoder()
_PLAIN_BYTES = 1_000
_METRIC_FIELDS = ("key", "value", "step", "at")
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_LATEST_SECONDS = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was in the lines."""

    records: list[Record]
    bad_lines: int = 0
    """Lines that are not what they should be."""
    unknown_events: int = 0
    """Well-formed lines of a kind that this version does not know."""


class _BadLine(Exception):
    """Something in the line is not as documented."""


def parse_lines(data: bytes) -> Parsed:
    """Read whole lines of an event file.

    Args:
        data: lines with their newlines. What follows the last newline is read as a line too.
    """
    found: list[Record] = []
    bad_lines = unknown_events = 0
    for line in data.split(b"\n"):
        if not line or line.isspace():
            continue
        try:
            record = _plain_metric(line) or _record(line)
        except (_BadLine, ValueError, RecursionError, OverflowError):
            bad_lines += 1
            continue
        if record is None:
            unknown_events += 1
        else:
            found.append(record)
    return Parsed(found, bad_lines, unknown_events)


def _plain_metric(line: bytes) -> Metric | None:
    """Read a line as nearly all are: a point with a float for its value; None for any other.

    What is not plain is left to `_record`, which says the same of a plain one and takes longer.
    """
    if len(line) > _PLAIN_BYTES or b"\\" in line or b"[" in line or line.count(b"{") != 1:
        return None
    try:
        fields = from_json(line)
    except ValueError:
        return None
    if type(fields) is not dict or fields.get("event") != "metric":
        return None
    wanted: Iterator[Any] = map(fields.get, _METRIC_FIELDS)
    key, value, step, at = wanted
    is_plain = (
        type(value) is float
        and type(key) is str
        and 0 < len(key) <= KEY_LIMIT
        and not key.startswith(SYSTEM_PREFIX)
        and type(at) is float
        and 0 <= at <= _LATEST_SECONDS
        and (type(step) is int or step is None)
    )
    if not is_plain:
        return None
    return Metric(key, value, None if step is None else float(step), round(at * 1000))


def _record(line: bytes) -> Record | None:
    fields = _load(line)
    match fields.get("event"):
        case "metric":
            return Metric(_metric_key(fields), _metric_value(fields), _step(fields), _at_ms(fields))
        case "param":
            if "value" not in fields:
                raise _BadLine
            return Parameter(_key(fields), fields["value"], _at_ms(fields))
        case "tag":
            return Tag(_key(fields), _tag_value(fields))
        case "artifact":
            return Artifact(_key(fields), _path(fields), _size_bytes(fields), _at_ms(fields))
        case str() as event:
            return _rare_record(event, fields)
    raise _BadLine


def _rare_record(event: str, fields: dict[str, Any]) -> Record | None:
    """Read what a job says once or so; None for an event that this version does not know."""
    match event:
        case "environment":
            return Environment(_environment(fields))
        case "tensorboard":
            return Tag(LOGDIR_TAG, _logdir(fields))
    return None


def _load(line: bytes) -> dict[str, Any]:
    if len(line) > LINE_LIMIT_BYTES:
        raise _BadLine
    text = line.decode("utf-8", "replace").strip()
    value, end = _DECODER.raw_decode(text)
    if type(value) is not dict or end != len(text):
        raise _BadLine
    if text.count("[") + text.count("{") > DEPTH_LIMIT and _depth(value) > DEPTH_LIMIT:
        raise _BadLine
    return _whole_characters(value) if "\\u" in text else value


def _whole_characters(value: dict[str, Any]) -> dict[str, Any]:
    """Replace halves of surrogate pairs: they are valid in JSON and nowhere else."""
    text = json.dumps(value, ensure_ascii=False)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    fields: dict[str, Any] = json.loads(text)
    return fields


def _depth(value: Any) -> int:
    depth, level = -1, [value]
    while level:
        depth += 1
        inner: list[Any] = []
        for one in level:
            if type(one) is dict:
                inner.extend(one.values())
            elif type(one) is list:
                inner.extend(one)
        level = inner
    return depth


def _key(fields: dict[str, Any]) -> str:
    key = fields.get("key")
    if type(key) is not str or not 0 < len(key) <= KEY_LIMIT:
        raise _BadLine
    return key


def _at_ms(fields: dict[str, Any]) -> int | None:
    """When it was logged; None when the line does not say, or says nonsense."""
    at = fields.get("at")
    if (type(at) is int or type(at) is float) and 0 <= at <= _LATEST_SECONDS:
        return round(at * 1000)
    return None


def _metric_key(fields: dict[str, Any]) -> str:
    key = _key(fields)
    if key.startswith(SYSTEM_PREFIX):
        raise _BadLine  # the scheduler's own
    return key


def _metric_value(fields: dict[str, Any]) -> Any:
    value = fields.get("value")
    if type(value) is float or type(value) is bool:
        return value
    if type(value) is int:
        return value if value in INTEGERS else float(value)
    if type(value) is str:
        return _SPECIAL.get(value, value) if fields.get("special") is True else value
    if type(value) is list and not any(isinstance(one, (list, dict)) for one in value):
        return value
    raise _BadLine


def _step(fields: dict[str, Any]) -> float | None:
    step = fields.get("step")
    if step is None:
        return None
    if (type(step) is int or type(step) is float) and math.isfinite(step):
        return float(step)
    raise _BadLine


def _tag_value(fields: dict[str, Any]) -> str:
    value = fields.get("value", "")
    return value if type(value) is str else json.dumps(value, ensure_ascii=False)


def _path(fields: dict[str, Any]) -> str:
    path = fields.get("path")
    if type(path) is not str or "\0" in path:
        raise _BadLine
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise _BadLine
    return "/".join(parts)


def _environment(fields: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("python", "implementation", "executable"):
        value = fields.get(name)
        if value is not None:
            found[name] = _short(value)
    packages = fields.get("packages", {})
    if type(packages) is not dict or len(packages) > MOST_PACKAGES:
        raise _BadLine
    found["packages"] = {_short(name): _short(version) for name, version in packages.items()}
    left_out = fields.get("packages_left_out", 0)
    if type(left_out) is not int or left_out not in INTEGERS or left_out < 0:
        raise _BadLine
    found["packages_left_out"] = left_out
    return found


def _short(value: Any) -> str:
    if type(value) is not str or len(value) > KEY_LIMIT:
        raise _BadLine
    return value


def _logdir(fields: dict[str, Any]) -> str:
    path = _path(fields)
    if path.partition("/")[0] not in LOGDIR_TOPS:
        raise _BadLine
    return path


def _size_bytes(fields: dict[str, Any]) -> int:
    size_bytes = fields.get("size_bytes")
    if type(size_bytes) is not int or size_bytes not in INTEGERS or size_bytes < 0:
        raise _BadLine
    return size_bytes
