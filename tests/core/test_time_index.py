"""The file of a log's times: read back whole, torn, thinned, and when it is something else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core import time_index
from atlas_scheduler.core.time_index import ENTRY_BYTES, TimeIndex
from foundations.logs.times import TimeMark, TimeMarks

LATEST_MS = 253_402_300_799_000


@st.composite
def indexes(draw: st.DrawFn) -> TimeIndex:
    """One of a log that grew while the clock went on."""
    steps = draw(
        st.lists(st.tuples(st.integers(1, 10_000), st.integers(100, 5_000_000)), max_size=60)
    )
    offset, at_ms = 0, draw(st.integers(0, 2 * 10**12))
    marks = TimeMarks()
    for size_bytes, pause_ms in steps:
        marks.add(offset, at_ms)
        offset, at_ms = offset + size_bytes, at_ms + pause_ms
    return TimeIndex(time_index.RESOLUTION_MS, marks)


@given(indexes())
def test_what_was_written_is_read_back(index: TimeIndex) -> None:
    data = time_index.encode(index)
    read = time_index.decode(data)
    assert (read.resolution_ms, list(read.marks)) == (index.resolution_ms, list(index.marks))
    assert time_index.is_whole(data)
    assert len(data) == ENTRY_BYTES * (1 + len(index.marks))


@given(indexes(), st.data())
def test_of_a_torn_file_what_is_whole_is_read(index: TimeIndex, data: st.DataObject) -> None:
    whole = time_index.encode(index)
    length = data.draw(st.integers(0, len(whole)))
    read = time_index.decode(whole[:length])
    assert list(read.marks) == list(index.marks)[: max(length // ENTRY_BYTES - 1, 0)]
    assert time_index.is_whole(whole[:length]) == (length > 0 and length % ENTRY_BYTES == 0)


@given(st.binary(max_size=200), st.booleans())
def test_a_file_that_is_no_index_tells_nothing_impossible(data: bytes, has_head: bool) -> None:
    read = time_index.decode(time_index.head()[:8] + data if has_head else data)
    assert all(mark.at_ms <= LATEST_MS for mark in read.marks)
    assert read.resolution_ms > 0
    assert has_head or not read.marks


@given(indexes(), st.data())
def test_a_thinned_index_is_half_as_long_and_off_by_its_resolution_at_most(
    index: TimeIndex, data: st.DataObject
) -> None:
    thin = time_index.thinned(index)
    assert len(thin.marks) <= (len(index.marks) + 1) // 2
    assert list(thin.marks)[:1] == list(index.marks)[:1]
    if not thin.marks:
        return
    offset = data.draw(st.integers(0, index.marks.offsets[-1] + 10))
    right, told = index.marks.time_ms_of(offset), thin.marks.time_ms_of(offset)
    assert right is not None
    assert told is not None
    assert right - thin.resolution_ms < told <= right


def test_what_stands_alone_outlives_thinning() -> None:
    dense = [TimeMark(offset, offset * 100) for offset in range(1000)]
    lonely = TimeMark(1000, 10_000_000)
    marks = [*dense, lonely]
    index = TimeIndex(100, TimeMarks([one.offset for one in marks], [one.at_ms for one in marks]))
    thin = time_index.thinned(index)
    assert thin.resolution_ms == 200
    assert thin.marks.time_ms_of(1000) == lonely.at_ms
    assert len(thin.marks) == 501


def test_a_clock_that_jumps_to_and_fro_does_not_thin_for_ever() -> None:
    marks = TimeMarks(range(100), [0, 2**40] * 50)
    thin = time_index.thinned(TimeIndex(100, marks))
    assert list(thin.marks) == [TimeMark(0, 0)]
