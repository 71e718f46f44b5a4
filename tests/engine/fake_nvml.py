"""NVIDIA's library as the scheduler uses it, with GPUs of a test's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class FakeGpu:
    """One GPU; what is None the driver does not tell."""

    uuid: str
    name: str | None = "Tesla T4"
    utilization_percent: int | None = 97
    memory_bytes: tuple[int, int] | None = (15_000_000_000, 16_000_000_000)
    power_milliwatts: int | None = 70_400
    temperature_celsius: int | None = 61
    is_lost: bool = False
    pids: list[int] | None = None
    """Processes that compute on it."""


@dataclass
class FakeNvml:
    """Stands for the module `pynvml`. It answers between init and shutdown only."""

    gpus: list[FakeGpu] = field(default_factory=list)
    has_driver: bool = True
    users: int = 0
    """How many more inits than shutdowns there were."""
    looks: int = 0
    hold: Callable[[], object] = int
    """Called at each init; may wait, as a driver that hangs does."""

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        """Any error of the library."""

    def nvmlInit(self) -> None:
        self.hold()
        if not self.has_driver:
            raise self.NVMLError("Driver Not Loaded")
        self.users += 1
        self.looks += 1

    def nvmlShutdown(self) -> None:
        self._need_init()
        self.users -= 1

    def nvmlDeviceGetCount(self) -> int:
        self._need_init()
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:
        self._need_init()
        return self.gpus[index]

    def nvmlDeviceGetUUID(self, gpu: FakeGpu) -> str:
        return gpu.uuid

    def nvmlDeviceGetName(self, gpu: FakeGpu) -> str:
        return self._told(gpu, gpu.name)

    def nvmlDeviceGetUtilizationRates(self, gpu: FakeGpu) -> Any:
        return SimpleNamespace(gpu=self._told(gpu, gpu.utilization_percent), memory=1)

    def nvmlDeviceGetMemoryInfo(self, gpu: FakeGpu) -> Any:
        used, total = self._told(gpu, gpu.memory_bytes)
        return SimpleNamespace(used=used, total=total, free=total - used)

    def nvmlDeviceGetPowerUsage(self, gpu: FakeGpu) -> int:
        return self._told(gpu, gpu.power_milliwatts)

    def nvmlDeviceGetTemperature(self, gpu: FakeGpu, sensor: int) -> int:
        assert sensor == self.NVML_TEMPERATURE_GPU
        return self._told(gpu, gpu.temperature_celsius)

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: FakeGpu) -> list[Any]:
        return [SimpleNamespace(pid=pid) for pid in self._told(gpu, gpu.pids)]

    def _told(self, gpu: FakeGpu, value: T | None) -> T:
        self._need_init()
        if gpu.is_lost:
            raise self.NVMLError("GPU is lost")
        if value is None:
            raise self.NVMLError("Not Supported")
        return value

    def _need_init(self) -> None:
        if not self.users:
            raise self.NVMLError("Uninitialized")
