"""What to tell others of a job that ended badly: how, and what it wrote last."""

from __future__ import annotations

import shlex

from foundations.logs.lines import shown, without_colour
from foundations.models import JobDetail
from foundations.text.quantities import duration
from foundations.text.terminal import clean

LAST_BYTES = 64 * 1024
LAST_LINES = 40
_LONGEST_LINE = 500


def report(job: JobDetail, log: bytes, *, scheduler: str) -> str:
    """Write a report of plain text.

    Args:
        job: as it is now.
        log: at least the last of its output.
        scheduler: name of its scheduler config.
    """
    facts = {
        "job": job.job_id,
        "project": job.project,
        "command": shlex.join(job.command) or "(the image's own)",
        "state": str(job.state),
        "reason": job.reason,
        "exit code": job.exit_code,
        "duration": None if job.duration_seconds is None else duration(job.duration_seconds),
    }
    lines = [
        f"{name + ':':11}{clean(str(value), one_line=True)}"
        for name, value in facts.items()
        if value not in (None, "")
    ]
    last = last_lines(log)
    lines.append("its log ends with:" if last else "its log is empty")
    lines += [f"    {line}" for line in last]
    lines.append(f"more: foundations get logs {shlex.quote(scheduler)} {job.job_id}")
    return "\n".join(lines) + "\n"


def last_lines(log: bytes, count: int = LAST_LINES) -> list[str]:
    """The last lines of a log as they are shown, without colours."""
    lines = log.rstrip(b"\r\n").split(b"\n")[-count:] if log.strip(b"\r\n") else []
    texts = [without_colour(shown(line)).decode("utf-8", "replace") for line in lines]
    return [clean(text[:_LONGEST_LINE], one_line=True) for text in texts]
