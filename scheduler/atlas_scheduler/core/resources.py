"""What jobs need of a machine, and what is free of it while it is handed out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from enum import Enum

GPU_PARTS = 1000
"""A share of a GPU is counted in thousandths, so that sums of shares are exact."""
_ROUNDING = 1e-6


class Scarce(Enum):
    """What there can be too little of."""

    SLOTS = "slots"
    GPUS = "gpus"
    CPUS = "cpus"
    RAM = "ram"


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

    def include(self, what: Scarce) -> bool:
        """Whether it takes something of this."""
        match what:
            case Scarce.SLOTS:
                return True
            case Scarce.GPUS:
                return self.num_gpus > 0
            case Scarce.CPUS:
                return self.cpus > 0
            case Scarce.RAM:
                return self.ram_gb > 0


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

    def copy(self) -> Room:
        """The same again, to be handed out by itself."""
        other = copy(self)
        other._parts, other.kept = dict(self._parts), dict(self.kept)
        return other

    def keep_for(self, job_id: str, needs: Needs) -> None:
        """Let nobody take what this job waits for, nor what it will need beside that."""
        short = self.shortages(needs)
        for what in short:
            self.kept.setdefault(what, job_id)
        gpus = () if Scarce.GPUS in short else (_common_gpus(needs, [self]) or ())
        beside = Needs(
            needs.num_gpus,
            0 if Scarce.CPUS in short else needs.cpus,
            0 if Scarce.RAM in short else needs.ram_gb,
        )
        self.occupy(beside, gpus)

    def usable_gpus(self, needs: Needs) -> list[str]:
        """GPUs of which a job may have any, in the order they are given out."""
        return self._shareable(needs.gpu_parts) if needs.is_gpu_share else self.whole_gpus()

    def used_parts(self, gpu: str) -> int:
        """How much of a GPU is used, in thousandths."""
        return GPU_PARTS - self._parts[gpu]

    def _has_gpus(self, needs: Needs) -> bool:
        if needs.is_gpu_share:
            return bool(self._shareable(needs.gpu_parts))
        return len(self.whole_gpus()) >= needs.num_gpus

    def _shareable(self, parts: int) -> list[str]:
        return [
            gpu
            for gpu, free in self._parts.items()
            if free >= parts and (free < GPU_PARTS or gpu not in self._out_of_reach)
        ]


def choose_gpus(needs: Needs, rooms: Sequence[Room]) -> tuple[str, ...] | None:
    """Choose the GPUs of a job that must find room in each of these; None when it does not.

    A share goes to the GPU that is fullest in the first room, so that whole ones stay whole.
    """
    if any(room.shortages(needs) for room in reversed(rooms)):
        return None
    return _common_gpus(needs, rooms)


def _common_gpus(needs: Needs, rooms: Sequence[Room]) -> tuple[str, ...] | None:
    if not needs.num_gpus:
        return ()
    usable = rooms[0].usable_gpus(needs)
    for room in rooms[1:]:
        also = set(room.usable_gpus(needs))
        usable = [gpu for gpu in usable if gpu in also]
    if needs.is_gpu_share:
        return (max(usable, key=rooms[0].used_parts),) if usable else None
    count = int(needs.num_gpus)
    return tuple(usable[:count]) if len(usable) >= count else None
