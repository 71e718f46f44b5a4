"""What a project keeps no longer, and that nothing else ever goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.retention import DAY_MS, Ended, Policy, Rule, expired

NOW_MS = 1000 * DAY_MS


def ended(name: str, days_ago: float, *, is_protected: bool = False) -> Ended:
    return Ended(name, NOW_MS - int(days_ago * DAY_MS), is_protected)


def gone(jobs: list[Ended], rule: Rule) -> str:
    return "".join(job.job_id for job in expired(jobs, rule, now_ms=NOW_MS))


FIVE = [ended(name, days) for days, name in enumerate("abcde")]


@pytest.mark.parametrize(
    ("rule", "going"),
    [
        (Rule(), ""),
        (Rule(keep_last=2), "edc"),
        (Rule(keep_last=5), ""),
        (Rule(keep_days=1.5), "edc"),
        (Rule(keep_days=0.5), "edcb"),
        (Rule(keep_last=4, keep_days=0.5), "e"),
        (Rule(keep_last=1, keep_days=2.5), "ed"),
    ],
)
def test_a_job_goes_when_neither_part_of_the_rule_keeps_it(rule: Rule, going: str) -> None:
    assert gone(FIVE, rule) == going
    assert gone(list(reversed(FIVE)), rule) == going


def test_a_protected_job_stays_and_counts_among_the_last() -> None:
    jobs = [ended("a", 0, is_protected=True), ended("b", 1), ended("c", 2, is_protected=True)]
    assert gone(jobs, Rule(keep_last=1)) == "b"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(), "everything"),
        (Rule(keep_last=3), "the last 3"),
        (Rule(keep_days=1.5), "1.5 days"),
        (Rule(3, 10), "the last 3 and 10 days"),
    ],
)
def test_a_rule_is_told_in_words(rule: Rule, words: str) -> None:
    assert str(rule) == words


def test_what_was_set_for_a_project_wins_over_the_settings() -> None:
    policy = Policy(default=Rule(keep_last=9), projects={"cats": Rule(keep_last=5)})
    assert policy.rule_of("dogs", None) == Rule(keep_last=9)
    assert policy.rule_of("cats", None) == Rule(keep_last=5)
    assert policy.rule_of("cats", Rule()) == Rule()


@given(
    days=st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=30),
    keep_last=st.none() | st.integers(1, 40),
    keep_days=st.none() | st.floats(0.01, 100),
)
def test_nothing_goes_that_any_part_keeps(
    days: list[tuple[float, bool]], keep_last: int | None, keep_days: float | None
) -> None:
    jobs = [
        ended(f"{number:02}", age, is_protected=kept) for number, (age, kept) in enumerate(days)
    ]
    going = expired(jobs, Rule(keep_last, keep_days), now_ms=NOW_MS)
    staying = [job for job in jobs if job not in going]
    assert not any(job.is_protected for job in going)
    if keep_last is None and keep_days is None:
        assert going == []
    if keep_days is not None:
        assert all(NOW_MS - job.finished_at_ms > keep_days * DAY_MS for job in going)
    if keep_last is not None and going:
        assert len(staying) >= keep_last
        newest_gone = max(job.finished_at_ms for job in going)
        assert sum(job.finished_at_ms >= newest_gone for job in staying) >= keep_last
    if keep_last is not None and keep_days is None:
        unprotected = [job for job in staying if not job.is_protected]
        assert len(unprotected) <= keep_last
