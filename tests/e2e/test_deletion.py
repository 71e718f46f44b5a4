"""Deleted jobs leave nothing behind, and take nothing from others."""

from __future__ import annotations

from tests.e2e.driver import Scheduler
from tests.e2e.projects import until, write_project


def test_a_bundle_stays_while_another_job_has_it(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": "print('shared')\n"})
    first, second = own.submit(project), own.submit(project)
    bundle = str(own.wait(first).bundle)
    assert own.wait(second).bundle == bundle
    packed = own.home.bundles / f"{bundle.removeprefix('sha256:')}.tar.gz"
    own.cli("delete", "job", "scheduler", first)
    assert packed.exists()
    assert (own.get(second) / "source" / "main.py").read_text() == "print('shared')\n"
    again = own.submit(project)
    assert own.wait(again).state == "completed"
    own.cli("delete", "job", "scheduler", second, again)
    assert not packed.exists()
    assert list(own.home.archives.iterdir()) == []
    leftovers = [path for path in own.home.job_dirs.iterdir() if not path.name.startswith(".")]
    assert leftovers == []
    assert [path for path in own.home.bundles.iterdir() if path.name != "incoming"] == []
    # The same directory can be submitted again after that.
    assert own.wait(own.submit(project)).state == "completed"


def test_of_several_jobs_those_that_can_be_are_deleted(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": "import time\ntime.sleep(600)\n"})
    ended, running = own.submit(project), own.submit(project)
    own.wait_for(ended, "running")
    own.cli("stop", "job", "scheduler", ended)
    own.wait(ended)
    own.wait_for(running, "running")
    queued = own.submit(project)
    done = own.cli("delete", "job", "scheduler", queued, ended, running, "ffffffff", code=1)
    assert done.out == f"Job {ended} successfully deleted\n"
    assert done.err.splitlines() == [
        f"Error: Job `{queued}` has status `queued` and cannot be deleted",
        f"Error: Job `{running}` has status `running` and cannot be deleted",
        "Error: Job `ffffffff` does not exist for environment `scheduler`",
    ]
    assert [(one["job_id"], one["state"]) for one in own.listed()] == [
        (running, "running"),
        (queued, "queued"),
    ]


def test_a_deletion_that_a_crash_cut_short_is_completed(own: Scheduler) -> None:
    files = {f"data/{number}.txt": str(number) for number in range(300)}
    project = write_project(
        own.root / "p",
        {"main.py": "for n in range(300): open(f'made{n}', 'w').close()\n", **files},
    )
    job_id = own.submit(project)
    assert own.wait(job_id).state == "completed"
    with own.begin("foundations", "delete", "job", "scheduler", job_id) as deleting:
        until(
            lambda: not (own.home.archive(job_id) / "archive.json").exists(),
            "the deletion has begun",
        )
        own.kill()
        deleting.wait(timeout=60)
    own.start()
    until(lambda: not own.home.archive(job_id).exists(), "the archive is gone")
    until(lambda: own.listed() == [], "the job is gone")
    bundles = own.home.bundles
    until(
        lambda: [path for path in bundles.iterdir() if path.name != "incoming"] == [],
        "the bundle is gone",
    )
