"""Deleted jobs leave nothing behind, and take nothing from others."""

from __future__ import annotations

from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make
from tests.e2e.projects import until, write_project


def test_a_bundle_stays_while_another_job_has_it(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": "print('shared')\n"})
    first, second = own.submit(project), own.submit(project)
    bundle = str(own.wait(first).bundle)
    assert own.wait(second).bundle == bundle
    packed = own.home.bundles / f"{bundle.removeprefix('sha256:')}.tar.gz"
    own.cli("delete", "job", "scheduler", first)
    until(lambda: not own.home.archive(first).exists(), "the first job's archive is gone")
    assert packed.exists()
    assert (own.get(second) / "source" / "main.py").read_text() == "print('shared')\n"
    again = own.submit(project)
    assert own.wait(again).state == "completed"
    own.cli("delete", "job", "scheduler", second, again)
    bundles = own.home.bundles
    until(
        lambda: [path for path in bundles.iterdir() if path.name != "incoming"] == [],
        "the bundle is gone",
    )
    assert not packed.exists()
    assert list(own.home.archives.iterdir()) == []
    leftovers = [path for path in own.home.job_dirs.iterdir() if not path.name.startswith(".")]
    assert leftovers == []
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
        f"Error: Job `{queued}` has status `queued` and cannot be deleted. "
        f"Stop it first: foundations stop job scheduler {queued}",
        f"Error: Job `{running}` has status `running` and cannot be deleted. "
        f"Stop it first: foundations stop job scheduler {running}",
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


def test_a_deletion_can_be_undone_also_after_a_crash_and_not_for_ever(make: Make) -> None:
    scheduler = make(delete_grace_seconds=3600)
    scheduler.start()
    project = write_project(scheduler.root / "p", {"main.py": "print('kept')\n"})
    job_id = scheduler.submit(project)
    before = scheduler.wait(job_id)
    scheduler.cli("delete", "job", "scheduler", job_id)
    assert scheduler.listed() == []
    scheduler.kill()
    scheduler.start()
    assert scheduler.listed() == []
    done = scheduler.cli("restore", "job", "scheduler", job_id[:8])
    assert done.out == f"Job {job_id} is back\n"
    after = scheduler.job(job_id)
    assert [one.event for one in after.history[-2:]] == ["Deleted", "Restored"]
    assert after.model_copy(update={"history": before.history}) == before
    assert (scheduler.get(job_id) / "source" / "main.py").read_text() == "print('kept')\n"
    assert scheduler.log(job_id).endswith("kept\n")

    scheduler.cli("delete", "project", "scheduler", "p", "--yes")
    scheduler.cli("restore", "project", "scheduler", "p")
    assert [one["job_id"] for one in scheduler.listed()] == [job_id]
    scheduler.cli("delete", "job", "scheduler", job_id)
    scheduler.kill()
    scheduler.write_settings(delete_grace_seconds=0)
    scheduler.start()
    until(lambda: not scheduler.home.archive(job_id).exists(), "the archive is gone")
    late = scheduler.cli("restore", "job", "scheduler", job_id, code=1)
    assert "a deletion can be undone for 0 s" in late.err
