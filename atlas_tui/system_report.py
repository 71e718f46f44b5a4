"""The scheduler's machine in lines: engine, host, GPUs, disk, server; no widgets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from atlas_tui.looks import Palette, Tone
from atlas_tui.row_layout import fit, hanging
from atlas_tui.schedule_words import last_text, next_text
from foundations.models import (
    DiskView,
    EnvironmentsView,
    GpuView,
    HostView,
    ProjectDisk,
    SchedulerInfo,
    ScheduleView,
    StorageView,
)
from foundations.text.quantities import counted, size
from foundations.text.terminal import clean

_LABEL_WIDTH = 14
_BAR_WIDTH = 20
_HIGH, _VERY_HIGH = 0.75, 0.9
"""Shares from which a bar is yellow, and red."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of the machine; what is None has not been heard yet."""

    info: SchedulerInfo | None = None
    host: HostView | None = None
    disk: DiskView | None = None
    environments: EnvironmentsView | None = None
    schedules: Sequence[ScheduleView] | None = None


def lines(report: Report, *, palette: Palette, width: int) -> list[Text]:
    """Lay the report out in lines of at most `width` cells."""
    parts = (
        _engine(report.info),
        _host(report.host, report.info, palette),
        _gpus(report.host, palette),
        _schedules(report.schedules),
        _disk(report.disk, palette, width),
        _environments(report.environments, palette),
        _server(report.info),
    )
    whole = [line for part in map(list, parts) if part for line in (*part, Text(""))]
    found = [piece for line in whole for piece in _whole(line, width)]
    for line in found:
        line.truncate(width, overflow="ellipsis")
    return found


def _whole(line: Text, width: int) -> Iterator[Text]:
    """Break what stands behind a label; a single long word is cut."""
    begin = _LABEL_WIDTH + 2
    return hanging(line, begin, width) if " " in line.plain[begin:] else iter((line,))


def bar(share: float, *, palette: Palette, width: int = _BAR_WIDTH) -> Text:
    """Draw a share, from 0 to 1, as a bar."""
    filled = round(max(0.0, min(share, 1.0)) * width)
    tone: Tone = "bad" if share >= _VERY_HIGH else "high" if share >= _HIGH else "good"
    full, empty = palette.text("█", "#"), palette.text("─", ".")
    return Text().append(full * filled, palette.tone(tone)).append(empty * (width - filled), "dim")


def _engine(info: SchedulerInfo | None) -> Iterator[Text]:
    yield _title("ENGINE")
    if info is None:
        return
    engine = info.engine
    yield _line("Name", f"{engine.name} {engine.version or ''}")
    if engine.problem:
        yield _line("Problem", engine.problem, "bold red")
    isolation = ("isolated from each other", "") if engine.isolated else ("NOT isolated", "yellow")
    yield _line("Jobs are", *isolation)
    for note in engine.notes:
        yield _line("Note", note)


def _host(host: HostView | None, info: SchedulerInfo | None, palette: Palette) -> Iterator[Text]:
    yield _title("HOST" if host is None else f"HOST {host.hostname}")
    if host is None:
        return
    load = " ".join(f"{one:.2f}" for one in host.load_average)
    yield _measured(
        "CPU",
        host.cpu_percent / 100,
        f"{host.cpu_percent:.0f} % of {host.cpus}, load {load}",
        palette,
    )
    used, total = host.memory_used_bytes, host.memory_total_bytes
    yield _measured("Memory", _share(used, total), f"{size(used)} of {size(total)}", palette)
    free, total = host.disk_free_bytes, host.disk_total_bytes
    share = _share(host.disk_used_bytes, host.disk_used_bytes + free)
    yield _measured("Disk", share, f"{size(free)} free of {size(total)}", palette)
    if info is not None and info.storage is not None:
        yield from _storage(info.storage, palette)


def _storage(storage: StorageView, palette: Palette) -> Iterator[Text]:
    """The disks beside the home's, and whether there is space on all."""
    yield _mark(storage.stop_below_bytes)
    for one in storage.disks[1:]:
        free, total = one.free_bytes, one.total_bytes
        words = f"{size(free)} free of {size(total)}, {', '.join(one.holds)}: {one.path}"
        yield _measured("Disk", _share(total - free, total), words, palette)
        yield _mark(one.stop_below_bytes)
    if storage.problem:
        yield _line("Problem", storage.problem, "bold red")


def _mark(stop_below_bytes: int) -> Text:
    return _line("", f"no job starts below {size(stop_below_bytes)} free")


