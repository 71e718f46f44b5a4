"""When a job that comes after another may start, and when it never can."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.dependencies import (
    Blocker,
    Condition,
    Verdict,
    barred,
    blocked,
    verdict,
)
from atlas_scheduler.core.queue import Pick
from foundations.models import FINAL_STATES, JobState
from tests.core.queue_jobs import decide, job_id, waiting

S = JobState
MET = {
    Condition.OK: {S.COMPLETED},
    Condition.ANY: {S.COMPLETED, S.FAILED, S.STOPPED, S.LOST, S.PRUNED},
    Condition.FAILED: {S.FAILED, S.LOST},
}


@pytest.mark.parametrize("condition", Condition)
@pytest.mark.parametrize("state", JobState)
def test_a_dependency_is_judged_by_how_the_other_ended(
    condition: Condition, state: JobState
) -> None:
    ended = state in FINAL_STATES
    expected = Verdict.MET if state in MET[condition] else Verdict.NEVER
    assert verdict(condition, state) is (expected if ended else Verdict.OPEN)


def test_blockers_are_named_with_their_states() -> None:
    blockers = [Blocker(job_id(number), S.RUNNING) for number in (1, 2, 3, 4, 5)]

    assert blocked(blockers[:1]) == "comes after job 00000001 (running)"
    assert blocked(blockers) == (
        "comes after 5 jobs: job 00000001 (running), job 00000002 (running), "
        "job 00000003 (running) and 2 more"
    )


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_a_job_that_can_never_start_says_how_the_other_ended(state: JobState) -> None:
    words = {
        S.COMPLETED: "completed",
        S.FAILED: "failed",
        S.STOPPED: "was stopped",
        S.LOST: "was lost",
        S.PRUNED: "was pruned",
    }
    assert barred(job_id(1), state) == f"job 00000001, which it comes after, {words[state]}"


def test_a_job_that_comes_after_another_has_no_turn_and_holds_nobody_up() -> None:
    after = replace(waiting(1), blockers=(Blocker(job_id(9), S.QUEUED),))
    held = replace(waiting(3, held_by="ada"), blockers=after.blockers)
    decision = decide([after, waiting(2), held], [], Capacity(3))

    assert decision.picks == (Pick(job_id(2)),)
    assert decision.waiting == {
        job_id(1): "comes after job 00000009 (queued)",
        job_id(3): "held by ada",
    }


def test_a_job_that_comes_after_another_has_no_place_and_pushes_nobody_back() -> None:
    after = replace(waiting(1), blockers=(Blocker(job_id(9), S.QUEUED),))
    other = waiting(2)
    places = decide([after, other], [], Capacity(1)).moment.places()
    assert (places.of(after), places.of(other)) == (None, 1)
    assert list(places.in_turn()) == [other]
    assert list(places.with_held()) == [after, other]
