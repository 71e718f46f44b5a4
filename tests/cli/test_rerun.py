"""`foundations rerun job`: the same again, except for what is changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foundations.models import JobSpec, JobState
from foundations.unpinned import unpinned
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"
SPEC = JobSpec(
    project="cats",
    command=("train.py", "--fast"),
    params={"lr": 0.1, "layers": [1, 2]},
    num_gpus=1,
    ram_gb=2,
    image="mine:1",
    environment={"MODE": "full"},
    tags={"kind": "base"},
    user="someone",
)


@pytest.fixture
def old(scheduler: FakeScheduler) -> FakeJob:
    job = scheduler.add(JOB_ID, spec=SPEC, state=JobState.COMPLETED)
    scheduler.bundles[job.bundle] = b"packed"
    return job


def newest(scheduler: FakeScheduler) -> FakeJob:
    return list(scheduler.jobs.values())[-1]


def test_a_rerun_has_everything_of_the_job_and_is_linked_to_it(
    run: Run, scheduler: FakeScheduler, old: FakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOUNDATIONS_USER", "ada")

    result = run("rerun", "job", "scheduler", JOB_ID[:8])

    job = newest(scheduler)
    assert job.job_id != JOB_ID
    assert job.bundle == old.bundle
    assert job.spec == SPEC.model_copy(update={"rerun_of": JOB_ID, "user": "ada"})
    assert scheduler.uploads == []
    assert result.stdout.splitlines() == [
        f"Foundations INFO: Repeating job '{JOB_ID}' unchanged.",
        "Foundations WARNING: The image mine:1 is named by a tag, which may mean another image "
        "now.",
        f"Foundations INFO: Job submitted with ID '{job.job_id}'.",
        "Foundations INFO: Job queued. Ctrl-C to stop streaming - job will not be interrupted or "
        "cancelled.",
        "Foundations INFO: Job running, streaming logs.",
        "No user requirements found.",
        f"Foundations INFO: Job '{job.job_id}' has completed.",
    ]
    shown = run("show", "job", "scheduler", job.job_id).stdout
    assert f"Rerun of: {JOB_ID}" in " ".join(shown.split())


def test_parameters_and_command_are_changed(
    run: Run, scheduler: FakeScheduler, old: FakeJob, work: Path
) -> None:
    (work / "more.yaml").write_text("lr: 5\nname: x\n")
    options = ["-p", "lr=0.01", "--params", "more.yaml", "--command", "eval.py --name 'a b'"]

    result = run("rerun", "job", "scheduler", JOB_ID, *options)

    spec = newest(scheduler).spec
    assert spec.params == {"lr": 0.01, "layers": [1, 2], "name": "x"}
    assert spec.command == ("eval.py", "--name", "a b")
    assert "with another command and parameters." in result.stdout


def test_here_runs_the_current_directory(
    run: Run, scheduler: FakeScheduler, old: FakeJob, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work / "project")
    scheduler.bundles.clear()

    run("rerun", "job", "scheduler", JOB_ID, "--here")

    job = newest(scheduler)
    assert job.spec.rerun_of == JOB_ID
    assert (job.spec.project, job.spec.command) == ("cats", SPEC.command)
    assert [job.bundle] == scheduler.uploads != [old.bundle]


def test_without_its_bundle_a_job_is_not_repeated(
    run: Run, scheduler: FakeScheduler, old: FakeJob
) -> None:
    scheduler.bundles.clear()

    result = run("rerun", "job", "scheduler", JOB_ID, exit_code=1)

    assert f"Error: The scheduler no longer has what job `{JOB_ID}` ran" in result.stderr
    assert "foundations rerun job --here" in result.stderr
    assert list(scheduler.jobs) == [JOB_ID]


def test_a_lost_answer_does_not_queue_two(run: Run, scheduler: FakeScheduler, old: FakeJob) -> None:
    losses = [True]
    scheduler.lose_answer = lambda request: (
        request.method == "POST"
        and request.url.path.endswith("/jobs")
        and bool(losses and losses.pop())
    )

    run("rerun", "job", "scheduler", JOB_ID)

    assert len(scheduler.jobs) == 2


def test_detached_it_prints_the_id_or_the_job(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler, old: FakeJob
) -> None:
    result = run("rerun", "job", "scheduler", JOB_ID, "--detach")
    assert result.stdout == f"{newest(scheduler).job_id}\n"
    assert "Repeating job" in result.stderr
    document = run_json("rerun", "job", "scheduler", JOB_ID, "--detach", "--json")
    assert document["job_id"] == newest(scheduler).job_id
    run("rerun", "job", "scheduler", JOB_ID, "--json", exit_code=2)


def test_a_job_that_is_not_there_is_an_error(run: Run, scheduler: FakeScheduler) -> None:
    result = run("rerun", "job", "scheduler", "nowhere", exit_code=1)

    assert result.stderr == (
        "Error: Job `nowhere` does not exist for environment `scheduler`\n"
        "`foundations list jobs scheduler` shows the jobs there are.\n"
    )


def test_the_exit_code_tells_that_the_new_job_failed(
    run: Run, scheduler: FakeScheduler, old: FakeJob
) -> None:
    def fail(scheduler: FakeScheduler, job: FakeJob) -> None:
        scheduler.start(job)
        scheduler.finish(job, exit_code=1)

    scheduler.run = fail

    run("rerun", "job", "scheduler", JOB_ID, exit_code=3)


@pytest.mark.parametrize(
    ("engine", "image", "words"),
    [
        ("docker", None, ["standard worker"]),
        ("docker", "mine:1", ["mine:1"]),
        ("docker", f"mine@sha256:{'0' * 64}", []),
        ("process", "mine:1", ["packages of /opt/python"]),
        (None, None, []),
    ],
)
def test_what_cannot_be_held_fast_is_said(
    scheduler: FakeScheduler, engine: str | None, image: str | None, words: list[str]
) -> None:
    spec = JobSpec(project="cats", image=image, python="/opt/python")
    detail = scheduler.detail(scheduler.add(spec=spec)).model_copy(update={"engine": engine})

    said = unpinned(detail)

    assert len(said) == len(words)
    assert all(word in text for word, text in zip(words, said, strict=True))


def test_resources_image_environment_and_tags_can_be_changed(
    run: Run, scheduler: FakeScheduler, old: FakeJob
) -> None:
    options = "--num-gpus 2 --cpus 4 --ram 8 --image other:1 --project-name dogs --priority 3"
    pairs = ["--env", "MODE=quick", "--env", "MORE=1", "--tag", "best"]
    result = run("rerun", "job", "scheduler", JOB_ID, *options.split(), *pairs, "--hold", "-d")

    spec = newest(scheduler).spec
    assert (spec.num_gpus, spec.cpus, spec.ram_gb, spec.image) == (2, 4, 8, "other:1")
    assert (spec.project, spec.priority) == ("dogs", 3)
    assert spec.environment == {"MODE": "quick", "MORE": "1"}
    assert spec.tags == {"kind": "base", "best": ""}
    assert spec.params == SPEC.params
    assert spec.pinned_image is None, "another image is not the one that ran"
    assert f"Repeating job '{JOB_ID}' with other settings." in result.stderr
