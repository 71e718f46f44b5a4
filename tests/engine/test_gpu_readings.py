"""GPUs of this machine through NVIDIA's library, which is a fake one here."""

from __future__ import annotations

import os

import psutil
import pytest

from atlas_scheduler.core.usage import GpuUsage
from atlas_scheduler.engine import gpus
from atlas_scheduler.engine.gpus import (
    Gpu,
    GpuReading,
    discover_gpus,
    missing_gpus,
    occupied_gpus,
    read_gpus,
)
from tests.engine.fake_nvml import FakeGpu, FakeNvml

FULL = GpuUsage(
    utilization_percent=97,
    memory_used_bytes=15_000_000_000,
    memory_total_bytes=16_000_000_000,
    power_watts=70.4,
    temperature_celsius=61,
)


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml([FakeGpu("GPU-aaaa"), FakeGpu("GPU-bbbb")])
    monkeypatch.setattr(gpus, "pynvml", fake)
    return fake


def test_each_gpu_is_read(nvml: FakeNvml) -> None:
    assert read_gpus({}) == (
        GpuReading(Gpu("GPU-aaaa", 0), "Tesla T4", FULL),
        GpuReading(Gpu("GPU-bbbb", 1), "Tesla T4", FULL),
    )
    assert nvml.users == 0


def test_only_gpus_that_jobs_may_use_are_read(nvml: FakeNvml) -> None:
    (found,) = read_gpus({"CUDA_VISIBLE_DEVICES": "1"})
    assert found.gpu == Gpu("GPU-bbbb", 1)
    assert discover_gpus({"CUDA_VISIBLE_DEVICES": "GPU-a"}) == (Gpu("GPU-aaaa", 0),)


def test_what_a_gpu_does_not_tell_is_not_known(nvml: FakeNvml) -> None:
    nvml.gpus[0] = FakeGpu("GPU-aaaa", utilization_percent=None, power_milliwatts=None)
    first, second = read_gpus({})
    assert first.usage == GpuUsage(
        memory_used_bytes=15_000_000_000,
        memory_total_bytes=16_000_000_000,
        temperature_celsius=61,
    )
    assert second.usage == FULL


def test_a_gpu_that_fell_off_the_bus_hides_no_other(nvml: FakeNvml) -> None:
    nvml.gpus[0].is_lost = True
    first, second = read_gpus({})
    assert (first.name, first.usage) == (None, GpuUsage())
    assert second.usage == FULL


def test_the_settings_choose_among_the_gpus_by_index_or_id(nvml: FakeNvml) -> None:
    assert discover_gpus({}, chosen=["1"]) == (Gpu("GPU-bbbb", 1),)
    assert discover_gpus({}, chosen=["GPU-bbbb", "0"]) == (Gpu("GPU-aaaa", 0), Gpu("GPU-bbbb", 1))
    assert discover_gpus({}, chosen=[]) == ()
    assert discover_gpus({"CUDA_VISIBLE_DEVICES": "0"}, chosen=["1"]) == ()
    (found,) = read_gpus({}, chosen=["GPU-aaaa"])
    assert found.gpu == Gpu("GPU-aaaa", 0)


def test_a_chosen_gpu_that_is_not_there_is_named(nvml: FakeNvml) -> None:
    found = discover_gpus({}, chosen=["0", "7"])
    (note,) = missing_gpus(found, ["0", "7"])
    assert note.startswith("The settings name GPU 7, which jobs cannot have")
    assert missing_gpus(found, None) == []


def test_a_gpu_with_too_little_free_memory_is_occupied_and_who_uses_it_is_told(
    nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    own = psutil.Process().name()
    nvml.gpus = [
        FakeGpu("GPU-aaaa", memory_bytes=(1_600_000_000, 16_000_000_000)),
        FakeGpu("GPU-bbbb", memory_bytes=(1_600_000_001, 16_000_000_000), pids=[os.getpid()]),
        FakeGpu("GPU-cccc", memory_bytes=None),
        FakeGpu("GPU-dddd"),
    ]
    assert occupied_gpus(0.9) == {
        "GPU-bbbb": f"GPU 1 is used by others: 1.6 of 16 GB of its memory ({own} {os.getpid()})",
        "GPU-dddd": "GPU 3 is used by others: 15 of 16 GB of its memory",
    }
    assert occupied_gpus(0.9, chosen=["0"]) == {}
    nvml.has_driver = False
    assert occupied_gpus(0.9) == {}


def test_many_programs_on_a_gpu_are_counted(
    nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    nvml.gpus = [FakeGpu("GPU-aaaa", pids=[2**30 + number for number in range(5)])]
    (text,) = occupied_gpus(0.9).values()
    assert text.endswith("(process 1073741824, process 1073741825, process 1073741826 and 2 more)")


def test_no_driver_means_no_gpus(nvml: FakeNvml) -> None:
    nvml.has_driver = False
    assert read_gpus({}) == ()
    assert discover_gpus({}) == ()
