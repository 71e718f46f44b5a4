"""requirements.txt, without any network: from a wheel in the project."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.e2e.driver import Scheduler
from tests.e2e.projects import write_project

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


def test_a_requirements_file_of_comments_asks_for_nothing(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "comments", {"main.py": "", "requirements.txt": "# nothing yet\n\n"}
    )
    done = shared.cli("submit", "scheduler", str(project))
    assert "No user requirements found." in done.lines
