"""What samples of a running job become: points of its `system/…` series."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.usage import (
    POINTS_AT_ONE_PACE,
    GpuUsage,
    Usage,
    at_start,
    gpu_points,
    interval_seconds,
    points,
)
from tests.core.profiles import PROPERTY

WEEK_SECONDS = 7 * 24 * 3600
NOW = Usage(
    at_ms=12_000,
    cpu_seconds=15.0,
    memory_bytes=400,
    threads=3,
    disk_read_bytes=1_000,
    disk_write_bytes=0,
    network_receive_bytes=50,
    network_send_bytes=20,
    cpu_limit=2.0,
    memory_limit_bytes=1_000,
)


def test_totals_become_rates_between_two_samples() -> None:
    before = Usage(at_ms=10_000, cpu_seconds=12.0, disk_read_bytes=400, disk_write_bytes=0)
    assert points(NOW, before) == {
        "system/cpu_seconds": 15.0,
        "system/cpu_percent": 150.0,
        "system/cpu_percent_of_limit": 75.0,
        "system/memory_bytes": 400,
        "system/memory_peak_bytes": 400,
        "system/memory_percent_of_limit": 40.0,
        "system/threads": 3,
        "system/disk_read_bytes_per_second": 300.0,
        "system/disk_write_bytes_per_second": 0.0,
    }


def test_the_first_sample_is_compared_with_the_start() -> None:
    found = points(NOW, at_start(2_000))
    assert found["system/cpu_percent"] == 150.0
    assert found["system/network_receive_bytes_per_second"] == 5.0


def test_a_sample_with_nothing_to_compare_has_no_rates() -> None:
    assert set(points(NOW, None)) == {
        "system/cpu_seconds",
        "system/memory_bytes",
        "system/memory_peak_bytes",
        "system/memory_percent_of_limit",
        "system/threads",
    }
    assert points(NOW, replace(NOW, at_ms=NOW.at_ms + 1)).keys() == points(NOW, None).keys()


def test_the_peak_is_kept_when_memory_is_given_back() -> None:
    assert points(NOW, None, peak_memory_bytes=900)["system/memory_peak_bytes"] == 900


def test_what_is_not_known_has_no_series() -> None:
    assert points(Usage(at_ms=5, cpu_seconds=1.0), None) == {"system/cpu_seconds": 1.0}


def test_gpus_are_numbered_as_the_job_sees_them() -> None:
    gpus = {
        "GPU-a": GpuUsage(utilization_percent=1.0),
        "GPU-b": GpuUsage(
            utilization_percent=97.0,
            memory_used_bytes=5,
            memory_total_bytes=9,
            power_watts=70.5,
            temperature_celsius=61.0,
        ),
    }
    assert gpu_points(("GPU-b", "GPU-gone", "GPU-a"), gpus) == {
        "system/gpu0/utilization_percent": 97.0,
        "system/gpu0/memory_bytes": 5,
        "system/gpu0/power_watts": 70.5,
        "system/gpu0/temperature_celsius": 61.0,
        "system/gpu2/utilization_percent": 1.0,
    }


def test_a_week_has_a_few_thousand_points() -> None:
    passed, count = 0.0, 0
    while passed < WEEK_SECONDS:
        count += 1
        passed += interval_seconds(count, 5)
    assert 3_000 < count < 4_500
    assert interval_seconds(POINTS_AT_ONE_PACE - 1, 5) == 5
    assert interval_seconds(POINTS_AT_ONE_PACE, 5) == 10


usages = st.builds(
    Usage,
    at_ms=st.integers(0, 10**13),
    cpu_seconds=st.floats(0, 1e9),
    memory_bytes=st.none() | st.integers(0, 2**50),
    threads=st.none() | st.integers(0, 10**6),
    disk_read_bytes=st.none() | st.integers(0, 2**60),
    disk_write_bytes=st.none() | st.integers(0, 2**60),
    network_receive_bytes=st.none() | st.integers(0, 2**60),
    network_send_bytes=st.none() | st.integers(0, 2**60),
    cpu_limit=st.none() | st.floats(0.01, 1e4),
    memory_limit_bytes=st.none() | st.integers(0, 2**50),
)


@PROPERTY
@given(usages, st.none() | usages)
def test_whatever_an_engine_says_points_are_numbers_that_are_not_negative(
    usage: Usage, before: Usage | None
) -> None:
    found = points(usage, before)
    assert all(name.startswith("system/") for name in found)
    assert all(math.isfinite(value) and value >= 0 for value in found.values())
