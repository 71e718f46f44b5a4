"""Tokens: made, shown once, and recognised again by their hashes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Self

import structlog

from atlas_scheduler.metering import Meter
from atlas_scheduler.store import history, tokens
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.tokens import Token
from atlas_scheduler.views import token_view
from foundations.errors import AtlasError, InvalidRequest, JobConflict, NotAuthorised, NotFound
from foundations.models import MadeToken, NewToken, TokenLimits, TokenView

PREFIX = "atlas_"
"""Begins every token, so that it is recognised where it should not be."""
SECRET_BYTES = 32
LOOK_AGAIN_SECONDS = 60.0
"""How long to wait at most for the time of a token: clocks may be set."""
NOTE_USE_MS = 60_000
"""How much later a token must be used again for that to be written down."""
_SHAPE = re.compile(r"atlas_(?P<token_id>[0-9a-f]{8})_[A-Za-z0-9_-]{43}", re.ASCII)
_NO_HASH = bytes(32)

log = structlog.get_logger(__name__)


class Tokens:
    """All tokens of a home, in memory as they are in the database: this process alone writes."""

    def __init__(
        self,
        database: Database,
        *,
        clock_ms: Callable[[], int],
        known: Iterable[Token] = (),
        announce: Callable[[], None] = lambda: None,
        limits: TokenLimits | None = None,
    ) -> None:
        """Begin with what is known.

        Args:
            database: where they are kept.
            clock_ms: tells the time.
            known: the tokens there are.
            announce: called when the history has become longer.
            limits: of tokens that have none of their own; None is no limit.
        """
        self._limits = limits or TokenLimits()
        self._meters: dict[str, Meter] = {}
        self._database = database
        self._clock_ms = clock_ms
        self._known = {token.token_id: token for token in known}
        self._announce = announce
        self._notes: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    @classmethod
    async def open(
        cls,
        database: Database,
        *,
        clock_ms: Callable[[], int],
        announce: Callable[[], None] = lambda: None,
        limits: TokenLimits | None = None,
    ) -> Self:
        """Read the tokens that there are."""
        known = await database.read(tokens.every)
        return cls(database, clock_ms=clock_ms, known=known, announce=announce, limits=limits)

    def meter(self, token: Token) -> Meter:
        """What a token did lately, with the limits that it has."""
        found = self._meters.get(token.token_id)
        if found is None:
            own = token.limits.model_dump(exclude_none=True)
            found = Meter(TokenLimits.model_validate({**self._limits.model_dump(), **own}))
            self._meters[token.token_id] = found
        return found

    def authenticate(self, secret: str, *, source: str) -> Token:
        """Find the token that somebody shows.

        Args:
            secret: the whole token.
            source: where they are, for the note of its last use.

        Raises:
            NotAuthorised: there is no such token, or it holds no longer.
        """
        shape = _SHAPE.fullmatch(secret)
        token = None if shape is None else self._known.get(shape["token_id"])
        expected = _NO_HASH if token is None else token.sha256
        is_right = hmac.compare_digest(expected, _hash(secret))
        if token is None or not is_right:
            raise NotAuthorised(
                "This scheduler does not know this token. `foundations login` stores another one."
            )
        now_ms = self._clock_ms()
        if not token.holds(now_ms):
            raise NotAuthorised(f"The token {token.words} {token.end_words}. Ask for a new one.")
        self._note_use(token, source, now_ms)
        return token

    async def until_over(self, token_id: str) -> None:
        """Wait until a token holds no longer."""
        while (token := self._known.get(token_id)) is not None:
            now_ms = self._clock_ms()
            if not token.holds(now_ms):
                return
            wait_seconds = LOOK_AGAIN_SECONDS
            if token.ends_at_ms is not None:
                wait_seconds = min(wait_seconds, (token.ends_at_ms - now_ms + 1) / 1000)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._changed.wait()

    def views(self) -> list[TokenView]:
        """Every token, the oldest first, as clients see it."""
        return [self._view(token) for token in self._known.values()]

    async def create(self, wanted: NewToken, *, by: str) -> MadeToken:
        """Make a token. What this returns is the only copy of the secret.

        Raises:
            InvalidRequest: another token that holds has the name.
        """
        secret, token = self._new(wanted, by)

        def step(conn: sqlite3.Connection) -> None:
            if any(other.name == token.name for other in _holding(conn, token.created_at_ms)):
                raise InvalidRequest(
                    f"There is a token named `{token.name}`. Choose another name, or rotate that."
                )
            tokens.insert(conn, token)
            self._append(conn, "TokenCreated", token, by)

        await self._write(step)
        return MadeToken(**dict(self._view(token)), secret=secret)

    async def revoke(self, ref: str, *, by: str) -> list[TokenView]:
        """Let a token hold no longer; by a name, every token that has it.

        Raises:
            NotFound: there is no such token.
        """
        named = self._named(ref)

        def step(conn: sqlite3.Connection) -> None:
            for token in named:
                if tokens.revoke(conn, token.token_id, by=by, at_ms=self._clock_ms()):
                    self._append(conn, "TokenRevoked", token, by)

        await self._write(step)
        return [self._view(self._known[token.token_id]) for token in named]

    async def rotate(self, ref: str, *, overlap_seconds: float, by: str) -> MadeToken:
        """Make a token like another one, which holds for a while yet.

        Args:
            ref: the id or the name of the one to replace.
            overlap_seconds: for how long that one still holds, at most.
            by: who asks.

        Raises:
            JobConflict: it does not hold any more.
            NotFound: there is no such token.
        """
        now_ms = self._clock_ms()
        # Of several with this name the one that was made last.
        old = max(self._named(ref), key=lambda one: (one.holds(now_ms), one.created_at_ms))
        if not old.holds(now_ms):
            raise JobConflict(f"The token {old.words} holds no longer. Create a new one.")
        life_ms = None if old.expires_at_ms is None else old.expires_at_ms - old.created_at_ms
        secret, fresh = self._new(NewToken(name=old.name, user=old.user, role=old.role), by)
        fresh = replace(
            fresh,
            limits=old.limits,
            expires_at_ms=None if life_ms is None else now_ms + life_ms,
            rotated_from=old.token_id,
        )

        def step(conn: sqlite3.Connection) -> None:
            tokens.let_expire(conn, old.token_id, at_ms=now_ms + int(overlap_seconds * 1000))
            tokens.insert(conn, fresh)
            self._append(conn, "TokenRotated", fresh, by)

        await self._write(step)
        return MadeToken(**dict(self._view(fresh)), secret=secret)

    async def close(self) -> None:
        """Let what is being written down come to its end."""
        if self._notes:
            await asyncio.wait(self._notes)

    def _new(self, wanted: NewToken, by: str) -> tuple[str, Token]:
        now_ms = self._clock_ms()
        token_id = secrets.token_hex(4)
        while token_id in self._known:
            token_id = secrets.token_hex(4)
        secret = f"{PREFIX}{token_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
        life = wanted.expires_seconds
        return secret, Token(
            token_id=token_id,
            name=wanted.name,
            user=wanted.user or by,
            role=wanted.role,
            sha256=_hash(secret),
            created_by=by,
            created_at_ms=now_ms,
            expires_at_ms=None if life is None else now_ms + int(life * 1000),
            limits=wanted.limits,
        )

    def _named(self, ref: str) -> list[Token]:
        """The token that has an id, or else all that have the name."""
        named = [one for one in self._known.values() if one.token_id == ref]
        named = named or [one for one in self._known.values() if one.name == ref]
        if not named:
            raise NotFound(f"There is no token {ref!r}. `atlas-server token list` shows them.")
        return named

    def _view(self, token: Token) -> TokenView:
        return token_view(token, holds=token.holds(self._clock_ms()))

    async def _write(self, step: Callable[[sqlite3.Connection], None]) -> None:
        def change(conn: sqlite3.Connection) -> list[Token]:
            step(conn)
            return tokens.every(conn)

        # In memory only once it is durable, and then at once.
        known = await asyncio.shield(self._database.write(change))
        self._known = {token.token_id: token for token in known}
        self._changed.set()
        self._changed = asyncio.Event()
        self._announce()

    def _append(self, conn: sqlite3.Connection, event: str, token: Token, by: str) -> None:
        detail = {
            "by": by,
            "token_id": token.token_id,
            "name": token.name,
            "user": token.user,
            "role": token.role.value,
            **({"rotated_from": token.rotated_from} if token.rotated_from else {}),
        }
        history.append_queue_change(
            conn, project=None, event=event, at_ms=self._clock_ms(), detail=detail
        )

    def _note_use(self, token: Token, source: str, now_ms: int) -> None:
        last_ms, where = token.last_used_at_ms, token.last_used_from
        if last_ms is not None and where == source and 0 <= now_ms - last_ms < NOTE_USE_MS:
            return
        used = replace(token, last_used_at_ms=now_ms, last_used_from=source)
        self._known[token.token_id] = used
        note = asyncio.create_task(self._keep_use(used))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def _keep_use(self, used: Token) -> None:
        at_ms, source = used.last_used_at_ms or 0, used.last_used_from or ""

        def step(conn: sqlite3.Connection) -> None:
            tokens.note_use(conn, used.token_id, source=source, at_ms=at_ms)

        try:
            await self._database.write(step)
        except AtlasError as error:  # a full disk must not keep anybody out
            log.warning("use of a token not kept", token=used.token_id, problem=error.message)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _holding(conn: sqlite3.Connection, now_ms: int) -> list[Token]:
    return [token for token in tokens.every(conn) if token.holds(now_ms)]
