"""Tells that jobs have ended: which ones the user cares about, and in which words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from atlas_tui.board import Board
from atlas_tui.messages import Said, Tone
from atlas_tui.settings import Settings
from foundations.job_states import FINAL_STATES, JobState
from foundations.submitter import current_user
from foundations.text.terminal import clean

if TYPE_CHECKING:
    from foundations.client import AsyncClient
    from foundations.models import Change, JobView

ENDING_EVENTS = frozenset(
    {"Barred", "Exited", "Expired", "Gone", "NotStarted", "StartRefused", "StopRequested"}
)
"""What can end a job, in the lifecycle's words; a tag on a job that has ended is none of them."""
ASKED_AT_ONCE = 100
LONGEST_NOTICE = 200
_ENDED = f"state in ({', '.join(sorted(FINAL_STATES))}) sort:-finished"


class Teller:
    """Collects ends from the feed and words them, several at once in one line."""

    def __init__(self, board: Board, settings: Settings) -> None:
        self._board = board
        self._settings = settings
        self._waiting: set[str] = set()

    def has_news(self, changes: Iterable[Change]) -> bool:
        """Take changes in, and say whether there is something to tell."""
        ended = {one.job_id for one in changes if is_end(one)}
        if self._settings.notify_jobs == "marked":
            ended &= self._board.marked.keys()
        self._waiting |= ended
        return bool(ended)

    async def tell(self, client: AsyncClient) -> Said | None:
        """Ask about the jobs that have ended, and word it; None when they are of no interest.

        Raises:
            AtlasError: the scheduler does not answer.
        """
        waiting, self._waiting = self._waiting, set()
        page = await client.jobs(filter=_ENDED, offset=0, limit=ASKED_AT_ONCE)
        ended = [job for job in page.jobs if job.job_id in waiting]
        if self._settings.notify_jobs == "mine":
            me = current_user()
            ended = [job for job in ended if job.user == me]
        return told([job for job in ended if not self._is_stopped_here(job)])

    def _is_stopped_here(self, job: JobView) -> bool:
        return job.state is JobState.STOPPED and job.job_id in self._board.stopped_here

    def notice(self, text: str) -> str:
        """The escape sequence that lets the terminal show a notice; empty when none is wanted."""
        return notice(text, self._settings.notify)


def is_end(change: Change) -> bool:
    """Whether a change is the end of a job."""
    return change.state in FINAL_STATES and change.event in ENDING_EVENTS


def told(jobs: Sequence[JobView]) -> Said | None:
    """Say in one line how jobs have ended."""
    if not jobs:
        return None
    bad = [job for job in jobs if job.state in (JobState.FAILED, JobState.LOST)]
    tone: Tone = "bad" if bad else "good"
    if len(jobs) > 1:
        counts = {state: sum(job.state is state for job in jobs) for state in JobState}
        words = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        return Said(f"{len(jobs)} jobs have ended: {words}", tone)
    (job,) = jobs
    text = f"Job {job.job_id[:8]} of {job.project} {_how(job)}"
    return Said(clean(text, one_line=True), tone)


def _how(job: JobView) -> str:
    if job.state is JobState.FAILED and job.exit_code is not None:
        return f"failed with exit code {job.exit_code}"
    return {JobState.STOPPED: "was stopped", JobState.LOST: "was lost"}.get(job.state, job.state)


def notice(text: str, kind: str) -> str:
    """An OSC 9 or OSC 777 sequence with a text, from which everything that controls is taken."""
    # A semicolon separates the fields of OSC 777.
    plain = clean(text, one_line=True).replace(";", ",")[:LONGEST_NOTICE]
    if kind == "osc9":
        return f"\x1b]9;{plain}\x07"
    return f"\x1b]777;notify;Atlas;{plain}\x07" if kind == "osc777" else ""


def passed_on(sequence: str, environ: Mapping[str, str]) -> str:
    """Wrap a sequence so that tmux gives it to the terminal outside, if it is told to."""
    if not sequence or "TMUX" not in environ:
        return sequence
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
