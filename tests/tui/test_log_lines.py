"""Lines as they are painted: cleaned, coloured, cut by cells; rows counted in both directions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color
from rich.style import Style

from atlas_tui import sgr
from atlas_tui.job_report import last_lines, report
from atlas_tui.log_layout import AllLines, FoundLines, Layout, Row
from atlas_tui.log_matches import Matches, Query
from atlas_tui.log_store import LogStore
from atlas_tui.log_text import look_before, paint_line
from atlas_tui.log_times import MOST_PARTS, LogTimes
from atlas_tui.sgr import PLAIN
from foundations.logs.times import TimeMarks
from foundations.models import JobDetail, JobSpec, JobState, LogLine, LogMatches
from tests.core.profiles import PROPERTY

BASE, MARK = Style(), Style(bold=True)
_hostile = st.lists(
    st.sampled_from(
        [
            *(
                b"word ",
                b"\x1b[31m",
                b"\x1b[0m",
                b"\x1b[2J",
                b"\x1b",
                b"\t",
                b"\r",
                b"\x07",
                b"\xff",
            ),
            *("漢".encode(), "e\u0301".encode(), "\u202e".encode(), "\x9b5n".encode()),
        ]
    )
).map(b"".join)

# -- text


@PROPERTY
@given(raw=_hostile)
def test_whatever_a_line_holds_nothing_of_it_controls_the_terminal(raw: bytes) -> None:
    line = paint_line(raw)
    assert not set(line.text) & {"\x1b", "\t", "\r", "\n", "\x07", "\x9b", "\u202e"}
    assert [place for place, _ in line.changes] == sorted(place for place, _ in line.changes)


@PROPERTY
@given(raw=_hostile, width=st.integers(2, 20))
def test_rows_together_are_the_line_and_none_is_too_wide(raw: bytes, width: int) -> None:
    line = paint_line(raw)
    begins = line.rows(width)
    rows = [line.text[a:b] for a, b in zip(begins, [*begins[1:], len(line.text)], strict=True)]
    assert "".join(rows) == line.text
    assert all(cell_len(row) <= width for row in rows)


@PROPERTY
@given(raw=_hostile, skip=st.integers(0, 30), width=st.integers(1, 20))
def test_what_is_cut_out_of_a_line_is_not_too_wide(raw: bytes, skip: int, width: int) -> None:
    line = paint_line(raw)
    begin, end = line.cut(skip, width)
    segments = line.segments(begin, end, BASE, [(2, 5)], MARK)
    text = "".join(segment.text for segment in segments)
    assert text == line.text[begin:end]
    assert cell_len(text) <= width


def test_colours_are_kept_and_what_was_found_is_marked() -> None:
    line = paint_line(b"a\x1b[1;31mbcd\x1b[0me")
    segments = line.segments(0, 5, BASE, [(2, 4)], Style(underline=True))
    assert [segment.text for segment in segments] == ["a", "b", "cd", "e"]
    styles = [segment.style or BASE for segment in segments]
    assert [style.color for style in styles] == [None, Color.from_ansi(1), Color.from_ansi(1), None]
    assert [style.underline for style in styles] == [None, None, True, None]


@pytest.mark.parametrize(
    ("codes", "look"),
    [
        ("31", sgr.Look(Color.from_ansi(1))),
        ("97;44", sgr.Look(Color.from_ansi(15), Color.from_ansi(4))),
        ("38;5;208", sgr.Look(Color.from_ansi(208))),
        ("48;2;1;2;3", sgr.Look(None, Color.from_rgb(1, 2, 3))),
        ("38:2::1:2:3", sgr.Look(Color.from_rgb(1, 2, 3))),
        ("38:5:9", sgr.Look(Color.from_ansi(9))),
        ("1;4;22", sgr.Look(attributes=frozenset({"underline"}))),
        ("31;0", PLAIN),
        ("31;39", PLAIN),
        ("", PLAIN),
        ("38;5;999", PLAIN),
        ("38;2;1;2", PLAIN),
        ("38", PLAIN),
        ("38:", PLAIN),
        ("5;8;777", PLAIN),
    ],
)
def test_a_sequence_says_how_the_text_looks(codes: str, look: sgr.Look) -> None:
    assert sgr.after(PLAIN, codes) == look


@PROPERTY
@given(codes=st.text("0123456789;:", max_size=32))
def test_no_sequence_is_a_problem(codes: str) -> None:
    assert sgr.after(PLAIN, codes).style() is not None


def test_a_colour_that_is_left_on_goes_on() -> None:
    assert look_before(b"\x1b[32mx\x1b[0m \x1b[31mred\nstill red\n") == sgr.Look(Color.from_ansi(1))
    assert look_before(b"plain") == PLAIN


# -- rows


def stored(log: bytes) -> LogStore:
    store = LogStore()
    store.put(0, log)
    return store


@PROPERTY
@given(
    lines=st.lists(st.integers(0, 25), min_size=1, max_size=30),
    wraps=st.booleans(),
    height=st.integers(1, 12),
    count=st.integers(0, 40),
)
def test_going_back_and_forward_again_comes_to_the_same_row(
    lines: list[int], wraps: bool, height: int, count: int
) -> None:
    layout = Layout(AllLines(stored(b"".join(b"x" * length + b"\n" for length in lines))))
    layout.width, layout.wraps = 10, wraps
    every = layout.rows(Row(0), 1_000)
    for place, row in enumerate(every):
        assert layout.back(row, count) == every[max(place - count, 0)]
        assert layout.forward(row, count) == every[min(place + count, len(every) - 1)]
        assert layout.rows(row, height) == every[place : place + height]
    assert layout.last_page(height) == every[max(len(every) - height, 0)]


def found(*offsets: int, size: int = 2) -> list[LogLine]:
    return [LogLine(offset=one, size_bytes=size, text=f"{one}", matches=True) for one in offsets]


def test_lines_that_were_found_know_what_is_left_out_between_them() -> None:
    lines = FoundLines(found(0, 2, 8))
    assert [lines.is_gap(one) for one in (0, 2, 8)] == [False, False, True]
    assert (lines.first(), lines.last(), lines.after(2), lines.before(8)) == (0, 8, 8, 2)
    assert [lines.at(one) for one in (0, 1, 5, 100)] == [0, 0, 2, 8]
    assert lines.raw(8) == b"8"
    assert FoundLines([]).at(3) is None


# -- search


def answer(*offsets: int, end: int, ended: bool) -> LogMatches:
    return LogMatches(offsets=list(offsets), next_offset=end, ended=ended, size_bytes=100)


def test_a_search_tells_how_far_it_is() -> None:
    matches = Matches(Query("x"))
    assert matches.told(None) == "searching 0 %"
    matches.take(answer(end=40, ended=False))
    assert matches.told(None) == "searching 40 %"
    matches.take(answer(50, 60, end=70, ended=False))
    assert matches.told(60) == "2 of 2+"
    assert matches.after(60) is None
    matches.take(answer(60, 90, end=100, ended=True))
    assert (matches.told(None), matches.told(90)) == ("3 matches", "3 of 3")
    assert (matches.after(60), matches.after(90), matches.before(50)) == (90, 50, 90)
    assert 60 in matches
    assert 61 not in matches


def test_a_search_that_finds_nothing_says_so() -> None:
    matches = Matches(Query("x"))
    matches.take(answer(end=100, ended=True))
    assert matches.told(None) == "no match"
    assert (matches.after(0), matches.before(0)) == (None, None)


@pytest.mark.parametrize(
    ("query", "spans"),
    [
        (Query("A.b"), [(2, 5)]),
        (Query("A.b", ignore_case=False), []),
        (Query("b+", regex=True), [(4, 7)]),
        (Query("[", regex=True), None),
        (Query("(b|c)+$", regex=True), None),
        (Query(".*.*x", regex=True), None),
        (Query("q*", regex=True), []),
    ],
)
def test_what_is_marked_in_a_line(query: Query, spans: list[tuple[int, int]] | None) -> None:
    assert query.spans("__a.bbb") == spans


# -- times


def test_times_are_known_from_when_someone_watched() -> None:
    times = LogTimes()
    times.unseen(100)
    times.arrived(150, 1_000.0)
    times.arrived(160, 1_000.5)
    times.arrived(200, 1_010.0)
    times.unseen(300)
    times.arrived(310, 1_100.0)
    assert [times.of(one) for one in (0, 99, 100, 155, 160, 199)] == [
        *(None, None, 1_000.0, 1_000.0, 1_010.0, 1_010.0)
    ]
    assert [times.of(one) for one in (200, 299, 300, 310)] == [None, None, 1_100.0, None]
    assert [one for one in (0, 99, 100, 199, 200, 300) if times.is_open(one)] == [0, 99, 200]


def test_what_the_scheduler_says_of_a_part_is_taken() -> None:
    times = LogTimes()
    times.unseen(100)
    times.arrived(150, 1_000.0)
    times.told(20, 60, TimeMarks([10, 40], [5_000, 6_000]))
    times.told(70, 90, TimeMarks())
    assert [times.of(one) for one in (19, 20, 39, 40, 59, 60, 70, 100)] == [
        *(None, 5.0, 5.0, 6.0, 6.0, None, None, 1_000.0)
    ]
    assert [one for one in (19, 20, 59, 60, 70, 89, 90, 100) if times.is_open(one)] == [19, 60, 90]


def test_what_was_told_long_ago_is_forgotten_and_asked_again() -> None:
    times = LogTimes()
    for number in range(MOST_PARTS + 1):
        times.told(number * 10, number * 10 + 10, TimeMarks([number * 10], [number]))
    assert times.is_open(5)
    assert not times.is_open(15)
    times.told(0, 10_000, TimeMarks([0], [7_000]))
    assert times.of(15) == 7.0


# -- the report


def test_a_report_has_the_last_forty_lines_without_colours() -> None:
    log = b"".join(b"\x1b[3%dmline %d\x1b[0m\n" % (number % 8, number) for number in range(100))
    assert last_lines(log) == [f"line {number}" for number in range(60, 100)]
    assert last_lines(b" 10%\r 99%") == [" 99%"]
    assert last_lines(b"\n") == []


def test_a_report_of_a_job_without_output_says_so() -> None:
    job = JobDetail(
        job_id="45540b52-ffe2-44ab-9838-db467d3499c0",
        project="cats\x1b[2J",
        user="someone",
        state=JobState.LOST,
        reason="the container is gone",
        command=["main.py", "a b"],
        submitted_at=datetime(2024, 5, 1, tzinfo=UTC),
        spec=JobSpec(project="cats"),
        bundle=f"sha256:{'0' * 64}",
        bundle_size_bytes=1,
    )
    assert report(job, b"", scheduler="my lab").splitlines() == [
        "job:       45540b52-ffe2-44ab-9838-db467d3499c0",
        "project:   cats␛[2J",
        "command:   main.py 'a b'",
        "state:     lost",
        "reason:    the container is gone",
        "its log is empty",
        "more: foundations get logs 'my lab' 45540b52-ffe2-44ab-9838-db467d3499c0",
    ]
