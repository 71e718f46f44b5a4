"""The windows of a log are slices of it, and its lines are the same however its bytes came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_tui.log_store import LogStore, Missing
from foundations.logs.lines import BLOCK_BYTES
from tests.core.profiles import PROPERTY

_parts = st.sampled_from([b"x" * 20_000, b"y" * 40_000 + b"\n", b"line\n", b"\n", b"z\r"])
logs = st.lists(_parts, max_size=14).map(b"".join)


def whole(log: bytes, sizes: list[int]) -> LogStore:
    """A store that got a log in pieces of these sizes, over and over."""
    store, offset, number = LogStore(), 0, 0
    while offset < len(log):
        size = sizes[number % len(sizes)]
        store.put(offset, log[offset : offset + size])
        offset, number = offset + size, number + 1
    return store


def forwards(store: LogStore) -> list[int]:
    found: list[int] = []
    start = store.line_at(0) if store.size else None
    while start is not None:
        found.append(start)
        start = store.next_line(start)
    return found


def backwards(store: LogStore) -> list[int]:
    found: list[int] = []
    start = store.last_line()
    while start is not None:
        found.append(start)
        start = store.previous_line(start)
    return found[::-1]


@PROPERTY
@given(log=logs, sizes=st.lists(st.integers(1_000, 150_000), min_size=1, max_size=4))
def test_any_chunking_gives_the_same_lines_in_both_directions(log: bytes, sizes: list[int]) -> None:
    store = whole(log, sizes)
    starts = forwards(store)
    assert starts == forwards(whole(log, [len(log) or 1]))
    assert backwards(store) == starts
    assert b"".join(store.line(start) for start in starts) == log
    newlines = {at + 1 for at in range(len(log) - 1) if log[at] == 10}
    assert newlines <= set(starts)


@PROPERTY
@given(log=logs, first=st.integers(0, 200_000), length=st.integers(0, 200_000))
def test_a_window_is_a_slice(log: bytes, first: int, length: int) -> None:
    end = min(first + length, len(log))
    assert whole(log, [70_000]).read(first, end) == log[first:end]


def test_a_part_that_is_not_here_is_asked_for_and_then_is() -> None:
    store = LogStore()
    store.grew(10 * BLOCK_BYTES)
    store.put(9 * BLOCK_BYTES, b"a\n" * (BLOCK_BYTES // 2))
    with pytest.raises(Missing) as missing:
        store.last_line()
    assert missing.value.number == 8
    store.put(8 * BLOCK_BYTES, b"b\n" * (BLOCK_BYTES // 2))
    assert store.last_line() == 10 * BLOCK_BYTES - 2


def test_bytes_that_do_not_follow_what_is_here_are_left_for_later() -> None:
    store = LogStore()
    store.put(0, b"abc\n")
    store.put(100, b"behind a gap")
    assert store.size == 112
    with pytest.raises(Missing):
        store.line_at(0)
    store.put(0, b"abc\n" * 28)
    assert store.read(0, 112) == b"abc\n" * 28


def test_bytes_that_come_again_change_nothing() -> None:
    store = LogStore()
    store.put(0, b"abcdef\n")
    store.put(0, b"abc")
    store.put(3, b"def\nghi")
    assert store.read(0, store.size) == b"abcdef\nghi"


def test_memory_is_bounded() -> None:
    store = LogStore(kept_blocks=4)
    for number in range(50):
        store.put(number * BLOCK_BYTES, b"x\n" * (BLOCK_BYTES // 2))
    assert [number for number in range(50) if store.has(number)] == [46, 47, 48, 49]
