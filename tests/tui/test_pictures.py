"""The pictures of the app are what it shows now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.scenes import SCENES, draw, picture

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", SCENES)
async def test_the_picture_of_a_scene_is_current(name: str, tmp_path: Path) -> None:
    kept = picture(name)
    assert kept.exists(), "draw it with: ./dev pictures"
    drawn = await draw(name, tmp_path)
    if drawn != kept.read_text(encoding="utf-8"):
        found = tmp_path / kept.name
        found.write_text(drawn, encoding="utf-8")
        pytest.fail(f"{found} differs from {kept}; if that is wanted: ./dev pictures")
