"""The machine that the service in memory runs on."""

from __future__ import annotations

from foundations.models import DiskView, GpuView, HostView, ProjectDisk
from tests.api.fake_service.moment import MOMENT


class FakeMachine:
    """A machine with two processors and one GPU, which a job holds."""

    def __init__(self) -> None:
        self.problem: Exception | None = None

    async def host(self) -> HostView:
        if self.problem is not None:
            raise self.problem
        return HostView(
            at=MOMENT,
            hostname="gpu-box",
            cpus=2,
            cpu_percent=12.5,
            load_average=[0.5, 0.25, 0.125],
            memory_used_bytes=3_000_000_000,
            memory_total_bytes=8_000_000_000,
            disk_used_bytes=1_000_000_000,
            disk_free_bytes=3_000_000_000,
            disk_total_bytes=4_000_000_000,
            gpus=[
                GpuView(
                    id="GPU-1",
                    index=0,
                    name="Tesla T4",
                    utilization_percent=97.0,
                    memory_used_bytes=15_000_000_000,
                    memory_total_bytes=16_000_000_000,
                    job_id="45540b52-ffe2-44ab-9838-db467d3499c0",
                )
            ],
        )

    async def disk(self) -> DiskView:
        if self.problem is not None:
            raise self.problem
        return DiskView(
            at=MOMENT,
            complete=True,
            archives_bytes=3_000_000,
            bundles_bytes=2_000_000,
            work_dirs_bytes=0,
            environments_bytes=0,
            database_bytes=100_000,
            projects=[
                ProjectDisk(name="digits", jobs=2, archive_bytes=3_000_000, bundle_bytes=2_000_000)
            ],
        )
