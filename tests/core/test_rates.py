"""How often something may be done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.rates import Bucket
from tests.core.profiles import PROPERTY


def test_a_full_bucket_is_drawn_at_once_and_fills_steadily() -> None:
    bucket = Bucket(2, per_second=0.5)

    assert [bucket.take(1, now_seconds=10) for _ in range(3)] == [0, 0, 2]
    assert bucket.take(1, now_seconds=11) == 1
    assert bucket.take(1, now_seconds=12) == 0
    assert bucket.take(1, now_seconds=1_000) == 0
    assert bucket.take(1, now_seconds=1_000) == 0
    assert bucket.take(1, now_seconds=1_000) == 2


def test_what_is_more_than_it_holds_empties_it_for_longer() -> None:
    bucket = Bucket(10, per_second=1)

    assert bucket.take(25, now_seconds=0) == 0
    assert bucket.take(1, now_seconds=0) == 16


@PROPERTY
@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 3)), max_size=60),
    st.integers(1, 10),
    st.floats(0.1, 5),
)
def test_never_more_is_drawn_than_was_there_and_came(
    draws: list[tuple[float, float]], capacity: int, per_second: float
) -> None:
    bucket, now, drawn = Bucket(capacity, per_second=per_second), 0.0, 0.0
    for pause, amount in draws:
        now += pause
        wanted = min(amount, capacity)
        wait = bucket.take(wanted, now_seconds=now)
        assert wait >= 0
        drawn += 0 if wait else wanted
        assert drawn <= capacity + now * per_second + 1e-6


@PROPERTY
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_a_clock_that_jumps_gives_nothing_away_twice(times: list[float]) -> None:
    bucket = Bucket(1, per_second=1)
    drawn = sum(bucket.take(1, now_seconds=now) == 0 for now in times)
    assert drawn <= 1 + max(0.0, max(times) - times[0]) + 1e-6
