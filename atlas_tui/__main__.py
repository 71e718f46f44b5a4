"""`atlas`: how the scheduler stands, on one screen."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from foundations import autostart, configs
from foundations.errors import AtlasError
from foundations.home import Home
from foundations.models import JobView, SchedulerInfo
from foundations.terminal import clean

HEADER_LINES = 5


def screen(info: SchedulerInfo, jobs: list[JobView], *, columns: int) -> str:
    """Lay out the status, each line cut to the terminal's width."""
    engine = f"{info.engine.name} {info.engine.version or ''}".strip()
    if not info.engine.isolated:
        engine += " (jobs are not isolated)"
    states = ", ".join(f"{count} {state}" for state, count in info.states.items() if count)
    lines = [
        f"Atlas {info.version} · {info.home} · engine {engine}",
        f"{states or 'no jobs yet'} · at most {info.queue.max_running_jobs} at once",
        *([info.engine.problem] if info.engine.problem else []),
        "",
        f"{'JOB':8}  {'STATE':9}  {'PROJECT':20}  COMMAND",
    ]
    lines += [
        f"{job.job_id[:8]}  {job.state:9}  {clean(job.project)[:20]:20}  "
        f"{clean(' '.join(job.command))}"
        for job in jobs
    ]
    return "\n".join(line[:columns] for line in lines)


def main() -> None:
    """Print the screen, starting the scheduler when none runs; exits 1 when that fails."""
    size = shutil.get_terminal_size()
    home = Home.default()
    try:
        configs.ensure_default(home)
        config = configs.load("scheduler", home=home, cwd=Path.cwd())
        with autostart.connect(config, home=home) as client:
            info = client.info()
            page = client.jobs(limit=max(1, size.lines - HEADER_LINES - 1))
    except AtlasError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        sys.exit(1)
    sys.stdout.write(screen(info, page.jobs, columns=size.columns) + "\n")


if __name__ == "__main__":
    main()
