"""What can be asked about a job from Python: how it stands, what it said, measured and saved."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal, overload

from foundations.job_differences import Difference, differences
from foundations.logs.matches import found_lines
from foundations.logs.stamps import timed_lines
from foundations.models import (
    ArtifactView,
    JobDetail,
    JobState,
    LogLine,
    LogSearch,
    MetricPoint,
    MetricSummary,
    NoteView,
    SourceDiff,
)
from foundations.provenance import Provenance
from foundations.transport.paging import point_pages

if TYPE_CHECKING:
    from foundations.client import Client


class JobAnswers:
    """The questions that a `SubmittedJob` answers. Each asks the scheduler anew.

    Each may raise `NotFound`, when the job was deleted, and `Unreachable`, when the scheduler gives
    no answer.
    """

    def __init__(self, client: Client, job_id: str, *, existed: bool = False) -> None:
        self._client = client
        self.job_id = job_id
        """The job's id, as every command takes it."""
        self.existed = existed
        """Whether it was there already, because it has the unique key of a submission."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.job_id!r})"

    def details(self) -> JobDetail:
        """Return everything the scheduler knows about the job."""
        return self._client.job(self.job_id)

    def provenance(self) -> Provenance:
        """Return where the job comes from and what it ran on, with the diff of what was changed."""
        return self._client.provenance(self.job_id)

    def status(self) -> JobState:
        """Return where the job is in its life; it compares equal to texts such as `"running"`."""
        return self.details().state

    def wait(self, timeout_seconds: float | None = None) -> JobState:
        """Wait until the job has ended.

        Args:
            timeout_seconds: longest wait; None waits as long as it takes.

        Returns:
            The final state.

        Raises:
            TimeoutError: the job has not ended in time.
        """
        return self._client.wait(self.job_id, timeout_seconds=timeout_seconds).state

    @overload
    def logs(self, *, follow: Literal[False] = False) -> str: ...
    @overload
    def logs(self, *, follow: Literal[True]) -> Iterator[str]: ...
    def logs(self, *, follow: bool = False) -> str | Iterator[str]:
        """Return the job's output so far, or with `follow` iterate over it until the job ends."""
        pieces = self._pieces(follow=follow)
        return pieces if follow else "".join(pieces)

    def timed_logs(
        self, *, since: datetime | None = None, follow: bool = False
    ) -> Iterator[tuple[datetime | None, str]]:
        """Iterate over the lines of the output, each with the time that it was written at.

        Args:
            since: begin with what was written then; a time without a zone is the machine's own.
            follow: go on until the job ends.

        Returns:
            Pairs of the time in UTC, or None where it is not known, and the line with its end.

        Raises:
            InvalidRequest: `since` is given, and it is not known when the log was written.
        """
        return timed_lines(self._client, self.job_id, since=since, follow=follow)

    def search_logs(
        self, pattern: str, *, regex: bool = False, ignore_case: bool = False, context: int = 0
    ) -> Iterator[LogLine]:
        """Iterate over the lines of the output that have a pattern, found on the scheduler.

        Args:
            pattern: what a line must have, without its colours.
            regex: whether the pattern is a regular expression, in the syntax of filters.
            ignore_case: whether capitals and small letters are the same.
            context: how many lines around each match to give too; their `matches` is false.

        Raises:
            InvalidRequest: the pattern cannot be used.
        """
        search = LogSearch(pattern=pattern, regex=regex, ignore_case=ignore_case, context=context)
        return found_lines(self._client, self.job_id, search)

    def notes(self) -> list[NoteView]:
        """Return the job's notes, oldest first."""
        return self._client.notes(self.job_id)

    def metrics(self, *, system: bool = False) -> list[MetricSummary]:
        """Return each metric in a row: last value, extremes with their steps, and count.

        Args:
            system: what the scheduler measured while the job ran, instead of what the job logged.
        """
        return self._client.metrics(self.job_id, system=system)

    def metric(self, name: str, *, points: int | None = None) -> list[MetricPoint]:
        """Return the points of a metric in the order they were logged.

        Args:
            name: which metric.
            points: into how many stretches to cut the series; of each the lowest and the highest
                point stay. None returns every point.

        Raises:
            NotFound: the job logged no such metric.
        """
        if points is not None:
            return self._client.metric(self.job_id, name, points=points).points
        pages = point_pages(self._client, self.job_id, name)
        return [MetricPoint.model_validate(point) for page in pages for point in page]

    def artifacts(self) -> list[ArtifactView]:
        """Return what the job has saved so far, by key."""
        return self._client.artifacts(self.job_id)

    def artifact(self, key: str) -> Iterator[bytes]:
        """Iterate over the content of an artifact.

        Raises:
            NotFound: no artifact has this key.
        """
        return self._client.artifact(self.job_id, key)

    def archive(self) -> Iterator[bytes]:
        """Iterate over a tar.gz of the job: source, changes, artifacts, log and records."""
        return self._client.archive(self.job_id)

    def differences(self, other: JobAnswers) -> list[Difference]:
        """Return what the job and another one do not have in common, but for their files."""
        return differences(self.details(), other.details())

    def source_diff(self, other: JobAnswers) -> SourceDiff:
        """Return what differs between the files that the job and another one ran."""
        return self._client.source_diff(self.job_id, other.job_id)

    def _pieces(self, *, follow: bool) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for piece in self._client.logs(self.job_id, follow=follow):
            yield decoder.decode(piece)
        yield decoder.decode(b"", final=True)
