"""How values, tables and JSON look."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from foundations.cli import render
from foundations.cli.render import Column, table_lines
from foundations.text.terminal import display_width

COLUMNS = [
    Column("ID", narrowest=4, ellipsis=False),
    Column("NAME", narrowest=6),
    Column("NOTE", narrowest=6, droppable=True),
]
ROWS = [["0123456789", "a name that is long", "a note"], ["abc", "日本語の名前", ""]]


def test_a_table_without_a_terminal_is_as_wide_as_it_takes() -> None:
    assert table_lines(COLUMNS, ROWS, width=None) == [
        "ID          NAME                 NOTE",
        "0123456789  a name that is long  a note",
        "abc         日本語の名前",
    ]


@pytest.mark.parametrize("width", range(14, 45))
def test_a_table_fits_the_terminal(width: int) -> None:
    lines = table_lines(COLUMNS, ROWS, width=width)

    assert max(display_width(line) for line in lines) <= width
    assert lines[1].startswith("0123")


def test_ids_are_cut_first_and_notes_left_out_last() -> None:
    assert table_lines(COLUMNS, ROWS, width=33)[1] == "0123  a name that is long  a note"
    assert table_lines(COLUMNS, ROWS, width=24)[1] == "0123  a name th…  a note"
    assert table_lines(COLUMNS, ROWS, width=15)[1] == "0123  a name t…"


def test_a_cell_is_one_line_whatever_is_in_it() -> None:
    lines = table_lines(COLUMNS, [["1", "two\nlines\tand a tab", "\x1b[31m"]], width=None)

    assert lines[1] == "1   two␊lines␉and a tab  ␛[31m"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0.0s"),
        (12.34, "12.3s"),
        (59.94, "59.9s"),
        (60, "1m 00s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (90061, "1d 1h"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert render.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_999, "1.0 MB"),
        (2**40, "1.1 TB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert render.size(count) == text


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (0.123456789, "0.123457"),
        (10**30, "1" + "0" * 30),
        ("NaN", "NaN"),
        (True, "true"),
        (None, "null"),
        ([1, "é"], '[1, "é"]'),
    ],
)
def test_values(item: object, text: str) -> None:
    assert render.value(item) == text


def test_a_tag_without_a_value_is_its_name() -> None:
    assert render.mapping({"nightly": "", "kind": "x", "n": 0}) == "nightly kind=x n=0"
    assert render.mapping({}) == "-"


def test_times_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)

    assert render.local_time(moment) == moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert render.local_time(None) == "-"


def test_json_is_safe_for_a_terminal_and_means_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = {"text": "\x1b\x7f\x9b\u202e\u2028 é 日本"}

    render.print_json(document)

    output = capsys.readouterr().out
    assert json.loads(output) == document
    assert not any(char in output for char in "\x1b\x7f\x9b\u202e\u2028")
