"""The fields that `foundations show job` prints: their names, and what each says."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from foundations.cli import render
from foundations.limits import limit_facts
from foundations.text.arrays import states_text
from foundations.text.builds import build_text
from foundations.text.dependencies import after_text

if TYPE_CHECKING:
    from foundations.models import JobDetail, JobSpec, Waiting


def fields(detail: JobDetail) -> list[tuple[str, str]]:
    """Return the fields of a job in their order; those that say nothing are empty."""
    spec, waiting = detail.spec, detail.waiting
    return [
        ("Job", detail.job_id),
        ("Project", detail.project),
        ("Rerun of", spec.rerun_of or ""),
        ("Array", _array(detail)),
        ("Schedule", detail.schedule_id or ""),
        ("Unique key", detail.unique_key or ""),
        ("Comes after", after_text(detail.after)),
        ("State", detail.state),
        ("Reason", detail.reason or ""),
        ("Doing", detail.doing or ""),
        ("Waits because", _waits_because(waiting)),
        ("Waits for", ", ".join(waiting.blockers) if waiting else ""),
        ("Expected start", expected_start(waiting)),
        ("Priority", str(detail.priority) if detail.priority else ""),
        ("Exit code", "" if detail.exit_code is None else str(detail.exit_code)),
        ("User", detail.user),
        ("Command", shlex.join(detail.command)),
        ("Entry point", shlex.join(spec.entrypoint or ())),
        ("Image", detail.image or ""),
        ("Image built from", "" if spec.build is None else build_text(spec.build)),
        ("Pulled", "" if spec.pull == "missing" else spec.pull),
        ("Pinned image", spec.pinned_image or ""),
        ("Engine", detail.engine or ""),
        ("Local run", _local_run(detail)),
        ("Container", detail.container or ""),
        ("Attempt", str(detail.attempt) if detail.attempt > 1 else ""),
        *limit_facts(spec),
        ("Resources", _resources(spec)),
        ("GPUs", ", ".join(detail.gpus)),
        ("Submitted", render.local_time(detail.submitted_at)),
        ("Started", render.local_time(detail.started_at)),
        ("Finished", render.local_time(detail.finished_at)),
        ("Duration", render.duration(detail.duration_seconds)),
        ("Used", _used(detail)),
        ("Submitted with", _pairs(spec.params) if spec.params != detail.parameters else ""),
        ("Parameters", _pairs(detail.parameters)),
        ("Environment", _pairs(spec.environment)),
        ("Secrets", _pairs(spec.secrets)),
        ("Volumes", ", ".join(f"{one.host}:{one.bind}:{one.mode}" for one in spec.volumes)),
        ("Working directory", spec.working_dir or ""),
        ("Interpreter", "" if detail.engine == "docker" else spec.python or ""),
        ("Log level", "" if spec.log_level == "INFO" else spec.log_level),
        ("Tags", _pairs(detail.tags)),
        ("Bundle", _bundle(detail)),
        ("Skipped records", _skipped(detail)),
        ("Log", "" if detail.local else render.size(detail.log_size_bytes)),
        ("Archive", "complete" if detail.archived else "not complete yet"),
    ]


def expected_start(waiting: Waiting | None) -> str:
    """When a job that waits may start, as far as that is known."""
    start = None if waiting is None else waiting.expected_start_at
    return "" if start is None else f"about {render.local_time(start)}"


def _waits_because(waiting: Waiting | None) -> str:
    if waiting is None or waiting.position is None:
        return waiting.reason if waiting else ""
    return f"{waiting.reason} (place {waiting.position})"


def _array(detail: JobDetail) -> str:
    if detail.array is None or detail.whole_array is None:
        return ""
    place = f"{detail.array.array_id}_{detail.array.index}"
    return f"{place} ({states_text(detail.whole_array)})"


def _resources(spec: JobSpec) -> str:
    asked = {
        "num_gpus": spec.num_gpus,
        "cpus": spec.cpus,
        "ram (GB)": spec.ram_gb,
        "shm (GB)": spec.shm_gb,
    }
    return _pairs({name: amount for name, amount in asked.items() if amount})


def _skipped(detail: JobDetail) -> str:
    count = detail.skipped_records
    if not count:
        return ""
    lines = "line" if count == 1 else "lines"
    return f"{count} {lines} of its event file could not be read (see docs/records.md)"


def _bundle(detail: JobDetail) -> str:
    if detail.bundle is None:
        return "none: it ran where it lay"
    return f"{detail.bundle} ({render.size(detail.bundle_size_bytes)})"


def _local_run(detail: JobDetail) -> str:
    run = detail.local_run
    if run is None:
        return "yes" if detail.local else ""
    what = "session" if run.interactive else "process"
    return f"{what} {run.pid} on {run.host}, Python {run.python}, in {run.working_dir}"


def _used(detail: JobDetail) -> str:
    """What it took of the machine, in a line; empty when it was never sampled."""
    series = {one.name: one for one in detail.system_series}
    parts = []
    memory = series.get("system/memory_peak_bytes")
    if memory is not None and memory.max is not None:
        parts.append(f"at most {render.size(int(memory.max))} of memory")
    cpu = series.get("system/cpu_seconds")
    if cpu is not None and isinstance(cpu.last, int | float) and cpu.last_step:
        parts.append(f"{100 * cpu.last / cpu.last_step:.0f}% of a processor on average")
    return ", ".join(parts)


def _pairs(items: dict[str, Any]) -> str:
    return render.mapping(items) if items else ""
