"""Docker's log stream, cut anywhere."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.engine.frames import (
    Entry,
    FrameSplitter,
    LineMender,
    Mark,
    behind,
    count_after,
    mend_timed,
)
from foundations.logs.times import TimeMarks

entries = st.lists(
    st.builds(
        Entry,
        st.sampled_from([1, 2]),
        st.from_regex(rb"\A[0-9T:.-]{1,20}Z\Z"),
        st.binary(max_size=40),
    ),
    max_size=8,
)


def frame(entry: Entry) -> bytes:
    payload = entry.stamp + b" " + entry.data
    return bytes([entry.output, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


@given(entries, st.lists(st.integers(1, 30), max_size=60))
def test_entries_come_out_whole_however_the_stream_is_cut(
    written: list[Entry], sizes: list[int]
) -> None:
    stream = b"".join(frame(entry) for entry in written)
    splitter = FrameSplitter()
    found: list[Entry] = []
    for size in sizes:
        found += splitter.feed(stream[:size])
        stream = stream[size:]
    found += splitter.feed(stream)
    assert found == written
    assert splitter.is_between_entries


def test_a_stream_that_ends_inside_an_entry_is_noticed() -> None:
    splitter = FrameSplitter()
    splitter.feed(frame(Entry(1, b"1Z", b"abc"))[:-1])
    assert not splitter.is_between_entries


# -- newlines that the engine loses

PART = b"x" * 16_384


def out(stamp: bytes, data: bytes) -> Entry:
    return Entry(1, stamp, data)


def err(stamp: bytes, data: bytes) -> Entry:
    return Entry(2, stamp, data)


def mended(*written: Entry) -> bytes:
    """What is understood, given at once and entry by entry alike."""
    mender = LineMender()
    apart = b"".join(mender.mend([entry]) for entry in written)
    assert LineMender().mend(written) == apart
    return apart


def test_a_long_line_gets_the_newline_back_that_the_engine_lost() -> None:
    line = [out(b"1Z", PART), out(b"1Z", PART), out(b"1Z", b"end")]
    assert mended(*line, out(b"2Z", b"next\n")) == 2 * PART + b"end\nnext\n"


def test_a_line_that_fills_its_parts_ends_in_an_empty_one() -> None:
    line = [out(b"1Z", PART), out(b"1Z", b"")]
    assert mended(*line, out(b"2Z", b"next\n")) == PART + b"\nnext\n"


def test_an_engine_that_keeps_newlines_is_taken_at_its_word() -> None:
    line = [out(b"1Z", PART), out(b"1Z", b"end\n")]
    assert mended(*line, out(b"2Z", b"next\n")) == PART + b"end\nnext\n"


def test_a_long_line_is_not_broken_by_the_other_output() -> None:
    assert (
        mended(out(b"1Z", PART), err(b"2Z", b"short\n"), err(b"3Z", b"short\n"), out(b"1Z", b"end"))
        == PART + b"short\nshort\nend"
    )


def test_an_output_that_ends_without_a_newline_gets_none() -> None:
    assert mended(out(b"1Z", b"short\n"), out(b"2Z", b"end")) == b"short\nend"
    assert mended(out(b"1Z", b"short"), err(b"2Z", b"e\n")) == b"shorte\n"
    assert mended(out(b"1Z", PART), out(b"1Z", b"end")) == PART + b"end"


def test_a_long_line_has_its_newline_before_what_the_other_output_says_next() -> None:
    bar = [err(b"1Z", PART), err(b"1Z", b"100%")]
    message = out(b"2Z", b"epoch 1\n")
    assert mended(*bar, message) == PART + b"100%\nepoch 1\n"
    assert mended(*bar, message, err(b"3Z", b"next")) == PART + b"100%\nepoch 1\nnext"


# -- the place in the log


def marks(*stamps: int) -> list[Mark]:
    return [Mark(b"%d" % stamp, 5) for stamp in stamps]


def test_the_place_after_the_last_seen_entries_is_found() -> None:
    log = marks(*range(100))
    assert count_after(log[:100][-10:], log[-50:]) == 0
    assert count_after(log[:93][-10:], log[-50:]) == 7
    assert count_after(log[:60][-10:], log[-50:]) == 40


def test_a_place_before_the_tail_is_not_guessed() -> None:
    log = marks(*range(100))
    assert count_after(log[:55][-10:], log[-50:]) is None
    assert count_after([], log) is None


def test_parts_of_one_long_line_are_not_told_apart() -> None:
    log = marks(*([7] * 100))
    assert count_after(log[-10:], log[-50:]) is None


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 60), st.integers(1, 60))
def test_an_answer_is_never_wrong(stamps: list[int], seen: int, tail_size: int) -> None:
    log = marks(*stamps)
    seen = min(seen, len(log))
    answer = count_after(log[:seen][-6:], log[-tail_size:])
    if answer is not None and tail_size >= len(log):
        assert answer == len(log) - seen


# -- when it was written

MOMENTS = st.lists(
    st.tuples(st.integers(0, 3_000), st.sampled_from([b"", b"x", b"line\n", b"a longer line\n"])),
    max_size=20,
)


def logged(at_ms: int, data: bytes) -> Entry:
    return out(b"2026-01-31T12:00:%02d.%03d456789Z" % divmod(at_ms, 1000), data)


NOON_MS = 1_769_860_800_000


@given(MOMENTS, st.lists(st.integers(0, 20), max_size=3), st.integers(0, 300))
def test_each_entry_has_its_time_to_a_tenth_of_a_second(
    moments: list[tuple[int, bytes]], cuts: list[int], known: int
) -> None:
    moments.sort(key=lambda moment: moment[0])
    lines = LineMender()
    whole, marks, right = b"", TimeMarks(), []
    places = [0, *sorted(cuts), len(moments)]
    for begin, end in itertools.pairwise(places):
        part = [logged(*moment) for moment in moments[begin:end]]
        data, written = mend_timed(lines, part)
        for mark in behind(max(0, known - len(whole)), written):
            marks.add(max(known, len(whole)) + mark.offset, mark.at_ms - NOON_MS)
        for at_ms, text in moments[begin:end]:
            right.append((at_ms, text))
        whole += data
    assert whole.replace(b"\n", b"") == b"".join(text for _, text in right).replace(b"\n", b"")
    place = 0
    for at_ms, text in right:
        place = whole.index(text, place)
        if text.strip() and place >= known:
            told = marks.time_ms_of(place)
            assert told is not None
            assert at_ms // 100 == told // 100
        place += len(text)


def test_an_entry_whose_stamp_is_no_time_has_that_of_the_one_before() -> None:
    entries = [logged(1_000, b"one\n"), out(b"soon", b"two\n"), logged(2_000, b"three\n")]
    data, written = mend_timed(LineMender(), entries)
    assert data == b"one\ntwo\nthree\n"
    assert written == [(0, NOON_MS + 1_000), (8, NOON_MS + 2_000)]
