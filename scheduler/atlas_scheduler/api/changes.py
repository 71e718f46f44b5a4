"""The change feed: the history of jobs and of the queue as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from atlas_scheduler.api.admission import require
from atlas_scheduler.api.audience import news_for
from atlas_scheduler.api.context import service_of
from atlas_scheduler.api.errors import answers
from atlas_scheduler.api.streaming import FollowedResponse
from atlas_scheduler.core.access import Thing
from atlas_scheduler.feed import News
from foundations.errors import AmbiguousJob, InvalidRequest, NotFound
from foundations.models import Change, NewRecords, QueueChange

MEDIA_TYPE = "text/event-stream"
LARGEST_SEQ = 2**63 - 1

router = APIRouter(tags=["changes"])


@router.get(
    "/changes",
    operation_id="changes",
    summary="Follow what happens to jobs",
    response_class=Response,
    responses={
        200: {
            "description": "Events with `id: SEQ` and `data: CHANGE`, a `Change` as JSON. "
            "With `queue` also events `queue`, with an id and a `QueueChange`; with `records` also "
            "events `records`, without an id, with `NewRecords`, and with `host` events `host`, "
            "without an id, with a `HostView`. A comment line is a sign of life.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        },
        **answers(InvalidRequest, NotFound, AmbiguousJob),
    },
)
async def changes(  # noqa: PLR0913 - one argument a parameter of the query
    request: Request,
    since: Annotated[
        int, Query(ge=0, le=LARGEST_SEQ, description="Send what came after this change.")
    ] = 0,
    job: Annotated[str | None, Query(max_length=64, description="Only this job.")] = None,
    follow: Annotated[bool, Query(description="Go on with new changes as they come.")] = True,
    queue: Annotated[
        bool, Query(description="Also what happens to the queue itself, unless `job` is given.")
    ] = False,
    records: Annotated[
        bool, Query(description="Also which jobs recorded something, at most once in a second.")
    ] = False,
    host: Annotated[
        bool, Query(description="Also how busy the scheduler's machine is, every five seconds.")
    ] = False,
    last_event_id: Annotated[
        int | None,
        Header(
            alias="Last-Event-ID",
            ge=0,
            le=LARGEST_SEQ,
            description="Replaces `since`; clients send it when they connect again.",
        ),
    ] = None,
) -> FollowedResponse:
    """Every change from a sequence number on, in order, each exactly once."""
    service = service_of(request)
    job_id = None
    if job is not None:
        job_id = await service.resolve(await require(request, Thing.JOB, job, acts=False))
    start = since if last_event_id is None else last_event_id
    found = service.changes(
        start, job_id=job_id, follow=follow, queue=queue, records=records, host=host
    )
    return FollowedResponse(
        _frames(news_for(request, found)), media_type=MEDIA_TYPE, headers=_HEADERS
    )


_HEADERS = {"X-Accel-Buffering": "no"}


async def _frames(news: AsyncIterable[News | None]) -> AsyncIterator[bytes]:
    async for one in news:
        yield b": still here\n\n" if one is None else _frame(one)


def _frame(one: News) -> bytes:
    data = f"data: {one.model_dump_json()}\n\n"
    match one:
        case Change():
            return f"id: {one.seq}\n{data}".encode()
        case QueueChange():
            return f"id: {one.seq}\nevent: queue\n{data}".encode()
        case NewRecords():
            return f"event: records\n{data}".encode()
    return f"event: host\n{data}".encode()
