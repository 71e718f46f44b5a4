"""GPUs of this machine through NVIDIA's library, which is a fake one here."""

from __future__ import annotations

import pytest

from atlas_scheduler.core.usage import GpuUsage
from atlas_scheduler.engine import gpus
from atlas_scheduler.engine.gpus import Gpu, GpuReading, discover_gpus, read_gpus
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


def test_no_driver_means_no_gpus(nvml: FakeNvml) -> None:
    nvml.has_driver = False
    assert read_gpus({}) == ()
    assert discover_gpus({}) == ()
