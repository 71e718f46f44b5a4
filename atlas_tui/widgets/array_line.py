"""One line that says how the jobs of an array stand, and which of them have failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual import work
from textual.widget import Widget

from atlas_tui.looks import Palette
from foundations.errors import AtlasError, NotFound
from foundations.job_states import JobState
from foundations.text.quantities import counted

if TYPE_CHECKING:
    from foundations.client import AsyncClient
    from foundations.models import ArrayView

_SHOWN_STATES = (
    *(JobState.FAILED, JobState.LOST),
    *(JobState.RUNNING, JobState.STARTING, JobState.STOPPING, JobState.QUEUED),
    *(JobState.COMPLETED, JobState.STOPPED, JobState.PRUNED),
)
"""Trouble first: it is seen where there is little room, too."""
_BAD = (JobState.FAILED, JobState.LOST)
_MOST_NAMED = 8
"""How many of those that failed are named."""


class ArrayLine(Widget):
    """Hidden while there is no array to tell of."""

    DEFAULT_CSS = """
    ArrayLine { height: 1; background: $panel; }
    """

    def __init__(self, reach: Callable[[], Awaitable[AsyncClient]], *, palette: Palette) -> None:
        super().__init__()
        self._reach = reach
        self._palette = palette
        self._wanted: str | None = None
        self._is_old = self._is_asking = False
        self._array: ArrayView | None = None
        self._failed: tuple[int, ...] = ()
        self.display = False

    def show(self, array_id: str | None) -> None:
        """Tell of an array, or of none."""
        if array_id == self._wanted:
            return
        self._wanted = array_id
        if array_id is None:
            self._take(None, ())
        else:
            self.expire()

    def expire(self) -> None:
        """Ask anew how it stands; one question at a time, and the last is never left out."""
        self._is_old = True
        if self._wanted is not None and not self._is_asking:
            self._is_asking = True
            self._ask()

    @work(group="array")
    async def _ask(self) -> None:
        try:
            while self._is_old and self._wanted is not None:
                self._is_old = False
                await self._bring(self._wanted)
        finally:
            self._is_asking = False

    async def _bring(self, array_id: str) -> None:
        try:
            client = await self._reach()
            array = await client.array(array_id)
            failed: tuple[int, ...] = ()
            if any(array.states.get(state) for state in _BAD):
                bad = f"array={array_id} state in ({', '.join(_BAD)}) sort:array_index"
                page = await client.jobs(filter=bad, limit=_MOST_NAMED)
                failed = tuple(job.array.index for job in page.jobs if job.array is not None)
        except NotFound:
            if array_id == self._wanted:
                self._take(None, ())
        except AtlasError:
            # The bar at the top tells of a lost connection; what is shown is of before that.
            return
        else:
            if array_id == self._wanted:
                self._take(array, failed)

    def _take(self, array: ArrayView | None, failed: tuple[int, ...]) -> None:
        if (array, failed) != (self._array, self._failed):
            self._array, self._failed = array, failed
            self.display = array is not None
            self.refresh()

    def render(self) -> Text:
        """Write the line."""
        array = self._array
        text = Text(" ", no_wrap=True)
        if array is None:
            return text
        text.append(f"array:{array.array_id[:8]}", Style(bold=True))
        text.append(f"  {counted(array.size)}")
        for state in _SHOWN_STATES:
            if count := array.states.get(state, 0):
                word, style = self._palette.state(state)
                text.append(f"  {word} {count}", style)
                if state is _last_bad(array):
                    text.append(f" [{self._named(array)}]", style)
        text.truncate(self.size.width, overflow="ellipsis" if self._palette.unicode else "crop")
        return text

    def _named(self, array: ArrayView) -> str:
        count = sum(array.states.get(state, 0) for state in _BAD)
        more = [self._palette.text("…", "...")] if count > len(self._failed) else []
        return ", ".join([*map(str, self._failed), *more])


def _last_bad(array: ArrayView) -> JobState | None:
    """The state behind which the failed ones are named."""
    return next((state for state in reversed(_BAD) if array.states.get(state)), None)
