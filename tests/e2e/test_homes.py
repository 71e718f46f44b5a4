"""Who can look into a home."""

from __future__ import annotations

from tests.e2e.engines import Make
from tests.e2e.projects import write_project


def test_nobody_else_looks_into_what_jobs_are_and_leave(make: Make) -> None:
    """Whoever writes `server.yaml` before the first start makes a home that all can enter."""
    own = make()
    own.home.root.chmod(0o755)
    own.start()
    job = own.wait(own.submit(write_project(own.root / "p", {"main.py": "print(1)"})))
    home = own.home

    for place in (home.bundles, home.archive(job.job_id), home.job_dirs, home.server_log):
        shut = home.root / place.relative_to(home.root).parts[0]
        assert shut.stat().st_mode & 0o777 == 0o700, shut
