"""Tells on a terminal or in a file what becomes of a job, with its output as it comes."""

from __future__ import annotations

import os
import sys
import threading
from enum import IntEnum
from typing import TYPE_CHECKING, TextIO

from foundations.errors import AtlasError
from foundations.models import FINAL_STATES, Change, JobDetail, JobState, JobView, LogLevel
from foundations.text.quantities import counted
from foundations.text.terminal import LogText, clean

if TYPE_CHECKING:
    from foundations.client import Client

WATCHER_SECONDS = 1.0
"""Longest wait for the change feed to tell the end of a job that is known to have ended."""
_TAIL_BYTES = 8192
_SEVERITY: dict[str, int] = {
    level: place
    for place, level in enumerate(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), start=1)
}
_ENDINGS: dict[JobState, tuple[LogLevel, str]] = {
    JobState.COMPLETED: ("INFO", "has completed."),
    JobState.FAILED: ("ERROR", "has failed."),
    JobState.STOPPED: ("WARNING", "has been stopped."),
    JobState.LOST: ("ERROR", "was lost."),
    JobState.PRUNED: ("WARNING", "was ended early: other trials of its sweep do better."),
}


def wants_colour(stream: TextIO) -> bool:
    """Tell whether colours may be written to a stream."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


class LogWriter:
    """Writes a log: the bytes as they are, or made safe where a terminal shows them."""

    def __init__(self, out: TextIO, *, raw: bool = False) -> None:
        """Set `raw` to pass everything to a terminal too."""
        self._out = out
        self._text = LogText(colour=wants_colour(out)) if out.isatty() and not raw else None
        self.at_line_start = True
        """Whether nothing stands yet in the line where the next output goes."""

    def write(self, data: bytes) -> None:
        """Write a piece of the log and flush it."""
        if self._text is not None:
            self._write_text(self._text.feed(data))
            return
        buffer = getattr(self._out, "buffer", None)
        if buffer is None:
            self._write_text(data.decode("utf-8", "replace"))
            return
        self._out.flush()
        buffer.write(data)
        buffer.flush()
        self.at_line_start = data.endswith(b"\n") if data else self.at_line_start

    def finish(self) -> None:
        """Write what was held back, and leave no colour on."""
        if self._text is not None:
            self._write_text(self._text.finish())

    def _write_text(self, text: str) -> None:
        if text:
            self._out.write(text)
            self._out.flush()
            self.at_line_start = text.endswith(("\n", "\n\x1b[0m"))


class JobConsole:
    """Prints the messages of a submission and the output of its job, in one stream."""

    def __init__(self, out: TextIO | None = None, *, level: LogLevel = "INFO") -> None:
        """Print to `out` (standard output), messages from severity `level` on."""
        self._out = out if out is not None else sys.stdout
        self._level = _SEVERITY[level]
        self._writer = LogWriter(self._out)
        self._lock = threading.Lock()
        self._tail = b""
        self._is_over = False

    def say(self, level: LogLevel, text: str) -> None:
        """Print one message, on a line of its own."""
        if _SEVERITY[level] < self._level:
            return
        with self._lock:
            start = "" if self._writer.at_line_start else "\n"
            self._out.write(f"{start}Foundations {level}: {clean(text)}\n")
            self._out.flush()
            self._writer.at_line_start = True

    def info(self, text: str) -> None:
        """Print a message that belongs to the normal course."""
        self.say("INFO", text)

    def progress(self, text: str) -> None:
        """Tell a person who watches how it goes; nothing where no terminal is."""
        if self._out.isatty():
            self.say("INFO", text)

    def output(self, data: bytes) -> None:
        """Print a piece of the job's own output, unless that is over."""
        with self._lock:
            if self._is_over:
                return
            self._writer.write(data)
            self._tail = (self._tail + data)[-_TAIL_BYTES:]

    @property
    def is_seen_with_errors(self) -> bool:
        """Whether a person has what is printed before their eyes, and errors in the same place."""
        return self._out.isatty() and sys.stderr.isatty()

    @property
    def last_line(self) -> str:
        """The last line of the job's output."""
        *_, last = b"", *self._tail.splitlines()
        return last.decode("utf-8", "replace")

    def key_echoed(self) -> None:
        """Note that a terminal shows the key that was just pressed, such as `^C`, in its line."""
        if self._out.isatty():
            with self._lock:
                self._writer.at_line_start = False

    def end_output(self) -> None:
        """Note that the job's output is over: whoever reads it still has nothing printed."""
        with self._lock:
            self._is_over = True
            self._writer.finish()


