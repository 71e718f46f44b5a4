"""A long list of jobs, of which only the pages near what is shown are here; no widgets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foundations.models import JobPage, JobView

PAGE_SIZE = 100
LARGEST_PAGE = 1_000
"""Most jobs that are asked for at once."""
KEPT_PAGES = 20
"""A page of jobs with many parameters takes a megabyte."""

Fetch = Callable[[int, int], "Awaitable[JobPage]"]
"""Asks for the jobs at a place: offset and limit."""


@dataclass(slots=True)
class _Page:
    jobs: list[JobView]
    is_old: bool = False


class JobWindow:
    """Jobs by their place in the list that a fetch function gives."""

    def __init__(self, fetch: Fetch, *, page_size: int = PAGE_SIZE) -> None:
        self._fetch = fetch
        self._page_size = page_size
        self._pages: OrderedDict[int, _Page] = OrderedDict()
        self.is_seeded = False
        """Whether what is here is of an earlier session."""
        self.total: int | None = None
        """How long the list is; None while nobody knows."""

    def row(self, place: int) -> JobView | None:
        """The job at a place, or None when it is not here yet."""
        page = self._pages.get(place // self._page_size)
        inside = place % self._page_size
        return page.jobs[inside] if page is not None and inside < len(page.jobs) else None

    def place_of(self, job_id: str) -> int | None:
        """The place of a job among those that are here."""
        for number, page in self._pages.items():
            for inside, job in enumerate(page.jobs):
                if job.job_id == job_id:
                    return number * self._page_size + inside
        return None

    def top(self) -> list[JobView]:
        """The jobs of the first page, if it is here."""
        return self._pages[0].jobs if 0 in self._pages else []

    def every_here(self) -> list[JobView]:
        """All jobs that are here, in the order of the list."""
        return [job for number in sorted(self._pages) for job in self._pages[number].jobs]

    def expire(self) -> None:
        """Show what is here until it is asked for again."""
        for page in self._pages.values():
            page.is_old = True

    def needs(self, first: int, last: int) -> bool:
        """Whether something between two places is missing or out of date."""
        return any(self._is_needed(number) for number in self._numbers(first, last))

    async def bring(self, first: int, last: int) -> None:
        """Ask for what is missing or out of date between two places.

        Raises:
            AtlasError: the scheduler does not answer or refuses; what is here stays.
        """
        for number in self._numbers(first, last):
            if self._is_needed(number):
                await self._bring_page(number)
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)

    async def every_job(self) -> AsyncIterator[JobView]:
        """Yield the whole list, asking for it page by page; what is here stays as it is.

        Raises:
            AtlasError: the scheduler does not answer or refuses.
        """
        place, total = 0, 1
        while place < total:
            found = await self._fetch(place, LARGEST_PAGE)
            total = found.total or 0
            place += LARGEST_PAGE
            for job in found.jobs:
                yield job

    def seed(self, jobs: list[JobView], *, total: int) -> None:
        """Show these, from an earlier session, until the first answer."""
        self._pages[0] = _Page(jobs[: self._page_size], is_old=True)
        self.total, self.is_seeded = total, True

    async def _bring_page(self, number: int) -> None:
        size = self._page_size
        found = await self._fetch(number * size, size)
        self.total = found.total if found.total is not None else len(found.jobs)
        self._pages[number], self.is_seeded = _Page(found.jobs), False
        self._pages.move_to_end(number)
        # A page behind the end of the list, which became shorter, would be asked for for ever.
        for behind in [key for key in self._pages if key * size >= max(self.total, 1)]:
            del self._pages[behind]

    def _is_needed(self, number: int) -> bool:
        page = self._pages.get(number)
        return page is None or page.is_old

    def _numbers(self, first: int, last: int) -> range:
        """Pages that hold the places from `first` to `last`, as far as the list goes."""
        if self.total is not None:
            last = min(last, self.total - 1)
        return range(max(first, 0) // self._page_size, max(last, 0) // self._page_size + 1)
