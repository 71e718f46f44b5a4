"""What is kept no longer goes, says why, and can come back; nothing else is touched."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas_scheduler.core.retention import Policy, Rule
from atlas_scheduler.service import Service
from atlas_scheduler.store import jobs, leftovers, remarks, retention
from atlas_scheduler.store.db import Database
from foundations.errors import NotFound
from foundations.home import Home
from foundations.models import JobState, RetentionRule
from tests.service.conftest import service_on
from tests.store.listings import frame, listed, sha256
from tests.store.projects import packed, pieces, stored
from tests.store.samples import add, finish

pytestmark = pytest.mark.anyio
LONG_AGO_SECONDS = 10 * 24 * 3600


def done(conn: sqlite3.Connection, at_ms: int, **wanted: Any) -> str:
    """Add a job that ended at a time, with a complete archive."""
    job = finish(conn, add(conn, project="cats", **wanted), at_ms=at_ms)
    jobs.mark_archived(conn, job.job_id)
    return job.job_id


async def ids(service: Service) -> list[str]:
    return [job.job_id for job in (await service.jobs()).jobs]


async def test_nothing_goes_without_a_rule(service: Service, database: Database) -> None:
    await database.write(lambda conn: [done(conn, 5_000 + n) for n in range(3)])
    found = await service.collect_garbage(by="retention")
    assert (found.jobs, found.leftovers, found.size_bytes) == ([], [], 0)
    assert len(await ids(service)) == 3


async def test_a_rule_lets_the_oldest_go_by_a_deletion_that_says_why(
    service: Service, database: Database
) -> None:
    service.delete_grace_ms = 10**9
    first, second, third = await database.write(
        lambda conn: [done(conn, 5_000 + n) for n in range(3)]
    )
    project = await service.set_retention("cats", RetentionRule(keep_last=1), by="ada")
    assert project.retention is not None
    assert project.retention.keep_last == 1
    assert project.retention.keep_tags == ["keep", "promoted"]
    assert [one.job_id for one in (await service.garbage()).jobs] == [first, second]
    assert await ids(service) == [third, second, first], "looking deletes nothing"

    gone = await service.collect_garbage(by="retention")

    assert [one.job_id for one in gone.jobs] == [first, second]
    assert await ids(service) == [third]
    restored = await service.restore(first, by="ada")
    assert restored.job_id == first
    reason = "project cats keeps the last 1 of its jobs"
    assert gone.jobs[0].reason == reason
    history = [(one.event, one.detail) for one in (await service.job(first)).history]
    assert history[0] == ("Deleted", {"by": "retention", "reason": reason})


async def test_jobs_with_a_note_or_a_tag_that_keeps_or_an_unfinished_archive_stay(
    service: Service, database: Database
) -> None:
    service.retention = Policy(default=Rule(keep_days=0.001), keep_tags=("best",))

    def make(conn: sqlite3.Connection) -> dict[str, str]:
        unfinished = finish(conn, add(conn, project="cats"), JobState.FAILED, at_ms=5_000)
        return {
            "tagged": done(conn, 5_000, spec={"tags": {"best": ""}}),
            "noted": done(conn, 5_000),
            "unarchived": unfinished.job_id,
            "waiting": add(conn, project="cats").job_id,
            "other tag": done(conn, 5_000, spec={"tags": {"keep": ""}}),
        }

    made = await database.write(make)
    await service.note(made["noted"], "why it failed", by="ada")

    gone = await service.collect_garbage(by="retention")

    assert [one.job_id for one in gone.jobs] == [made["other tag"]]


async def test_the_rule_of_a_project_goes_with_its_name_and_can_be_taken_back(
    service: Service, database: Database
) -> None:
    service.retention = Policy(default=Rule(keep_last=7), projects={"lions": Rule(keep_last=2)})
    await database.write(lambda conn: done(conn, 5_000))

    async def rule() -> tuple[str, int | None] | None:
        (view,) = await service.projects()
        kept = view.retention
        return None if kept is None else (kept.set_by, kept.keep_last)

    assert await rule() == ("server.yaml", 7)
    await service.set_retention("cats", RetentionRule(keep_last=3), by="ada")
    view = await service.rename_project("cats", "lions", by="ada")
    assert view.retention is not None
    assert await rule() == ("project", 3)
    await service.set_retention("lions", RetentionRule(), by="ada")
    assert await rule() is None
    await service.set_retention("lions", None, by="ada")
    assert await rule() == ("server.yaml", 2)
    with pytest.raises(NotFound, match="no project `cats`"):
        await service.set_retention("cats", None, by="ada")


async def test_more_jobs_than_one_transaction_takes_go_all_the_same(
    service: Service, database: Database
) -> None:
    await database.write(lambda conn: [done(conn, 5_000 + n) for n in range(600)])
    await service.set_retention("cats", RetentionRule(keep_last=2), by="ada")
    assert len((await service.collect_garbage(by="retention")).jobs) == 598
    assert len(await ids(service)) == 2


async def test_a_job_that_is_protected_while_others_go_stays(
    service: Service, database: Database
) -> None:
    rule = Rule(keep_last=0)
    own = Rule(keep_last=0, keep_days=1)

    def step(conn: sqlite3.Connection) -> tuple[list[str], list[str], list[str]]:
        policy = Policy(default=rule)
        job_ids = [done(conn, 5_000 + n) for n in range(3)]
        found = retention.expired_jobs(conn, policy, now_ms=10**12)
        remarks.set_tags(conn, job_ids[1], {"keep": ""})
        after_a_tag = retention.still_expired(conn, policy, found)
        retention.set_rule(conn, "cats", own)
        after_a_rule = retention.still_expired(conn, policy, found)
        return job_ids, [one.job_id for one in after_a_tag], [one.job_id for one in after_a_rule]

    job_ids, after_a_tag, after_a_rule = await database.write(step)
    assert after_a_tag == [job_ids[0], job_ids[2]]
    assert after_a_rule == []


async def test_bundles_that_go_with_the_last_job_are_counted(
    service: Service, database: Database, tmp_path: Path
) -> None:
    service.bundles.sweep()
    shared, alone = await stored(service.bundles), await stored(service.bundles, {"a": "b"})
    await database.write(
        lambda conn: [
            done(conn, 5_000, bundle=shared),
            done(conn, 5_001, bundle=alone),
            done(conn, 5_002, bundle=shared),
        ]
    )
    await service.set_retention("cats", RetentionRule(keep_last=1), by="ada")
    archive = service.home.archive((await service.garbage()).jobs[0].job_id)
    archive.mkdir(parents=True)
    (archive / "big").write_bytes(bytes(50_000))

    found = await service.garbage()

    assert found.jobs[0].archive_bytes >= 50_000
    assert found.bundle_bytes == leftovers.bundle_bytes(service.home, alone) > 0
    assert found.size_bytes == found.bundle_bytes + sum(one.archive_bytes for one in found.jobs)


def age(path: Path) -> None:
    """Let a file be ten days old."""
    then = time.time() - LONG_AGO_SECONDS
    os.utime(path, (then, then), follow_symlinks=False)


@pytest.fixture
async def timely(tmp_path: Path, database: Database) -> AsyncIterator[Service]:
    """A service whose clock is that of the files."""
    async with service_on(Home(tmp_path), database, clock_ms=now_ms) as opened:
        yield opened


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def test_leftover_files_go_once_they_have_rested(timely: Service, database: Database) -> None:
    service = timely
    service.bundles.sweep()
    home = service.home
    used, unused, fresh = [await stored(service.bundles, {"a": text}) for text in "xyz"]
    await database.write(lambda conn: done(conn, 5_000, bundle=used))
    for digest in (used, unused):
        age(home.bundles / f"{digest.removeprefix('sha256:')}.tar.gz")
    incoming = home.bundles / "incoming"
    (incoming / "old.part").write_bytes(bytes(10_000))
    (incoming / "new.part").write_bytes(b"x")
    age(incoming / "old.part")

    found = await service.garbage()
    assert [(one.kind, one.name) for one in found.leftovers] == [
        ("bundle", unused),
        ("upload", "old.part"),
    ]
    assert all(one.size_bytes > 0 for one in found.leftovers)
    assert await service.has_bundle(unused)

    gone = await service.collect_garbage(by="ada")

    assert gone.leftovers == found.leftovers
    assert not await service.has_bundle(unused)
    assert await service.has_bundle(used)
    assert await service.has_bundle(fresh)
    assert [path.name for path in incoming.iterdir()] == ["new.part"]
    assert (await service.garbage()).leftovers == []
    bundle = packed({"a": "y"})
    await service.receive_bundle(bundle.digest, pieces(bundle.data))
    assert await service.has_bundle(unused)


async def test_a_bundle_of_files_goes_and_files_that_none_has(
    timely: Service, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = timely
    service.bundles.sweep()
    shared = {"main.py": b"print()", "data": b"x" * 10_000}
    used = await listed(service.bundles, shared)
    unused = await listed(service.bundles, {"main.py": b"print()", "other": b"y" * 10_000})
    await database.write(lambda conn: done(conn, 5_000, bundle=used))
    age(service.home.bundles / f"{unused.removeprefix('sha256:')}.files")

    gone = await service.collect_garbage(by="ada")

    assert [(one.kind, one.name) for one in gone.leftovers] == [("bundle", unused)]
    assert gone.leftovers[0].size_bytes > 0
    assert not await service.has_bundle(unused)
    assert service.bundles.size_bytes(used) == 10_007
    blobs = service.home.bundles / "blobs"
    assert {path.name for path in blobs.iterdir()} == {sha256(one) for one in shared.values()}

    orphan = sha256(b"never submitted")
    await service.receive_files(pieces(frame(b"never submitted")))
    assert (await service.garbage()).leftovers == [], "it has just come"
    monkeypatch.setattr("atlas_scheduler.store.leftovers.UPLOAD_REST_SECONDS", -3600.0)
    assert orphan in [one.name for one in (await service.garbage()).leftovers]
    assert sha256(b"print()") not in [one.name for one in (await service.garbage()).leftovers]


async def test_only_the_work_dir_of_a_job_that_was_archived_long_ago_is_leftover(
    timely: Service, database: Database
) -> None:
    service = timely

    def make(conn: sqlite3.Connection) -> dict[str, str]:
        running = replace(add(conn), state=JobState.RUNNING, attempt=1, started_at_ms=2_000)
        jobs.save_job(conn, running)
        return {
            "old": done(conn, 5_000),
            "just ended": done(conn, now_ms()),
            "running": running.job_id,
            "unarchived": finish(conn, add(conn)).job_id,
        }

    made = await database.write(make)
    names = [*made.values(), "0" * 8 + "-0000-4000-8000-" + "0" * 12, ".made", "notes"]
    for name in names:
        (service.home.job_dirs / name).mkdir(parents=True)
        (service.home.job_dirs / name / "file").write_text("x")

    gone = await service.collect_garbage(by="ada")

    assert [(one.kind, one.name) for one in gone.leftovers] == [("work_dir", made["old"])]
    left = {path.name for path in service.home.job_dirs.iterdir()}
    assert left == set(names) - {made["old"]}
