"""Marks that say when a log was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foundations.logs.times import TimeMark, TimeMarks

MARKS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=20)


def marks_of(pairs: list[tuple[int, int]]) -> TimeMarks:
    return TimeMarks([offset for offset, _ in pairs], [at_ms for _, at_ms in pairs])


def surviving(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that no later one lies at or before."""
    return [
        pair
        for place, pair in enumerate(pairs)
        if all(later[0] > pair[0] for later in pairs[place + 1 :])
    ]


def late_enough(pairs: list[tuple[int, int]], at_ms: int) -> list[int]:
    """Where those lie that are of a time or later."""
    return [offset for offset, time_ms in surviving(pairs) if time_ms >= at_ms]


@given(MARKS)
def test_a_later_mark_replaces_those_that_do_not_lie_before_it(
    pairs: list[tuple[int, int]],
) -> None:
    one_by_one = TimeMarks()
    for offset, at_ms in pairs:
        one_by_one.add(offset, at_ms)
    assert list(marks_of(pairs)) == list(one_by_one) == surviving(pairs)


@given(MARKS, st.integers(0, 60))
def test_a_byte_has_the_time_of_the_last_mark_at_or_before_it(
    pairs: list[tuple[int, int]], offset: int
) -> None:
    told = [at_ms for place, at_ms in surviving(pairs) if place <= offset]
    assert marks_of(pairs).time_ms_of(offset) == (told[-1] if told else None)


@given(MARKS, st.integers(0, 61))
def test_a_time_is_reached_at_the_first_mark_that_is_late_enough(
    pairs: list[tuple[int, int]], at_ms: int
) -> None:
    one_by_one = TimeMarks()
    for mark in pairs:
        one_by_one.add(*mark)
    found = list(one_by_one.part(since_ms=at_ms))
    assert found == list(marks_of(pairs).part(since_ms=at_ms))
    assert [one.offset for one in found][:1] == late_enough(pairs, at_ms)[:1]


@given(MARKS, st.integers(0, 60), st.integers(0, 60))
def test_a_part_tells_of_its_bytes_what_the_whole_tells(
    pairs: list[tuple[int, int]], offset: int, length: int
) -> None:
    whole = marks_of(pairs)
    part = whole.part(offset, offset + length)
    for place in range(offset, offset + length):
        assert part.time_ms_of(place) == whole.time_ms_of(place)
    assert len([one for one in part.offsets if one < offset]) <= 1
    assert all(one < offset + length for one in part.offsets)


@given(MARKS, st.integers(0, 60), st.integers(0, 60))
def test_a_part_from_a_time_on_begins_where_that_is_reached(
    pairs: list[tuple[int, int]], offset: int, since_ms: int
) -> None:
    whole = marks_of(pairs)
    late = late_enough(pairs, since_ms)
    part = whole.part(offset, since_ms=since_ms)
    expected = [one for one in whole if late and one.offset >= max(late[0], offset)]
    assert list(part) == expected


@given(MARKS, st.integers(1, 20))
def test_fewer_are_chosen_evenly_and_the_first_is_among_them(
    pairs: list[tuple[int, int]], most: int
) -> None:
    whole = list(marks_of(pairs))
    chosen = list(marks_of(pairs).decimated(most))
    assert len(chosen) <= most
    assert chosen[:1] == whole[:1]
    assert chosen == whole[:: max(1, -(-len(whole) // most))]


def test_marks_that_are_apart_are_those_that_say_something() -> None:
    marks = marks_of([(0, 100), (5, 150), (9, 200), (10, 100), (20, 1_000)])
    assert list(marks.apart(100)) == [
        TimeMark(0, 100),
        TimeMark(9, 200),
        TimeMark(10, 100),
        TimeMark(20, 1_000),
    ]
