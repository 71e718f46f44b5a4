"""Tokens in the database: who may ask over a network, and until when."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field

from atlas_scheduler.core.times import utc
from atlas_scheduler.store import sql
from foundations.models import Role, TokenLimits

LEEWAY_MS = 60_000
"""For how long a token holds after its time, so that a clock that jumps a little locks nobody
out."""
_SQL = sql.queries("tokens")


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the server knows it: everything but the secret."""

    token_id: str
    name: str
    user: str
    role: Role
    sha256: bytes = field(repr=False)
    """Of the whole token."""
    created_by: str
    created_at_ms: int
    expires_at_ms: int | None = None
    """None is never."""
    limits: TokenLimits = field(default_factory=TokenLimits)
    """What is not given is as the server's settings say."""
    rotated_from: str | None = None
    """The id of the token that it replaces."""
    revoked_by: str | None = None
    revoked_at_ms: int | None = None
    last_used_at_ms: int | None = None
    last_used_from: str | None = None

    @property
    def ends_at_ms(self) -> int | None:
        """The last moment at which it holds; None is never, as far as is known."""
        return None if self.expires_at_ms is None else self.expires_at_ms + LEEWAY_MS

    def holds(self, now_ms: int) -> bool:
        """Whether it lets somebody in."""
        is_over = self.ends_at_ms is not None and now_ms > self.ends_at_ms
        return self.revoked_at_ms is None and not is_over

    @property
    def words(self) -> str:
        """Its name and its id."""
        return f"`{self.name}` ({self.token_id})"

    @property
    def end_words(self) -> str:
        """Why it does not hold any more."""
        if self.revoked_at_ms is not None or self.expires_at_ms is None:
            return "was revoked"
        return f"expired at {utc(self.expires_at_ms):%Y-%m-%d %H:%M} UTC"


def every(conn: sqlite3.Connection) -> list[Token]:
    """All tokens, the oldest first."""
    return [_token(row) for row in conn.execute(_SQL["list"])]


def insert(conn: sqlite3.Connection, token: Token) -> None:
    """Add a new token."""
    conn.execute(
        _SQL["insert"],
        {
            "token_id": token.token_id,
            "name": token.name,
            "user": token.user,
            "role": token.role.value,
            "sha256": token.sha256,
            "limits": token.limits.model_dump_json(exclude_none=True),
            "created_by": token.created_by,
            "created_at_ms": token.created_at_ms,
            "expires_at_ms": token.expires_at_ms,
            "rotated_from": token.rotated_from,
        },
    )


def revoke(conn: sqlite3.Connection, token_id: str, *, by: str, at_ms: int) -> bool:
    """Let a token hold no longer. Returns False when it is revoked already."""
    wanted = {"token_id": token_id, "by": by, "at_ms": at_ms}
    return bool(conn.execute(_SQL["revoke"], wanted).rowcount)


def let_expire(conn: sqlite3.Connection, token_id: str, *, at_ms: int) -> None:
    """Let a token hold until a time, or as long as it does if that is shorter."""
    conn.execute(_SQL["let_expire"], {"token_id": token_id, "at_ms": at_ms})


def note_use(conn: sqlite3.Connection, token_id: str, *, source: str, at_ms: int) -> None:
    """Keep when and from where a token was last used."""
    conn.execute(_SQL["note_use"], {"token_id": token_id, "source": source, "at_ms": at_ms})


def _token(row: sqlite3.Row) -> Token:
    return Token(
        token_id=row["token_id"],
        name=row["name"],
        user=row["user"],
        role=Role(row["role"]),
        sha256=row["sha256"],
        created_by=row["created_by"],
        created_at_ms=row["created_at_ms"],
        expires_at_ms=row["expires_at_ms"],
        limits=TokenLimits.model_validate(json.loads(row["limits"])),
        rotated_from=row["rotated_from"],
        revoked_by=row["revoked_by"],
        revoked_at_ms=row["revoked_at_ms"],
        last_used_at_ms=row["last_used_at_ms"],
        last_used_from=row["last_used_from"],
    )
