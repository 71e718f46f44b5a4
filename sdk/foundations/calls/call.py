"""One request as data, and what the requests of all nouns are made of."""

from __future__ import annotations

import json as json_text
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from foundations.errors import InvalidRequest

T = TypeVar("T")
PREFIX = "/api/v1"
"""Where the API begins on every server."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how to read its answer."""

    method: str
    path: str
    """Below `PREFIX`, quoted."""
    parse: Callable[[int, bytes], T]
    """Makes the value of an answer's status and body; raises ValueError when it cannot."""
    params: tuple[tuple[str, str], ...] = ()
    json: Any = None
    """The body, when it is JSON."""
    body: bytes | None = None
    """The body, when it is bytes already."""
    headers: Mapping[str, str] = field(default_factory=dict)
    at_root: bool = False
    """Whether `path` begins at the server's root, where programs of others look."""
    changes_nothing: bool = False
    """Whether it only asks, although its method could do more."""
    expected: tuple[int, ...] = (200,)
    """Statuses that are not errors."""

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice has no other effect than sending it once."""
        only_asks = self.changes_nothing or self.method in ("GET", "HEAD")
        return only_asks or "Idempotency-Key" in self.headers

    def content(self) -> bytes | None:
        """Return the body to send.

        Raises:
            InvalidRequest: JSON cannot express it.
        """
        if self.json is None:
            return self.body
        try:
            return json_text.dumps(self.json, ensure_ascii=False, allow_nan=False).encode()
        except ValueError as error:
            raise InvalidRequest(f"The request cannot be written as JSON: {error}") from error

    def all_headers(self) -> dict[str, str]:
        """Return the headers to send."""
        kind = {} if self.json is None else {"Content-Type": "application/json"}
        return {**kind, **self.headers}


def as_json(call: Call[Any]) -> Call[Any]:
    """Return the same call, whose answer is read as plain JSON."""
    return replace(call, parse=lambda _, body: json_text.loads(body))


def job_path(ref: str) -> str:
    """Path of a job."""
    if not ref or "/" in ref:
        raise InvalidRequest(f"`{ref}` is not a job id. Give the id or its first characters.")
    return f"/jobs/{segment(ref)}"


def named_path(kind: str, ref: str, what: str) -> str:
    """Path of something by its id or name."""
    if not ref or "/" in ref:
        raise InvalidRequest(f"`{ref}` is not {what}.")
    return f"/{kind}/{segment(ref)}"


def path_of(key: str) -> str:
    """Quote a key that may contain slashes."""
    return "/".join(segment(part) for part in key.split("/"))


def segment(part: str) -> str:
    """Quote one part of a path, so that `.` and `..` do not climb."""
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")


def given(name: str, value: str | None) -> tuple[tuple[str, str], ...]:
    """Parameter of a query, when there is one."""
    return () if value is None else ((name, value),)


def flag(value: object) -> str:
    """How a query says yes and no."""
    return "true" if value else "false"


def nothing(status: int, body: bytes) -> None:
    """Parse of answers whose status says everything, or whose body is a stream."""
