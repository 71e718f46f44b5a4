"""A session comes back as it was left, and a broken one does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_tui.session import LARGEST_BYTES, SavedFilter, Session, path_of
from foundations.home import Home


def test_a_session_comes_back_as_it_was_left(tmp_path: Path) -> None:
    session = Session(filter="status:failed", saved_filters=(SavedFilter(name="bad", filter="x"),))
    path = path_of(Home(tmp_path), "scheduler")
    session.save(path)
    assert Session.load(path) == session
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"filter": 3}', b"\xff"])
def test_a_broken_file_is_a_session_without_past(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(content)
    assert Session.load(path) == Session()


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    assert Session.load(path) == Session()


def test_a_place_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Session().save(tmp_path / "file" / "s.json")
    assert Session.load(tmp_path / "file" / "s.json") == Session()


def test_no_name_leads_out_of_the_directory(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name in ("..", "../../x", "a/b", ".hidden"):
        assert path_of(home, name).parent == home.run / "sessions"