def follow_job(client: Client, job: JobView, console: JobConsole) -> JobDetail:
    """Stream a job that was just submitted until it ends.

    Returns:
        The job as it ended.

    Raises:
        SchedulerError: the job was deleted meanwhile, or the scheduler failed.
        Unreachable: the scheduler does not come back.
    """
    story = _Story(client, job.job_id, console)
    story.begin(job)
    watcher = threading.Thread(target=story.watch, name=f"watch {job.job_id}", daemon=True)
    watcher.start()
    for piece in client.logs(job.job_id, follow=True):
        story.before_output()
        console.output(piece)
    console.end_output()
    ended = client.wait(job.job_id)
    story.end(ended)
    watcher.join(WATCHER_SECONDS)
    return ended


def is_ordinary_wait(reason: str) -> bool:
    """Tell whether a job only waits for its turn, which needs no explanation."""
    return "max_running_jobs" in reason or reason.startswith("about to start")


class _Told(IntEnum):
    """How far the story of a job has been told."""

    QUEUED = 0
    STARTING = 1
    RUNNING = 2
    ENDED = 3


class _Story:
    """Says each thing about a job once and in its order, whichever source knows it first.

    The change feed and the log are read at the same time: a job that prints nothing must be told
    to be running, and output that comes early must not wait for the feed.
    """

    def __init__(self, client: Client, job_id: str, console: JobConsole) -> None:
        self._client = client
        self._job_id = job_id
        self._console = console
        self._lock = threading.Lock()
        """Held until what is told is printed too: output that follows it must come after it."""
        self._told = _Told.QUEUED

    def begin(self, job: JobView) -> None:
        self._console.info(
            "Job queued. Ctrl-C to stop streaming - job will not be interrupted or cancelled."
        )
        # The answer to a submission does not say why the job waits.
        waiting = (job if job.waiting is not None else self._client.job(self._job_id)).waiting
        if waiting is not None and not is_ordinary_wait(waiting.reason):
            self._console.say("WARNING", f"Job is waiting: {waiting.reason}")

    def watch(self) -> None:
        try:
            for change in self._client.changes(0, job=self._job_id, follow=True):
                if change.state is JobState.RUNNING:
                    self._tell_running()
                self._tell_retry(change)
                if change.state in FINAL_STATES:
                    return
        except (AtlasError, RuntimeError):
            # Whoever reads the log meets the same trouble, and reports it. A RuntimeError is
            # httpx's word for a client that was closed, as after Ctrl-C.
            return

    def before_output(self) -> None:
        with self._lock:
            if self._told > _Told.QUEUED:
                return
        job = self._client.job(self._job_id)
        if job.started_at is not None:
            self._tell_running()
        else:
            self._tell(_Told.STARTING, "INFO", "Job starting, streaming logs.")

    def end(self, job: JobDetail) -> None:
        if job.started_at is not None:
            self._tell_running()
        level, text = _ENDINGS[job.state]
        self._tell(_Told.ENDED, level, f"Job '{job.job_id}' {text}")
        if not job.reason or job.state is JobState.COMPLETED:
            return
        if not self._told_by_log(job):
            self._console.say(level, f"Reason: {job.reason}")

    def _told_by_log(self, job: JobDetail) -> bool:
        """Tell whether the log ends with why a start was refused, and what came before it."""
        last = self._console.last_line
        if last == f"Foundations ERROR: {job.reason}":
            return True
        return job.started_at is None and last.startswith("Foundations ERROR: ")

    def _tell_running(self) -> None:
        self._tell(_Told.RUNNING, "INFO", "Job running, streaming logs.")

    def _tell(self, what: _Told, level: LogLevel, text: str) -> None:
        with self._lock:
            if what > self._told:
                self._console.say(level, text)
                self._told = what

    def _tell_retry(self, change: Change) -> None:
        if "retry" not in change.detail:
            return
        pause = change.detail.get("pause_seconds")
        said = counted(pause, "second") if isinstance(pause, int | float) else "a moment"
        with self._lock:
            if self._told < _Told.ENDED:
                self._console.say("WARNING", f"Job runs again in {said}: {change.detail['retry']}.")
