"""With `--plain` nothing but ASCII is written, and everything stays in its place."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from atlas_tui.app import Options
from atlas_tui.ascii_only import ascii_text
from tests.store.samples import add
from tests.tui.conftest import staged

LONG = "größer " * 12


@given(st.text())
def test_a_text_in_ascii_takes_as_many_cells(text: str) -> None:
    written = ascii_text(text)
    assert written.isascii()
    assert len(written) == sum(1 if one.isascii() else cell_len(one) for one in text)


def test_signs_and_letters_become_those_that_look_like_them() -> None:
    assert ascii_text("│ café… 1\u2009000 ╭─╮ 61%|██▍ | 日本") == "| cafe. 1 000 +-+ 61%|##| | ????"


@pytest.mark.anyio
async def test_every_screen_of_a_plain_terminal_is_in_ascii(tmp_path: Path) -> None:
    def fill(conn: sqlite3.Connection) -> None:
        for _ in range(3):
            add(conn, spec={"command": ["main.py", LONG], "tags": {"über": ""}})

    async with staged(tmp_path, fill, size=(80, 24), options=Options(plain=True)) as stage:
        await stage.until(lambda: "main.py gro" in stage.text())
        for key in ("1", "2", "3", "4", "5", "6", "question_mark"):
            await stage.press(key)
            await stage.settle()
            assert stage.text().isascii(), key
