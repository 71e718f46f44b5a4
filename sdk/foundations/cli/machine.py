"""What `foundations info` prints of a scheduler's machine: how busy it is, what its disk holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.cli.render import Column
from foundations.text.quantities import counted, size

if TYPE_CHECKING:
    from foundations.models import DiskView, GpuView, HostView


def show_host(host: HostView, *, as_json: bool) -> None:
    """Print how busy the machine is, and which job holds which GPU."""
    if as_json:
        render.print_json(render.model_document(host))
        return
    gpus = f"{len(host.gpus)}, see below" if host.gpus else host.gpu_problem or "none"
    load = " ".join(f"{one:.2f}" for one in host.load_average)
    render.print_fields(
        [
            ("Host", host.hostname),
            ("CPU", f"{host.cpu_percent:.0f}% of {counted(host.cpus, 'processor')}"),
            ("Load", f"{load} (1, 5 and 15 minutes)"),
            ("Memory", f"{size(host.memory_used_bytes)} of {size(host.memory_total_bytes)} used"),
            (
                "Disk",
                f"{size(host.disk_used_bytes)} of {size(host.disk_total_bytes)} used, "
                f"{size(host.disk_free_bytes)} free",
            ),
            ("GPUs", gpus),
        ]
    )
    if host.gpus:
        click.echo("\nGPUs")
        titles = ("GPU", "NAME", "USE", "MEMORY", "POWER", "TEMP", "JOB")
        render.print_table([Column(title) for title in titles], [_gpu(one) for one in host.gpus])


def _gpu(gpu: GpuView) -> list[str]:
    def known(value: float | None, unit: str) -> str:
        return render.MISSING if value is None else f"{value:.0f}{unit}"

    memory = render.MISSING
    if gpu.memory_used_bytes is not None and gpu.memory_total_bytes is not None:
        memory = f"{size(gpu.memory_used_bytes)} of {size(gpu.memory_total_bytes)}"
    return [
        str(gpu.index),
        gpu.name or render.MISSING,
        known(gpu.utilization_percent, "%"),
        memory,
        known(gpu.power_watts, " W"),
        known(gpu.temperature_celsius, " °C"),
        gpu.job_id or render.MISSING,
    ]


def show_disk(disk: DiskView, *, as_json: bool) -> None:
    """Print what the scheduler's home takes on the disk, by kind and by project."""
    if as_json:
        render.print_json(render.model_document(disk))
        return
    render.print_fields(
        [
            ("Archives", size(disk.archives_bytes)),
            ("Bundles", size(disk.bundles_bytes)),
            ("Work dirs", size(disk.work_dirs_bytes)),
            ("Environments", size(disk.environments_bytes)),
            ("Database", size(disk.database_bytes)),
        ]
    )
    if disk.projects:
        click.echo("\nProjects")
        columns = [Column("PROJECT", narrowest=8), Column("JOBS"), Column("ARCHIVES")]
        columns.append(Column("BUNDLES"))
        rows = [
            [one.name, str(one.jobs), size(one.archive_bytes), size(one.bundle_bytes)]
            for one in disk.projects
        ]
        render.print_table(columns, rows)
    if not disk.complete:
        click.echo(
            "There was no time to look at every file: there is more than this. Ask again in a "
            "while; what was seen is remembered.",
            err=True,
        )
