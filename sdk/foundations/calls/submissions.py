"""Requests that submit: jobs, arrays and schedules."""

from __future__ import annotations

import json as json_text

from foundations.calls.call import Call, named_path
from foundations.lazy_models import models

_JUDGED = 204


def submit(
    submission: models.Submission, *, idempotency_key: str | None = None
) -> Call[models.Accepted]:
    """Submit a job. What has its default is left out, so that an older server understands it."""
    return Call(
        "POST",
        "/jobs",
        lambda _, body: models.Accepted.model_validate_json(body),
        json=submission.model_dump(mode="json", exclude_defaults=True),
        headers={} if idempotency_key is None else {"Idempotency-Key": idempotency_key},
        expected=(200, 201),
    )


def check_submission(wanted: models.SubmissionCheck) -> Call[bool]:
    """Ask whether a submission would be accepted; False when the scheduler is too old to say."""
    return Call(
        "POST",
        "/jobs/check",
        lambda status, _: status == _JUDGED,
        json=wanted.model_dump(mode="json", exclude_defaults=True),
        # An older scheduler takes the last part of the path for a job, which is not to be posted.
        expected=(_JUDGED, 405),
        changes_nothing=True,
    )


def submit_array(
    wanted: models.NewArray, *, idempotency_key: str | None = None
) -> Call[models.ArrayView]:
    """Submit an array of jobs."""
    return Call(
        "POST",
        "/arrays",
        _array_view,
        json=wanted.model_dump(mode="json", exclude_defaults=True),
        headers={} if idempotency_key is None else {"Idempotency-Key": idempotency_key},
        expected=(201,),
    )


def array(ref: str) -> Call[models.ArrayView]:
    """Ask how an array of jobs stands."""
    return Call("GET", named_path("arrays", ref, "the id of an array"), _array_view)


def _array_view(_: int, body: bytes) -> models.ArrayView:
    return models.ArrayView.model_validate_json(body)


def create_schedule(
    wanted: models.NewSchedule, *, idempotency_key: str | None = None
) -> Call[models.ScheduleView]:
    """Submit a job again and again."""
    return Call(
        "POST",
        "/schedules",
        _schedule_view,
        json=wanted.model_dump(mode="json", exclude_defaults=True),
        headers={} if idempotency_key is None else {"Idempotency-Key": idempotency_key},
        expected=(201,),
    )


def schedules() -> Call[list[models.ScheduleView]]:
    """Ask for every schedule."""
    return Call(
        "GET",
        "/schedules",
        lambda _, body: [models.ScheduleView.model_validate(one) for one in json_text.loads(body)],
    )


def schedule(ref: str) -> Call[models.ScheduleView]:
    """Ask how a schedule stands."""
    return Call("GET", _schedule(ref), _schedule_view)


def pause_schedule(ref: str) -> Call[models.ScheduleView]:
    """Let a schedule submit nothing."""
    return Call("POST", f"{_schedule(ref)}/pause", _schedule_view)


def resume_schedule(ref: str) -> Call[models.ScheduleView]:
    """Let a schedule submit again."""
    return Call("POST", f"{_schedule(ref)}/resume", _schedule_view)


def delete_schedule(ref: str) -> Call[None]:
    """Remove a schedule."""
    return Call("DELETE", _schedule(ref), lambda _, body: None, expected=(204,))


def _schedule(ref: str) -> str:
    """Path of a schedule."""
    return named_path("schedules", ref, "the id of a schedule")


def _schedule_view(_: int, body: bytes) -> models.ScheduleView:
    return models.ScheduleView.model_validate_json(body)
