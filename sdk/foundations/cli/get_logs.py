"""`foundations get logs`: what a job has printed."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, naming, scheduler_argument
from foundations.cli.groups import CommandFailed

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import JobDetail

TAIL_BLOCK_BYTES = 64 * 1024


@click.command()
@scheduler_argument
@job_argument
@click.option("--follow", "-f", is_flag=True, help="Go on until the job has ended.")
@click.option("--tail", "-n", type=click.IntRange(min=0), help="Only the last lines, so many.")
@click.option("--raw", is_flag=True, help="Pass control characters through to the terminal.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; with --follow one a line."
)
def logs(
    scheduler: str, job_id: str, *, follow: bool, tail: int | None, raw: bool, as_json: bool
) -> None:
    """Print what a job has written to its standard output and error.

    On a terminal control sequences are made visible, except colours. In a pipe or a file the bytes
    come as the job wrote them.
    """
    client = connect(scheduler)
    with naming(job_id, scheduler):
        job = client.job(job_id)
        if job.state == "queued" and not follow:
            raise CommandFailed(f"Job `{job_id}` is queued and has not produced any logs")
        if job.local:
            raise CommandFailed(
                f"Job `{job_id}` is a local run: what it writes goes where it was started, and is "
                "not kept"
            )
        pieces = _pieces(client, job, tail=tail, follow=follow)
        if as_json:
            _print_json(job, pieces, follow=follow)
        else:
            _print(pieces, raw=raw)


def _print(pieces: Iterable[bytes], *, raw: bool) -> None:
    from foundations.streaming import LogWriter

    writer = LogWriter(sys.stdout, raw=raw)
    try:
        for piece in pieces:
            writer.write(piece)
    finally:
        writer.finish()


def _print_json(job: JobDetail, pieces: Iterable[bytes], *, follow: bool) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    if follow:
        for piece in pieces:
            text = decoder.decode(piece)
            if text:
                render.print_json_line({"job_id": job.job_id, "text": text})
        return
    text = decoder.decode(b"".join(pieces), final=True)
    render.print_json({"job_id": job.job_id, "state": str(job.state), "text": text})


def _pieces(client: Client, job: JobDetail, *, tail: int | None, follow: bool) -> Iterator[bytes]:
    offset = 0
    if tail is not None:
        last, offset = _last_lines(client, job, tail)
        if last:
            yield last
        if not follow:
            return
    yield from client.logs(job.job_id, offset=offset, follow=follow)


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
