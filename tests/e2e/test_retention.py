"""What a project keeps no longer goes by itself, and by hand."""

from __future__ import annotations

from tests.e2e.engines import Make, on_processes
from tests.e2e.projects import until, write_project


@on_processes
def test_old_jobs_go_at_the_next_start_and_with_gc(make: Make) -> None:
    scheduler = make(retention={"projects": {"p": {"keep_last": 2}}}, delete_grace_seconds=0)
    scheduler.start()
    project = write_project(scheduler.root / "p", {"main.py": ""})
    first, kept, third, fourth = [
        scheduler.wait(
            scheduler.submit(project, options=["--tag", "keep"] if number == 1 else [])
        ).job_id
        for number in range(4)
    ]
    ended = (first, kept, third, fourth)
    until(lambda: all(scheduler.job(one).archived for one in ended), "all archives are complete")
    shown = scheduler.cli("gc", "scheduler", "--dry-run").lines
    assert shown[-1].startswith("1 job and 0 leftovers would go")
    assert len(scheduler.listed()) == 4

    scheduler.server("stop")
    scheduler.start()

    left = [kept, third, fourth]
    until(lambda: [job["job_id"] for job in scheduler.listed()] == left, "the first job is gone")
    until(lambda: not scheduler.home.archive(first).exists(), "and so is its archive")
    scheduler.cli("set", "project", "scheduler", "p", "--keep-last", "1")
    assert "project p keeps the last 1 of its jobs" in scheduler.cli("gc", "scheduler").out
    assert [job["job_id"] for job in scheduler.listed()] == [kept, fourth]
