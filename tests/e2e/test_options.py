"""What is asked for against what is configured, and what a user may get wrong."""

from __future__ import annotations

import pytest

from foundations.models import JobDetail, Submission
from tests.e2e.driver import Scheduler
from tests.e2e.projects import write_project

CONFIG = """\
    num_gpus: 0
    ram: 1.5
    entrypoint: python3
    params: {a: 1, b: 2}
    tags: {kind: configured}
    worker:
      command: main.py
      environment: {WHO: config, KEPT: 'yes'}
    """
OPTIONS = ["--param", "b=3", "--param", "c=[1, 2]", "--env", "WHO=option", "--tag", "best"]


@pytest.mark.parametrize("interface", ["cli", "sdk"])
def test_the_projects_name_is_the_option_else_the_config_else_the_directory(
    shared: Scheduler, interface: str
) -> None:
    project = write_project(shared.root / f"directory-{interface}", {"main.py": ""})
    submit = """\
        import sys, foundations
        options = {"project_name": sys.argv[2]} if sys.argv[2:] else {}
        print(foundations.submit(job_directory=sys.argv[1], **options).job_id)
        """

    def project_of(*name: str) -> str:
        if interface == "cli":
            options = ["--project-name", *name] if name else []
            return shared.job(shared.submit(project, options=options)).project
        done = shared.python(submit, arguments=[str(project), *name])
        return shared.job(done.out.strip()).project

    assert project_of() == f"directory-{interface}"
    write_project(project, {"job.config.yaml": "project_name: configured\n"})
    assert project_of() == "configured"
    assert project_of("asked") == "asked"
    names = [one["name"] for one in shared.projects()]
    assert {f"directory-{interface}", "configured", "asked"} <= set(names)


def test_options_win_over_the_job_config(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "optional",
        {
            "main.py": "print('configured script')\n",
            "other.sh": "echo shell: $WHO $0 $1\n",
            "job.config.yaml": CONFIG,
        },
    )
    job_id = shared.submit(
        project, "other.sh", "--ram=7", options=["--ram", "2", "--entrypoint", "sh", *OPTIONS]
    )
    job = shared.wait(job_id)
    assert job.state == "completed", shared.log(job_id)
    assert shared.log(job_id) == "shell: option other.sh --ram=7\n"
    assert job.ram_gb == 2
    assert job.spec.params == {"a": 1, "b": 3, "c": [1, 2]}
    assert job.spec.environment == {"WHO": "option", "KEPT": "yes"}
    assert job.tags == {"kind": "configured", "best": ""}


def test_jobs_are_found_by_the_beginning_of_their_ids(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": "print('found')\n"})
    first = own.wait(own.submit(project))
    job_id = first.job_id
    assert own.cli("get", "logs", "scheduler", job_id[:4]).out.endswith("found\n")
    assert own.cli("show", "job", "scheduler", job_id[:9]).lines[0].split() == ["Job:", job_id]
    too_short = own.cli("show", "job", "scheduler", job_id[:3], code=1)
    assert "4 characters" in too_short.err
    one, other = submit_two_alike(own, first)
    done = own.cli("stop", "job", "scheduler", one[:4], code=1)
    assert one in done.err
    assert other in done.err
    own.cli("clear-queue", "scheduler")
    assert own.job(one).state == own.job(other).state == "stopped"


def submit_two_alike(scheduler: Scheduler, model: JobDetail) -> tuple[str, str]:
    """Fill the queue behind a blocker until two ids begin with the same four digits."""
    blocker = {"entrypoint": ("sleep",), "command": ("600",)}
    seen: dict[str, str] = {}
    with scheduler.client() as client:
        client.submit(Submission(spec=model.spec.model_copy(update=blocker), bundle=model.bundle))
        while True:
            job_id = client.submit(Submission(spec=model.spec, bundle=model.bundle)).job_id
            if job_id[:4] in seen:
                return job_id, seen[job_id[:4]]
            seen[job_id[:4]] = job_id
            assert len(seen) < 3000, "that is next to impossible"


def test_an_unknown_scheduler_config_is_named_with_those_that_exist(shared: Scheduler) -> None:
    project = write_project(shared.root / "unsubmitted", {"main.py": ""})
    for command in (
        ["submit", "nowhere", str(project)],
        ["get", "logs", "nowhere", "0000"],
        ["clear-queue", "nowhere"],
    ):
        done = shared.cli(*command, code=1)
        assert done.err.startswith(
            "Error: Could not find submission configuration with name: `nowhere`. Known: scheduler."
        )


def test_a_config_in_the_project_wins_over_one_of_the_home(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "remote",
        {
            "main.py": "",
            "config/submission/scheduler.config.yaml": "scheduler_url: unix:///nowhere.sock\n",
        },
    )
    done = shared.cli("submit", "scheduler", str(project), code=1)
    assert "unix:///nowhere.sock" in done.err
    assert all(one["project"] != "remote" for one in shared.listed())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "project_name: a\nnum_gpu: 1\n",
            "line 2: unknown key `num_gpu`. Did you mean `num_gpus`?",
        ),
        ("a: b: c\n", "line 1, column 5: not valid YAML"),
        ("log_level: INFO\nram: lots\n", "line 2: `ram`: input should be a valid number"),
        (
            "worker:\n  image: a\n  volume: {}\n",
            "line 3: unknown key `volume`. Did you mean `volumes`?",
        ),
        ("- a\n- list\n", "line 1: must hold `key: value` lines"),
    ],
    ids=["unknown-key", "no-yaml", "wrong-type", "unknown-worker-key", "list"],
)
def test_an_invalid_job_config_is_refused_with_its_line(
    shared: Scheduler, text: str, complaint: str
) -> None:
    project = write_project(shared.root / "misconfigured", {"main.py": "", "job.config.yaml": text})
    done = shared.cli("submit", "scheduler", str(project), code=1)
    assert done.err.startswith(f"Error: {project}/job.config.yaml, {complaint}")
    assert done.out == ""
    assert all(one["project"] != "misconfigured" for one in shared.listed())


def test_an_empty_job_config_means_the_defaults(shared: Scheduler) -> None:
    project = write_project(shared.root / "empty-config", {"main.py": "", "job.config.yaml": ""})
    shared.cli("submit", "scheduler", str(project))


def test_a_missing_directory_is_refused_and_nothing_is_made(shared: Scheduler) -> None:
    missing = shared.root / "missing"
    done = shared.cli("submit", "scheduler", str(missing), code=1)
    assert done.err == f"Error: Cannot submit {missing}: it does not exist.\n"
    file = shared.root / "file"
    file.touch()
    done = shared.cli("submit", "scheduler", str(file), code=1)
    assert done.err == f"Error: Cannot submit {file}: it is not a directory.\n"
    assert not missing.exists()


def test_wrong_usage_exits_with_2(shared: Scheduler) -> None:
    for command in (
        ["submit", "scheduler"],
        ["submit", "--num-gpus", "x", "scheduler", "."],
        ["get", "job", "scheduler"],
        ["frobnicate"],
    ):
        assert "Usage:" in shared.cli(*command, code=2).err


def test_ram_is_in_gb_and_too_little_is_explained(shared: Scheduler) -> None:
    project = write_project(shared.root / "ramless", {"main.py": ""})
    done = shared.cli("submit", "--ram", "0", "scheduler", str(project), code=1)
    assert "ram" in done.err
    done = shared.cli("submit", "--ram", "-1", "scheduler", str(project), code=1)
    assert "ram" in done.err
