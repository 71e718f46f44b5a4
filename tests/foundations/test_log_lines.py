"""Lines of a log begin at the same places, however much of it is looked at."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundations.logs.lines import line_starts, shown, without_colour
from tests.core.profiles import PROPERTY

BLOCK = 8


def all_starts(log: bytes) -> list[int]:
    starts: list[int] = []
    for place in range(0, len(log), BLOCK):
        before = log[max(place - BLOCK, 0) : place]
        starts += line_starts(place, log[place : place + BLOCK], before)
    return starts


logs = st.lists(st.sampled_from([b"a", b"\n", b"\r", "ü".encode(), "🙂".encode(), b"\x80"])).map(
    b"".join
)


@PROPERTY
@given(log=logs)
def test_every_newline_but_the_last_begins_a_line(log: bytes) -> None:
    wanted = {match.end() for match in re.finditer(rb"\n", log) if match.end() < len(log)}
    starts = all_starts(log)
    assert starts == sorted(set(starts))
    assert wanted <= set(starts)
    assert starts[:1] == ([0] if log else [])


@PROPERTY
@given(log=logs)
def test_other_lines_begin_only_where_a_block_had_no_newline(log: bytes) -> None:
    for start in all_starts(log):
        if start and log[start - 1 : start] != b"\n":
            place = start // BLOCK * BLOCK
            assert b"\n" not in log[place - BLOCK : place]
            assert start - place < 4


@PROPERTY
@given(log=logs)
def test_a_line_is_never_longer_than_two_blocks_and_a_character(log: bytes) -> None:
    starts = [*all_starts(log), len(log)]
    for start, end in pairwise(starts):
        if b"\x80" not in log and log[start:end].rstrip(b"\n"):
            assert end - start < 2 * BLOCK + 4 + 1


@PROPERTY
@given(log=logs, more=logs)
def test_a_line_that_has_begun_stays_when_the_log_grows(log: bytes, more: bytes) -> None:
    before = all_starts(log)
    assert all_starts(log + more)[: len(before)] == before


@PROPERTY
@given(text=st.text("aü🙂", min_size=1, max_size=60))
def test_characters_are_not_torn(text: str) -> None:
    log = text.encode()
    starts = [*all_starts(log), len(log)]
    parts = [log[a:b].decode() for a, b in pairwise(starts)]
    assert "".join(parts) == text


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (b"plain\n", b"plain"),
        (b"dos\r\n", b"dos"),
        (b" 10%\r 50%\r100%\n", b"100%"),
        (b" 10%\r 50%\r", b" 50%"),
        (b" 10%\r 50%", b" 50%"),
        (b"\r", b""),
        (b"", b""),
    ],
)
def test_a_progress_bar_shows_its_last_text(line: bytes, seen: bytes) -> None:
    assert shown(line) == seen


def test_colours_are_no_part_of_the_text() -> None:
    assert without_colour(b"\x1b[1;38:2:1:2:3mred\x1b[m \x1b[2J") == b"red \x1b[2J"
