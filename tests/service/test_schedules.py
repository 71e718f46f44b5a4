"""Schedules submit at their times: once each, also when the server was down, and not beside a job
that has not ended."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from atlas_scheduler.core.bounds import Bounds
from atlas_scheduler.core.events import StopRequested
from atlas_scheduler.engine.port import Capabilities
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.errors import AmbiguousJob, InvalidRequest, JobConflict, NotFound
from foundations.models import (
    After,
    JobSpec,
    JobState,
    JobView,
    NewSchedule,
    QueueChange,
    ScheduleView,
    Submission,
    Unique,
)
from tests.store.projects import stored

pytestmark = pytest.mark.anyio

S = JobState
SPEC = JobSpec(project="cats", user="ada", tags={"kind": "nightly"})


@dataclass
class Clock:
    """A clock that stands until it is set."""

    at_ms: int = 0

    def set(self, text: str) -> None:
        self.at_ms = ms(text)

    def __call__(self) -> int:
        return self.at_ms


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def clock(service: Service) -> Clock:
    clock = Clock(ms("2026-06-01T12:00"))
    service._clock_ms = clock
    return clock


@pytest.fixture
async def submission(service: Service, clock: Clock) -> Submission:
    service.bundles.sweep()
    service.engine.problem = None
    return Submission(spec=SPEC, bundle=await stored(service.bundles))


async def create(
    service: Service, submission: Submission, cron: str = "0 3 * * *", **fields: Any
) -> ScheduleView:
    wanted = NewSchedule(submission=submission, cron=cron, **fields)
    return await service.create_schedule(wanted, by="ada", idempotency_key=None)


async def jobs_of(service: Service, schedule: ScheduleView) -> list[JobView]:
    return (await service.jobs(filter=f"schedule:{schedule.schedule_id[:8]}")).jobs


def at(view: datetime | None) -> str:
    return "" if view is None else view.strftime("%m-%dT%H:%M")


async def test_a_job_is_submitted_at_each_time(
    service: Service, clock: Clock, submission: Submission
) -> None:
    made = await create(service, submission, time_zone="Europe/Berlin")
    assert (at(made.next_at), made.last_at, made.spec) == ("06-02T01:00", None, SPEC)
    assert await service.end_overdue() == ms("2026-06-02T01:00")
    await service.run_schedules()
    assert await jobs_of(service, made) == []

    for day in ("02", "03"):
        clock.set(f"2026-06-{day}T01:00")
        await service.run_schedules()
        await service.run_schedules()
        newest = (await jobs_of(service, made))[0]
        view = await service.schedule(made.schedule_id[:8])
        assert (view.last_job_id, view.last_job_state) == (newest.job_id, S.QUEUED)
        assert (at(view.last_at), at(view.next_at)[:2]) == (f"06-{day}T01:00", "06")
        await service.apply(newest.job_id, StopRequested(clock(), "ada"))

    found = await jobs_of(service, made)
    assert len(found) == 2
    assert (found[0].schedule_id, found[0].tags) == (made.schedule_id, {"kind": "nightly"})
    history = (await service.job(found[0].job_id)).history
    assert history[0].detail == {"user": "ada", "schedule": made.schedule_id}


async def test_times_that_passed_while_no_server_ran_are_made_up_for_once(
    service: Service, clock: Clock, submission: Submission
) -> None:
    made = await create(service, submission)
    clock.set("2026-06-05T10:30")

    await service.run_schedules()

    assert len(await jobs_of(service, made)) == 1
    view = await service.schedule(made.schedule_id)
    assert (at(view.last_at), at(view.next_at)) == ("06-05T10:30", "06-06T03:00")


async def test_a_time_is_skipped_while_the_last_job_has_not_ended(
    service: Service, clock: Clock, submission: Submission
) -> None:
    made = await create(service, submission)
    for day in ("02", "03", "04"):
        clock.set(f"2026-06-{day}T03:00")
        await service.run_schedules()
    (job,) = await jobs_of(service, made)
    view = await service.schedule(made.schedule_id)
    assert (view.skipped, view.last_job_id, view.problem) == (2, job.job_id, None)
    await service.apply(job.job_id, StopRequested(clock(), "ada"))
    clock.set("2026-06-05T03:00")
    await service.run_schedules()
    assert len(await jobs_of(service, made)) == 2


async def test_a_time_is_skipped_while_as_many_jobs_wait_as_the_token_may_have(
    service: Service, clock: Clock, submission: Submission
) -> None:
    wanted = NewSchedule(submission=submission, cron="0 3 * * *", overlap="allow")
    bounds = Bounds("mia", queued_jobs=2)
    made = await service.create_schedule(wanted, by="mia", idempotency_key=None, bounds=bounds)
    for day in ("02", "03", "04"):
        clock.set(f"2026-06-{day}T03:00")
        await service.run_schedules()

    newest, _ = await jobs_of(service, made)
    view = await service.schedule(made.schedule_id)
    told = "2 jobs of `ada` wait already, and 2 may. Wait until some have started, or stop some."
    assert (view.skipped, view.problem) == (1, f"It skipped its last time: {told}")
    last = [one async for one in service.changes(0, follow=False, queue=True)][-1]
    assert isinstance(last, QueueChange)
    assert (last.event, last.detail["reason"]) == ("ScheduleSkipped", told)

    await service.apply(newest.job_id, StopRequested(clock(), "ada"))
    clock.set("2026-06-05T03:00")
    await service.run_schedules()
    view = await service.schedule(made.schedule_id)
    assert (len(await jobs_of(service, made)), view.skipped, view.problem) == (3, 1, None)


async def test_jobs_may_be_allowed_beside_each_other(
    service: Service, clock: Clock, submission: Submission
) -> None:
    made = await create(service, submission, overlap="allow")
    for day in ("02", "03"):
        clock.set(f"2026-06-{day}T03:00")
        await service.run_schedules()
    assert len(await jobs_of(service, made)) == 2


async def test_a_paused_schedule_submits_nothing_and_makes_up_for_nothing(
    service: Service, clock: Clock, submission: Submission
) -> None:
    made = await create(service, submission)
    paused = await service.pause_schedule(made.schedule_id, by="eve")
    assert (paused.paused_by, paused.next_at) == ("eve", None)
    assert (await service.pause_schedule(made.schedule_id, by="ada")).paused_by == "eve"
    clock.set("2026-06-03T10:00")
    await service.run_schedules()
    assert await service.end_overdue() is None

    resumed = await service.resume_schedule(made.schedule_id, by="eve")

    await service.run_schedules()
    assert await jobs_of(service, made) == []
    assert (resumed.paused_by, at(resumed.next_at)) == (None, "06-04T03:00")
    assert await service.resume_schedule(made.schedule_id, by="eve") == resumed


async def test_a_bundle_is_kept_as_long_as_a_schedule_needs_it(
    service: Service, clock: Clock, submission: Submission
) -> None:
    service.delete_grace_ms = 0
    made = await create(service, submission)
    job = await service.submit(submission, idempotency_key=None)
    await service.apply(job.job_id, StopRequested(clock(), "ada"))
    await service.delete(job.job_id, by="ada")
    for job_id in (await service.begin_sweeps())[0]:
        assert await service.purge(job_id) is None
    assert await service.has_bundle(submission.bundle)

    await service.delete_schedule(made.schedule_id, by="ada")

    assert not await service.has_bundle(submission.bundle)
    with pytest.raises(NotFound, match="There is no schedule"):
        await service.schedule(made.schedule_id)
    assert await service.schedules() == []


async def test_a_bundle_that_a_job_uses_stays_when_its_schedule_goes(
    service: Service, clock: Clock, submission: Submission
) -> None:
    made = await create(service, submission)
    clock.set("2026-06-02T03:00")
    await service.run_schedules()
    await service.delete_schedule(made.schedule_id, by="ada")
    assert await service.has_bundle(submission.bundle)
    assert len(await jobs_of(service, made)) == 1


async def test_a_renamed_project_keeps_its_schedule_and_is_not_deleted_with_it(
    service: Service, clock: Clock, submission: Submission
) -> None:
    made = await create(service, submission)
    await service.rename_project("cats", "dogs", by="ada")
    clock.set("2026-06-02T03:00")
    await service.run_schedules()

    (job,) = await jobs_of(service, made)
    assert job.project == "dogs"
    assert (await service.schedule(made.schedule_id)).spec.project == "dogs"
    await service.apply(job.job_id, StopRequested(clock(), "ada"))
    with pytest.raises(JobConflict, match="Project `dogs` has schedules"):
        await service.delete_project("dogs", by="ada")
    await service.delete_schedule(made.schedule_id, by="ada")
    await service.delete_project("dogs", by="ada")


async def test_what_cannot_be_submitted_is_told_and_tried_the_next_time(
    service: Service, clock: Clock, submission: Submission
) -> None:
    greedy = submission.model_copy(update={"spec": SPEC.model_copy(update={"num_gpus": 2})})
    made = await create(service, greedy)
    service.engine.capabilities = Capabilities(name="process", version="", isolated=False)
    clock.set("2026-06-02T03:00")
    await service.run_schedules()

    view = await service.schedule(made.schedule_id)
    assert view.problem == "The job asks for 2 GPUs and this scheduler has no GPU."
    assert (view.skipped, at(view.next_at)) == (0, "06-03T03:00")
    assert await jobs_of(service, made) == []


async def test_a_schedule_that_can_go_on_no_more_says_why_until_it_is_resumed(
    service: Service, clock: Clock, submission: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create(service, submission, time_zone="Europe/Berlin")
    clock.set("2026-06-02T01:00")
    with monkeypatch.context() as machine:
        machine.setattr("atlas_scheduler.core.recurrence.zone", lambda name: None)
        await service.run_schedules()
        view = await service.schedule(made.schedule_id)
        assert (view.next_at, view.skipped) == (None, 0)
        assert view.problem == (
            "It submits nothing any more: There is no time zone `Europe/Berlin`. Zones are called "
            "as in Europe/Berlin or UTC. Mend that, then pause and resume it."
        )
        assert len(await jobs_of(service, made)) == 1
        await service.pause_schedule(made.schedule_id, by="ada")
        resumed = await service.resume_schedule(made.schedule_id, by="ada")
        assert (resumed.problem, resumed.next_at) == (view.problem, None)
    await service.pause_schedule(made.schedule_id, by="ada")
    resumed = await service.resume_schedule(made.schedule_id, by="ada")
    assert (resumed.problem, at(resumed.next_at)) == (None, "06-03T01:00")


async def test_the_same_key_gets_the_schedule_of_the_first(
    service: Service, submission: Submission
) -> None:
    wanted = NewSchedule(submission=submission, cron="0 3 * * *")
    first = await service.create_schedule(wanted, by="ada", idempotency_key="k")
    again = await service.create_schedule(wanted, by="ada", idempotency_key="k")
    assert again == first
    assert await service.schedules() == [first]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"cron": "0 3 * *"}, "has 4 fields"),
        (
            {"cron": "0 0 31 4 *"},
            "cannot be read: its day of the month is not from 1 to 31, or none",
        ),
        ({"time_zone": "nowhere"}, "There is no time zone `nowhere`"),
        ({"after": (After(job="abcd"),)}, "`after` is for a single one"),
        ({"unique": Unique(key="k")}, "`unique` is for a single one"),
        ({"not_before": datetime(2030, 1, 1, tzinfo=UTC)}, "`not_before` is for a single one"),
    ],
)
async def test_what_makes_no_schedule_is_refused(
    service: Service, submission: Submission, fields: dict[str, Any], problem: str
) -> None:
    names = ("after", "unique", "not_before")
    once: dict[str, Any] = {name: fields.pop(name) for name in names if name in fields}
    with pytest.raises(InvalidRequest, match=problem):
        await create(service, submission.model_copy(update=once), **fields)
    assert await service.schedules() == []


async def test_a_schedule_needs_its_bundle(service: Service, submission: Submission) -> None:
    with pytest.raises(NotFound):
        await create(service, submission.model_copy(update={"bundle": f"sha256:{'0' * 64}"}))


def rename(conn: sqlite3.Connection, wanted: tuple[str, str]) -> None:
    conn.execute("UPDATE schedules SET schedule_id = ? WHERE schedule_id = ?", wanted)


async def test_a_schedule_is_named_by_a_part_of_its_id(
    service: Service, submission: Submission, database: Database
) -> None:
    for end in "01":
        made = await create(service, submission)
        wanted = (f"abcd0000-0000-4000-8000-00000000000{end}", made.schedule_id)
        await database.write(partial(rename, wanted=wanted))
    with pytest.raises(AmbiguousJob, match="'abcd' fits several schedules: abcd0000-"):
        await service.schedule("abcd")
    with pytest.raises(InvalidRequest, match="too short"):
        await service.schedule("abc")
