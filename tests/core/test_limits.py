"""Pauses between retries, and whose time is over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.deadlines import next_due_ms, overdue
from atlas_scheduler.core.events import Expired, TimedOut
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import LONGEST_DOUBLED_DELAY_MS, NO_LIMITS, Cause, Limits
from foundations.models import JobSpec, JobState, Retries
from tests.core.profiles import PROPERTY

RUNNING = Job("a", "p", JobState.RUNNING, 1, attempt=1, started_at_ms=1_000)
QUEUED = Job("b", "p", JobState.QUEUED, 2, submitted_at_ms=1_000)
LIMITS = Limits(time_ms=500, queue_ms=700)


def test_a_spec_that_says_nothing_limits_nothing() -> None:
    assert Limits.of(JobSpec(project="p")) == NO_LIMITS
    spec = JobSpec(
        project="p",
        time_limit_seconds=2,
        queue_ttl_seconds=3,
        retries=Retries(exit=1, oom=2, lost=3),
        retry_delay_seconds=0,
    )
    assert Limits.of(spec) == Limits(2_000, 3_000, exit=1, oom=2, lost=3, retry_delay_ms=0)
    assert [Limits.of(spec).retries(cause) for cause in Cause] == [1, 2, 3]


@pytest.mark.parametrize(
    ("delay_ms", "pauses"),
    [
        (1_000, [1_000, 2_000, 4_000, 8_000]),
        (0, [0, 0, 0, 0]),
        (3_000_000, [3_000_000, 3_600_000, 3_600_000, 3_600_000]),
        (9_000_000, [9_000_000, 9_000_000, 9_000_000, 9_000_000]),
    ],
)
def test_a_pause_doubles_up_to_an_hour(delay_ms: int, pauses: list[int]) -> None:
    limits = Limits(retry_delay_ms=delay_ms)
    assert [limits.pause_ms(retries_before=count) for count in range(4)] == pauses


@PROPERTY
@given(st.integers(0, 10**12), st.integers(0, 3_000))
def test_a_pause_never_shrinks_and_stays_within_its_bounds(delay_ms: int, before: int) -> None:
    limits = Limits(retry_delay_ms=delay_ms)
    pause_ms = limits.pause_ms(retries_before=before)
    assert delay_ms <= pause_ms <= max(delay_ms, LONGEST_DOUBLED_DELAY_MS)
    assert pause_ms <= limits.pause_ms(retries_before=before + 1)


def test_a_job_is_over_its_time_from_the_very_moment_on() -> None:
    running, queued = replace(RUNNING, limits=LIMITS), replace(QUEUED, limits=LIMITS)
    assert next_due_ms([RUNNING, QUEUED]) is None
    assert next_due_ms([queued, running]) == 1_500
    assert overdue([running, queued], now_ms=1_499) == []
    assert overdue([running, queued], now_ms=1_500) == [(running, TimedOut(1_500))]
    assert overdue([queued, RUNNING], now_ms=1_700) == [(queued, Expired(1_700))]


def test_a_wait_counts_from_when_the_job_could_have_its_turn() -> None:
    later = replace(QUEUED, limits=LIMITS, not_before_ms=9_000)
    assert next_due_ms([later]) == 9_700
    assert next_due_ms([replace(later, held_by="ada")]) == 9_700


@pytest.mark.parametrize("state", [one for one in JobState if one not in ("queued", "running")])
def test_no_other_state_has_a_time(state: JobState) -> None:
    assert next_due_ms([replace(RUNNING, state=state, limits=LIMITS)]) is None
