"""Arrays, jobs that come after others, unique keys and schedules live through a dead server."""

from __future__ import annotations

from tests.e2e.driver import Scheduler
from tests.e2e.projects import until, write_project

PROGRAM = """\
    import os, sys

    print("index", os.environ.get("ATLAS_ARRAY_INDEX"), "of", os.environ.get("ATLAS_ARRAY_COUNT"))
    sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    """


def test_what_waits_for_something_is_found_again_by_the_next_server(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": PROGRAM})
    own.cli("pause", "queue", "scheduler")
    array = own.cli("submit", "--array", "0-2%1", "scheduler", str(project), "--detach").out.strip()
    last = own.submit(project, options=["--after", f"array:{array}"])
    bad = own.submit(project, "main.py", "3", options=["--unique", "nightly"])
    never = own.submit(project, options=["--after", bad])
    cleaner = own.submit(project, options=["--after", f"{never}:any"])
    words = ("--cron", "0 3 1 1 *", "--time-zone", "UTC", "scheduler", str(project), "--detach")
    schedule = own.cli("submit", *words).out.strip()
    own.kill()
    own.start()
    same = own.submit(project, options=["--unique", "nightly"])
    assert same == bad

    own.cli("resume", "queue", "scheduler")

    assert own.wait(last).state == "completed"
    assert own.wait(cleaner).state == "completed"
    assert own.job(never).state == "stopped"
    assert own.job(never).reason == f"job {bad[:8]}, which it comes after, failed"
    with own.client() as client:
        assert client.array(array).states == {"completed": 3}
        claimed = [one.job_id for one in client.changes(0, follow=False) if one.event == "Claimed"]
        members = [client.job(f"{array}_{index}").job_id for index in range(3)]
        assert [one for one in claimed if one in members] == members
        assert claimed.index(last) > claimed.index(members[2])
        assert claimed.index(cleaner) > claimed.index(bad)
        assert "index 1 of 3" in b"".join(client.logs(members[1])).decode()
        assert client.schedule(schedule).next_at is not None
        until(lambda: client.job(never).archived, "what never started is archived")
