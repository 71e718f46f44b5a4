"""Prints the lines of a log with the times that they were written at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from foundations.cli import render
from foundations.logs.stamps import LineParts, LineTimes, whole_lines

if TYPE_CHECKING:
    from foundations.models import JobDetail

WIDTH = len("2026-01-31 14:05:30.1")


def stamp(moment: datetime | None) -> str:
    """Write a time for the beginning of a line: the machine's own, to a tenth of a second."""
    if moment is None:
        return f"{render.MISSING:<{WIDTH}} "
    return f"{render.local_time(moment)}.{moment.microsecond // 100_000} "


def stamped(pieces: Iterable[bytes], times: LineTimes, *, offset: int) -> Iterator[bytes]:
    """Put times before lines, and before what is written over one after a carriage return."""
    lines = LineParts(offset)
    last: datetime | None = None
    text = stamp(last).encode()
    for piece in pieces:
        written: list[bytes] = []
        for part in lines.feed(piece):
            if part.begins:
                moment = times.of(part.offset)
                if moment != last:
                    last, text = moment, stamp(moment).encode()
                written.append(text)
            written.append(part.data)
        yield b"".join(written)


def print_lines_as_json(
    job: JobDetail, pieces: Iterable[bytes], times: LineTimes, *, offset: int, follow: bool
) -> None:
    """Print a document with every line, or with `follow` an object a line."""
    lines = (_document(at, data, times) for at, data in whole_lines(pieces, offset=offset))
    if follow:
        for line in lines:
            render.print_json_line({"job_id": job.job_id, **line})
    else:
        render.print_json({"job_id": job.job_id, "state": str(job.state), "lines": list(lines)})


def _document(offset: int, line: bytes, times: LineTimes) -> dict[str, Any]:
    text = line.decode("utf-8", "replace")
    return {"offset": offset, "at": in_json(times.of(offset)), "text": text}


def in_json(moment: datetime | None) -> str | None:
    """Write a time as JSON documents have it: ISO 8601 in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
