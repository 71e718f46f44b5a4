"""Tokens: made, shown once, and recognised until they hold no longer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atlas_scheduler.store import history
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.tokens import LEEWAY_MS, Token, every
from atlas_scheduler.tokens import Tokens
from foundations.errors import InvalidRequest, JobConflict, NotAuthorised, NotFound
from foundations.models import MadeToken, NewToken, Role, TokenLimits
from tests.api.guarded import Clock

pytestmark = pytest.mark.anyio

LAPTOP = NewToken(name="laptop", user="ada", role=Role.SUBMIT, expires_seconds=3600)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def tokens(database: Database, clock: Clock) -> AsyncIterator[Tokens]:
    opened = await Tokens.open(database, clock_ms=clock)
    yield opened
    await opened.close()


def show(tokens: Tokens, made: MadeToken) -> Token:
    return tokens.authenticate(made.secret, source="10.0.0.2")


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


async def test_a_token_is_known_again_also_after_a_restart(
    database: Database, tokens: Tokens, clock: Clock
) -> None:
    limits = TokenLimits(followers=3)
    made = await tokens.create(LAPTOP.model_copy(update={"limits": limits}), by="root")

    again = await Tokens.open(database, clock_ms=clock)
    found = show(again, made)
    await again.close()

    assert (found.user, found.role, found.limits) == ("ada", Role.SUBMIT, limits)
    assert len(made.secret) == len("atlas_12345678_") + 43


async def test_nothing_that_is_kept_has_the_secret(
    database: Database, tokens: Tokens, tmp_path: Path
) -> None:
    made = await tokens.create(LAPTOP, by="root")
    show(tokens, made)
    await tokens.close()
    await database.tidy_log()

    canary = made.secret.removeprefix(f"atlas_{made.token_id}_").encode()
    kept = contents(tmp_path)
    assert kept
    assert not [name for name, content in kept.items() if canary in content]
    stored = await database.read(every)
    assert "sha256" not in repr(stored)
    assert made.secret not in repr(made)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda secret: secret[:-1] + ("A" if secret[-1] != "A" else "B"),
        lambda secret: secret[:-1],
        lambda secret: secret + "A",
        lambda secret: secret.replace("atlas_", "atlas-", 1),
        lambda secret: f"atlas_00000000_{secret.rpartition('_')[2]}",
        lambda secret: secret.upper(),
        lambda secret: "",
        lambda secret: "atlas_",
        lambda secret: secret + "\n",
        lambda secret: "\udcff" * 50,
    ],
)
async def test_anything_else_is_refused(tokens: Tokens, spoil: object) -> None:
    made = await tokens.create(LAPTOP, by="root")
    assert callable(spoil)

    with pytest.raises(NotAuthorised, match="does not know this token"):
        tokens.authenticate(spoil(made.secret), source="10.0.0.2")


async def test_a_token_holds_until_its_time_and_a_minute(tokens: Tokens, clock: Clock) -> None:
    made = await tokens.create(LAPTOP, by="root")
    clock.now_ms += 3_600_000 + LEEWAY_MS
    show(tokens, made)
    assert tokens.views()[0].holds

    clock.now_ms += 1
    with pytest.raises(NotAuthorised, match=r"`laptop` \(.*\) expired at 2023-11-14 23:13 UTC"):
        show(tokens, made)
    assert not tokens.views()[0].holds


async def test_a_clock_that_goes_back_locks_nobody_out(tokens: Tokens, clock: Clock) -> None:
    made = await tokens.create(LAPTOP, by="root")
    show(tokens, made)
    clock.now_ms -= 10 * 365 * 86_400_000

    assert show(tokens, made).user == "ada"


async def test_a_revoked_token_is_refused_at_once(tokens: Tokens) -> None:
    made = await tokens.create(LAPTOP, by="root")
    (revoked,) = await tokens.revoke(made.token_id, by="eve")

    assert (revoked.holds, revoked.revoked_by) == (False, "eve")
    with pytest.raises(NotAuthorised, match="was revoked"):
        show(tokens, made)


async def test_a_rotated_token_holds_as_long_as_was_said(tokens: Tokens, clock: Clock) -> None:
    old = await tokens.create(LAPTOP, by="root")
    clock.now_ms += 1_000
    fresh = await tokens.rotate("laptop", overlap_seconds=60, by="root")

    assert (fresh.user, fresh.role, fresh.rotated_from) == ("ada", Role.SUBMIT, old.token_id)
    assert fresh.expires_at is not None
    assert old.expires_at is not None
    assert (fresh.expires_at - old.expires_at).total_seconds() == 1
    clock.now_ms += 60_000 + LEEWAY_MS
    show(tokens, old)
    clock.now_ms += 1
    with pytest.raises(NotAuthorised, match="expired"):
        show(tokens, old)
    show(tokens, fresh)


async def test_a_rotation_never_prolongs(tokens: Tokens, clock: Clock) -> None:
    old = await tokens.create(LAPTOP, by="root")
    await tokens.rotate("laptop", overlap_seconds=86_400, by="root")
    clock.now_ms += 3_600_000 + LEEWAY_MS + 1

    with pytest.raises(NotAuthorised, match="expired"):
        show(tokens, old)
    with pytest.raises(JobConflict, match="holds no longer"):
        await tokens.rotate(old.token_id, overlap_seconds=1, by="root")


async def test_a_name_revokes_all_that_have_it(tokens: Tokens) -> None:
    old = await tokens.create(LAPTOP, by="root")
    fresh = await tokens.rotate("laptop", overlap_seconds=60, by="root")

    assert {one.token_id for one in await tokens.revoke("laptop", by="root")} == {
        old.token_id,
        fresh.token_id,
    }
    assert not [one for one in tokens.views() if one.holds]


async def test_a_name_is_taken_while_a_token_with_it_holds(tokens: Tokens) -> None:
    await tokens.create(LAPTOP, by="root")
    with pytest.raises(InvalidRequest, match="There is a token named `laptop`"):
        await tokens.create(LAPTOP, by="root")
    await tokens.revoke("laptop", by="root")
    await tokens.create(LAPTOP, by="root")
    with pytest.raises(NotFound, match="no token 'desktop'"):
        await tokens.revoke("desktop", by="root")


async def test_what_becomes_of_tokens_is_in_the_history(database: Database, tokens: Tokens) -> None:
    made = await tokens.create(LAPTOP, by="root")
    await tokens.revoke("laptop", by="eve")

    told = await database.read(lambda conn: history.all_changes_since(conn, 0))
    assert [(one.event, one.detail["by"]) for one in told] == [
        ("TokenCreated", "root"),
        ("TokenRevoked", "eve"),
    ]
    assert made.secret not in str(told)


async def test_the_last_use_is_kept_to_the_minute(
    database: Database, tokens: Tokens, clock: Clock
) -> None:
    made = await tokens.create(LAPTOP, by="root")
    for _ in range(3):
        show(tokens, made)
        clock.now_ms += 10_000
    await tokens.close()

    (kept,) = await database.read(every)
    assert kept.last_used_from == "10.0.0.2"
    assert kept.last_used_at_ms == kept.created_at_ms
