"""`foundations get logs`: what a job has printed."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, naming, scheduler_argument
from foundations.cli.groups import CommandFailed
from foundations.cli.stamped_logs import in_json, print_lines_as_json, stamp, stamped
from foundations.logs.stamps import LineTimes, offset_since
from foundations.text.past_moments import FORMS, milliseconds, read_moment
from foundations.text.time_zones import local_now

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import JobDetail, LogLine, LogSearch

TAIL_BLOCK_BYTES = 64 * 1024
LONGEST_PATTERN = 1000


@click.command()
@scheduler_argument
@job_argument
@click.option("--follow", "-f", is_flag=True, help="Go on until the job has ended.")
@click.option("--tail", "-n", type=click.IntRange(min=0), help="Only the last lines, so many.")
@click.option("--offset", type=int, help="Begin at this byte; a negative one is from the end.")
@click.option("--bytes", "length", type=click.IntRange(min=0), help="Only so many bytes.")
@click.option(
    *("--since", "since"),
    metavar="TIME",
    help="Begin at this time, such as 14:05, '2026-01-31 14:05' or '10m ago'.",
)
@click.option("--timestamps", "-t", is_flag=True, help="Print when each line was written.")
@click.option("--grep", metavar="PATTERN", help="Only lines with this, found on the scheduler.")
@click.option("--regex", "-E", is_flag=True, help="The pattern of --grep is a regular expression.")
@click.option("--ignore-case", "-i", is_flag=True, help="--grep takes capitals as small letters.")
@click.option(
    *("--context", "-C"),
    type=click.IntRange(0, 20),
    default=0,
    help="With --grep, so many lines before and after each.",
)
@click.option("--raw", is_flag=True, help="Pass control characters through to the terminal.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; with --follow one a line."
)
def logs(
    scheduler: str,
    job_id: str,
    *,
    follow: bool,
    tail: int | None,
    offset: int | None,
    length: int | None,
    since: str | None,
    timestamps: bool,
    grep: str | None,
    regex: bool,
    ignore_case: bool,
    context: int,
    raw: bool,
    as_json: bool,
) -> None:
    """Print what a job has written to its standard output and error.

    On a terminal control sequences are made visible, except colours. In a pipe or a file the bytes
    come as the job wrote them. Times are in the time zone of this machine, in JSON in UTC.
    """
    part = Part(offset=offset, length=length, tail=tail, since_ms=_since(since))
    part.check(grep=grep, follow=follow)
    client = connect(scheduler)
    with naming(job_id, scheduler):
        job = _job_with_log(client, job_id, follow=follow)
        times = LineTimes(client, job.job_id) if timestamps else None
        if grep is not None:
            from foundations.logs.matches import found_lines

            search = _search(grep, regex=regex, ignore_case=ignore_case, context=context)
            found = found_lines(client, job.job_id, search)
            _print_found(job, found, times, raw=raw, as_json=as_json)
            return
        start, pieces = _pieces(client, job, part, follow=follow)
        if not as_json:
            _print(pieces if times is None else stamped(pieces, times, offset=start), raw=raw)
        elif times is None:
            _print_json(job, pieces, follow=follow)
        else:
            print_lines_as_json(job, pieces, times, offset=start, follow=follow)


def _since(text: str | None) -> int | None:
    if text is None:
        return None
    moment = read_moment(text, now=local_now())
    if moment is None:
        raise click.UsageError(f"--since takes a time such as {FORMS}, not {text!r}.")
    return milliseconds(moment)


def _job_with_log(client: Client, job_id: str, *, follow: bool) -> JobDetail:
    """Find a job, unless it cannot have a log."""
    job = client.job(job_id)
    if job.state == "queued" and not follow:
        raise CommandFailed(f"Job `{job_id}` is queued and has not produced any logs")
    if job.local:
        raise CommandFailed(
            f"Job `{job_id}` is a local run: what it writes goes where it was started, and is "
            "not kept"
        )
    return job


def _print(pieces: Iterable[bytes], *, raw: bool) -> None:
    from foundations.streaming import LogWriter

    writer = LogWriter(sys.stdout, raw=raw)
    try:
        for piece in pieces:
            writer.write(piece)
    finally:
        writer.finish()


def _print_json(job: JobDetail, pieces: Iterable[bytes], *, follow: bool) -> None:
    if follow:
        for text in _decoded(pieces):
            render.print_json_line({"job_id": job.job_id, "text": text})
    else:
        text = "".join(_decoded(pieces))
        render.print_json({"job_id": job.job_id, "state": str(job.state), "text": text})


def _decoded(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield texts that are not empty; a character may be parted between two pieces."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def _search(pattern: str, *, regex: bool, ignore_case: bool, context: int) -> LogSearch:
    from foundations.models import LogSearch

    if not 0 < len(pattern) <= LONGEST_PATTERN:
        raise click.UsageError(f"--grep takes 1 to {LONGEST_PATTERN} characters.")
    return LogSearch(pattern=pattern, regex=regex, ignore_case=ignore_case, context=context)


def _print_found(
    job: JobDetail,
    lines: Iterable[LogLine],
    times: LineTimes | None,
    *,
    raw: bool,
    as_json: bool,
) -> None:
    if as_json:
        found = [line.model_dump(mode="json") for line in lines]
        if times is not None:
            for line in found:
                line["at"] = in_json(times.of(line["offset"]))
        matches = sum(line["matches"] for line in found)
        render.print_json({"job_id": job.job_id, "matches": matches, "lines": found})
    else:
        _print(_found_bytes(lines, times), raw=raw)


def _found_bytes(lines: Iterable[LogLine], times: LineTimes | None) -> Iterator[bytes]:
    """Write lines as `grep` does: what does not follow on is parted by a line of its own."""
    end = None
    for line in lines:
        if end not in (None, line.offset):
            yield b"--\n"
        end = line.offset + line.size_bytes
        when = "" if times is None else stamp(times.of(line.offset))
        yield f"{when}{line.text}\n".encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of the log is wanted."""

    offset: int | None
    length: int | None
    tail: int | None
    since_ms: int | None = None

    def check(self, *, grep: str | None, follow: bool) -> None:
        """Refuse options that contradict each other."""
        is_part = self.offset is not None or self.length is not None
        if self.since_ms is not None and (self.offset is not None or self.tail is not None):
            raise click.UsageError("--since cannot be used with --offset or --tail.")
        is_part |= self.since_ms is not None
        if self.tail is not None and is_part:
            raise click.UsageError("--tail cannot be used with --offset or --bytes.")
        if grep is not None and (follow or is_part or self.tail is not None):
            raise click.UsageError("--grep searches the whole log: use it alone.")


