"""Submissions that are made again and again."""

from __future__ import annotations

import uuid
from typing import Any

from atlas_scheduler.core.bounds import Bounds
from foundations.errors import InvalidRequest
from foundations.models import NewSchedule, ScheduleView
from tests.api.fake_service.moment import MOMENT
from tests.api.fake_service.state import State, meant_by


class Schedules(State):
    """Submissions that are made again and again, in memory."""

    async def create_schedule(
        self,
        wanted: NewSchedule,
        *,
        by: str,
        idempotency_key: str | None,
        bounds: Bounds | None = None,
    ) -> ScheduleView:
        if idempotency_key is not None and idempotency_key in self._keys:
            return self._schedules[self._keys[idempotency_key]]
        if wanted.cron == "nonsense":
            raise InvalidRequest("`nonsense` has 1 fields.")
        schedule_id = str(uuid.uuid4())
        self._schedules[schedule_id] = ScheduleView(
            schedule_id=schedule_id,
            project=wanted.submission.spec.project,
            cron=wanted.cron,
            time_zone=wanted.time_zone,
            overlap=wanted.overlap,
            spec=wanted.submission.spec,
            bundle=wanted.submission.bundle,
            created_by=by,
            created_at=MOMENT,
            next_at=MOMENT,
        )
        if idempotency_key is not None:
            self._keys[idempotency_key] = schedule_id
        return self._schedules[schedule_id]

    async def schedules(self) -> list[ScheduleView]:
        return list(self._schedules.values())

    async def schedule(self, ref: str) -> ScheduleView:
        return self._schedules[meant_by(ref, self._schedules, what="schedule")[0]]

    async def pause_schedule(self, ref: str, *, by: str) -> ScheduleView:
        return await self._change_schedule(ref, paused_by=by, next_at=None)

    async def resume_schedule(self, ref: str, *, by: str) -> ScheduleView:
        return await self._change_schedule(ref, paused_by=None, next_at=MOMENT)

    async def _change_schedule(self, ref: str, **changed: Any) -> ScheduleView:
        view = (await self.schedule(ref)).model_copy(update=changed)
        self._schedules[view.schedule_id] = view
        return view

    async def delete_schedule(self, ref: str, *, by: str) -> None:
        del self._schedules[(await self.schedule(ref)).schedule_id]
