"""Which NVIDIA GPUs this machine has, and how busy they are; no driver means none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pynvml

from atlas_scheduler.core.usage import GpuUsage
from foundations.provenance import GivenGpu

VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of this machine."""

    uuid: str
    """Names it in containers and to CUDA, whatever the order of the others."""
    index: int


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One GPU, and how busy it is."""

    gpu: Gpu
    name: str | None
    """The model's; None when the driver does not tell."""
    usage: GpuUsage


def discover_gpus(environment: Mapping[str, str] = os.environ) -> tuple[Gpu, ...]:
    """List the GPUs that jobs may use, in the driver's order.

    `CUDA_VISIBLE_DEVICES` of the server, by index or UUID, keeps the others out.
    """
    return visible(_all_gpus(), environment.get(VISIBLE_VARIABLE))


def visible(gpus: tuple[Gpu, ...], allowed: str | None) -> tuple[Gpu, ...]:
    """Keep the GPUs that a value of `CUDA_VISIBLE_DEVICES` names; None names all."""
    if allowed is None:
        return gpus
    names = [name.strip() for name in allowed.split(",") if name.strip()]
    return tuple(gpu for gpu in gpus if any(_is_called(gpu, name) for name in names))


def _is_called(gpu: Gpu, name: str) -> bool:
    # CUDA takes the beginning of a UUID for the whole.
    return name == str(gpu.index) or (name.startswith("GPU-") and gpu.uuid.startswith(name))


def read_gpus(environment: Mapping[str, str] = os.environ) -> tuple[GpuReading, ...]:
    """Look at the GPUs that jobs may use, in the driver's order."""
    with _driver() as is_there:
        if not is_there:
            return ()
        gpus = visible(_listed(), environment.get(VISIBLE_VARIABLE))
        return tuple(_reading(gpu) for gpu in gpus)


def _all_gpus() -> tuple[Gpu, ...]:
    with _driver() as is_there:
        return _listed() if is_there else ()


@contextmanager
def _driver() -> Iterator[bool]:
    """Talk to the driver; False when there is none."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield False
        return
    try:
        yield True
    finally:
        pynvml.nvmlShutdown()


def _listed() -> tuple[Gpu, ...]:
    try:
        return tuple(
            Gpu(
                uuid=pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(index)), index=index
            )
            for index in range(pynvml.nvmlDeviceGetCount())
        )
    except pynvml.NVMLError:
        return ()


def _reading(gpu: Gpu) -> GpuReading:
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(gpu.index)
    except pynvml.NVMLError:
        return GpuReading(gpu, name=None, usage=GpuUsage())  # it fell off the bus
    rates = _told(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    memory = _told(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle))
    milliwatts = _told(lambda: pynvml.nvmlDeviceGetPowerUsage(handle))
    return GpuReading(
        gpu,
        name=_told(lambda: pynvml.nvmlDeviceGetName(handle)),
        usage=GpuUsage(
            utilization_percent=None if rates is None else rates.gpu,
            memory_used_bytes=None if memory is None else memory.used,
            memory_total_bytes=None if memory is None else memory.total,
            power_watts=None if milliwatts is None else milliwatts / 1000,
            temperature_celsius=_told(
                lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
            ),
        ),
    )


def _told(ask: Callable[[], Any]) -> Any:
    """What the driver answers; None when this GPU has no such thing."""
    try:
        return ask()
    except pynvml.NVMLError:
        return None


def described(gpus: Sequence[str]) -> list[GivenGpu]:
    """Say of GPUs, given by UUID, which model they are."""
    names = {reading.gpu.uuid: reading.name for reading in read_gpus()} if gpus else {}
    return [GivenGpu(id=uuid, name=names.get(uuid)) for uuid in gpus]
