"""Who may use a scheduler: roles and tokens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from foundations.models.words import Request, UserName, View
from foundations.text.shapes import Shape


class Role(StrEnum):
    """What a token lets its bearer do; each may do what the one before may."""

    READ = "read"
    """Look at everything that is shared."""
    SUBMIT = "submit"
    """Submit jobs, and act on one's own: runs code on the scheduler's machine, in a container."""
    ADMIN = "admin"
    """Act on everything, and mount paths of the machine: in effect, be root there."""


class TokenLimits(Request):
    """How much a token may ask for. What is None is as the server's settings say."""

    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    submits_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    queued_jobs: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Jobs of its user that wait, at once."""
    stored_gb: Annotated[float, Field(gt=0, le=1_048_576)] | None = None
    """Bundles of its user's jobs, in units of 10^9 bytes."""
    followers: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Logs, feeds and outputs that are followed at once."""


class NewToken(Request):
    """Body of `POST /tokens`."""

    name: Annotated[
        str,
        StringConstraints(max_length=100),
        Shape(
            r"^[A-Za-z0-9][A-Za-z0-9._@ -]*$",
            "made of the letters A-Z and a-z, digits, spaces and any of . _ @ -, and begin with a "
            "letter or digit",
        ),
    ]
    """What it is for, such as `laptop`."""
    user: UserName | None = None
    """Who owns what is done with it; None is who asks."""
    role: Role
    expires_seconds: Annotated[float, Field(gt=0, le=3_153_600_000)] | None = None
    """From now on; None is never."""
    limits: TokenLimits = TokenLimits()


class RotateToken(Request):
    """Body of `POST /tokens/{ref}/rotate`."""

    overlap_seconds: Annotated[float, Field(ge=0, le=31_536_000)] = 86_400.0
    """For how long the old one still holds."""


class TokenView(View):
    """A token, without its secret."""

    token_id: str
    name: str
    user: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_by: str | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """Exact to a minute."""
    last_used_from: str | None = None
    """The address of who used it."""
    rotated_from: str | None = None
    """The id of the token that it replaces."""
    limits: TokenLimits = TokenLimits()
    holds: bool = True
    """Whether it lets anybody in."""


class MadeToken(TokenView):
    """A new token: nobody can ask for the secret again."""

    secret: Annotated[str, Field(repr=False)]


class CallerView(View):
    """As whom a scheduler knows who asks."""

    user: str
    role: Role
    source: str
    """Where they are: `unix socket`, or an address."""
    token_id: str | None = None
    """The token they are known by; None for the owner, who needs none."""
