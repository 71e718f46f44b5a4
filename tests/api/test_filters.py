"""Filters through the API, over a real service and database: what the page about them says."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atlas_scheduler import job_catalogue
from atlas_scheduler.api import Door, create_app
from atlas_scheduler.core.filters.fields import BY_NAME
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.service import Service
from atlas_scheduler.store import records
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.records import Metric, Parameter
from foundations import AsyncClient
from foundations.errors import InvalidRequest
from foundations.home import Home
from foundations.models import JobState, QueueSettings
from tests.api.in_memory import InMemory
from tests.store.samples import add, finish

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")
NOW_MS = 1_800_000_000_000
GOOD, BAD, WAITING = (f"{number}0000000-0000-4000-8000-000000000000" for number in "123")


def examples() -> list[str]:
    """The first cells of the tables whose title is `filter`."""
    tables = re.findall(r"^\| filter \|.*\n\|---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    rows = "".join(tables).splitlines()
    cells = [re.match(r"\| `(.+?)` \|", row) for row in rows]
    return [cell[1].replace(r"\|", "|") for cell in cells if cell]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsyncClient]:
    """A client of a service with one job of each kind."""
    async with await Database.open(tmp_path / "scheduler.db") as database:
        await database.write(_fill)
        service = Service(
            database=database,
            home=Home(tmp_path),
            instance="00c0ffee",
            queue=QueueSettings(max_running_jobs=1),
            engine=EngineState("process"),
            clock_ms=lambda: NOW_MS,
        )
        transport = InMemory(Door(create_app(service), tokens=None))
        async with AsyncClient("http://atlas", transport=transport) as made:
            yield made


def _fill(conn: sqlite3.Connection) -> None:
    good = finish(conn, add(conn, job_id=GOOD, project="cats", spec={"tags": {"stage": "final"}}))
    bad = finish(conn, add(conn, job_id=BAD, project="dogs"), JobState.FAILED)
    add(conn, job_id=WAITING, project="cats", submitted_at_ms=NOW_MS - 1_000)
    for job, accuracy, optimizer in ((good, 0.95, "adamw"), (bad, 0.2, "adam")):
        found: list[records.Record] = [
            Metric("val_acc", accuracy, 1, 1),
            Parameter("lr", 1e-4, 1),
            Parameter("opt", optimizer, 1),
        ]
        records.ingest(conn, job.job_id, found, offset=0, new_offset=1)


async def ids(client: AsyncClient, text: str, **wanted: object) -> list[str]:
    page = await client.jobs(filter=text, **wanted)  # type: ignore[arg-type]  # as given
    return [job.job_id for job in page.jobs]


@pytest.mark.parametrize("text", examples())
async def test_each_documented_filter_works(client: AsyncClient, text: str) -> None:
    assert set(await ids(client, text)) <= {GOOD, BAD, WAITING}


async def test_there_are_documented_filters() -> None:
    assert len(examples()) > 20


async def test_documented_filters_take_what_is_said(client: AsyncClient) -> None:
    expected = {
        "state:failed": [BAD],
        "metric.val_acc > 0.9 and param.lr < 1e-3": [GOOD],
        "metric.val_acc > 0.9 param.lr < 1e-3": [GOOD],
        "state in (failed, lost) since:2d": [],
        "(project:cats or project:dogs) not tag:old": [WAITING, BAD, GOOD],
        "tag.stage = final": [GOOD],
        'param.opt ~ "^adam(w|ax)$"': [GOOD],
        "has:metric.val_acc not has:artifact.model": [BAD, GOOD],
        "param.opt != adam": [GOOD],
        "not param.opt = adam": [WAITING, GOOD],
        "not has:param.opt": [WAITING],
        "sort:submitted": [GOOD, BAD, WAITING],
    }
    assert {text: await ids(client, text) for text in expected} == expected
    assert set(expected) <= set(examples())


async def test_a_filter_joins_with_project_and_states(client: AsyncClient) -> None:
    assert await ids(client, "has:param.lr", project="cats") == [GOOD]
    states = ["queued", "failed"]
    assert await ids(client, "sort:-metric.val_acc", states=states) == [BAD, WAITING]
    assert await ids(client, "state:failed or state:completed", project="cats") == [GOOD]


async def test_pages_follow_each_other_in_the_order_of_the_filter(client: AsyncClient) -> None:
    found, cursor = [], None
    while True:
        page = await client.jobs(filter="sort:-metric.val_acc", limit=1, cursor=cursor)
        found += [job.job_id for job in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [GOOD, BAD, WAITING]


async def test_the_documented_error_is_the_answer(client: AsyncClient) -> None:
    ((command, shown),) = re.findall(
        r"^\$ foundations list jobs -f '(.*)'\nError: (.*?)```", PAGE, re.MULTILINE | re.DOTALL
    )
    with pytest.raises(InvalidRequest) as caught:
        await client.jobs(filter=command)
    assert caught.value.message == shown.rstrip("\n")
    assert caught.value.status == 400


async def test_a_cursor_of_another_list_is_refused(client: AsyncClient) -> None:
    plain = (await client.jobs(limit=1)).next_cursor
    filtered = (await client.jobs(filter="", limit=1)).next_cursor
    with pytest.raises(InvalidRequest, match="cursor"):
        await client.jobs(filter="", cursor=plain)
    with pytest.raises(InvalidRequest, match="cursor"):
        await client.jobs(cursor=filtered)


async def test_a_search_that_takes_too_long_is_given_up(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_catalogue, "SEARCH_SECONDS", 0.0)
    with pytest.raises(InvalidRequest, match="longer than 0 seconds"):
        await client.jobs(filter="state:failed")
    monkeypatch.setattr(job_catalogue, "SEARCH_SECONDS", 20.0)
    assert await ids(client, "state:failed") == [BAD]


async def test_every_field_is_documented() -> None:
    assert [name for name in BY_NAME if f"`{name}`" not in PAGE] == []


async def test_hostile_text_gets_an_error(client: AsyncClient) -> None:
    for text in ("x" * 5_000, "'; DROP TABLE jobs", "\x00", "(" * 1_000, "state:%s", "\x1b[2J"):
        with pytest.raises(InvalidRequest, match="column") as caught:
            await client.jobs(filter=text)
        assert "\x1b" not in caught.value.message


async def test_a_page_by_its_place_says_how_long_the_list_is(client: AsyncClient) -> None:
    page = await client.jobs(filter="sort:submitted", offset=1, limit=1)
    assert ([job.job_id for job in page.jobs], page.total) == ([BAD], 3)
    assert page.next_cursor is None
    past = await client.jobs(offset=7)
    assert (past.jobs, past.total) == ([], 3)
    with pytest.raises(InvalidRequest, match="`cursor` and `offset` exclude each other"):
        await client.jobs(cursor="x", offset=0)
