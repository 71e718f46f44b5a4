"""Names in paths, whatever they are, lead to nothing outside of the job that they are about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.api.shared_scheduler import Shared, shared_scheduler

pytestmark = pytest.mark.anyio

CANARY = "the canary sings"
UP = ("..", "../..", "../../..", "..\\..", "%2e%2e", "%252e%252e", "..%2f..", "..;", "\uff0e\uff0e")
WAYS = ("{up}/config/server.yaml", "source/{up}/config/server.yaml", "changed/{up}/server.yaml")
PLAIN = (
    "", ".", "..", "/", "//", "/etc/passwd", "//etc/passwd", "C:\\Windows", "C:/Windows",
    "\\\\host",
    "source", "source/", "source//main.py", "source/./main.py", "source/main.py/",
    "./source/main.py", "source/main.py\x00", "source/main.py\x00.txt", "\x00", "source/main.py#",
    "source/main.py?x", "source\\main.py", "SOURCE/main.py", "~", "~/.ssh", "$HOME", "*",
    "source/*",
    "file:///etc/passwd", "\u202egpj.yp.niam/ecruos", "source/main.p\u0443", "a" * 300,
    "/".join("a" * 500), "\x1b[2J", "config/server.yaml", "scheduler.db", "job_data/archive",
)  # fmt: skip
NAMES = (*PLAIN, *(way.format(up=up) for way, up in product(WAYS, UP)))


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    plant_canary(tmp_path)
    async with shared_scheduler(tmp_path) as opened:
        yield opened


def plant_canary(home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "server.yaml").write_text(CANARY)
    (home / "server.yaml").write_text(CANARY)


def quoted(name: str) -> str:
    """One part of a path, in which nobody on the way sees dots or slashes."""
    return quote(name, safe="").replace(".", "%2E")


def tree(top: Path) -> set[str]:
    return {
        str(path.relative_to(top)) for path in top.rglob("*") if "scheduler.db" not in path.name
    }


async def test_no_name_of_a_file_or_artifact_leaves_the_job(shared: Shared) -> None:
    job_id = await shared.submit(shared.bob)
    good = await shared.ask(shared.bob, "GET", f"/jobs/{job_id}/files/source/main.py")
    assert good.status_code == 200

    for name, kind in product(NAMES, ("files", "artifacts")):
        path = f"/jobs/{job_id}/{kind}/{quoted(name)}"
        answer = await shared.ask(shared.bob, "GET", path)
        assert answer.status_code in (400, 404, 405), (name, kind)
        assert CANARY not in answer.text, name


async def test_no_name_in_place_of_an_id_reaches_anything(shared: Shared, tmp_path: Path) -> None:
    await shared.submit(shared.bob)
    before = tree(tmp_path)
    ways = (
        ("GET", "/jobs/{}/logs"),
        ("GET", "/jobs/{}/archive"),
        ("GET", "/jobs/{}/files/config/server.yaml"),
        ("DELETE", "/jobs/{}"),
        ("POST", "/jobs/{}/restore"),
        ("HEAD", "/bundles/{}"),
        ("PUT", "/bundles/{}/files"),
        ("PUT", "/bundles/{}"),
        ("DELETE", "/schedules/{}"),
        ("GET", "/arrays/{}"),
        ("DELETE", "/execs/{}"),
        ("DELETE", "/projects/{}"),
        ("DELETE", "/tokens/{}"),
    )
    for name, (method, path) in product(NAMES, ways):
        answer = await shared.ask(shared.admin, method, path.format(quoted(name)))
        assert answer.status_code in (400, 404, 405), (name, method, path)
        assert CANARY not in answer.text, name
    assert tree(tmp_path) == before