def _pieces(
    client: Client, job: JobDetail, part: Part, *, follow: bool
) -> tuple[int, Iterator[bytes]]:
    """Return where the part that is wanted begins, and the part."""
    start, last = _start(client, job, part), b""
    if part.tail is not None:
        last, end = _last_lines(client, job, part.tail)
        start = end - len(last)
        if not follow:
            return start, iter([last] if last else [])
    rest = client.logs(job.job_id, offset=start + len(last), follow=follow, length=part.length)
    return start, chain([last] if last else [], rest)


def _start(client: Client, job: JobDetail, part: Part) -> int:
    """Where the part begins, in bytes from the beginning."""
    if part.since_ms is not None:
        return offset_since(client, job.job_id, part.since_ms)
    offset = part.offset or 0
    return offset if offset >= 0 else max(0, job.log_size_bytes + offset)


def _last_lines(client: Client, job: JobDetail, count: int) -> tuple[bytes, int]:
    """Read backwards until there are enough lines. Returns them, and the offset after them."""
    size = job.log_size_bytes
    block = TAIL_BLOCK_BYTES
    while True:
        start = max(0, size - block)
        data = b"".join(client.logs(job.job_id, offset=start))
        # A final line without its newline is a line too.
        lines = data.splitlines(keepends=True) if count else []
        if len(lines) > count or start == 0 or not count:
            return b"".join(lines[-count:]) if count else b"", start + len(data)
        block *= 4
