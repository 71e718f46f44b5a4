"""`atlas serve`: for this machine only, and for whoever has the link."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import psutil
import pytest
from anyio import to_thread
from click.testing import CliRunner

from atlas_tui.serve import guarded, own_page, serve
from tests.tui.terminal import DEADLINE_SECONDS, environment_of, running_scheduler

web = pytest.importorskip("aiohttp.web")
test_utils = pytest.importorskip("aiohttp.test_utils")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "gpu-box"])
def test_other_machines_are_refused(host: str) -> None:
    done = CliRunner().invoke(serve, ["--host", host])
    assert done.exit_code == 2
    assert f"--host {host} can be reached from other machines" in done.output
    assert "ssh -L" in done.output


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    absent: ModuleType | None = None
    monkeypatch.setitem(sys.modules, "textual_serve", absent)
    monkeypatch.setitem(sys.modules, "textual_serve.server", absent)
    done = CliRunner().invoke(serve, [])
    assert done.exit_code == 1
    assert "pip install 'foundations-atlas[serve]'" in done.output


class Page:
    """A server with one page, as textual-serve makes one."""

    async def _make_app(self) -> Any:
        async def page(request: Any) -> Any:
            return web.Response(text="the app")

        app = web.Application()
        app.add_routes([web.get("/", page), web.get("/ws", page)])
        return app


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.anyio
async def test_only_who_has_the_link_gets_in() -> None:
    app = await guarded(Page, web, "secret")()._make_app()
    async with test_utils.TestClient(test_utils.TestServer(app)) as client:
        assert (await client.get("/")).status == 403
        assert (await client.get("/?token=guess")).status == 403
        assert (await client.get("/ws")).status == 403
        first = await client.get("/?token=secret")
        assert (first.status, await first.text()) == (200, "the app")
        assert (await client.get("/ws")).status == 200, "the cookie stays"
        foreign = await client.get("/ws", headers={"Origin": "http://evil.example"})
        assert foreign.status == 403
        own = f"http://{client.host}:{client.port}"
        assert (await client.get("/ws", headers={"Origin": own})).status == 200
        named = await client.get("/?token=secret", headers={"Host": "evil.example:8000"})
        assert named.status == 403


@pytest.mark.parametrize("made_for", ["127.0.0.1:8000", "localhost:8000", "::1:8000"])
def test_the_page_asks_only_where_it_came_from(made_for: str) -> None:
    page = (
        f'<link rel="stylesheet" href="http://{made_for}/static/a.css" />'
        '<link\n rel="stylesheet" href="https://fonts.example/css?family=Mono" />'
        f'<div data-session-websocket-url="ws://{made_for}/ws">'
    )
    assert own_page(page, host="localhost:9000") == (
        '<link rel="stylesheet" href="http://localhost:9000/static/a.css" />'
        '<div data-session-websocket-url="ws://localhost:9000/ws">'
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(home: Path) -> Iterator[tuple[psutil.Popen, str]]:
    """`atlas serve`, and the link that it prints."""
    command = [sys.executable, "-m", "atlas_tui", "serve", "--port", str(free_port())]
    with psutil.Popen(
        command,
        env=environment_of(home, PYTHONUNBUFFERED="1"),
        cwd=home,
        stdout=-1,
        text=True,
    ) as process:
        try:
            yield process, process.stdout.readline().split()[1]
        finally:
            process.terminate()


class Browser:
    """What a page does: fetch it, and talk over its socket."""

    def __init__(self, line: Any) -> None:
        self._line = line
        self.seen = b""

    async def send(self, *words: object) -> None:
        await self._line.send_str(json.dumps(words))

    async def until_seen(self, text: str) -> None:
        self.seen = b""
        with anyio.fail_after(DEADLINE_SECONDS):
            while text.encode() not in self.seen:
                message = await self._line.receive()
                if isinstance(message.data, bytes):
                    self.seen += message.data


async def fetched(session: Any, link: str) -> Any:
    """The page, as soon as the server listens."""
    with anyio.fail_after(DEADLINE_SECONDS):
        while True:
            try:
                return await session.get(link)
            except OSError:
                await anyio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_browser_shows_the_app_and_ends_it(tmp_path: Path) -> None:
    aiohttp = pytest.importorskip("aiohttp")
    with running_scheduler(tmp_path / "home") as home, served(home) as (process, link):
        jar = aiohttp.CookieJar(unsafe=True)  # also of an address without a name
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            page = await (await fetched(session, link)).text()
            address = page.partition('data-session-websocket-url="')[2].partition('"')[0]
            own = address.removeprefix("ws://").removesuffix("/ws")
            assert f"http://{own}/?token=" in link
            origin = {"Origin": f"http://{own}"}
            async with session.ws_connect(f"{address}?width=100&height=30", headers=origin) as line:
                browser = Browser(line)
                await browser.until_seen("No jobs yet.")
                assert b"\x1b]11;?" not in browser.seen, "there is no terminal to be asked"
                await browser.send("stdin", "2")
                await browser.until_seen("No job fits.")
                await browser.send("resize", {"width": 60, "height": 20})
                await browser.until_seen("Jobs")
                apps = process.children(recursive=True)
                assert apps
            wait = partial(psutil.wait_procs, apps, timeout=DEADLINE_SECONDS)
            assert (await to_thread.run_sync(wait))[1] == [], "the page was closed"
