"""A log that is read again and again, by times that many of its entries share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.engine.frames import Entry
from atlas_scheduler.engine.log_place import LogPlace

GAPS = st.sampled_from([0, 0, 0, 1, 2])


def entry(second: int, number: int) -> Entry:
    stamp = f"2026-11-26T06:{second // 60:02d}:{second % 60:02d}Z"
    return Entry(1, stamp.encode(), b"%d\n" % number)


@given(gaps=st.lists(GAPS, max_size=60), reads=st.lists(st.integers(0, 60), max_size=8))
def test_each_entry_is_taken_once_and_in_order(gaps: list[int], reads: list[int]) -> None:
    log: list[Entry] = []
    second = 0
    for number, gap in enumerate(gaps):
        second += gap
        log.append(entry(second, number))
    place, taken = LogPlace(), []
    for length in [*sorted(reads), len(log)]:
        since = place.read_again()
        there = [one for one in log[:length] if _seconds(one) > since]
        for begin in range(0, len(there), 7):
            new = place.unseen(there[begin : begin + 7])
            place.passed(new)
            taken += new
    assert taken == log


def _seconds(one: Entry) -> float:
    from datetime import datetime

    return datetime.fromisoformat(one.stamp.decode()).timestamp()


def test_a_log_that_was_never_read_is_read_from_its_beginning() -> None:
    assert LogPlace().read_again() == 0.0
