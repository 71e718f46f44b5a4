"""A window shows the same as the whole list, and asks only for what is near."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_tui.job_window import KEPT_PAGES, JobWindow
from foundations.errors import Unreachable
from foundations.models import JobPage, JobState, JobView

pytestmark = pytest.mark.anyio
WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def job(number: int) -> JobView:
    return JobView(
        job_id=str(uuid.UUID(int=number)),
        project="digits",
        user="ada",
        state=JobState.QUEUED,
        command=["main.py"],
        submitted_at=WHEN,
    )


class Scheduler:
    """A list of jobs that can change, and that counts how often it is asked."""

    def __init__(self, count: int) -> None:
        self.jobs = [job(number) for number in range(count)]
        self.asked: list[tuple[int, int]] = []
        self.is_away = False

    async def fetch(self, offset: int, limit: int) -> JobPage:
        self.asked.append((offset, limit))
        if self.is_away:
            raise Unreachable("nobody answers")
        return JobPage(jobs=self.jobs[offset : offset + limit], total=len(self.jobs))


@given(count=st.integers(0, 40), looks=st.lists(st.integers(0, 45), max_size=6))
async def test_every_place_that_was_brought_has_its_job(count: int, looks: list[int]) -> None:
    scheduler = Scheduler(count)
    window = JobWindow(scheduler.fetch, page_size=7)
    for look in looks:
        await window.bring(look, look + 5)
        assert window.total == count
        assert not window.needs(look, look + 5)
        for place in range(look, min(look + 6, count)):
            assert window.row(place) == scheduler.jobs[place]


async def test_what_is_here_is_not_asked_for_again_until_it_is_out_of_date() -> None:
    scheduler = Scheduler(50)
    window = JobWindow(scheduler.fetch, page_size=10)
    await window.bring(0, 12)
    await window.bring(3, 15)
    assert scheduler.asked == [(0, 10), (10, 10)]
    window.expire()
    assert window.row(0) == scheduler.jobs[0]
    await window.bring(3, 4)
    assert scheduler.asked[2:] == [(0, 10)]


async def test_a_list_that_became_shorter_forgets_its_old_end() -> None:
    scheduler = Scheduler(50)
    window = JobWindow(scheduler.fetch, page_size=10)
    await window.bring(40, 49)
    scheduler.jobs = scheduler.jobs[:5]
    window.expire()
    await window.bring(0, 9)
    assert window.total == 5
    assert window.row(45) is None
    assert not window.needs(40, 49)


async def test_only_so_many_pages_are_kept() -> None:
    scheduler = Scheduler(KEPT_PAGES * 3)
    window = JobWindow(scheduler.fetch, page_size=1)
    for place in range(KEPT_PAGES * 3):
        await window.bring(place, place)
    assert len(window.every_here()) == KEPT_PAGES
    assert window.row(KEPT_PAGES * 3 - 1) is not None


async def test_what_is_here_stays_when_the_scheduler_goes_away() -> None:
    scheduler = Scheduler(5)
    window = JobWindow(scheduler.fetch)
    await window.bring(0, 5)
    scheduler.is_away = True
    window.expire()
    with pytest.raises(Unreachable, match="nobody answers"):
        await window.bring(0, 5)
    assert window.row(4) == scheduler.jobs[4]


async def test_the_place_of_a_job_is_found_among_those_that_are_here() -> None:
    scheduler = Scheduler(30)
    window = JobWindow(scheduler.fetch, page_size=10)
    await window.bring(20, 29)
    assert window.place_of(scheduler.jobs[23].job_id) == 23
    assert window.place_of(scheduler.jobs[3].job_id) is None
    assert [one.job_id async for one in window.every_job()] == [
        one.job_id for one in scheduler.jobs
    ]