def _gpus(host: HostView | None, palette: Palette) -> Iterator[Text]:
    yield _title("GPUS")
    if host is None:
        return
    if host.gpu_problem:
        yield _line("", host.gpu_problem)
    elif not host.gpus:
        yield _line("", "none")
    for gpu in host.gpus:
        yield from _gpu(gpu, palette)


def _gpu(gpu: GpuView, palette: Palette) -> Iterator[Text]:
    holder = f"job {gpu.job_id[:8]}" if gpu.job_id else "free"
    yield _line(f"{gpu.index}", f"{gpu.name or gpu.id}  {holder}", "bold" if gpu.job_id else "")
    extras = []
    if gpu.power_watts is not None:
        extras.append(f"{gpu.power_watts:.0f} W")
    if gpu.temperature_celsius is not None:
        extras.append(f"{gpu.temperature_celsius:.0f} °C")
    if gpu.utilization_percent is not None:
        words = " ".join([f"{gpu.utilization_percent:.0f} %", *extras])
        yield _measured("  use", gpu.utilization_percent / 100, words, palette)
    if gpu.memory_used_bytes is not None and gpu.memory_total_bytes:
        used, total = gpu.memory_used_bytes, gpu.memory_total_bytes
        yield _measured("  memory", used / total, f"{size(used)} of {size(total)}", palette)


def _schedules(found: Sequence[ScheduleView] | None) -> Iterator[Text]:
    if not found:
        return
    yield _title("SCHEDULES")
    for one in found:
        style = "yellow" if one.problem or one.paused_by else ""
        yield _line(one.cron, f"{one.project}, {next_text(one)}, {last_text(one)}", style)


def _disk(disk: DiskView | None, palette: Palette, width: int) -> Iterator[Text]:
    yield _title("DISK USE OF THE HOME")
    if disk is None:
        return
    kinds = {
        "Archives": disk.archives_bytes,
        "Bundles": disk.bundles_bytes,
        "Work dirs": disk.work_dirs_bytes,
        "Environments": disk.environments_bytes,
        "Database": disk.database_bytes,
    }
    most = max(max(kinds.values()), 1)
    for name, count in kinds.items():
        yield _compared(name, count, most, "", palette)
    if not disk.complete:
        yield _line("", "at least: there was no time to look at everything", "yellow")
    if disk.projects:
        yield Text("")
        yield _title("DISK USE BY PROJECT")
        most = max(max(_project_bytes(one) for one in disk.projects), 1)
        for one in disk.projects:
            yield _compared(one.name, _project_bytes(one), most, counted(one.jobs), palette)


def _environments(found: EnvironmentsView | None, palette: Palette) -> Iterator[Text]:
    yield _title("ENVIRONMENTS")
    if found is None:
        return
    ready = found.environments
    used = sum(bool(one.job_ids) for one in ready)
    yield _line("Ready", f"{len(ready)}, of which {used} in use" if ready else "none yet")
    total = found.size_bytes + found.wheels_bytes
    words = f"{size(total)} of {size(found.max_bytes)}"
    if found.wheels_bytes:
        words += f", {size(found.wheels_bytes)} of it downloads"
    yield _measured("Cache", _share(total, found.max_bytes), words, palette)


def _server(info: SchedulerInfo | None) -> Iterator[Text]:
    yield _title("SERVER")
    if info is None:
        return
    yield _line("Version", info.version)
    yield _line("Process", str(info.pid))
    yield _line("Home", info.home)
    yield _line("Instance", info.instance)
    yield _line("Last change", f"#{info.last_seq}")


def _title(text: str) -> Text:
    return Text(f" {clean(text, one_line=True)}", "bold")


def _line(label: str, text: str, style: str = "") -> Text:
    line = Text(f" {fit(label, _LABEL_WIDTH)} ")
    return line.append(clean(text, one_line=True), style)


def _measured(label: str, share: float, text: str, palette: Palette) -> Text:
    line = Text(f" {fit(label, _LABEL_WIDTH)} ")
    return line.append_text(bar(share, palette=palette)).append(f" {text}")


def _compared(label: str, count: int, most: int, note: str, palette: Palette) -> Text:
    """A bar against the largest of its kind, whose colour says nothing."""
    filled = round(count / most * _BAR_WIDTH)
    line = Text(f" {fit(label, _LABEL_WIDTH)} ")
    line.append(palette.text("█", "#") * filled, palette.tone("neutral")).append(
        " " * (_BAR_WIDTH - filled)
    )
    return line.append(f" {size(count):>9}  {note}".rstrip())


def _project_bytes(project: ProjectDisk) -> int:
    return project.archive_bytes + project.bundle_bytes


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
