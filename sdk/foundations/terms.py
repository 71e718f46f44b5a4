"""How often a submitted job runs, and what it waits for: what its spec does not say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from foundations.errors import ConfigError
from foundations.models import (
    Accepted,
    After,
    JobSpec,
    NewArray,
    NewSchedule,
    Overlap,
    Submission,
    SubmissionCheck,
    Unique,
)
from foundations.models.arrays import LONGEST_ARRAY, read_indices, write_indices
from foundations.text.moments import read_moment
from foundations.text.time_zones import local_now, local_zone_name

if TYPE_CHECKING:
    from foundations.provenance import Origin


class _Job(Protocol):
    @property
    def job_id(self) -> str: ...


class _Array(Protocol):
    @property
    def array_id(self) -> str: ...


Earlier = str | _Job | _Array
"""What a job may come after: what names it, or a submitted job or array itself."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a submitter asks for beside what runs; None and empty ask nothing.

    Raises:
        ConfigError: something of it cannot be read.
    """

    array: str | None = None
    """Indices of the jobs that it is to be, with `%N` at the end for at most N at once."""

    after: tuple[After, ...] = ()
    """What has to end before it may have its turn."""

    unique: Unique | None = None
    """A key that one job of the project has at a time."""

    not_before: datetime | None = None
    """When it may have its turn."""

    cron: str | None = None
    """When it is submitted again and again: the five fields of a cron line."""
    time_zone: str | None = None
    """Of the cron line; None is that of this machine."""
    overlap: Overlap | None = None
    """What to do when the last job of the cron line has not ended; None lets the server decide."""

    def __post_init__(self) -> None:
        if self.cron is not None:
            self._refuse_what_is_said_once()
        elif self.time_zone is not None or self.overlap is not None:
            raise ConfigError("time_zone and overlap are about a cron line: give one.")
        if self.array is not None:
            _read_array(self.array)
            if self.unique is not None:
                raise ConfigError("unique: a key is that of one job: an array cannot have it.")

    def _refuse_what_is_said_once(self) -> None:
        """Refuse what is about one job in particular."""
        once = {
            "array": self.array,
            "after": self.after,
            "unique": self.unique,
            "at": self.not_before,
        }
        given = [name for name, value in once.items() if value]
        if given:
            raise ConfigError(f"A schedule submits many jobs: {given[0]} does not go with cron.")


NO_TERMS = Terms()
"""A job that runs once, as soon as it has its turn."""


def array_text(array: str | Iterable[int], max_at_once: int | None = None) -> str:
    """Write indices as `Terms.array` has them."""
    text = array if isinstance(array, str) else write_indices(array)
    return text if max_at_once is None else f"{text}%{max_at_once}"


def submission(
    spec: JobSpec, bundle: str, terms: Terms, *, origin: Origin | None, hold: bool
) -> Submission:
    """Write the request for one job."""
    return Submission(
        spec=spec,
        bundle=bundle,
        origin=origin,
        hold=hold,
        after=terms.after,
        unique=terms.unique,
        not_before=terms.not_before,
    )


def submission_check(
    spec: JobSpec, terms: Terms, *, hold: bool, bundle_bytes: int
) -> SubmissionCheck:
    """Write the question whether all of this would be accepted.

    Args:
        spec: what runs.
        terms: how often it runs, and what it waits for.
        hold: whether it waits until it is released.
        bundle_bytes: what its files hold together.
    """
    plan = {
        "spec": spec,
        "hold": hold,
        "after": terms.after,
        "unique": terms.unique,
        "not_before": terms.not_before,
    }
    wanted = {
        "plan": plan,
        "bundle_bytes": bundle_bytes,
        **({} if terms.array is None else {"indices": _read_array(terms.array)[0]}),
        **({} if terms.cron is None else {"cron": terms.cron, "time_zone": _zone_of(terms)}),
    }
    try:
        return SubmissionCheck.model_validate(wanted)
    except ValidationError as error:
        raise _complaint(error) from error


def read_at(given: str | datetime | timedelta | None) -> datetime | None:
    """Read when a job may have its turn; a time without a zone is one of this machine's.

    Raises:
        ConfigError: a text is no moment, or one that is over.
    """
    if given is None:
        return None
    if isinstance(given, datetime):
        return given.astimezone()
    if isinstance(given, timedelta):
        return datetime.now(UTC) + given
    try:
        return read_moment(given, local_now())
    except ValueError as error:
        raise ConfigError(f"at: {error}, not {given!r}") from error


def read_unique(key: str | None, if_exists: str | None) -> Unique | None:
    """Read a unique key, and what to do when a job has it.

    Raises:
        ConfigError: one of them cannot be read, or there is no key.
    """
    if key is None:
        if if_exists is not None:
            raise ConfigError("if_exists: says what to do when a job has the unique key: name one.")
        return None
    try:
        return Unique.model_validate({"key": key, "if_exists": if_exists or "skip"})
    except ValidationError as error:
        complaint = error.errors(include_url=False)[0]
        raise ConfigError(f"unique: {complaint['msg']}, not {complaint['input']!r}") from error


def said_of(job: Accepted) -> str:
    """Say what became of a submission."""
    if job.existed:
        return (
            f"Job '{job.job_id}' has the key '{job.unique_key}' and is {job.state}: nothing was "
            "submitted."
        )
    instead = f", in place of job '{job.replaced}'" if job.replaced else ""
    return f"Job submitted with ID '{job.job_id}'{instead}."


def read_after(given: Earlier | Iterable[Earlier] | None) -> tuple[After, ...]:
    """Read what a job comes after: `ID`, or `ID:ok`, `ID:any` or `ID:failed`; jobs and arrays too.

    Raises:
        ConfigError: one cannot be read.
    """
    one = None if given is None else _name_of(given)
    if one is not None:
        return (_read_after(one, one),)
    many: Any = given or ()
    return tuple(_read_after(_name_of(each), each) for each in many)


def _name_of(one: object) -> str | None:
    """What is written for something that a job comes after; None of what is nothing like that."""
    if isinstance(one, str):
        return one
    array_id, job_id = getattr(one, "array_id", None), getattr(one, "job_id", None)
    return job_id if array_id is None else f"array:{array_id}"


def _read_after(text: str | None, given: object) -> After:
    job, colon, on = (text or "").rpartition(":")
    if not colon or job == "array":
        job, on = text or "", "ok"
    try:
        return After.model_validate({"job": job, "on": on})
    except ValidationError as error:
        raise ConfigError(
            f"after: `{given}` is no job to come after. Write its id, and behind it :ok (it must "
            "complete, as without), :any or :failed; array:ID means each job of an array."
        ) from error


def array_request(submission: Submission, terms: Terms) -> NewArray:
    """Write the request for an array, of jobs each of which is this submission."""
    assert terms.array is not None
    indices, max_at_once = _read_array(terms.array)
    return NewArray(submission=submission, indices=indices, max_at_once=max_at_once)


def schedule_request(submission: Submission, terms: Terms) -> NewSchedule:
    """Write the request for a schedule, each of whose jobs is this submission.

    Raises:
        ConfigError: the cron line or the time zone cannot be one.
    """
    wanted = {
        "submission": submission,
        "cron": terms.cron,
        "time_zone": _zone_of(terms),
        **({} if terms.overlap is None else {"overlap": terms.overlap}),
    }
    try:
        return NewSchedule.model_validate(wanted)
    except ValidationError as error:
        raise _complaint(error) from error


def _zone_of(terms: Terms) -> str:
    return terms.time_zone or local_zone_name() or "UTC"


def _complaint(error: ValidationError) -> ConfigError:
    first = error.errors(include_url=False)[0]
    return ConfigError(f"{first['loc'][0]}: {first['msg']}")


def _read_array(text: str) -> tuple[str, int | None]:
    indices, percent, most = text.partition("%")
    if percent and not (most.isascii() and most.isdecimal() and 0 < int(most) <= LONGEST_ARRAY):
        raise ConfigError(
            f"array: `%{most}` is to say how many run at once: a number from 1 to {LONGEST_ARRAY}, "
            "such as %4."
        )
    try:
        read_indices(indices)
    except ValueError as error:
        raise ConfigError(
            f"array: {error}. Write indices such as 0-99, 0-99:10 or 1,4,7-9, and %4 behind them "
            "for at most 4 at once."
        ) from error
    return indices, int(most) if percent else None
