"""What must hold of the store and the engine at any moment, whatever happened before."""

from __future__ import annotations

from collections import Counter
from math import ceil

from atlas_scheduler.core.lifecycle import StopRequested
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
            assert after in ALLOWED.get((state, event), ()), f"{state} {event} {after}"
            state = after
        assert store.jobs[job_id].state is state


def each_end_is_the_true_one(store: Store, engine: FakeEngine) -> None:
    for job_id, job in store.jobs.items():
        if not job.is_final:
            continue
        name = (job_id, job.attempt)
        asked_to_stop = any(event is StopRequested for event, _ in store.history[job_id])
        exit_code = engine.exit_codes.get(name)
        true_ends = {
            JobState.COMPLETED: exit_code == 0 and not asked_to_stop,
            JobState.FAILED: bool(exit_code) or store.flaws[job_id] is not Flaw.NONE,
            JobState.LOST: name in engine.lost and not asked_to_stop,
            JobState.STOPPED: asked_to_stop,
        }
        assert true_ends[job.state], f"{job_id} is {job.state}"
