"""Every way to say what is submitted: from where, by which path, by what, and which script."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from tests.e2e.driver import Scheduler
from tests.e2e.projects import write_project

SCRIPTS = [
    f"{folder}{'with' if imports else 'without'}.py"
    for folder, imports in itertools.product(("", "folder/"), (True, False))
]
SUBMIT = """\
    import sys
    import foundations

    directory, *scripts = sys.argv[1:]
    for script in scripts:
        options = {} if directory == "." else {"job_directory": directory}
        print(foundations.submit(command=[script], **options).job_id)
    """


def make_project(directory: Path) -> Path:
    """A project with a script of each kind; all see the whole project as their directory."""
    bodies = {True: "import foundations\nfoundations.log_metric('m', 1)\n", False: ""}
    check = "print(open('data/input.txt').read(), end='')\nopen('made.txt', 'w').close()\n"
    return write_project(
        directory,
        {
            "data/input.txt": "input\n",
            **{script: bodies["without" not in script] + check for script in SCRIPTS},
        },
    )


@pytest.mark.parametrize("interface", ["cli", "sdk"])
@pytest.mark.parametrize("path", ["relative", "absolute"])
@pytest.mark.parametrize("cwd", ["inside", "outside"])
def test_all_ways_to_submit_complete_and_leave_an_archive(
    shared: Scheduler, cwd: str, path: str, interface: str
) -> None:
    project = make_project(shared.root / f"matrix-{cwd}-{path}-{interface}")
    here = project if cwd == "inside" else shared.root
    directory = os.path.relpath(project, here) if path == "relative" else str(project)
    if interface == "cli":
        submit = ("submit", "--detach", "scheduler", directory)
        job_ids = [shared.cli(*submit, script, cwd=here).out.strip() for script in SCRIPTS]
    else:
        job_ids = shared.python(SUBMIT, cwd=here, arguments=[directory, *SCRIPTS]).lines
    assert len(set(job_ids)) == len(SCRIPTS)
    for script, job_id in zip(SCRIPTS, job_ids, strict=True):
        job = shared.wait(job_id)
        assert job.state == "completed", shared.log(job_id)
        assert job.project == project.name
        assert job.metrics == ({} if "without" in script else {"m": 1})
        archive = shared.home.archive(job_id)
        assert (archive / "job.log").read_text() == "No user requirements found.\ninput\n"
        assert (archive / "changed" / "made.txt").exists()
        assert (archive / "archive.json").exists()
    got = shared.get(job_ids[-1])
    assert (got / "source" / "folder" / "without.py").exists()
