"""Which engine a server takes after another one ran jobs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from atlas_scheduler.engine.process import ProcessEngine
from atlas_scheduler.engine_choice import choose_engine
from atlas_scheduler.settings import ServerSettings
from atlas_scheduler.store import meta
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.environments import Environments
from foundations.errors import ConfigError
from foundations.home import Home
from tests.store import samples

pytestmark = pytest.mark.anyio


def ran_on(engine: str, conn: sqlite3.Connection) -> None:
    meta.set_setting(conn, "engine", engine)


def runs_on_processes(conn: sqlite3.Connection) -> None:
    ran_on("process", conn)
    samples.run(conn, samples.add(conn))


async def chosen(home: Home, database: Database, **settings: str) -> str:
    """The name of the engine that is taken."""
    engine = await choose_engine(
        home,
        ServerSettings.model_validate(settings),
        database,
        instance="0123abcd",
        environments=Environments(home),
    )
    try:
        return engine.name
    finally:
        await engine.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


async def test_jobs_that_run_keep_their_engine_where_the_settings_leave_it_open(
    home: Home, database: Database
) -> None:
    await database.write(runs_on_processes)

    assert await chosen(home, database, engine="auto") == ProcessEngine.name


async def test_another_engine_than_that_of_jobs_that_run_is_refused(
    home: Home, database: Database
) -> None:
    await database.write(runs_on_processes)

    with pytest.raises(ConfigError) as refused:
        await chosen(home, database, engine="docker")
    assert str(refused.value) == (
        f"1 job on the process engine did not end yet, and {home.server_config} names docker. "
        "Set `engine: process` until they have ended."
    )


async def test_without_jobs_that_run_the_settings_decide_and_that_is_kept(
    home: Home, database: Database
) -> None:
    await database.write(lambda conn: ran_on("docker", conn))

    assert await chosen(home, database, engine="process") == ProcessEngine.name
    assert await database.read(lambda conn: meta.get_setting(conn, "engine")) == "process"
