"""Begins with little, and loads the rest of the app once the first picture is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import work

from atlas_tui import last_view, later
from atlas_tui.options import Options
from atlas_tui.questions import Questions
from atlas_tui.session import Seen, Session

if TYPE_CHECKING:
    from foundations.client import AsyncClient
    from foundations.models import JobView, SchedulerInfo

REST_SECONDS = 0.5
"""So long after the first picture what is not needed yet is loaded: rows come first."""


class Loading(Questions):
    """The part of the app that knows what is loaded."""

    client: AsyncClient

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._is_connectable = asyncio.Event()

    @work(group="begin")
    async def begin(self) -> None:
        """Load what the first picture did without, and connect."""
        await asyncio.to_thread(later.load_connection)
        self._is_connectable.set()
        self.connectable()
        await asyncio.sleep(REST_SECONDS)
        await asyncio.to_thread(later.load_all_else)
        self.all_loaded()

    def connectable(self) -> None:
        """Called when client and models are loaded."""

    def all_loaded(self) -> None:
        """Called when nothing is left to load."""

    async def reached(self) -> AsyncClient:
        """The client, as soon as it can be used: not before the first picture."""
        await self._is_connectable.wait()
        return self.client

    def remembered(self, seen: Seen) -> list[JobView]:
        """The jobs of a list of the session before."""
        find = last_view.jobs if self._is_connectable.is_set() else last_view.stand_in_jobs
        return find(seen)

    def remembered_info(self, session: Session) -> SchedulerInfo | None:
        """How the scheduler stood in the session before."""
        find = last_view.info if self._is_connectable.is_set() else last_view.stand_in_info
        return find(session)
