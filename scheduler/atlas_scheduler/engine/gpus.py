"""Which NVIDIA GPUs this machine has; no driver means none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import pynvml

VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of this machine."""

    uuid: str
    """Names it in containers and to CUDA, whatever the order of the others."""
    index: int


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
        return tuple(
            Gpu(
                uuid=pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(index)), index=index
            )
            for index in range(pynvml.nvmlDeviceGetCount())
        )
    except pynvml.NVMLError:
        return ()
    finally:
        pynvml.nvmlShutdown()
