"""What an answer means: a value, an error of the scheduler, or that no scheduler answers there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeVar

import foundations
from foundations.errors import (
    AtlasError,
    InvalidRequest,
    NotFound,
    SchedulerError,
    TooMany,
    Unreachable,
    from_wire,
)

if TYPE_CHECKING:
    from foundations.calls import Call

T = TypeVar("T")

ERROR_HEADER = "X-Atlas-Error"
"""Has what the body of an error would be, percent-encoded, where an answer has no body."""
NO_SUCH_KEY = "there is no such key"
"""How a scheduler calls a key of a request that it does not know."""
_NO_ROUTE = re.compile(r"There is no [A-Z]+ /api/v")


def read(
    call: Call[T],
    status: int,
    body: bytes,
    *,
    url: str = "its address",
    version: str | None = None,
    retry_after: str | None = None,
) -> T:
    """Read the answer to a call.

    Args:
        call: what was asked.
        status: HTTP status of the answer.
        body: the whole body.
        url: where it came from, for messages.
        version: what the answer's `X-Atlas-Version` says, None without one.
        retry_after: what its `Retry-After` says.

    Raises:
        SchedulerError: the scheduler refused.
        Unreachable: this is no answer of a scheduler of this version.
    """
    if status not in call.expected:
        raise refusal(status, body, url=url, version=version, retry_after=retry_after)
    try:
        return call.parse(status, body)
    except (ValueError, KeyError, TypeError) as error:
        raise stranger(status, url=url, version=version) from error


def refusal(
    status: int, body: bytes, *, url: str, version: str | None, retry_after: str | None = None
) -> AtlasError:
    """Make the exception that an error answer stands for."""
    try:
        answer = json.loads(body)
        error = from_wire(str(answer["error"]), str(answer["message"]))
    except (ValueError, KeyError, TypeError):
        return stranger(status, url=url, version=version)
    if isinstance(error, TooMany) and retry_after is not None and retry_after.isdecimal():
        error.retry_after_seconds = float(retry_after)
    return error if version is None else _with_versions(error, version)


def _with_versions(error: SchedulerError, version: str) -> SchedulerError:
    """Tell of other versions where a scheduler does not know what it was asked for."""
    ours = foundations.__version__
    is_unknown = isinstance(error, InvalidRequest) and NO_SUCH_KEY in error.message
    is_unknown |= isinstance(error, NotFound) and _NO_ROUTE.match(error.message) is not None
    if version == ours or not is_unknown:
        return error
    if _numbers(version) < _numbers(ours):
        advice = f"older than this client ({ours}). Leave that out, or upgrade the scheduler"
    else:
        advice = f"and this client version {ours}. Install the same version on both sides"
    return type(error)(
        f"{error.message.rstrip('.')}. The scheduler is version {version}, {advice}."
    )


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def stranger(status: int, *, url: str, version: str | None) -> Unreachable:
    """Make the exception for an answer that no scheduler of this version gives."""
    if version is None:
        return Unreachable(
            f"Something that is not an Atlas scheduler answers at {url} (HTTP {status}). "
            "Check the `scheduler_url` of the scheduler config."
        )
    return Unreachable(
        f"The scheduler at {url} is version {version} and this client version "
        f"{foundations.__version__}: its answer cannot be read (HTTP {status}). "
        "Install the same version on both sides."
    )
