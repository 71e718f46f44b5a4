"""One line on a terminal that says where a job stands while somebody waits for its end."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from foundations.cli import confirmation, render
from foundations.cli.batch import FINAL
from foundations.errors import AtlasError
from foundations.text.terminal import clean, display_width, shorten

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import JobView

LOOK_SECONDS = 2.0
"""How often the scheduler is asked: a place in the queue changes with no news of the job itself."""


class RewrittenLine:
    """The last line of a terminal, written over again and again."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._shown = ""

    def show(self, text: str) -> None:
        """Write a text in place of the one before."""
        columns = shutil.get_terminal_size().columns
        text = shorten(clean(text, one_line=True), columns - 1)
        if text == self._shown:
            return
        rest = max(0, display_width(self._shown) - display_width(text))
        end = " " * rest + "\r" * (not text)
        self._out.write(f"\r{text}{end}")
        self._out.flush()
        self._shown = text

    def clear(self) -> None:
        """Leave the line as empty as it was."""
        self.show("")


@contextmanager
def telling(client: Client, job_id: str, *, before: str = "") -> Iterator[None]:
    """Say on standard error where a job stands, with `before` in front; nothing when piped."""
    if not confirmation.is_watched():
        yield
        return
    line, over = RewrittenLine(sys.stderr), threading.Event()
    teller = threading.Thread(target=_tell, args=(client, job_id, before, line, over), daemon=True)
    with suppress(AtlasError):  # whoever waits meets it too, and says so
        _look(client, job_id, before, line)
        teller.start()
    try:
        yield
    finally:
        over.set()
        if teller.ident is not None:
            teller.join()
        line.clear()


def standing(job: JobView) -> str:
    """Where a job stands and since when; of one that waits also its place in the queue, and why."""
    name = f"Job {job.job_id[:8]}"
    if job.waiting is not None:
        since = render.local_time(job.submitted_at)
        position = job.waiting.position
        place = "" if position is None else f", place {position} in the queue"
        return f"{name} is queued since {since}{place}: {job.waiting.reason}"
    if job.started_at is not None:
        return f"{name} is {job.state}, started {render.local_time(job.started_at)}"
    return f"{name} is {job.state}, submitted {render.local_time(job.submitted_at)}"


def _tell(
    client: Client, job_id: str, before: str, line: RewrittenLine, over: threading.Event
) -> None:
    while not over.wait(LOOK_SECONDS):
        with suppress(AtlasError):  # the scheduler may be there again at the next look
            _look(client, job_id, before, line)


def _look(client: Client, job_id: str, before: str, line: RewrittenLine) -> None:
    job = client.job(job_id)
    if job.state not in FINAL:
        line.show(before + standing(job))
