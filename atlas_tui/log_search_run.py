"""Runs a search in a log on the scheduler, answer by answer, and goes on while the log grows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from atlas_tui.log_matches import Matches

if TYPE_CHECKING:
    from foundations.client import AsyncClient

GROWTH_SECONDS = 0.5
"""Shortest time between two looks at what a running job has written."""


class LogSearchRun:
    """One search, until it is stopped."""

    def __init__(self, client: AsyncClient, job_id: str, matches: Matches) -> None:
        self.matches = matches
        self.grew = asyncio.Event()
        """Set when there is more to search."""
        self.jump = 0
        """Whether to go to a match as soon as one is known: the next (1), the one before (-1)."""
        self._client = client
        self._job_id = job_id
        self._stopped = False

    def stop(self) -> None:
        """Ask nothing more."""
        self._stopped = True
        self.grew.set()

    async def go(self, tell: Callable[[], None], *, is_live: Callable[[], bool]) -> None:
        """Search to the end of the log and, while it grows, on.

        Args:
            tell: called after each answer.
            is_live: says whether more is to come.

        Raises:
            AtlasError: the scheduler refuses the pattern, or does not answer.
        """
        while not self._is_over():
            self.grew.clear()
            found = await self._client.search_log(self._job_id, self.matches.ask())
            if self._is_over():
                return
            self.matches.take(found)
            tell()
            if found.ended:
                if not is_live():
                    return
                await self.grew.wait()
                await asyncio.sleep(GROWTH_SECONDS)

    def _is_over(self) -> bool:
        return self._stopped or self.matches.is_full
