"""What is asked about the scheduler's machine: how busy it is, and what its disk holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from atlas_scheduler.core.times import utc
from atlas_scheduler.engine.gpus import GpuReading, occupied_gpus, read_gpus
from atlas_scheduler.engine.host import HostProbe, HostReading
from atlas_scheduler.engine.shared_answer import SharedAnswer
from atlas_scheduler.engine.threads import in_thread
from atlas_scheduler.store import disk_use, jobs
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.disk_use import DiskSurvey, DiskUse, Holder
from foundations.errors import ServerFault
from foundations.home import Home
from foundations.models import DiskView, GpuView, HostView

HOST_FRESH_SECONDS = 1.0
"""The machine is looked at no more often, however many ask."""
GPU_PATIENCE_SECONDS = 3.0
"""Longest wait for the driver of the GPUs, which may hang."""
DISK_FRESH_SECONDS = 30.0
"""How old an answer may be of what the disk holds: adding that up is work."""
SURVEY_SECONDS = 10.0
"""Longest that the files are added up at a time."""
_PATIENCE_SECONDS = 20.0
_DISK_HANGS = "The disk that holds the scheduler's home does not answer. Look at that machine."


class Machine:
    """Looks at the machine only when someone asks."""

    allowed_gpus: Sequence[str] | None = None
    """The GPUs that jobs may have, by index or id; None is all."""

    def __init__(self, database: Database, home: Home, *, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._survey = DiskSurvey(home)
        self._probe = HostProbe(home.root)
        self.gpus = SharedAnswer(
            self._read_gpus,
            fresh_seconds=HOST_FRESH_SECONDS,
            patience_seconds=GPU_PATIENCE_SECONDS,
        )
        """The machine's GPUs as they are now."""
        self._free_part = 0.0
        self._occupied = SharedAnswer(
            self._read_occupied, fresh_seconds=0, patience_seconds=GPU_PATIENCE_SECONDS
        )
        self._host = SharedAnswer(
            self._read_host, fresh_seconds=HOST_FRESH_SECONDS, patience_seconds=_PATIENCE_SECONDS
        )
        self._disk = SharedAnswer(
            self._read_disk, fresh_seconds=DISK_FRESH_SECONDS, patience_seconds=_PATIENCE_SECONDS
        )

    async def host(self) -> HostView:
        """Say how busy the machine is, and which job holds which GPU.

        Raises:
            ServerFault: the disk does not answer.
        """
        try:
            return await self._host.get()
        except TimeoutError:
            raise ServerFault(_DISK_HANGS) from None

    async def disk(self) -> DiskView:
        """Say what the scheduler's home takes on the disk.

        Raises:
            ServerFault: the disk does not answer.
        """
        try:
            return await self._disk.get()
        except TimeoutError:
            raise ServerFault(_DISK_HANGS) from None

    def close(self) -> None:
        """End what is under way."""
        self._survey.stop()
        for answer in (self.gpus, self._occupied, self._host, self._disk):
            answer.close()

    async def occupied_gpus(self, free_part: float) -> dict[str, str]:
        """Find GPUs of whose memory less than a part is free, and say who uses each."""
        self._free_part = free_part
        return await self._occupied.get()

    async def _read_occupied(self) -> dict[str, str]:
        look = partial(occupied_gpus, self._free_part, chosen=self.allowed_gpus)
        return await in_thread(look, name="gpus")

    async def _read_gpus(self) -> tuple[GpuReading, ...]:
        return await in_thread(partial(read_gpus, chosen=self.allowed_gpus), name="gpus")

    async def _read_host(self) -> HostView:
        reading = await in_thread(self._probe.read, name="host")
        problem = None
        gpus: tuple[GpuReading, ...] = ()
        try:
            gpus = await self.gpus.get()
        except TimeoutError:
            problem = "The NVIDIA driver does not answer. `nvidia-smi` on that machine may say why."
        holding = await self._database.read(jobs.holding)
        holders: dict[str, list[str]] = {}
        for job in holding:
            for gpu in job.gpus:
                holders.setdefault(gpu, []).append(job.job_id)
        return _host_view(reading, gpus, holders, problem=problem, at_ms=self._clock_ms())

    async def _read_disk(self) -> DiskView:
        known: list[Holder] = []
        while True:
            after = known[-1].number if known else 0
            page = await self._database.read(partial(disk_use.holders, after=after))
            known += page
            if len(page) < disk_use.PAGE:
                break
        measure = partial(self._survey.measure, known, seconds=SURVEY_SECONDS)
        use = await in_thread(measure, name="disk", abort=self._survey.stop)
        return _disk_view(use, at_ms=self._clock_ms())


def _host_view(
    reading: HostReading,
    gpus: tuple[GpuReading, ...],
    holders: Mapping[str, list[str]],
    *,
    problem: str | None,
    at_ms: int,
) -> HostView:
    return HostView(
        at=utc(at_ms),
        hostname=reading.hostname,
        cpus=reading.cpus,
        cpu_percent=reading.cpu_percent,
        load_average=list(reading.load_average),
        memory_used_bytes=reading.memory_used_bytes,
        memory_total_bytes=reading.memory_total_bytes,
        disk_used_bytes=reading.disk_used_bytes,
        disk_free_bytes=reading.disk_free_bytes,
        disk_total_bytes=reading.disk_total_bytes,
        gpus=[
            GpuView(
                id=one.gpu.uuid,
                index=one.gpu.index,
                name=one.name,
                utilization_percent=one.usage.utilization_percent,
                memory_used_bytes=one.usage.memory_used_bytes,
                memory_total_bytes=one.usage.memory_total_bytes,
                power_watts=one.usage.power_watts,
                temperature_celsius=one.usage.temperature_celsius,
                job_id=next(iter(holders.get(one.gpu.uuid, ())), None),
                job_ids=holders.get(one.gpu.uuid, []),
            )
            for one in gpus
        ],
        gpu_problem=problem,
    )


def _disk_view(use: DiskUse, *, at_ms: int) -> DiskView:
    return DiskView(
        at=utc(at_ms),
        complete=use.complete,
        archives_bytes=use.archives_bytes,
        bundles_bytes=use.bundles_bytes,
        work_dirs_bytes=use.work_dirs_bytes,
        environments_bytes=use.environments_bytes,
        database_bytes=use.database_bytes,
        projects=use.projects,
    )
