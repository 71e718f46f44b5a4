"""Jobs move in the queue: where to, and which orders that gives them."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.capacity import Capacity
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.line import Line
from atlas_scheduler.core.moves import ImpossibleMove, reorder, reorder_own
from atlas_scheduler.core.waiting import Places
from foundations.models import MovePlace
from tests.core.profiles import PROPERTY
from tests.core.queue_jobs import job_id, waiting

PLACES: tuple[MovePlace, ...] = get_args(MovePlace)


def in_turn(jobs: list[Job]) -> list[Job]:
    """The jobs in the order of their turns, while none runs."""
    return list(Places(Line(jobs), [], Capacity(1), now_ms=0).in_turn())


def with_held(jobs: list[Job]) -> list[Job]:
    """The same, with those that are held."""
    return list(Places(Line(jobs), [], Capacity(1), now_ms=0).with_held())


def line(jobs: list[Job], orders: dict[str, int]) -> list[int]:
    """The numbers of the jobs in the order of their turns, after a move."""
    moved = [replace(job, order=orders.get(job.job_id, job.order)) for job in jobs]
    numbers = {job.job_id: number for number, job in enumerate(jobs)}
    return [numbers[job.job_id] for job in with_held(moved)]


@pytest.mark.parametrize(
    ("moved", "place", "other", "after"),
    [
        ([3], "first", None, [3, 0, 1, 2, 4]),
        ([1], "last", None, [0, 2, 3, 4, 1]),
        ([4, 2], "first", None, [2, 4, 0, 1, 3]),
        ([0, 2], "last", None, [1, 3, 4, 0, 2]),
        ([2], "up", None, [0, 2, 1, 3, 4]),
        ([2], "down", None, [0, 1, 3, 2, 4]),
        ([0, 1], "up", None, [0, 1, 2, 3, 4]),
        ([0, 2], "up", None, [0, 2, 1, 3, 4]),
        ([2, 3], "up", None, [0, 2, 3, 1, 4]),
        ([2, 3], "down", None, [0, 1, 4, 2, 3]),
        ([4], "before", 1, [0, 4, 1, 2, 3]),
        ([0], "after", 3, [1, 2, 3, 0, 4]),
        ([4, 0], "after", 2, [1, 2, 0, 4, 3]),
        ([1, 3], "before", 3, [0, 2, 1, 3, 4]),
        ([2], "before", 2, [0, 1, 2, 3, 4]),
    ],
)
def test_jobs_go_where_they_are_moved_and_keep_their_order(
    moved: list[int], place: MovePlace, other: int | None, after: list[int]
) -> None:
    jobs = [waiting(number, order=10 * number) for number in range(5)]
    anchor = None if other is None else job_id(other)
    assert line(jobs, reorder(jobs, [job_id(one) for one in moved], place, anchor)) == after


def test_each_job_moves_among_those_of_its_priority() -> None:
    jobs = [waiting(number, priority=number % 2) for number in range(6)]
    assert line(jobs, {}) == [1, 3, 5, 0, 2, 4]
    assert line(jobs, reorder(in_turn(jobs), [job_id(5), job_id(4)], "first")) == [5, 1, 3, 4, 0, 2]
    with pytest.raises(ImpossibleMove, match=r"has priority 0 and job `00000001-.*has 1"):
        reorder(in_turn(jobs), [job_id(4)], "before", job_id(1))


def test_a_move_past_jobs_of_other_projects_holds_against_the_fair_share() -> None:
    jobs = [waiting(number, order=number + 1, project="cats") for number in range(4)]
    jobs += [waiting(number, order=number + 1, project="dogs") for number in range(4, 7)]
    assert line(jobs, {}) == [0, 4, 1, 5, 2, 6, 3]
    before = in_turn(jobs)
    moved = reorder(before, [job_id(2)], "up")
    assert line(jobs, moved) == [0, 4, 1, 2, 5, 6, 3]
    assert all(order <= 0 for order in moved.values())
    assert line(jobs, reorder(before, [job_id(6)], "before", job_id(4))) == [0, 6, 4, 1, 5, 2, 3]
    assert line(jobs, reorder(before, [job_id(3)], "first")) == [3, 4, 0, 5, 1, 6, 2]
    assert line(jobs, reorder(before, [job_id(0)], "last")) == [1, 4, 2, 5, 3, 6, 0]


def test_a_move_within_a_project_touches_no_other() -> None:
    cats = [waiting(number, order=number + 1, project="cats") for number in range(4)]
    dogs = [waiting(number, order=number + 1, project="dogs") for number in range(4, 5)]
    moved = reorder(in_turn(cats + dogs), [job_id(3)], "up")
    assert moved == {job_id(3): 3, job_id(2): 4}


def test_a_move_to_an_end_touches_only_what_is_moved() -> None:
    jobs = [waiting(number) for number in range(1_000)]
    for place in ("first", "last"):
        assert set(reorder(jobs, [job_id(500), job_id(3)], place)) == {job_id(500), job_id(3)}
    assert set(reorder(jobs, [job_id(500)], "up")) == {job_id(499), job_id(500)}
    assert reorder(jobs, [job_id(0)], "first") == {}


def test_one_place_is_past_the_next_job_that_is_not_held() -> None:
    held = {1, 2, 5}
    jobs = [waiting(one, order=one, held_by="ada" if one in held else None) for one in range(1, 7)]
    assert [one.order for one in with_held(jobs)] == [1, 2, 3, 4, 5, 6]

    def after(place: MovePlace, *moved: int) -> list[int]:
        orders = reorder(with_held(jobs), [job_id(one) for one in moved], place)
        return [one + 1 for one in line(jobs, orders)]

    assert after("up", 6) == [1, 2, 3, 6, 4, 5]
    assert after("down", 4) == [1, 2, 3, 5, 6, 4]
    assert after("up", 3) == [1, 2, 3, 4, 5, 6]
    assert after("up", 4, 6) == [1, 2, 4, 6, 3, 5]
    assert after("up", 5) == [1, 2, 3, 5, 4, 6]


@st.composite
def queues(draw: st.DrawFn) -> list[Job]:
    orders = draw(st.lists(st.integers(-50, 50), unique=True, min_size=1, max_size=9))
    projects = draw(st.sampled_from([["cats"], ["cats", "dogs"]]))
    return [
        waiting(
            number,
            order=order,
            priority=draw(st.integers(0, 1)),
            project=draw(st.sampled_from(projects)),
            held_by=draw(st.sampled_from([None, None, "ada"])),
        )
        for number, order in enumerate(orders)
    ]


@PROPERTY
@given(queues(), st.data())
def test_no_series_of_moves_makes_two_orders_alike_or_changes_another_sequence(
    jobs: list[Job], data: st.DataObject
) -> None:
    for _ in range(4):
        moved = data.draw(st.lists(st.sampled_from(jobs), unique=True, min_size=1))
        place = data.draw(st.sampled_from(PLACES))
        other = data.draw(st.sampled_from(jobs)) if place in ("before", "after") else None
        if other is not None:
            moved = [job for job in moved if job.priority == other.priority]
        ids = {job.job_id for job in moved}
        before = in_turn(jobs)
        orders = reorder(with_held(jobs), ids, place, None if other is None else other.job_id)
        jobs = [replace(job, order=orders.get(job.job_id, job.order)) for job in jobs]
        after = in_turn(jobs)

        assert len({job.order for job in jobs}) == len(jobs)
        if place in ("first", "last") and len({job.project for job in jobs}) > 1:
            continue  # what is left shares fairly anew
        for chosen in (True, False):
            old = [job.job_id for job in before if (job.job_id in ids) is chosen]
            new = [job.job_id for job in after if (job.job_id in ids) is chosen]
            if other is None or other.job_id not in ids:
                assert new == old


@PROPERTY
@given(st.data())
def test_moving_ones_own_jobs_makes_nobody_else_wait_longer(data: st.DataObject) -> None:
    jobs = [
        replace(
            waiting(number, order=10 * number, project=data.draw(st.sampled_from("ab"))),
            user=data.draw(st.sampled_from(["ada", "bob"])),
        )
        for number in range(data.draw(st.integers(1, 7)))
    ]
    own = [job for job in in_turn(jobs) if job.user == "bob"]
    moved = data.draw(st.sets(st.sampled_from([job.job_id for job in own]))) if own else set()
    place = data.draw(st.sampled_from(PLACES[:4]))

    orders = reorder_own(own, moved, place)

    assert orders.keys() <= {job.job_id for job in own}
    for project in "ab":
        theirs = {job.job_id: job.order for job in own if job.project == project}
        assert {orders.get(one, order) for one, order in theirs.items()} == set(theirs.values())


def test_jobs_of_ones_own_move_among_their_project_and_priority() -> None:
    first, other, second = (
        waiting(0, order=1, project="a"),
        waiting(1, order=2, project="b"),
        waiting(2, order=3, project="a"),
    )

    orders = reorder_own([first, other, second], [second.job_id], "first")
    assert orders == {second.job_id: 1, first.job_id: 3}
    with pytest.raises(ImpossibleMove, match="has another project or priority"):
        reorder_own([first, other, second], [second.job_id], "before", other.job_id)
