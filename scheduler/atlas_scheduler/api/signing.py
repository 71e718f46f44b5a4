"""Submissions in the name of who asks, and what they may not ask for."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import Header
from starlette.requests import HTTPConnection

from atlas_scheduler.api.admission import require
from atlas_scheduler.api.context import caller, meter_of, sees_only
from atlas_scheduler.core.access import Thing
from atlas_scheduler.core.bounds import Bounds
from atlas_scheduler.core.offered_volumes import host_path_refusal, name_refusal
from foundations.errors import Forbidden, InvalidRequest
from foundations.models import Plan, Role

P = TypeVar("P", bound=Plan)


async def signed(request: HTTPConnection, submission: P) -> P:
    """Return a submission as the server takes it from who asks.

    Raises:
        Forbidden: it asks for what takes another role.
        InvalidRequest: it names a volume that is not offered to who asks.
        NotFound: it names a job that is not there for who asks.
    """
    asker = caller(request)
    _require_volumes(request, submission)
    if asker.token is None:
        return submission  # the owner of the home says whose it is
    if asker.role is not Role.ADMIN:
        _require_modest(submission)
    if sees_only(request) is not None:
        await _require_seen(request, submission)
    spec = submission.spec.model_copy(update={"user": asker.user})
    return submission.model_copy(update={"spec": spec})


def idempotency_header(what: str) -> Any:
    """The header that makes a repeated request find what the first one made."""
    return Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description=f"A second request with the same key gets the {what} of the first.",
    )


def signed_key(request: HTTPConnection, key: str | None) -> str | None:
    """Return an `Idempotency-Key` that nobody else can have."""
    asker = caller(request)
    return key if key is None or asker.token is None else f"{asker.user}\n{key}"


def bounds_of(request: HTTPConnection) -> Bounds | None:
    """Return how far a submission of who asks may go; None for the owner, as far as it likes."""
    asker, meter = caller(request), meter_of(request)
    if meter is None:
        return None
    return Bounds(
        asker.user,
        only_own=asker.role is not Role.ADMIN,
        queued_jobs=meter.limits.queued_jobs,
        stored_bytes=meter.stored_bytes,
    )


def require_priority(request: HTTPConnection, priority: int) -> None:
    """Refuse a priority that goes before everybody else's.

    Raises:
        Forbidden: it takes an admin.
    """
    role = caller(request).role
    if priority > 0 and role is not Role.ADMIN:
        raise Forbidden(_takes_admin("A priority above 0", role))


def _require_modest(submission: Plan) -> None:
    spec = submission.spec
    if spec.priority > 0:
        raise Forbidden(_takes_admin("A priority above 0", Role.SUBMIT))


def _require_volumes(request: HTTPConnection, submission: Plan) -> None:
    asker, volumes = caller(request), submission.spec.volumes
    reason = host_path_refusal(volumes, allow_host_paths=asker.role is Role.ADMIN)
    if reason is not None:
        raise Forbidden(reason)
    offered = request.app.state.service.offered_volumes
    reason = name_refusal(volumes, offered, user=asker.user, role=asker.role)
    if reason is not None:
        raise InvalidRequest(reason)


async def _require_seen(request: HTTPConnection, submission: Plan) -> None:
    for one in submission.after:
        if one.array is not None:
            await require(request, Thing.ARRAY, one.array, acts=False)
        else:
            await require(request, Thing.JOB, one.job, acts=False)
    if submission.spec.rerun_of is not None:
        await require(request, Thing.JOB, submission.spec.rerun_of, acts=False)


def _takes_admin(what: str, role: Role) -> str:
    return f"{what} takes a token with the role `admin`; yours has the role `{role}`."
