"""Backups: whole, of one moment, and restored as a whole or not at all."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from atlas_scheduler.__main__ import cli
from atlas_scheduler.operations.backup import back_up
from atlas_scheduler.operations.restore import PLAN, STAGED, finish, restore
from atlas_scheduler.store import meta, schema
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.faults import DatabaseCorrupt, DatabaseTooNew
from foundations.errors import AtlasError, ConfigError, StorageFull
from foundations.home import Home
from tests.e2e.driver import Scheduler
from tests.e2e.processes import kill_jobs
from tests.e2e.projects import until, write_waiting_project
from tests.store.disks import mounted_disk
from tests.store.interruptions import SimulatedCrash, crash_at

SECRET = "the-token-of-another-scheduler"
CHECKPOINT = b"\x00weights" * 1000


def make_home(root: Path, said: str) -> Home:
    home = Home(root)
    home.create()
    schema.prepare(home.database)
    with closing(sqlite3.connect(home.database, isolation_level=None)) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.row_factory = sqlite3.Row
        meta.instance_id(conn)
        meta.set_setting(conn, "said", said)
    home.config_dir.mkdir(parents=True)
    home.server_config.write_text(f"# {said}\n")
    (home.config_dir / "far.config.yaml").write_text(f"token: {SECRET}\n")
    (home.secrets / "shared").mkdir(parents=True)
    (home.secrets / "shared" / "KEY").write_text(SECRET)
    archive = home.archive("a" * 36)
    (archive / "artifacts").mkdir(parents=True)
    (archive / "artifacts" / "model").write_bytes(CHECKPOINT)
    (archive / "artifacts" / "link").symlink_to("/etc/passwd")
    (archive / "job.log").write_text(said)
    (home.bundles / "blobs").mkdir(parents=True)
    (home.bundles / "blobs" / ("b" * 64)).write_bytes(b"content")
    (home.bundles / f"{'c' * 64}.tar.gz").write_bytes(b"packed")
    (home.bundles / ("c" * 64)).mkdir()
    (home.bundles / ("c" * 64) / "main.py").touch()
    (home.bundles / "incoming").mkdir()
    (home.bundles / "incoming" / "half.part").touch()
    return home


def said_in(home: Home) -> str:
    with closing(sqlite3.connect(home.database)) as conn:
        conn.row_factory = sqlite3.Row
        return str(meta.get_setting(conn, "said"))


def contents(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.root)): path.read_bytes()
        for path in sorted(home.root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home", "first")


@pytest.mark.parametrize("name", ["all.tar", "all.tar.gz"])
def test_a_backup_brings_everything_back(home: Home, tmp_path: Path, name: str) -> None:
    back_up(home, tmp_path / name, with_files=True, with_secrets=True)
    assert (tmp_path / name).stat().st_mode & 0o077 == 0
    before = contents(home)
    home.root.rename(tmp_path / "gone")
    home.create()

    done = restore(home, tmp_path / name)

    assert said_in(home) == "first"
    assert done.kept is None
    after = contents(home)
    same = {path for path in before if "incoming" not in path and f"{'c' * 64}/" not in path}
    assert after.keys() == {path for path in same if not path.startswith("scheduler.db-")}
    assert all(after[path] == before[path] for path in after if path != "scheduler.db")
    link = home.archive("a" * 36) / "artifacts" / "link"
    assert str(link.readlink()) == "/etc/passwd"


def test_secrets_and_files_come_only_when_they_are_asked_for(home: Home, tmp_path: Path) -> None:
    back_up(home, tmp_path / "small.tar")
    with tarfile.open(tmp_path / "small.tar") as tar:
        assert tar.getnames() == [
            "manifest.json", "scheduler.db", "config/server.yaml", "end.json",
        ]  # fmt: skip
    assert SECRET.encode() not in (tmp_path / "small.tar").read_bytes()
    back_up(home, tmp_path / "secret.tar", with_secrets=True)
    assert SECRET.encode() in (tmp_path / "secret.tar").read_bytes()


def test_what_was_there_is_put_aside_and_other_files_stay(home: Home, tmp_path: Path) -> None:
    back_up(home, tmp_path / "b.tar")
    with closing(sqlite3.connect(home.database, isolation_level=None)) as conn:
        meta.set_setting(conn, "said", "second")
        before = home.database.read_bytes()
        log = Path(f"{home.database}-wal").read_bytes()
        assert log, "the write is only in the write-ahead log"
        done = restore(home, tmp_path / "b.tar", replace=True)

    assert said_in(home) == "first"
    assert done.kept is not None
    assert (done.kept / "scheduler.db").read_bytes() == before
    assert (done.kept / "scheduler.db-wal").read_bytes() == log
    assert (home.archive("a" * 36) / "job.log").exists()
    assert not (home.root / STAGED).exists()
    assert not (home.root / PLAN).exists()


@pytest.mark.anyio
async def test_a_backup_is_of_one_moment_while_a_server_writes(home: Home, tmp_path: Path) -> None:
    async with await Database.open(home.database) as database:
        await database.write(lambda conn: meta.set_setting(conn, "said", "while it runs"))
        back_up(home, tmp_path / "b.tar")
        await database.write(lambda conn: meta.set_setting(conn, "said", "later"))
    elsewhere = Home(tmp_path / "other")
    elsewhere.create()
    done = restore(elsewhere, tmp_path / "b.tar")
    assert said_in(elsewhere) == "while it runs"
    assert done.is_elsewhere
    with closing(sqlite3.connect(elsewhere.database)) as conn:
        assert conn.execute("SELECT count(*) FROM instance").fetchone() == (0,)


def test_a_database_is_not_replaced_unasked(home: Home, tmp_path: Path) -> None:
    back_up(home, tmp_path / "b.tar")
    before = contents(home)
    with pytest.raises(ConfigError, match="say --replace"):
        restore(home, tmp_path / "b.tar")
    assert contents(home) == before


def cut(path: Path, _: Home) -> None:
    path.write_bytes(path.read_bytes()[:-12_000])


def cut_in_the_database(path: Path, _: Home) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def flip(path: Path, _: Home) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"SQLite format 3") + 5000] ^= 0xFF
    path.write_bytes(bytes(data))


def no_archive(path: Path, _: Home) -> None:
    path.write_bytes(b"no archive at all")


def another_format(path: Path, _: Home) -> None:
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2'))


def newer(path: Path, home: Home) -> None:
    with closing(sqlite3.connect(home.database)) as conn:
        conn.execute("PRAGMA user_version = 9999")
    with pytest.raises(DatabaseTooNew):
        back_up(home, path.with_name("newer.tar"))


def of_another_program(path: Path, home: Home) -> None:
    with closing(sqlite3.connect(home.database)) as conn:
        conn.execute("PRAGMA application_id = 7")
    with pytest.raises(DatabaseCorrupt, match="database of another program"):
        back_up(home, path.with_name("other.tar"))


@pytest.mark.parametrize("damage", [cut, cut_in_the_database, flip, no_archive, another_format])
def test_a_backup_that_is_not_whole_changes_nothing(
    home: Home, tmp_path: Path, damage: Callable[[Path, Home], None]
) -> None:
    source = tmp_path / "b.tar"
    back_up(home, source, with_files=True)
    damage(source, home)
    before = contents(home)
    with pytest.raises(ConfigError, match="is no whole backup"):
        restore(home, source, replace=True)
    assert contents(home) == before


@pytest.mark.parametrize("damage", [newer, of_another_program])
def test_a_database_that_cannot_be_used_is_not_backed_up(
    home: Home, tmp_path: Path, damage: Callable[[Path, Home], None]
) -> None:
    damage(tmp_path / "b.tar", home)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_a_damaged_database_is_named_and_not_backed_up(home: Home, tmp_path: Path) -> None:
    data = bytearray(home.database.read_bytes())
    data[8192:12_288] = bytes(4096)
    home.database.write_bytes(bytes(data))
    with pytest.raises(DatabaseCorrupt, match=f"The database {home.database} cannot be used"):
        back_up(home, tmp_path / "b.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_backup_that_does_not_fit_leaves_nothing(home: Home, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (home.archive("a" * 36) / "artifacts" / "large").write_bytes(os.urandom(3 << 20))
    with mounted_disk(tmp_path / "small", size_mib=2):
        with pytest.raises(StorageFull):
            back_up(home, tmp_path / "small" / "b.tar", with_files=True)
        assert list((tmp_path / "small").iterdir()) == []
        (tmp_path / "small" / "ballast").write_bytes(bytes((2 << 20) - 65_536))
        with pytest.raises(StorageFull, match=str(tmp_path / "small")):
            back_up(home, tmp_path / "small" / "b.tar")


def test_a_place_that_is_not_there_is_told_by_the_command(home: Home, tmp_path: Path) -> None:
    words = ["backup", str(tmp_path / "no" / "b.tar"), "--home", str(home.root)]
    done = CliRunner().invoke(cli, words)
    assert isinstance(done.exception, ConfigError)
    assert done.exception.message.endswith("b.tar cannot be written: No such file or directory.")


def test_what_is_no_backup_at_all_is_told_in_one_line(home: Home, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a backup\n" * 100)
    with pytest.raises(ConfigError) as refused:
        restore(home, tmp_path / "notes.txt", replace=True)
    assert refused.value.message == (
        f"{tmp_path / 'notes.txt'} is no whole backup: it is no tar file."
    )


@pytest.mark.parametrize(
    "name", ["../out", "/etc/out", "config/../../out", "other", "config//x", "scheduler.db/"]
)
def test_a_name_that_leads_elsewhere_is_refused(home: Home, tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(ConfigError, match="is no whole backup"):
        restore(home, tmp_path / "evil.tar", replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.tar", "home"]


def test_nothing_is_written_through_a_link(home: Home, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        link = tarfile.TarInfo("config/there")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "outside")
        tar.addfile(link)
        info = tarfile.TarInfo("config/there/file")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises((AtlasError, OSError)):
        restore(home, tmp_path / "evil.tar", replace=True)
    assert list((tmp_path / "outside").iterdir()) == []


def crashes() -> Iterator[int]:
    yield from range(1000)


def test_a_backup_that_is_cut_off_leaves_no_backup(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "out" / "b.tar"
    target.parent.mkdir()
    for step in crashes():
        try:
            with crash_at(step):
                back_up(home, target)
        except SimulatedCrash:
            if target.exists():  # only what came after the last rename was cut off
                restore(home, target, replace=True)
                target.unlink()
            continue
        break
    assert step > 5
    assert [path.name for path in target.parent.iterdir()] == ["b.tar"]
    assert said_in(home) == "first"


def say(home: Home, said: str) -> None:
    (home.archive("a" * 36) / "job.log").write_text(said)
    home.server_config.write_text(f"# {said}\n")
    with closing(sqlite3.connect(home.database)) as conn, conn:
        meta.set_setting(conn, "said", said)


def test_a_restore_that_is_cut_off_is_finished_or_has_changed_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing here cuts the power, and a sync for each step takes most of the time.
    monkeypatch.setattr("atlas_scheduler.operations.restore.sync_file_system", lambda _: True)
    back_up(home, tmp_path / "b.tar", with_files=True)
    ends = []
    for step in crashes():
        say(home, "second")
        is_whole = False
        try:
            with crash_at(step):
                restore(home, tmp_path / "b.tar", replace=True)
                is_whole = True
        except SimulatedCrash:
            finish(home)  # what the next start does
        log = (home.archive("a" * 36) / "job.log").read_text()
        assert log == said_in(home)
        assert home.server_config.read_text() == f"# {log}\n"
        assert not (home.root / STAGED).exists()
        assert not (home.root / PLAN).exists()
        kept = sorted(home.root.glob("before-restore-*"))
        if log == "first":
            assert (kept[-1] / "job_data" / "archive" / ("a" * 36) / "job.log").exists()
        for path in kept:
            shutil.rmtree(path)
        ends.append(log)
        if is_whole:
            break
    assert ends == sorted(ends, reverse=True), "from one step on it is always finished"
    assert ends.count("second") > 10
    assert ends.count("first") > 10


def test_jobs_that_ran_in_the_backup_are_compared_with_the_engine(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    scheduler = Scheduler(tmp_path / "s", "process")
    backup = str(tmp_path / "b.tar.gz")
    project = write_waiting_project(tmp_path / "waits", tmp_path)
    try:
        scheduler.start()
        job_id = scheduler.submit(project)
        until((tmp_path / "started").exists, "the job runs")
        told = scheduler.server("backup", "--with-files", backup).out
        assert told.startswith(f"Backed up {scheduler.home.root} to {backup}: ")
        assert "is there already" in scheduler.server("backup", backup, code=1).err
        assert "already serves" in scheduler.server("restore", backup, code=1).err
        scheduler.server("stop")
        (tmp_path / "enough").touch()
        scheduler.home.database.write_bytes(b"\xff" * 5000)

        refused = scheduler.server("start", "--detach", code=1).err
        assert "atlas-server restore --replace" in refused
        told = scheduler.server("restore", backup, "--replace").out
        assert "What was there before is in" in told
        scheduler.start()

        assert scheduler.wait(job_id).state == "completed"
        assert json.loads(scheduler.cli("list", "jobs", "--json").out)[0]["job_id"] == job_id
    finally:
        kill_jobs(scheduler.home)
        scheduler.close()
