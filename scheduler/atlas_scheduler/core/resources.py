"""What jobs need of a machine, and what is free of it while it is handed out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

GPU_PARTS = 1000
"""A share of a GPU is counted in thousandths, so that sums of shares are exact."""
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Needs:
    """What one job takes for itself while it runs; what it did not ask for is 0."""

    num_gpus: float = 0
    """A whole number, or below 1 a share of one GPU."""
    cpus: float = 0
    ram_gb: float = 0

    @property
    def gpu_parts(self) -> int:
        """The GPUs in thousandths of one."""
        return round(self.num_gpus * GPU_PARTS)

    @property
    def is_gpu_share(self) -> bool:
        """Whether it takes a part of one GPU, which other such jobs may have the rest of."""
        return 0 < self.gpu_parts < GPU_PARTS


class Scarce(Enum):
    """What there can be too little of."""

    SLOTS = "slots"
    GPUS = "gpus"
    CPUS = "cpus"
    RAM = "ram"


class Room:
    """What is free. It only ever shrinks, so what does not fit once does not fit later."""

    def __init__(
        self,
        *,
        slots: int,
        gpus: Sequence[str],
        cpus: float,
        ram_gb: float,
        out_of_reach: Collection[str] = (),
    ) -> None:
        """Begin with an empty machine.

        Args:
            slots: how many jobs may run.
            gpus: in the order they are given out.
            cpus: processors in all.
            ram_gb: memory in all.
            out_of_reach: GPUs that no job may begin to use.
        """
        self.slots = slots
        self.cpus = cpus
        self.ram_gb = ram_gb
        self._parts = dict.fromkeys(gpus, GPU_PARTS)
        self._out_of_reach = frozenset(out_of_reach)
        self.kept: dict[Scarce, str] = {}
        """What nobody gets any more, and for which job."""

    def occupy(self, needs: Needs, gpus: Iterable[str]) -> None:
        """Take what a job has that runs."""
        self.slots -= 1
        self.cpus -= needs.cpus
        self.ram_gb -= needs.ram_gb
        parts = needs.gpu_parts if needs.is_gpu_share else GPU_PARTS
        for gpu in gpus:
            if gpu in self._parts:
                self._parts[gpu] = max(0, self._parts[gpu] - parts)

    def whole_gpus(self) -> list[str]:
        """GPUs that nobody uses, in the order they are given out."""
        return [
            gpu
            for gpu, parts in self._parts.items()
            if parts == GPU_PARTS and gpu not in self._out_of_reach
        ]

    def shortages(self, needs: Needs) -> tuple[Scarce, ...]:
        """Say of what there is too little for a job; nothing when it fits."""
        short = []
        if self.slots <= 0:
            short.append(Scarce.SLOTS)
        if needs.num_gpus and (Scarce.GPUS in self.kept or not self._has_gpus(needs)):
            short.append(Scarce.GPUS)
        if needs.cpus and (Scarce.CPUS in self.kept or needs.cpus > self.cpus + _ROUNDING):
            short.append(Scarce.CPUS)
        if needs.ram_gb and (Scarce.RAM in self.kept or needs.ram_gb > self.ram_gb + _ROUNDING):
            short.append(Scarce.RAM)
        return tuple(short)

    def take(self, needs: Needs) -> tuple[str, ...]:
        """Hand out what a job needs, which must fit; returns its GPUs.

        A share goes to the fullest GPU that has room, so that whole ones stay whole.
        """
        gpus = self._gpus_for(needs)
        self.occupy(needs, gpus)
        return gpus

    def keep_for(self, job_id: str, needs: Needs) -> None:
        """Let nobody take what this job waits for, nor what it will need beside that."""
        short = self.shortages(needs)
        for what in short:
            self.kept.setdefault(what, job_id)
        gpus = () if Scarce.GPUS in short else self._gpus_for(needs)
        beside = Needs(
            needs.num_gpus,
            0 if Scarce.CPUS in short else needs.cpus,
            0 if Scarce.RAM in short else needs.ram_gb,
        )
        self.occupy(beside, gpus)

    def _has_gpus(self, needs: Needs) -> bool:
        if needs.is_gpu_share:
            return bool(self._shareable(needs.gpu_parts))
        return len(self.whole_gpus()) >= needs.num_gpus

    def _gpus_for(self, needs: Needs) -> tuple[str, ...]:
        if needs.is_gpu_share:
            return (min(self._shareable(needs.gpu_parts), key=lambda gpu: self._parts[gpu]),)
        return tuple(self.whole_gpus()[: int(needs.num_gpus)])

    def _shareable(self, parts: int) -> list[str]:
        return [
            gpu
            for gpu, free in self._parts.items()
            if free >= parts and (free < GPU_PARTS or gpu not in self._out_of_reach)
        ]
