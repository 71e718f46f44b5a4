"""Tokens in memory: what the API and the clients can see of them."""

from __future__ import annotations

from datetime import UTC, datetime

from foundations.errors import NotFound
from foundations.models import MadeToken, NewToken, TokenView

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeTokens:
    """Tokens by their ids, numbered from 1."""

    def __init__(self) -> None:
        self._made: dict[str, MadeToken] = {}

    def views(self) -> list[TokenView]:
        return [TokenView.model_validate(dict(one)) for one in self._made.values()]

    async def create(self, wanted: NewToken, *, by: str) -> MadeToken:
        return self.make(wanted, by=by)

    async def rotate(self, ref: str, *, overlap_seconds: float, by: str) -> MadeToken:
        old = self._named(ref)[-1]
        wanted = NewToken(name=old.name, user=old.user, role=old.role, limits=old.limits)
        return self.make(wanted, by=by, rotated_from=old.token_id)

    async def revoke(self, ref: str, *, by: str) -> list[TokenView]:
        return self.end(ref, by=by)

    def make(self, wanted: NewToken, *, by: str, rotated_from: str | None = None) -> MadeToken:
        token_id = f"{len(self._made) + 1:08x}"
        made = MadeToken(
            token_id=token_id,
            name=wanted.name,
            user=wanted.user or by,
            role=wanted.role,
            created_by=by,
            created_at=MOMENT,
            limits=wanted.limits,
            rotated_from=rotated_from,
            secret=f"atlas_{token_id}_{'s' * 43}",
        )
        self._made[token_id] = made
        return made

    def end(self, ref: str, *, by: str) -> list[TokenView]:
        revoked = {"revoked_by": by, "revoked_at": MOMENT, "holds": False}
        named = self._named(ref)
        for one in named:
            self._made[one.token_id] = one.model_copy(update=revoked)
        ended = {one.token_id for one in named}
        return [one for one in self.views() if one.token_id in ended]

    def _named(self, ref: str) -> list[MadeToken]:
        named = [one for one in self._made.values() if ref in (one.token_id, one.name)]
        if not named:
            raise NotFound(f"There is no token {ref!r}. `atlas-server token list` shows them.")
        return named
