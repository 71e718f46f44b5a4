"""The database's file: what it looks like, damage to it, and upgrades."""

from __future__ import annotations

import gzip
import re
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from atlas_scheduler.store import jobs, records, remarks, schema, sql
from atlas_scheduler.store.db import Database, DatabaseCorrupt, DatabaseTooNew
from atlas_scheduler.store.records import JobRecords
from tests.store.samples import next_step
from tests.store.writes import DEADLINE_SECONDS, put

pytestmark = pytest.mark.anyio


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def modes_of_files(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


# What the file looks like.


async def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "scheduler.db") as database:
        await database.write(put("a"))
        modes = modes_of_files(tmp_path)
    assert modes == dict.fromkeys(("scheduler.db", "scheduler.db-shm", "scheduler.db-wal"), 0o600)


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    schema.prepare(path)
    path.chmod(0o644)
    async with await Database.open(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_every_commit_is_synced_and_the_log_is_bounded(database: Database) -> None:
    def settings(conn: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "journal_size_limit")
        return [conn.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await database.write(settings) == ["wal", 2, 1, 64 << 20]


async def test_closing_leaves_one_whole_file_and_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    database = await Database.open(tmp_path / "scheduler.db")
    await database.write(put("a"))
    await database.close()
    await database.close()
    assert list(contents(tmp_path)) == ["scheduler.db"]
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join(DEADLINE_SECONDS)
    # The executor that asyncio keeps for blocking calls is not the database's.
    own = [one for one in threading.enumerate() if not one.name.startswith("asyncio_")]
    assert len(own) <= before


# Files that cannot be used.


def a_database(path: Path) -> None:
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.executemany(
            "INSERT INTO settings VALUES (?, ?)",
            [(f"{number:04}", f'"{number:0100}"') for number in range(2_000)],
        )


def not_a_database(path: Path) -> None:
    path.write_bytes(b"these are somebody's notes, not a database. " * 100)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    a_database(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def first_page_damaged(path: Path) -> None:
    a_database(path)
    with path.open("r+b") as file:
        file.write(b"\xff" * 512)


def leaf_damaged(path: Path) -> None:
    a_database(path)
    overwrite_leaf(path)


def overwrite_leaf(path: Path) -> None:
    page = path.read_bytes().rindex(b"0001999") // 4096 * 4096
    with path.open("r+b") as file:
        file.seek(page)
        file.write(b"\xff" * 64)


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("CREATE TABLE theirs (x)")


def log_without_its_database(path: Path) -> None:
    Path(f"{path}-wal").write_bytes(b"x" * 4096)


@pytest.mark.parametrize(
    "damage",
    [
        not_a_database,
        emptied,
        truncated,
        first_page_damaged,
        leaf_damaged,
        of_another_program,
        log_without_its_database,
    ],
)
async def test_a_file_that_cannot_be_used_is_refused_and_left_as_it_is(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = tmp_path / "scheduler.db"
    damage(path)
    before = contents(tmp_path)
    with pytest.raises(DatabaseCorrupt) as caught:
        await Database.open(path)
    assert contents(tmp_path) == before
    assert str(path) in caught.value.message
    assert ".recover" in caught.value.message


async def test_the_way_out_names_the_newest_backup(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    emptied(path)
    for version in (9, 10):
        (tmp_path / f"scheduler.db.backup-v{version}").touch()
    with pytest.raises(DatabaseCorrupt, match=r"cp \S+backup-v10 \S+scheduler\.db"):
        await Database.open(path)


async def test_damage_that_comes_later_is_told_to_whoever_meets_it(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    a_database(path)
    async with await Database.open(path) as database:
        overwrite_leaf(path)
        with pytest.raises(DatabaseCorrupt, match="malformed"):
            await database.read(lambda conn: conn.execute("SELECT * FROM settings").fetchall())


async def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(DatabaseTooNew, match="version 99"):
        await Database.open(path)
    assert path.read_bytes() == before


# Migrations.


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as conn:
        version = conn.execute("PRAGMA user_version").fetchone()[0]
        return [*conn.iterdump(), f"version {version}"]


def values(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, by column."""
    with closing(sqlite3.connect(path)) as conn:
        conn.row_factory = sqlite3.Row
        tables = conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            table["name"]: [dict(row) for row in conn.execute(f"SELECT * FROM {table['name']}")]
            for table in tables
        }


def test_the_migrations_are_numbered_without_a_gap() -> None:
    versions = [step.version for step in sql.migrations()]
    assert versions == list(range(1, len(versions) + 1))


def test_an_upgrade_keeps_the_rows_and_a_copy_of_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    a_database(path)
    before = dump(path)
    step = next_step("CREATE TABLE more (x TEXT) STRICT")
    schema.prepare(path, [*sql.migrations(), step])
    backup = tmp_path / f"scheduler.db.backup-v{step.version - 1}"
    assert dump(backup) == before
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert set(dump(path)) - set(before) == {
        "CREATE TABLE more (x TEXT) STRICT;",
        f"version {step.version}",
    }
    assert sorted(file.name for file in tmp_path.iterdir()) == ["scheduler.db", backup.name]


async def test_a_file_that_version_1_wrote_is_upgraded_and_used(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    path.write_bytes(gzip.decompress((Path(__file__).parent / "schema-1.db.gz").read_bytes()))
    before = values(path)

    async with await Database.open(path) as database:
        found = await database.read(lambda conn: jobs.page(conn)[0])
        (done,) = [one.job.job_id for one in found if one.job.is_final]
        recorded = await database.read(lambda conn: records.of_jobs(conn, [done])[done])
        assert recorded == JobRecords(
            {"lr": 0.1}, {"loss": "NaN"}, {"kind": "final", "nightly": ""}
        )
        assert await database.read(lambda conn: remarks.notes(conn, done)) == []
        note = await database.write(
            lambda conn: remarks.add_note(conn, done, author="ada", text="fine", at_ms=1)
        )
        assert await database.read(lambda conn: remarks.notes(conn, done)) == [note]
        shown = await database.read(jobs.projects)
        assert [(one.name, one.jobs, one.description) for one in shown] == [
            ("digits", 1, ""),
            ("letters", 1, ""),
        ]

    after = values(path)
    for table, rows in before.items():
        for row in rows:
            assert any(row.items() <= now.items() for now in after[table]), (table, row)
    assert (tmp_path / "scheduler.db.backup-v1").exists()


@pytest.mark.parametrize("good_statements", range(4))
def test_an_upgrade_that_fails_anywhere_changes_nothing(
    tmp_path: Path, good_statements: int
) -> None:
    path = tmp_path / "scheduler.db"
    a_database(path)
    before = dump(path)
    good = ["CREATE TABLE more (x TEXT)", "DELETE FROM settings", "DROP TABLE artifacts"]
    steps = [*sql.migrations(), next_step(*good[:good_statements], "SELECT no_such_column")]
    with pytest.raises(sqlite3.OperationalError):
        schema.prepare(path, steps)
    assert dump(path) == before


def test_a_first_start_that_fails_leaves_no_file(tmp_path: Path) -> None:
    steps = [*sql.migrations(), next_step("SELECT no_such_column")]
    with pytest.raises(sqlite3.OperationalError):
        schema.prepare(tmp_path / "scheduler.db", steps)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_first_start_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / "scheduler.db.new").write_bytes(b"half a database")
    (tmp_path / "scheduler.db.new-journal").write_bytes(b"and its journal")
    schema.prepare(tmp_path / "scheduler.db")
    assert [file.name for file in tmp_path.iterdir()] == ["scheduler.db"]


@pytest.mark.parametrize(
    "noun", sorted(file.stem for file in (Path(sql.__file__).parent / "queries").iterdir())
)
def test_every_query_fits_the_schema(conn: sqlite3.Connection, noun: str) -> None:
    for query in sql.queries(noun).values():
        positional = [None] * query.count("?")
        named = dict.fromkeys(re.findall(r":(\w+)", query))
        conn.execute(f"EXPLAIN {query}", positional or named)
