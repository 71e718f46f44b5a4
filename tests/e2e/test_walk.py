"""The users' own document, walked through command by command."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundations.text.quantities import counted
from tests.e2e.driver import Scheduler
from tests.e2e.engines import on_docker
from tests.e2e.images import BASE_IMAGE, WORKER_IMAGE, build_image, remove_image
from tests.e2e.projects import assert_owned, until, write_project

pytestmark = pytest.mark.root
PREFIX = "Foundations INFO: "
ENDLESS = "import time\nprint('begun')\ntime.sleep(600)\n"


def read_tree(directory: Path) -> dict[str, bytes]:
    """The files of a directory, by relative path."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def test_a_new_project_is_submitted_and_its_logs_stream(own: Scheduler) -> None:
    done = own.cli("init", "my_project")
    assert done.out == "Success: New Foundations project `my_project` created!\n"
    project = own.root / "my_project"
    assert {"README.txt", "data", "job.config.yaml", "main.py"} <= {
        p.name for p in project.iterdir()
    }
    before = read_tree(project)

    done = own.cli("submit", "scheduler", ".", cwd=project)
    found = re.search(r"'([0-9a-f-]{36})'", done.out)
    assert found is not None
    job_id = found[1]
    assert done.lines == [
        f"{PREFIX}Job submission started. Ctrl-C to cancel.",
        f"{PREFIX}Preparing to bundle contents of {project} for execution. Estimating bundle size.",
        f"{PREFIX}Bundling job contents.",
        f"{PREFIX}Job submitted with ID '{job_id}'.",
        f"{PREFIX}Job queued. Ctrl-C to stop streaming - job will not be interrupted or cancelled.",
        f"{PREFIX}Job running, streaming logs.",
        "No user requirements found.",
        f"{PREFIX}Job '{job_id}' has completed.",
    ]
    assert done.err == ""
    assert read_tree(project) == before

    assert own.log(job_id) == "No user requirements found.\n"
    job = own.wait(job_id)
    assert job.project == "my_project"
    assert job.engine == own.engine
    assert set(job.metrics) == {"loss", "accuracy"}
    assert job.parameters["epochs"] == 5
    assert [artifact.key for artifact in job.artifacts] == ["history"]

    archive = own.get(job_id)
    assert read_tree(archive / "source") == before
    assert (archive / "job.log").read_text() == "No user requirements found.\n"
    assert [path.name for path in (archive / "changed").iterdir()] == ["history.json"]
    artifact = archive / "artifacts" / job.artifacts[0].path
    assert len(json.loads(artifact.read_text())) == 5
    events = [json.loads(line) for line in (archive / "events.jsonl").read_text().splitlines()]
    assert sum(event["event"] == "metric" for event in events) == 10
    assert json.loads((archive / "job.json").read_text())["job_id"] == job_id

    done = own.cli("info", "--env")
    assert done.lines[0] == "submission configs:"
    assert done.lines[1].split() == ["env_name", "env_path", "url", "reachable", "version"]
    assert done.lines[2].split()[0] == "scheduler"
    assert_owned(own.root)


def test_jobs_are_stopped_cleared_and_deleted_as_the_document_says(own: Scheduler) -> None:
    project = write_project(own.root / "p", {"main.py": ENDLESS})
    running = own.submit(project)
    own.wait_for_text(running, "begun")
    waiting = [own.submit(project) for _ in range(2)]
    refused = own.cli("get", "logs", "scheduler", waiting[0], code=1)
    assert refused.err == f"Error: Job `{waiting[0]}` is queued and has not produced any logs\n"

    assert own.cli("clear-queue", "scheduler").out == "Removed 2 job(s) from queue\n"
    assert own.cli("clear-queue", "scheduler").out == "Removed 0 job(s) from queue\n"
    assert [own.wait(one).state for one in waiting] == ["stopped", "stopped"]
    assert (own.get(waiting[0]) / "source" / "main.py").read_text() == ENDLESS

    refused = own.cli("delete", "job", "scheduler", running, code=1)
    assert refused.err == (
        f"Error: Job `{running}` has status `running` and cannot be deleted. "
        f"Stop it first: foundations stop job scheduler {running}\n"
    )
    done = own.cli("stop", "job", "scheduler", running)
    assert done.out == f"Stopped running job {running}\n"
    job = own.wait(running)
    assert (job.state, job.exit_code) == ("stopped", 143)

    done = own.cli("delete", "job", "scheduler", running, *waiting)
    assert done.lines == [f"Job {one} successfully deleted" for one in (running, *waiting)]
    assert own.listed() == []
    until(lambda: not own.home.archive(running).exists(), "the archive is gone")
    until(lambda: not own.home.job_dir(running).exists(), "the work dir is gone")
    assert own.cli("get", "job", "scheduler", running, code=1).err == (
        f"Error: Job `{running}` does not exist for environment `scheduler`\n"
        "`foundations list jobs scheduler` shows the jobs there are.\n"
    )


