"""A search in a log finds what a naive search finds, in pieces of any size."""

from __future__ import annotations

import os
import re
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.store import log_search
from atlas_scheduler.store.log_search import search_log
from foundations.errors import InvalidRequest
from foundations.logs.lines import shown, without_colour
from foundations.models import LogLine, LogMatches, LogSearch
from tests.core.profiles import PROPERTY

_pieces = st.sampled_from([b"a", b"b", b"A", b"ab", b"\n", b"\n", b"\r", b"\x1b[31m", "ü".encode()])
logs = st.lists(_pieces, max_size=60).map(b"".join)
searches = st.builds(
    LogSearch,
    pattern=st.sampled_from(["a", "ab", "AB", "b+", "Ü", "x", "."]),
    regex=st.booleans(),
    ignore_case=st.booleans(),
    limit=st.integers(1, 4),
    context=st.integers(0, 2),
)


def naive(log: bytes, search: LogSearch) -> list[tuple[int, bool]]:
    """Where the lines begin that `grep` would print, and whether each matches."""
    lines = [(match.start(), match[0]) for match in re.finditer(rb"[^\n]*\n|[^\n]+", log)]
    pattern = search.pattern if search.regex else re.escape(search.pattern)
    wanted = re.compile(pattern, re.IGNORECASE if search.ignore_case else 0)
    found = [
        bool(wanted.search(without_colour(shown(line)).decode("utf-8", "replace")))
        for _, line in lines
    ]
    near = [
        any(found[max(0, n - search.context) : n + search.context + 1]) for n in range(len(found))
    ]
    return [(lines[n][0], found[n]) for n in range(len(lines)) if near[n]]


def every_answer(log: bytes, search: LogSearch, *, budget: int) -> list[LogMatches]:
    answers = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(log)
        file.flush()
        while True:
            answers.append(search_log(Path(file.name), search, budget=budget))
            if answers[-1].ended:
                return answers
            assert answers[-1].next_offset > search.offset
            search = search.model_copy(update={"offset": answers[-1].next_offset})


@PROPERTY
@given(log=logs, search=searches, budget=st.sampled_from([1, 100, 1_000_000]))
def test_answers_together_are_what_a_naive_search_finds(
    log: bytes, search: LogSearch, budget: int
) -> None:
    answers = every_answer(log, search, budget=budget)
    lines = [line for answer in answers for line in answer.lines]
    wanted = naive(log, search)
    assert [(line.offset, line.matches) for line in lines] == wanted
    assert [one for answer in answers for one in answer.offsets] == [
        at for at, is_match in wanted if is_match
    ]
    assert all(len(answer.offsets) <= search.limit for answer in answers)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_line_that_grows_is_looked_at_again(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"one\ntw")
    first = search_log(path, LogSearch(pattern="two"))
    assert (first.offsets, first.next_offset, first.ended) == ([], 4, True)
    with path.open("ab") as file:
        file.write(b"o\n")
    again = search_log(path, LogSearch(pattern="two", offset=first.next_offset))
    assert (again.offsets, again.next_offset) == ([4], 8)
    assert search_log(path, LogSearch(pattern="two", offset=8)).offsets == []


def test_a_search_across_blocks_finds_lines_of_any_place(tmp_path: Path) -> None:
    line = b"x" * 99 + b"\n"
    log = line * 5_000
    places = [700, 65_500, 131_000, 499_900]
    for place in places:
        at = place // 100 * 100
        log = log[:at] + b"needle" + log[at + 6 :]
    found = search_log(write(tmp_path / "log", log), LogSearch(pattern="needle", context=1))
    assert found.offsets == [place // 100 * 100 for place in places]
    assert [line.offset for line in found.lines[:3]] == [600, 700, 800]
    assert all(a.offset < b.offset for a, b in pairwise(found.lines))


def test_a_match_that_colours_cut_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"\x1b[31mer\x1b[0mror\n")
    assert search_log(path, LogSearch(pattern="error")).offsets == [0]


def test_what_a_progress_bar_has_overwritten_is_not_found(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b" 10%\r 50%\r100%\n")
    assert search_log(path, LogSearch(pattern="50%")).offsets == []
    assert search_log(path, LogSearch(pattern="100%")).offsets == [0]


def test_a_log_that_is_not_there_yet_has_no_matches(tmp_path: Path) -> None:
    found = search_log(tmp_path / "log", LogSearch(pattern="x", offset=5))
    assert (found.offsets, found.next_offset, found.ended) == ([], 5, True)


def test_a_pattern_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"x")
    with pytest.raises(
        InvalidRequest, match="The pattern cannot be used: this `\\(` is not closed"
    ):
        search_log(path, LogSearch(pattern="(a", regex=True))


def test_no_pattern_is_slow(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"a" * 20_000 + b"b\n")
    assert search_log(path, LogSearch(pattern="(a+)+$", regex=True)).offsets == []


def test_one_answer_looks_at_a_part_of_a_huge_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    os.truncate(path, 2**30)
    found = search_log(path, LogSearch(pattern="x", lines=False))
    assert not found.ended
    assert found.next_offset <= log_search.BUDGET + 2**20


def test_a_very_long_line_is_answered_in_part(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"y" * 50_000 + b"\n")
    (line,) = search_log(path, LogSearch(pattern="y")).lines
    assert line == LogLine(
        offset=0, size_bytes=50_001, text="y" * log_search.LONGEST_TEXT, matches=True
    )
