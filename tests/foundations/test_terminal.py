"""Text from jobs on a terminal: nothing in it can control the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundations.text.terminal import LogText, clean, display_width, shorten

ANSI_TITLE = "\x1b]0;owned\x07"
DANGEROUS = set(map(chr, [*range(9), *range(0xB, 0x20), *range(0x7F, 0xA0)])) | set(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029"
)


def shown(*pieces: bytes, colour: bool = True) -> str:
    log = LogText(colour=colour)
    return "".join(log.feed(piece) for piece in pieces) + log.finish()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é 日本 👍🏽", "plain é 日本 👍🏽"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x00\x1b\x7f", "␀␛␡"),
        ("\x9b2J", "\ufffd2J"),
        ("safe\u202eevil", "safe\ufffdevil"),
        ("lone \ud800", "lone \ufffd"),
        (ANSI_TITLE, "␛]0;owned␇"),
    ],
)
def test_controls_become_visible(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_a_line_stays_one_line() -> None:
    assert clean("a\r\nb\tc", one_line=True) == "a␍␊b␉c"


@given(st.text())
def test_nothing_dangerous_is_left_and_cleaning_twice_changes_nothing(text: str) -> None:
    cleaned = clean(text)

    assert not DANGEROUS & set(cleaned)
    assert clean(cleaned) == cleaned
    cleaned.encode()


def test_colours_of_a_log_pass_and_end_with_it() -> None:
    assert shown(b"\x1b[1;31mred") == "\x1b[1;31mred\x1b[0m"
    assert shown(b"\x1b[31mred\x1b[0m plain") == "\x1b[31mred\x1b[0m plain"
    assert shown(b"\x1b[31mred", colour=False) == "red"


def test_other_sequences_of_a_log_become_visible() -> None:
    assert shown(b"\x1b[2J\x1b[H" + ANSI_TITLE.encode()) == "␛[2J␛[H␛]0;owned␇"


def test_progress_bars_and_foreign_line_ends_work() -> None:
    assert shown(b"10%\r20%\rdone\r\n") == "10%\r20%\rdone\n"


def test_bytes_that_are_no_utf8_are_shown_as_replacement() -> None:
    assert shown(b"\xff\xfe ok") == "\ufffd\ufffd ok"


@given(
    st.lists(
        st.sampled_from([b"\x1b[31m", b"\x1b[0m", b"\x1b[2J", "é日".encode(), b"\r\n", b"\r", b"x"])
    ),
    st.lists(st.integers(1, 4), min_size=1),
)
def test_where_a_log_is_cut_makes_no_difference(parts: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(parts)
    pieces: list[bytes] = []
    start = 0
    while start < len(whole):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(whole[start : start + size])
        start += size

    assert shown(*pieces) == shown(whole)


@given(st.binary())
def test_any_bytes_are_safe(data: bytes) -> None:
    text = shown(data, colour=False)

    assert not (DANGEROUS - {"\r"}) & set(text)


def test_an_endless_sequence_is_not_held_back() -> None:
    log = LogText(colour=True)

    assert len(log.feed(b"\x1b[" + b"1;" * 1000)) > 900


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("", 0), ("👍", 2)]
)
def test_width_counts_cells(text: str, width: int) -> None:
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("abcdef", 6, "abcdef"), ("abcdef", 4, "abc…"), ("日本語", 4, "日…"), ("ab", 1, "…")],
)
def test_text_is_shortened_to_cells(text: str, width: int, expected: str) -> None:
    assert shorten(text, width) == expected