def test_a_random_search_gives_each_job_its_own_parameters(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "search",
        {
            "train.py": """\
                import json
                import foundations

                params = foundations.load_parameters()
                with open("foundations_job_parameters.json") as file:
                    assert json.load(file) == params
                foundations.log_metric("loss", 1 / params["epochs"])
                print(params["layer_shapes"])
                """,
            "search.py": """\
                import os
                os.environ["FOUNDATIONS_COMMAND_LINE"] = "True"

                import foundations

                for epochs in range(5, 10):
                    params = {"epochs": epochs, "layer_shapes": [128, epochs], "rate": 0.01}
                    job = foundations.submit(
                        scheduler_config="scheduler", command=["train.py"], params=params
                    )
                    print(job.job_id)
                """,
        },
    )
    before = read_tree(project)
    job_ids = shared.run("python", "search.py", cwd=project).lines
    assert len(set(job_ids)) == 5
    assert read_tree(project) == before
    for epochs, job_id in enumerate(job_ids, start=5):
        job = shared.wait(job_id)
        assert job.state == "completed", shared.log(job_id)
        assert job.parameters["epochs"] == epochs
        assert job.metrics == {"loss": 1 / epochs}
        assert shared.log(job_id).splitlines()[-1] == f"[128, {epochs}]"
        archive = shared.get(job_id)
        assert not (archive / "source" / "foundations_job_parameters.json").exists()


def test_volumes_and_environment_come_from_the_job_config(shared: Scheduler) -> None:
    volume = write_project(shared.root / "volume", {"input.txt": "from the host"})
    bind = "/my/container/path" if shared.is_docker else str(volume)
    project = write_project(
        shared.root / "configured",
        {
            "main.py": """\
                import os, pathlib
                place = pathlib.Path(os.environ["PLACE"])
                (place / "output.txt").write_text((place / "input.txt").read_text() + ", and back")
                print(os.environ["VERSION"])
                """,
            "job.config.yaml": f"""\
                # Project config #
                project_name: 'my-atlas-project'
                log_level: INFO

                # Worker config #
                worker:
                  environment:
                    PLACE: {bind}
                    VERSION: 1.10
                  volumes:
                    {volume}:
                      bind: {bind}
                      mode: rw
                """,
        },
    )
    job = shared.wait(shared.submit(project))
    assert job.state == "completed", shared.log(job.job_id)
    assert job.project == "my-atlas-project"
    assert shared.log(job.job_id).splitlines()[-1] == "1.10"
    assert (volume / "output.txt").read_text() == "from the host, and back"
    assert_owned(volume)


def test_more_gpus_than_there_are_is_refused_with_both_numbers(shared: Scheduler) -> None:
    with shared.client() as client:
        until(lambda: client.info().engine.available, "the engine is known")
        here = len(client.info().gpus)
    has = f"{here} GPU{'s' if here > 1 else ''}" if here else "no GPU"
    project = write_project(
        shared.root / "gpu",
        {"main.py": "", "job.config.yaml": f"num_gpus: {here + 1}\n"},
    )
    done = shared.cli("submit", "scheduler", str(project), code=1)
    assert done.err == (
        f"Error: The job asks for {counted(here + 1, 'GPU')} and this scheduler has {has}.\n"
    )
    assert all(job["project"] != "gpu" for job in shared.listed())


@pytest.fixture
def custom_image(shared: Scheduler) -> Iterator[str]:
    name = f"atlas-e2e-{uuid.uuid4().hex[:12]}:latest"
    build_image(
        name,
        f"""\
        FROM {WORKER_IMAGE}
        COPY requirements.txt /tmp/requirements.txt
        ENV MADE_BY=custom
        ENTRYPOINT ["python"]
        """,
        {"requirements.txt": "# installed in the image\n"},
    )
    yield name
    remove_image(name)


@on_docker
def test_a_custom_worker_runs_the_command_and_looks_for_no_requirements(
    shared: Scheduler, custom_image: str
) -> None:
    project = write_project(
        shared.root / "custom",
        {
            "main.py": """\
                import os, sys, foundations
                foundations.log_param("made_by", os.environ["MADE_BY"])
                print(sys.argv)
                """,
            "requirements.txt": "no-such-package-anywhere==1\n",
            "job.config.yaml": f"worker:\n  image: {custom_image}\n",
        },
    )
    job = shared.wait(shared.submit(project, "main.py", "--epochs", "3"))
    assert job.state == "completed", shared.log(job.job_id)
    assert job.parameters == {"made_by": "custom"}
    assert shared.log(job.job_id) == "['main.py', '--epochs', '3']\n"
    assert job.image == custom_image


@on_docker
def test_an_image_with_nothing_of_ours_serves_as_a_worker(shared: Scheduler) -> None:
    project = write_project(
        shared.root / "plain",
        {
            "main.py": "import foundations\nfoundations.log_metric('ok', 1)\n",
            "job.config.yaml": f"worker:\n  image: {BASE_IMAGE}\n",
        },
    )
    job = shared.wait(shared.submit(project))
    assert job.state == "completed", shared.log(job.job_id)
    assert job.metrics == {"ok": 1}
    assert shared.log(job.job_id) == "No user requirements found.\n"
