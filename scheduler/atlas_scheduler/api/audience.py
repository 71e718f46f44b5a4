"""Which news somebody is told who is no admin."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator

from starlette.requests import HTTPConnection

from atlas_scheduler.api.context import acts_only_for, caller, sees_only, service_of
from atlas_scheduler.feed import News
from atlas_scheduler.ownership import Ownership
from foundations.models import Change, HostView, NewRecords, QueueChange

_OF_TOKENS = "Token"
_OF_SECRETS = "Secret"


def news_for(
    request: HTTPConnection, news: AsyncIterable[News | None]
) -> AsyncIterable[News | None]:
    """Leave out of news what the one who asks may not see."""
    if acts_only_for(request) is None:
        return news
    audience = _Audience(
        service_of(request).ownership, caller(request).user, only=sees_only(request)
    )
    return audience.told(news)


class _Audience:
    """Somebody who is no admin."""

    def __init__(self, ownership: Ownership, user: str, *, only: str | None) -> None:
        self._ownership = ownership
        self._user = user
        self._only = only
        """The user whose jobs alone they see; None where all are shared."""
        self._is_seen: dict[str, bool] = {}

    async def told(self, news: AsyncIterable[News | None]) -> AsyncIterator[News | None]:
        async for one in news:
            # What is left out becomes a sign of life, so that a quiet feed is not taken for dead.
            yield None if one is None else await self._seen_of(one)

    async def _seen_of(self, one: News) -> News | None:
        if isinstance(one, QueueChange):
            return one if self._concerns(one) else None
        if self._only is None:
            return one
        match one:
            case Change():
                return one if await self._seen({one.job_id}) else None
            case NewRecords():
                job_ids = sorted(await self._seen(set(one.job_ids)))
                return NewRecords(job_ids=job_ids) if job_ids else None
            case HostView():
                return without_jobs(one)

    def _concerns(self, one: QueueChange) -> bool:
        if one.event.startswith(_OF_TOKENS):
            return False
        if one.event.startswith(_OF_SECRETS):
            return one.detail.get("user") == self._user
        if self._only is None or one.detail.get("by") == self._only:
            return True
        return one.project is None

    async def _seen(self, job_ids: set[str]) -> set[str]:
        unknown = job_ids - self._is_seen.keys()
        if unknown:
            users = await self._ownership.of_jobs(unknown)
            self._is_seen |= {job_id: users.get(job_id) == self._only for job_id in unknown}
        return {job_id for job_id in job_ids if self._is_seen[job_id]}


def without_jobs(host: HostView) -> HostView:
    """Leave out which job holds which GPU."""
    gpus = [gpu.model_copy(update={"job_id": None}) for gpu in host.gpus]
    return host.model_copy(update={"gpus": gpus})
