"""Which NVIDIA GPUs this machine has, and how busy they are; no driver means none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
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


def discover_gpus(
    environment: Mapping[str, str] = os.environ, *, chosen: Sequence[str] | None = None
) -> tuple[Gpu, ...]:
    """List the GPUs that jobs may use, in the driver's order.

    `CUDA_VISIBLE_DEVICES` of the server, by index or UUID, keeps the others out, and so does
    `chosen` where it is given.
    """
    return permitted(_all_gpus(), environment, chosen=chosen)


def missing_gpus(found: Sequence[Gpu], chosen: Sequence[str] | None) -> list[str]:
    """Say which of the chosen GPUs were not found, a sentence each."""
    return [
        f"The settings name GPU {name}, which jobs cannot have: this machine has no such GPU, or "
        f"{VISIBLE_VARIABLE} of the server leaves it out."
        for name in chosen or ()
        if not any(_is_called(gpu, name) for gpu in found)
    ]


def permitted(
    gpus: tuple[Gpu, ...],
    environment: Mapping[str, str] = os.environ,
    *,
    chosen: Sequence[str] | None = None,
) -> tuple[Gpu, ...]:
    """Keep the GPUs that jobs may use, by the rules of `discover_gpus`."""
    seen = visible(gpus, environment.get(VISIBLE_VARIABLE))
    return visible(seen, None if chosen is None else ",".join(chosen))


def visible(gpus: tuple[Gpu, ...], allowed: str | None) -> tuple[Gpu, ...]:
    """Keep the GPUs that a value of `CUDA_VISIBLE_DEVICES` names; None names all."""
    if allowed is None:
        return gpus
    names = [name.strip() for name in allowed.split(",") if name.strip()]
    return tuple(gpu for gpu in gpus if any(_is_called(gpu, name) for name in names))


def _is_called(gpu: Gpu, name: str) -> bool:
    # CUDA takes the beginning of a UUID for the whole.
    return name == str(gpu.index) or (name.startswith("GPU-") and gpu.uuid.startswith(name))


def read_gpus(
    environment: Mapping[str, str] = os.environ, *, chosen: Sequence[str] | None = None
) -> tuple[GpuReading, ...]:
    """Look at the GPUs that jobs may use, in the driver's order."""
    with _driver() as is_there:
        if not is_there:
            return ()
        gpus = permitted(_listed(), environment, chosen=chosen)
        return tuple(_reading(gpu) for gpu in gpus)


def occupied_gpus(free_part: float, *, chosen: Sequence[str] | None = None) -> dict[str, str]:
    """Find GPUs of whose memory less than a part is free, and say who uses each.

    A GPU that does not tell its memory counts as free.
    """
    found = {}
    with _driver() as is_there:
        for gpu in permitted(_listed(), os.environ, chosen=chosen) if is_there else ():
            usage = _reading(gpu).usage
            used, total = usage.memory_used_bytes, usage.memory_total_bytes
            if used is not None and total and total - used < free_part * total:
                found[gpu.uuid] = (
                    f"GPU {gpu.index} is used by others: {used / 1e9:.3g} of {total / 1e9:.3g} GB "
                    f"of its memory{_programs(gpu)}"
                )
    return found


def _programs(gpu: Gpu) -> str:
    """Which programs compute on a GPU, as far as the driver tells."""
    running = _told(
        lambda: pynvml.nvmlDeviceGetComputeRunningProcesses(
            pynvml.nvmlDeviceGetHandleByIndex(gpu.index)
        )
    )
    names = [f"{_program(one.pid)} {one.pid}" for one in running or ()]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f" ({', '.join(names[:3])}{more})" if names else ""


def _program(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return "process"  # it ended, or runs in another process namespace


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
