"""Who the scheduler lets in, and as what: with tokens that only read, that act, or hold no more."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from atlas_tui.admission import turned_away
from atlas_tui.board import Link
from foundations import AsyncClient
from foundations.errors import NotAuthorised, TooMany
from foundations.home import Home
from foundations.models import NewToken, Role, TokenLimits
from tests.store.samples import add
from tests.tui.conftest import Shown, Stage, staged

pytestmark = pytest.mark.anyio

READS, SUBMITS = Shown(Role.READ), Shown(Role.SUBMIT)
REVOKED = Shown(Role.ADMIN, holds=False)


def fill(conn: sqlite3.Connection) -> None:
    for number in range(3):
        add(conn, spec={"command": ["main.py", f"run-{number}"], "user": "grace"})


async def _ask_until_refused(stage: Stage) -> None:
    with suppress(TooMany):
        while True:
            await stage.app.client.info()


async def test_a_token_that_only_reads_makes_the_app_read_only(tmp_path: Path) -> None:
    async with staged(tmp_path, fill, shows=READS) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        await stage.until(lambda: "READ-ONLY TOKEN" in stage.text())
        await stage.press("x")
        assert stage.status == "Stop: read-only mode."
        stage.app.perform("read_only")
        assert stage.status == (
            "The token of ada may only read. For another one: foundations login scheduler"
        )
        await stage.press("x")
        assert stage.status == "Stop: read-only mode."
        job = (await stage.service.jobs()).jobs[0]
        assert job.state == "queued"


@pytest.mark.parametrize("shown", [None, SUBMITS])
async def test_the_owner_and_who_may_submit_are_not_held_back(
    tmp_path: Path, shown: Shown | None
) -> None:
    async with staged(tmp_path, fill, shows=shown) as stage:
        await stage.settle()
        assert "READ-ONLY" not in stage.text()


async def test_what_is_others_stays_theirs_and_the_scheduler_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path, fill, shows=SUBMITS) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        await stage.press("x", "y")
        await stage.until(lambda: "grace" in stage.status)
        assert stage.status.startswith("Stop: The job ")
        assert {job.state for job in (await stage.service.jobs()).jobs} == {"queued"}


async def test_who_asks_too_often_is_told_so(tmp_path: Path) -> None:
    limited = Shown(Role.ADMIN, limits=TokenLimits(requests_per_minute=30))
    async with staged(tmp_path, fill, shows=limited) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        await stage.press("space", "down", "space", "down", "space", "x")
        await _ask_until_refused(stage)
        await stage.press("y")
        await stage.until(
            lambda: "This token may do 30 requests a minute. Try again in" in stage.status
        )


async def test_a_token_that_does_not_hold_is_asked_with_once(tmp_path: Path) -> None:
    async with staged(tmp_path, fill, shows=REVOKED) as stage:
        await stage.until(lambda: "not let in" in stage.text())
        await stage.until(lambda: "foundations login scheduler, then press r" in stage.text())
        await stage.settle()
        asked = len(stage.line.requests)
        for _ in range(50):
            await stage.pilot.pause()
        assert stage.line.requests[asked:] == []
        await stage.press("2")
        await stage.until(lambda: "revoked" in stage.text())


async def test_after_signing_in_the_app_goes_on_with_the_new_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, fill, shows=REVOKED, kept_in=tmp_path) as stage:
        await stage.until(lambda: "not let in" in stage.text())
        assert stage.tokens is not None
        wanted = NewToken(name="another", user="ada", role=Role.READ)
        made = await stage.tokens.create(wanted, by="root")
        config = Home(tmp_path).config_dir / "scheduler.config.yaml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(f"scheduler_url: http://atlas\ntoken: {made.secret}\n")
        config.chmod(0o600)

        def reach(url: str, *, token: str | None, **_: object) -> AsyncClient:
            return AsyncClient(url, token=token, transport=stage.line)

        monkeypatch.setattr("atlas_tui.schedulers.AsyncClient", reach)
        await stage.press("r")
        await stage.until(lambda: stage.app.board.link is Link.LIVE)
        await stage.until(lambda: "run-2" in stage.text() and "READ-ONLY TOKEN" in stage.text())


async def test_a_scheduler_without_a_config_is_told_of_and_the_screen_stays(tmp_path: Path) -> None:
    async with staged(tmp_path, fill, shows=REVOKED, kept_in=tmp_path) as stage:
        await stage.press("r")
        await stage.until(lambda: "Could not find" in stage.status)
        assert stage.app.board.link is Link.REFUSED


async def test_a_token_that_is_revoked_while_it_is_used_ends_the_connection(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, fill, shows=READS) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        assert stage.tokens is not None
        assert stage.token is not None
        await stage.tokens.revoke(stage.token.token_id, by="root")
        stage.line.cut()
        stage.line.mend()
        await stage.until(lambda: stage.app.board.link is Link.REFUSED)
        await stage.until(lambda: "not let in" in stage.text())
        assert "run-2" in stage.text()


def test_what_to_do_comes_before_why() -> None:
    words = turned_away(NotAuthorised("The token was revoked."), "gpu box")
    assert words == "foundations login 'gpu box', then press r. The token was revoked."
