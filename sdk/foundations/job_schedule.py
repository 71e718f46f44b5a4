"""A schedule that was made from Python, and what can be asked of it and done with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from foundations.job_creation import create_schedule
from foundations.models import Overlap, ScheduleView
from foundations.submission import carry_out
from foundations.submit_options import SubmitOptions, read_terms
from foundations.submitted_job import SubmittedJob
from foundations.transport.paging import job_pages

if TYPE_CHECKING:
    from foundations.client import Client


def submit_schedule(
    cron: str,
    *,
    time_zone: str | None = None,
    overlap: Overlap = "skip",
    **options: Unpack[SubmitOptions],
) -> JobSchedule:
    """Copy a directory, and submit a job that runs in the copy at each time of a cron line.

    Args:
        cron: minute, hour, day of the month, month and day of the week, such as `"0 3 * * *"`.
        time_zone: such as `"Europe/Berlin"`; that of this machine when it is not given.
        overlap: when the last job has not ended, `"skip"` the time or `"allow"` one more.
        options: as for `submit`; each job gets them.

    Raises:
        ConfigError: an argument or a config file is wrong.
        BundleError: the directory cannot be packed.
        Unreachable: the scheduler does not answer.
        SchedulerError: the scheduler refuses the schedule.
    """
    terms = replace(read_terms(options), cron=cron, time_zone=time_zone, overlap=overlap)
    client, _, made = carry_out(options, terms, create_schedule)
    return JobSchedule(client, made.schedule_id)


class JobSchedule:
    """A submission that is made again and again. Every method asks the scheduler anew.

    Each may raise `NotFound`, when it was deleted, and `Unreachable`, when the scheduler gives no
    answer.
    """

    def __init__(self, client: Client, schedule_id: str) -> None:
        self._client = client
        self.schedule_id = schedule_id
        """The schedule's id, as the filter `schedule:ID` takes it."""

    def __repr__(self) -> str:
        return f"JobSchedule({self.schedule_id!r})"

    def details(self) -> ScheduleView:
        """Return what it submits, when next, and what came of the last time."""
        return self._client.schedule(self.schedule_id)

    def jobs(self) -> list[SubmittedJob]:
        """Return the jobs that it submitted, newest first."""
        pages = job_pages(self._client, filter=f"schedule={self.schedule_id}")
        return [SubmittedJob(self._client, job["job_id"]) for page in pages for job in page]

    def pause(self) -> None:
        """Submit nothing until it is resumed."""
        self._client.pause_schedule(self.schedule_id)

    def resume(self) -> None:
        """Submit again, from the next time on."""
        self._client.resume_schedule(self.schedule_id)

    def delete(self) -> None:
        """Remove it; the jobs that it submitted stay."""
        self._client.delete_schedule(self.schedule_id)
