"""Tags and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from foundations.errors import NotFound
from foundations.models import JobView, NoteView
from tests.api.fake_service.moment import MOMENT
from tests.api.fake_service.state import State


class Remarks(State):
    """Tags and notes, in memory."""

    async def tag(self, ref: str, tags: Mapping[str, str], *, by: str) -> JobView:
        job = self._jobs[await self.resolve(ref)]
        job.tags |= tags
        self.happen(job.job_id, "Tagged")
        return self._view(job)

    async def untag(self, ref: str, keys: Sequence[str], *, by: str) -> JobView:
        job = self._jobs[await self.resolve(ref)]
        for key in keys:
            if key not in job.tags:
                raise NotFound(f"Job `{job.job_id}` has no tag `{key}`.")
        for key in keys:
            del job.tags[key]
        return self._view(job)

    async def note(self, ref: str, text: str, *, by: str) -> NoteView:
        job = self._jobs[await self.resolve(ref)]
        job.notes.append(NoteView(number=len(job.notes) + 1, author=by, at=MOMENT, text=text))
        return job.notes[-1]

    async def notes(self, ref: str) -> list[NoteView]:
        return self._jobs[await self.resolve(ref)].notes
