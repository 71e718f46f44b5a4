"""What must hold of the store and the engine at any moment, whatever happened before."""

from __future__ import annotations

from collections import Counter
from math import ceil

from atlas_scheduler.core.events import Claimed, Expired, StopRequested, TimedOut
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import Cause
from foundations.models import JobState
from tests.core.lifecycle_table import ALLOWED
from tests.core.world import Attempt, FakeEngine, Flaw, Store


def live_containers_are_one_a_job_and_covered_by_its_slot_and_gpus(
    store: Store, engine: FakeEngine
) -> None:
    live = engine.live()
    assert len(live) == len({one.job_id for one in live})
    for one in live:
        job = store.jobs[one.job_id]
        assert job.holds_slot, f"{job.job_id} is {job.state} and its process runs"
        assert (job.attempt, job.gpus) == (one.attempt, one.gpus)


def gpus_are_never_given_twice(store: Store) -> None:
    """Whole ones to one job each, and of a shared one no more than there is."""
    whole = [gpu for job in store.holding() for gpu in job.gpus if job.num_gpus >= 1]
    shared = Counter(gpu for job in store.holding() for gpu in job.gpus if job.num_gpus < 1)
    assert len(whole) == len(set(whole))
    assert not set(whole) & set(shared)
    assert all(count <= 2 for count in shared.values())
    assert all(len(job.gpus) == ceil(job.num_gpus) for job in store.holding())


def an_attempt_starts_at_most_one_process(engine: FakeEngine, unknowable: set[Attempt]) -> None:
    """Save where nothing can tell: removed by other hands before its start was recorded."""
    for attempt, starts in engine.starts.items():
        assert starts == 1 or attempt in unknowable, f"{attempt} started {starts} times"


def each_history_is_a_path_in_the_table(store: Store) -> None:
    for job_id, changes in store.history.items():
        state = JobState.QUEUED
        for event, after in changes:
            assert after in ALLOWED.get((state, type(event)), ()), f"{state} {event} {after}"
            state = after
        assert store.jobs[job_id].state is state


def each_end_is_the_true_one(store: Store, engine: FakeEngine) -> None:
    for job_id, job in store.jobs.items():
        if not job.is_final:
            continue
        name = (job_id, job.attempt)
        events = [type(event) for event, _ in store.history[job_id]]
        # Who stops a job whose time is over already does not change why it ends.
        asked_to_stop = StopRequested in events and not job.timed_out
        exit_code = engine.exit_codes.get(name)
        true_ends = {
            JobState.COMPLETED: exit_code == 0,
            JobState.FAILED: job.timed_out
            or bool(exit_code)
            or store.flaws[job_id] is not Flaw.NONE,
            JobState.LOST: name in engine.lost,
            JobState.STOPPED: asked_to_stop or Expired in events,
        }
        assert true_ends[job.state], f"{job_id} is {job.state}"
        assert job.state is JobState.STOPPED or not asked_to_stop or _had_ended(job, engine)
        had_ended = _had_ended(job, engine)
        # Without its container nobody can know that it had ended in time.
        is_known = not (had_ended and name in engine.lost)
        assert not is_known or job.timed_out == (TimedOut in events and not had_ended)


def _had_ended(job: Job, engine: FakeEngine) -> bool:
    """Whether its latest attempt ended of itself before its time was over."""
    ended_at_ms = engine.ended_at_ms.get((job.job_id, job.attempt))
    in_time = job.deadline_ms is None or ended_at_ms is None or ended_at_ms < job.deadline_ms
    return ended_at_ms is not None and in_time


def each_attempt_but_the_latest_ended_for_a_cause_that_may_be_tried_again(
    store: Store, engine: FakeEngine
) -> None:
    for job in store.jobs.values():
        limits = job.limits
        for cause in Cause:
            assert job.retried.count(cause) <= limits.retries(cause)
        claims = sum(isinstance(event, Claimed) for event, _ in store.history[job.job_id])
        assert claims == job.attempt <= len(job.retried) + 1
        for number, cause in enumerate(job.retried, start=1):
            name = (job.job_id, number)
            exit_code = engine.exit_codes.get(name)
            assert name in engine.lost if cause is Cause.LOST else exit_code
            assert exit_code == 137 or cause is not Cause.OOM


def nothing_starts_after_a_stop(store: Store) -> None:
    for changes in store.history.values():
        events = [type(event) for event, _ in changes]
        for ending in (StopRequested, TimedOut, Expired):
            if ending in events:
                assert Claimed not in events[events.index(ending) :]


def what_waits_has_nothing(store: Store) -> None:
    for job in store.in_state(JobState.QUEUED):
        assert (job.gpus, job.started_at_ms, job.exit_code) == ((), None, None)
        assert job.job_id not in store.archived
