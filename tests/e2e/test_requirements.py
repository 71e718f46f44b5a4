"""requirements.txt, without any network: from a wheel in the project."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make
from tests.e2e.projects import until, write_project
from tests.worker.wheels import make_endless_sdist

NAME = "atlassamplepackage"
USES_IT = f"""\
    import {NAME}, sys
    import foundations

    foundations.log_param("version", {NAME}.version)
    print("sum", {NAME}.add(2, 3))
    """


def make_wheel(folder: Path, version: str) -> str:
    """Make a wheel of one module; return its file name."""
    wheel = folder / f"{NAME}-{version}-py3-none-any.whl"
    info = f"{NAME}-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as packed:
        code = f"version = {version!r}\ndef add(a, b):\n    return a + b\n"
        packed.writestr(f"{NAME}.py", code)
        metadata = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n"
        packed.writestr(f"{info}/METADATA", metadata)
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        packed.writestr(f"{info}/WHEEL", tags)
        packed.writestr(f"{info}/RECORD", "")
    return wheel.name


@pytest.mark.parametrize("form", ["path", "index"])
def test_requirements_are_installed_before_the_script_runs(shared: Scheduler, form: str) -> None:
    project = write_project(shared.root / f"requiring-{form}", {"main.py": USES_IT})
    wheel = make_wheel(project, "1.2.3")
    wanted = f"./{wheel}" if form == "path" else f"--no-index\n--find-links .\n{NAME}==1.2.3"
    (project / "requirements.txt").write_text(f"# what we need\n{wanted}\n")
    done = shared.cli("submit", "scheduler", str(project))
    assert "No user requirements found." not in done.out
    assert f"Successfully installed {NAME}-1.2.3" in done.lines
    assert done.lines[-2] == "sum 5"
    (listed,) = (one for one in shared.listed() if one["project"] == project.name)
    assert listed["parameters"] == {"version": "1.2.3"}
    # What was installed is no work of the job's: it is not kept.
    assert not (shared.get(listed["job_id"]) / "changed").is_dir() or not any(
        path.name == f"{NAME}.py" for path in shared.get(listed["job_id"]).rglob("*")
    )


def test_two_jobs_with_different_requirements_do_not_meet(shared: Scheduler) -> None:
    job_ids = {}
    for version in ("1.0", "2.0"):
        project = write_project(shared.root / f"version-{version}", {"main.py": USES_IT})
        (project / "requirements.txt").write_text(f"./{make_wheel(project, version)}\n")
        job_ids[version] = shared.submit(project)
    for version, job_id in job_ids.items():
        assert shared.wait(job_id).parameters == {"version": version}, shared.log(job_id)


def test_a_later_job_starts_with_what_an_earlier_one_installed(own: Scheduler) -> None:
    """In containers without any network; the last job finds the environment gone."""
    project = write_project(own.root / "requiring", {"main.py": USES_IT})
    (project / "requirements.txt").write_text(f"./{make_wheel(project, '1.2.3')}\n")
    first = own.submit(project)
    assert own.wait(first).parameters == {"version": "1.2.3"}, own.log(first)
    listed = json.loads(own.cli("list", "environments", "--json").out)
    (environment,) = listed["environments"]
    assert environment["packages"] == [f"{NAME}==1.2.3"]

    second = own.submit(project)
    assert own.wait(second).parameters == {"version": "1.2.3"}
    key = environment["key"][:8]
    assert own.log(second).splitlines() == [
        f"The requirements are installed already, in environment {key}.",
        "sum 5",
    ]
    provenance = json.loads(own.cli("show", "provenance", "scheduler", second, "--json").out)
    assert provenance["environment"]["packages"][NAME] == "1.2.3"

    until(lambda: not own.containers(), "the job is over") if own.is_docker else None
    pruned = own.cli("prune", "environments", "scheduler").out
    assert pruned.startswith("Removed 1 environment, ")
    third = own.submit(project)
    assert own.wait(third).parameters == {"version": "1.2.3"}
    assert f"Successfully installed {NAME}-1.2.3" in own.log(third)


def test_requirements_that_cannot_be_met_fail_the_job_until_they_are_changed(
    shared: Scheduler,
) -> None:
    project = write_project(shared.root / "unmet", {"main.py": USES_IT})
    make_wheel(project, "1.0")
    (project / "requirements.txt").write_text(f"--no-index\n--find-links .\n{NAME}>=2\n")
    done = shared.cli("submit", "scheduler", str(project), code=3)
    (listed,) = (one for one in shared.listed() if one["project"] == project.name)
    assert listed["state"] == "failed"
    assert listed["reason"] == (
        f"requirements.txt cannot be installed: No solution found when resolving dependencies: "
        f"Because only {NAME}==1.0 is available and you require {NAME}>=2, we can conclude that "
        f"your requirements are unsatisfiable."
    )
    assert done.out.count("we can conclude that your requirements are unsatisfiable") == 1
    assert done.lines[-2:] == [
        "Foundations ERROR: requirements.txt cannot be installed.",
        f"Foundations ERROR: Job '{listed['job_id']}' has failed.",
    ]
    (project / "requirements.txt").write_text(f"--no-index\n--find-links .\n{NAME}>=1\n")
    assert shared.cli("submit", "scheduler", str(project)).lines[-2] == "sum 5"


def test_a_server_that_is_killed_while_it_installs_begins_anew(make: Make) -> None:
    """Two jobs wait for the build of a package that takes for ever."""
    own = make(max_running_jobs=2)
    project = write_project(own.root / "endless", {"main.py": "print('ran')"})
    make_endless_sdist(project)
    (project / "requirements.txt").write_text("--no-index\n./endless-1.0.tar.gz\n")
    jobs = [own.submit(project) for _ in range(2)]
    building = own.home.environments / "building"

    def builds() -> list[str]:
        return sorted(path.parent.parent.name for path in building.glob("*/environment/pyvenv.cfg"))

    until(lambda: len(builds()) == 1, "one build is under way")
    (before,) = builds()
    for job_id in jobs:
        own.wait_for_text(job_id, "Using Python")
    own.kill()
    own.start()
    until(lambda: builds() not in ([], [before]), "a new build is under way")
    assert len(builds()) == 1, "what the killed server left is gone"
    for job_id in jobs:
        assert own.job(job_id).state == "starting", own.log(job_id)
        own.cli("stop", "job", "scheduler", job_id)
        assert own.wait(job_id).state == "stopped"
    until(lambda: builds() == [], "the build has ended with the last job that waited for it")
    until(lambda: not own.containers(), "no container is left") if own.is_docker else None


def test_above_its_limit_the_cache_forgets_what_no_job_uses(make: Make) -> None:
    own = make(environments={"max_gb": 0})
    project = write_project(own.root / "requiring", {"main.py": USES_IT})
    (project / "requirements.txt").write_text(f"./{make_wheel(project, '1.0')}\n")
    job_id = own.submit(project)
    assert own.wait(job_id).parameters == {"version": "1.0"}, "it stays while it is used"
    with own.client() as client:
        until(lambda: client.environments().environments == [], "nothing is kept")


def test_a_requirements_file_of_comments_asks_for_nothing(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "comments", {"main.py": "", "requirements.txt": "# nothing yet\n\n"}
    )
    done = shared.cli("submit", "scheduler", str(project))
    assert "No user requirements found." in done.lines
