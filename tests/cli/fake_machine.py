"""What the scheduler in memory says of its machine, and of what it keeps for later."""

from __future__ import annotations

from typing import Any

from foundations.models import (
    DiskView,
    EnvironmentsView,
    EnvironmentView,
    GpuView,
    HostView,
    ImagesView,
    ImageView,
    ProjectDisk,
)
from tests.cli.fake_job import BEGIN


def host(**changed: Any) -> HostView:
    """A machine with two GPUs, one of which tells little."""
    held_by = "45540b52-ffe2-44ab-9838-db467d3499c0"
    known = GpuView(
        id="GPU-1",
        index=0,
        name="Tesla T4",
        utilization_percent=97.0,
        memory_used_bytes=15_000_000_000,
        memory_total_bytes=16_000_000_000,
        power_watts=70.4,
        temperature_celsius=61.0,
        job_id=held_by,
    )
    fields: dict[str, Any] = {
        "at": BEGIN,
        "hostname": "gpu-box",
        "cpus": 2,
        "cpu_percent": 12.5,
        "load_average": [0.5, 0.25, 0.125],
        "memory_used_bytes": 3_000_000_000,
        "memory_total_bytes": 8_000_000_000,
        "disk_used_bytes": 1_000_000_000,
        "disk_free_bytes": 2_500_000_000,
        "disk_total_bytes": 4_000_000_000,
        "gpus": [known, GpuView(id="GPU-2", index=1)],
    }
    return HostView(**{**fields, **changed})


def disk(**changed: Any) -> DiskView:
    """A home with the jobs of two projects."""
    projects = [
        ProjectDisk(name="digits", jobs=2, archive_bytes=3_000_000, bundle_bytes=2_000_000),
        ProjectDisk(name="cats", jobs=1, archive_bytes=1_000, bundle_bytes=2_000_000),
    ]
    fields: dict[str, Any] = {
        "at": BEGIN,
        "complete": True,
        "archives_bytes": 3_001_000,
        "bundles_bytes": 2_000_000,
        "work_dirs_bytes": 4_096,
        "environments_bytes": 0,
        "database_bytes": 100_000,
        "projects": projects,
    }
    return DiskView(**{**fields, **changed})


def environments(*packages: str) -> EnvironmentsView:
    """An environment with these packages, used by a job; none without packages."""
    ready = EnvironmentView(
        key="3f2a" * 8,
        base="atlas-ce/worker:latest",
        python="3.11.2",
        packages=list(packages),
        size_bytes=80_000_000,
        created_at=BEGIN,
        used_at=BEGIN,
        job_ids=["a" * 36],
    )
    return EnvironmentsView(
        environments=[ready] if packages else [],
        size_bytes=80_000_000 if packages else 0,
        wheels_bytes=1_000,
        max_bytes=20_000_000_000,
    )


def images(*keys: str) -> ImagesView:
    """Images with these keys, each used by a job."""
    return ImagesView(
        images=[
            ImageView(
                key=key,
                tag=f"atlas-build/abcd1234:{key}",
                dockerfile="Dockerfile",
                base="python:3.11-slim",
                size_bytes=70_000_000,
                created_at=BEGIN,
                used_at=BEGIN,
                job_ids=["a" * 36],
            )
            for key in keys
        ],
        size_bytes=70_000_000 * len(keys),
        max_bytes=50_000_000_000,
    )
