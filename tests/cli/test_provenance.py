"""Where a job comes from: sent with a submission, shown, compared, and pinned by a rerun."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from foundations.models import JobSpec, JobState, Volume
from foundations.provenance import Execution, GitState, JobEnvironment, Origin, Provenance
from foundations.unpinned import unpinned
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeScheduler
from tests.cli.provenances import COMMIT, DIFF, FULL, IMAGE_ID
from tests.foundations.repositories import make_repository, write

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"
OTHER_ID = "55540b52-ffe2-44ab-9838-db467d3499c0"


def test_a_submission_says_where_it_comes_from(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    head = make_repository(work / "project")
    write(work / "project", {"main.py": "print('changed')\n"})

    run("submit", "--detach", "scheduler", str(work / "project"))

    origin = list(scheduler.jobs.values())[-1].provenance.origin
    assert origin is not None
    assert origin.git is not None
    assert (origin.git.commit, origin.git.branch, origin.git.dirty) == (head, "main", True)
    assert origin.git.diff is not None
    assert "+print('changed')" in origin.git.diff
    assert origin.directory == str(work / "project")


def test_a_job_is_shown_with_where_it_comes_from(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.add(JOB_ID).provenance = FULL

    lines = run("show", "job", "scheduler", JOB_ID).stdout.splitlines()

    begin = lines.index("Provenance") + 1
    pairs = (line.partition(":") for line in lines[begin : begin + 15])
    shown = {name.strip(): text.strip() for name, _, text in pairs}
    assert shown == {
        "Submitted by": "ada@laptop",
        "From": "/home/ada/cats",
        "Client": "foundations 0.1.0",
        "Git commit": f"{COMMIT} (changed)",
        "Git branch": "main",
        "Git remote": "git@example.com:lab/cats.git",
        "Git folder": "models",
        "Untracked": ", ".join(f"new{number}.py" for number in range(8)) + ", and 5 more",
        "Ran on": "docker 27.0 at box",
        "Image run": "mine:1",
        "Image id": IMAGE_ID,
        "GPU models": "NVIDIA X (GPU-1)",
        "Python": "cpython 3.11.2",
        "Packages": "numpy 1.26, torch 2.1",
        "Seeds": "param.seed=7",
    }


def test_a_job_of_which_nothing_is_known_shows_nothing(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.add(JOB_ID)

    assert "Provenance" not in run("show", "job", "scheduler", JOB_ID).stdout
    assert run("show", "provenance", "scheduler", JOB_ID).stdout == "Provenance: not known\n"
    assert run("show", "provenance", "scheduler", JOB_ID, "--diff").stdout == ""


def test_the_diff_is_printed_alone_and_is_in_the_document(
    run: Run, scheduler: FakeScheduler
) -> None:
    scheduler.add(JOB_ID).provenance = FULL

    whole = run("show", "provenance", "scheduler", JOB_ID).stdout
    assert "new9.py, and 3 more" in whole
    assert run("show", "provenance", "scheduler", JOB_ID, "--diff").stdout == DIFF
    document = json.loads(run("show", "provenance", "scheduler", JOB_ID, "--json").stdout)
    assert document["origin"]["git"]["diff"] == DIFF
    detail = json.loads(run("show", "job", "scheduler", JOB_ID, "--json").stdout)
    assert detail["provenance"]["origin"]["git"]["diff"] is None
    both = run("show", "provenance", "scheduler", JOB_ID, "--diff", "--json", exit_code=2)
    assert "--json has it in `origin.git.diff`" in both.stderr


@pytest.mark.parametrize(
    ("git", "said"),
    [
        (GitState(commit=COMMIT, dirty=False), [f"{COMMIT} (clean)", "none (detached HEAD)"]),
        (
            GitState(commit=COMMIT, branch="b", dirty=True, diff_is_cut=True),
            [f"{COMMIT} (changed; the recorded diff is cut)"],
        ),
        (
            GitState(branch="b", missing=("It is slow.", "It is odd.")),
            ["It is slow.", "It is odd."],
        ),
    ],
)
def test_the_state_of_the_repository_is_said_in_words(
    run: Run, scheduler: FakeScheduler, git: GitState, said: list[str]
) -> None:
    scheduler.add(JOB_ID).provenance = Provenance(origin=Origin(git=git))

    shown = run("show", "job", "scheduler", JOB_ID).stdout

    assert all(text in shown for text in said), shown


def test_names_cannot_forge_lines_or_colours(run: Run, scheduler: FakeScheduler) -> None:
    git = GitState(branch="main\x1b[31m", untracked=("a\nState: completed",))
    scheduler.add(JOB_ID).provenance = Provenance(origin=Origin(git=git))

    shown = run("show", "job", "scheduler", JOB_ID).stdout

    assert "\x1b" not in shown
    assert "State: completed" not in shown.splitlines()


def test_jobs_are_compared_by_it(run: Run, scheduler: FakeScheduler) -> None:
    scheduler.add(JOB_ID).provenance = FULL
    scheduler.add(OTHER_ID).provenance = Provenance(
        origin=Origin(git=GitState(commit="1" * 40, branch="main", dirty=False)),
        execution=Execution(attempt=1, engine="docker", engine_version="27.0", host="attic"),
        environment=JobEnvironment(python="3.12.0", packages={"torch": "2.2", "numpy": "1.26"}),
    )

    out = run("diff", "jobs", "scheduler", JOB_ID, OTHER_ID, "--json").stdout

    found = {row["name"]: (row["left"], row["right"]) for row in json.loads(out)["differences"]}
    assert found == {
        "git.commit": (COMMIT, "1" * 40),
        "git.dirty": (True, False),
        "gpu_names": (["NVIDIA X"], None),
        "host": ("box", "attic"),
        "image_id": (IMAGE_ID, None),
        "package.torch": ("2.1", "2.2"),
        "python": ("3.11.2", "3.12.0"),
    }


def test_a_rerun_pins_the_image_that_ran_and_warns_of_the_rest(
    run: Run, scheduler: FakeScheduler
) -> None:
    spec = JobSpec(project="cats", image="mine:1", volumes=(Volume(host="/data", bind="/data"),))
    old = scheduler.add(JOB_ID, spec=spec, state=JobState.COMPLETED)
    old.provenance = FULL
    scheduler.bundles[old.bundle] = b"packed"

    result = run("rerun", "job", "scheduler", JOB_ID)

    new = list(scheduler.jobs.values())[-1]
    assert (new.spec.image, new.spec.pinned_image) == ("mine:1", IMAGE_ID)
    assert new.provenance.origin is not None
    assert new.provenance.origin.git is None, "the server takes over what git knew"
    assert [line for line in result.stdout.splitlines() if "WARNING" in line] == [
        "Foundations WARNING: The job ran on NVIDIA X; it may get other GPUs now.",
        "Foundations WARNING: What is in its volumes may have changed since: /data.",
    ]
    assert f"Pinned image: {IMAGE_ID}" in " ".join(
        run("show", "job", "scheduler", new.job_id).stdout.split()
    )


def test_requirements_and_interpreters_are_not_held_fast(scheduler: FakeScheduler) -> None:
    job = scheduler.add(JOB_ID)
    job.provenance = Provenance(
        execution=Execution(attempt=1, engine="process", python="/opt/bin/python"),
        environment=JobEnvironment(executable="/job/environment/bin/python"),
    )
    detail = scheduler.detail(job).model_copy(update={"engine": "process"})

    assert unpinned(detail) == (
        "The packages of /opt/bin/python are those that are installed now.",
        "What requirements.txt asks for is installed anew, in another version where it names none.",
    )
