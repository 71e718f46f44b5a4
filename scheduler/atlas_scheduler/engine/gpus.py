"""Which NVIDIA GPUs this machine has; no driver means none."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pynvml

from foundations.provenance import GpuView

VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of this machine."""

    uuid: str
    """Names it in containers and to CUDA, whatever the order of the others."""
    index: int
    name: str | None = None
    """What the maker calls it."""


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


def _all_gpus() -> tuple[Gpu, ...]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        return tuple(_gpu(index) for index in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError:
        return ()
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    return Gpu(
        uuid=pynvml.nvmlDeviceGetUUID(handle), index=index, name=pynvml.nvmlDeviceGetName(handle)
    )


def described(gpus: Sequence[str]) -> list[GpuView]:
    """Give GPUs, by UUID, their names."""
    names = {gpu.uuid: gpu.name for gpu in _all_gpus()} if gpus else {}
    return [GpuView(id=uuid, name=names.get(uuid)) for uuid in gpus]
