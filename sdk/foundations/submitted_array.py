"""An array of jobs that was submitted from Python, and what can be asked of it and done with it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from foundations.errors import JobConflict
from foundations.job_creation import create_array
from foundations.models import FINAL_STATES, ArrayView, JobState, MovePlace
from foundations.submission import carry_out
from foundations.submit_options import SubmitOptions, read_terms
from foundations.submitted_job import SubmittedJob
from foundations.terms import array_text
from foundations.transport.paging import job_pages

if TYPE_CHECKING:
    from foundations.client import Client


def submit_array(
    array: str | Iterable[int],
    *,
    max_at_once: int | None = None,
    **options: Unpack[SubmitOptions],
) -> SubmittedArray:
    """Copy a directory, and queue many jobs that run the same command in a copy of it.

    Each has its index in `ATLAS_ARRAY_INDEX`, and in `ATLAS_ARRAY_ID` and `ATLAS_ARRAY_COUNT` what
    it is part of. All of them are queued, or none.

    Args:
        array: the indices, such as `range(100)`, `"0-99"`, `"0-99:10"` or `"1,4,7-9"`; at most
            10,000.
        max_at_once: how many of them may run at the same time; None is as many as the queue lets.
        options: as for `submit`.

    Raises:
        ConfigError: an argument or a config file is wrong.
        BundleError: the directory cannot be packed.
        Unreachable: the scheduler does not answer.
        SchedulerError: the scheduler refuses the jobs.
    """
    terms = replace(read_terms(options), array=array_text(array, max_at_once))
    client, _, made = carry_out(options, terms, create_array)
    return SubmittedArray(client, made.array_id)


class SubmittedArray:
    """Jobs that were submitted as one array. Every method asks the scheduler anew.

    Each may raise `NotFound`, when none of the jobs is left, and `Unreachable`, when the scheduler
    gives no answer.
    """

    def __init__(self, client: Client, array_id: str) -> None:
        self._client = client
        self.array_id = array_id
        """The array's id, as the filter `array:ID` takes it."""

    def __repr__(self) -> str:
        return f"SubmittedArray({self.array_id!r})"

    def details(self) -> ArrayView:
        """Return how many of its jobs are in which state."""
        return self._client.array(self.array_id)

    def job(self, index: int) -> SubmittedJob:
        """Return the job with an index.

        Raises:
            NotFound: it has none with this index, or that one is deleted.
        """
        return SubmittedJob(self._client, self._client.job(f"{self.array_id}_{index}").job_id)

    def jobs(self, *, states: Iterable[str] = ()) -> list[SubmittedJob]:
        """Return its jobs by their indices; all of them, or those in one of these states."""
        pages = job_pages(
            self._client,
            states=tuple(states),
            filter=f"array={self.array_id} sort:array_index",
        )
        return [SubmittedJob(self._client, job["job_id"]) for page in pages for job in page]

    def wait(self, timeout_seconds: float | None = None) -> ArrayView:
        """Wait until all of its jobs have ended, and return how.

        Raises:
            TimeoutError: they have not ended in time.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        for job in self.jobs(states=[one for one in JobState if one not in FINAL_STATES]):
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                job.wait(left)
            except TimeoutError as error:
                message = f"Array `{self.array_id}` has not ended after {timeout_seconds:g} s."
                raise TimeoutError(message) from error
        return self.details()

    def stop(self) -> None:
        """Ask every job to end that has not ended yet."""
        self._client.stop_jobs(filter=f"array={self.array_id}")

    def hold(self) -> None:
        """Keep those of its jobs waiting that wait, until they are released."""
        for job in self.jobs(states=(JobState.QUEUED,)):
            with suppress(JobConflict):  # it has started meanwhile
                job.hold()

    def release(self) -> None:
        """Let those of its jobs have their turn that are held."""
        for job in self.jobs(states=(JobState.QUEUED,)):
            with suppress(JobConflict):
                job.release()

    def move(self, place: MovePlace, other: str | None = None) -> None:
        """Move those of its jobs that wait in the queue, among those of their priority.

        Args:
            place: `first`, `last`, `up`, `down`, or `before` or `after` the `other`.
            other: id of the job to put them next to.

        Raises:
            JobConflict: the other does not wait any more.
        """
        self._client.move((), place, other=other, filter=f"array={self.array_id}")

    def delete(self) -> None:
        """Delete those of its jobs that have ended, with their archives."""
        for job in self.jobs(states=FINAL_STATES):
            job.delete()
