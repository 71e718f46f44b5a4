"""`atlas serve`: for this machine only, and for whoever has the link."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from atlas_tui.serve import guarded, serve

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
