"""Notices to people, sent by apprise to a server of the test's own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atlas_scheduler.hook_settings import NoticeHook
from atlas_scheduler.hooks import HookFailed
from atlas_scheduler.hooks.notice import NoticeSender, text, title
from tests.hooks.samples import ended

pytestmark = [
    pytest.mark.anyio,
    # apprise loads it for an old library of its own.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]


class Desk:
    """Takes what apprise sends as JSON."""

    def __init__(self) -> None:
        self.notices: list[dict[str, str]] = []
        self.status = b"200 OK"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        self.notices.append(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 " + self.status + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/room"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    found = Desk()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


async def test_people_are_told_what_happened(desk: Desk) -> None:
    await NoticeSender(NoticeHook(url=desk.url)).tell(ended())

    (notice,) = desk.notices
    assert notice["title"] == "cats: job aaaaaaaa is failed"
    assert notice["type"] == "failure"
    assert f"Job {'a' * 36} of ada in project cats is failed." in notice["message"]
    assert "Exit code: 3" in notice["message"]
    assert "loss: 0.5" in notice["message"]


async def test_the_address_may_be_in_a_file_and_is_never_named(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "notice"
    file.write_text(f"{desk.url}\n")
    await NoticeSender(NoticeHook(url_file=file)).tell(ended())
    assert len(desk.notices) == 1
    assert NoticeSender(NoticeHook(url="mailto://ada:pw@example.org")).target == "mailto"


async def test_a_service_that_refuses_is_a_failure(desk: Desk) -> None:
    desk.status = b"403 Forbidden"
    with pytest.raises(HookFailed, match="did not take it"):
        await NoticeSender(NoticeHook(url=desk.url)).tell(ended())


async def test_an_address_that_is_none_is_a_failure() -> None:
    with pytest.raises(HookFailed, match="none that apprise knows") as caught:
        await NoticeSender(NoticeHook(url="nothing-like://secret")).tell(ended())
    assert "secret" not in str(caught.value)


async def test_without_the_extra_the_failure_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(HookFailed, match=r"pip install 'foundations-atlas\[notify\]'"):
        await NoticeSender(NoticeHook(url="json://x")).tell(ended())


def test_no_word_of_a_job_begins_a_line_or_controls_anything() -> None:
    hostile = ended(project="a\nb\x1b[2J", reason="x\nBcc: all", command=["c\rd"])
    assert title(hostile) == "a␊b␛[2J: job aaaaaaaa is failed"
    assert "Reason: x␊Bcc: all" in text(hostile).splitlines()
