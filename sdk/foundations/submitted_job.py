"""A job that was submitted from Python, and what can be asked of it and done with it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, overload

from pydantic import JsonValue

from foundations.executed import Executed, execute
from foundations.job_differences import Difference, differences
from foundations.log_matches import found_lines
from foundations.log_stamps import timed_lines
from foundations.models import (
    FINAL_STATES,
    ArtifactView,
    JobDetail,
    JobState,
    LogLine,
    LogSearch,
    MetricPoint,
    MetricSummary,
    MovePlace,
    NoteView,
    SourceDiff,
)
from foundations.paging import point_pages
from foundations.provenance import Provenance
from foundations.rerun import create_rerun, rerun_spec

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.forwarding import Forward
    from foundations.notebooks import NotebookForward
    from foundations.tensorboard import TensorBoard


class SubmittedJob:
    """One submitted job. Every method asks the scheduler anew.

    The names of the original SDK (`job_name`, `get_job_status`, …) work too.
    """

    def __init__(self, client: Client, job_id: str, *, existed: bool = False) -> None:
        self._client = client
        self.job_id = job_id
        """The job's id, as every command takes it."""
        self.existed = existed
        """Whether it was there already, because it has the unique key of a submission."""

    def __repr__(self) -> str:
        return f"SubmittedJob({self.job_id!r})"

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

    def stop(self) -> None:
        """Ask the job to end. One that waits is stopped at once.

        Raises:
            JobConflict: it has ended already.
        """
        self._client.stop(self.job_id)

    def delete(self) -> None:
        """Delete the job and its archive; `restore` undoes it for some seconds.

        Raises:
            JobConflict: it has not ended yet.
        """
        self._client.delete(self.job_id)

    def restore(self) -> None:
        """Bring the job back, as it was, after it was just deleted.

        Raises:
            JobConflict: it is not deleted.
            NotFound: it is too late.
        """
        self._client.restore(self.job_id)

    def hold(self) -> None:
        """Keep the job waiting until it is released.

        Raises:
            JobConflict: it does not wait any more.
        """
        self._client.hold(self.job_id)

    def release(self) -> None:
        """Let the held job have its turn.

        Raises:
            JobConflict: it does not wait any more.
        """
        self._client.release(self.job_id)

    def set_priority(self, priority: int) -> None:
        """Give the waiting job a priority from -100 to 100; larger goes first.

        Raises:
            JobConflict: it does not wait any more.
        """
        self._client.set_priority(self.job_id, priority)

    def move(self, place: MovePlace, other: str | None = None) -> None:
        """Move the waiting job in the queue, among those of its priority.

        Args:
            place: `first`, `last`, `up`, `down`, or `before` or `after` the `other`.
            other: id of the job to put it next to.

        Raises:
            JobConflict: one of them does not wait any more.
        """
        self._client.move([self.job_id], place, other=other)

    def tag(self, key: str, value: str = "") -> None:
        """Tag the job; a tag that it has already gets the new value."""
        self._client.tag(self.job_id, {key: value})

    def untag(self, *keys: str) -> None:
        """Remove tags from the job: all of these or, when it lacks one, none.

        Raises:
            NotFound: it has no such tag.
        """
        self._client.untag(self.job_id, keys)

    def note(self, text: str) -> None:
        """Add a note (Markdown) to the job."""
        self._client.note(self.job_id, text)

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

    def differences(self, other: SubmittedJob) -> list[Difference]:
        """Return what the job and another one do not have in common, but for their files."""
        return differences(self.details(), other.details())

    def source_diff(self, other: SubmittedJob) -> SourceDiff:
        """Return what differs between the files that the job and another one ran."""
        return self._client.source_diff(self.job_id, other.job_id)

    def execute(self, command: Sequence[str], *, input: bytes = b"") -> Executed:
        """Run a command beside the job while it runs, and wait for its end.

        It runs as the job's user, with its environment, in its work dir.

        Args:
            command: program and arguments.
            input: what it reads from standard input.

        Raises:
            JobConflict: the job does not run.
        """
        return execute(self._client, self.job_id, command, input=input)

    def forward(self, port: int, *, local_port: int = 0, address: str = "127.0.0.1") -> Forward:
        """Let a port of this machine lead to one of the job: a context manager with its `url`.

        Args:
            port: where a program of the job listens.
            local_port: the port here; 0 takes any that is free, which `local_port` then tells.
            address: which address of this machine to listen at.

        Raises:
            JobConflict: the job does not run.
            ConfigError: the port here is not free.
        """
        from foundations.forwarding import Forward

        return Forward(self._client, self.job_id, [(local_port, port)], address=address)

    def notebook(self, *, local_port: int = 0, address: str = "127.0.0.1") -> NotebookForward:
        """Wait for the JupyterLab of the job: a context manager with the `url` to open.

        Args:
            local_port: the port here; 0 takes any that is free.
            address: which address of this machine to listen at.

        Raises:
            JobConflict: the job has ended, or runs no notebook (`foundations.notebook`).
        """
        from foundations.notebooks import NotebookForward, await_notebook

        place = await_notebook(self._client, self.job_id)
        return NotebookForward(
            self._client, self.job_id, place, local_port=local_port, address=address
        )

    def rerun(
        self,
        *,
        params: Mapping[str, Any] | None = None,
        command: str | Sequence[str] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> SubmittedJob:
        """Queue a job that does the same again, except for what is changed, and return it.

        Args:
            params: added to the job's parameters; the last value of a key counts.
            command: script and arguments in place of the job's.
            changes: other fields of its spec, such as `{"num_gpus": 2, "ram_gb": 16}`; environment
                variables and tags are added to the job's.

        Raises:
            ConfigError: a parameter has no JSON form, or a field cannot be what it shall be.
            NotFound: the scheduler no longer has the job or the files that it ran.
        """
        job = self.details()
        spec = rerun_spec(job, command=command, params=params, changes=changes)
        return SubmittedJob(self._client, create_rerun(self._client, job, spec).job_id)

    def tensorboard(self, *, host: str = "127.0.0.1", port: int | None = None) -> TensorBoard:
        """Start TensorBoard on the job's logs: a context manager with its `url`.

        Args:
            host: the address that it listens at.
            port: likewise; None takes 6006 or the next free one, 0 any.

        Raises:
            NotFound: the job has no logs.
            MissingExtra: TensorBoard is not installed.
            AtlasError: it does not start.
        """
        from foundations.tensorboard import TensorBoard

        return TensorBoard(self._client, [self.job_id], host=host, port=port)

    def _pieces(self, *, follow: bool) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for piece in self._client.logs(self.job_id, follow=follow):
            yield decoder.decode(piece)
        yield decoder.decode(b"", final=True)

    # The names that the original used.

    def job_name(self) -> str:
        """Return the job's id."""
        return self.job_id

    def is_job_complete(self) -> bool:
        """Tell whether the job has ended, in whatever way."""
        return self.status() in FINAL_STATES

    def get_job_status(self) -> JobState:
        """Return the job's state; a failed job is `failed`."""
        return self.status()

    def get_true_job_status(self) -> JobState:
        """Return the job's state."""
        return self.status()

    def get_job_logs(self) -> str:
        """Return the job's output so far."""
        return self.logs()

    def stream_job_logs(self) -> Iterator[str]:
        """Iterate over the job's output until it ends."""
        return self.logs(follow=True)

    def get_job_details(self) -> JobDetail:
        """Wait until the job has ended and return everything about it."""
        return self._client.wait(self.job_id)

    def wait_for_deployment_to_complete(
        self, wait_seconds: float = 5, *, log_output: bool = True
    ) -> None:
        """Wait until the job has ended; the arguments are accepted and have no effect."""
        self.wait()

    def get_metric(self, name: str) -> JsonValue:
        """Wait until the job has ended and return a metric's last value.

        Raises:
            KeyError: the job logged no such metric.
        """
        metrics = self.get_job_details().metrics
        if name not in metrics:
            raise KeyError(f"Metric '{name}' does not exist.")
        return metrics[name]

    def get_param(self, name: str) -> JsonValue:
        """Wait until the job has ended and return a parameter, logged or submitted.

        Raises:
            KeyError: the job has no such parameter.
        """
        details = self.get_job_details()
        parameters = {**details.spec.params, **details.parameters}
        if name not in parameters:
            raise KeyError(f"Parameter '{name}' does not exist.")
        return parameters[name]
