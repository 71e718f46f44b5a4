"""Images of projects, from `submit` to `prune images`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make, on_docker
from tests.e2e.images import BASE_IMAGE, connection
from tests.e2e.projects import write_project

DOCKERFILE = """\
ARG BASE=python:3.11-slim
FROM $BASE
ARG VERSION
RUN echo "made of $VERSION" > /version
COPY . /context
ENTRYPOINT ["python3"]
"""
MAIN = """\
from pathlib import Path
import foundations

print(Path("/version").read_text().strip(), sorted(p.name for p in Path("/context").iterdir()))
foundations.log_metric("made", 1)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    build = {"dockerfile": "docker/Dockerfile", "args": {"BASE": BASE_IMAGE, "VERSION": 1.10}}
    config = yaml.safe_dump({"worker": {"image": {"build": build}}})
    return write_project(
        tmp_path / "project",
        {
            "main.py": MAIN,
            "docker/Dockerfile": DOCKERFILE,
            ".dockerignore": "docker\n",
            "job.config.yaml": config.replace("1.1\n", "1.10\n"),
        },
    )


@on_docker
def test_a_project_builds_its_image_once_sees_it_and_prunes_it(
    own: Scheduler, project: Path
) -> None:
    done = own.cli("submit", "scheduler", str(project), "--param", "lr=0.1")
    assert "from docker/Dockerfile, for this job and all that ask for the same." in done.out
    assert "\nStep 5/8 : COPY . /context\n" in done.out
    assert "made of 1.10 ['.dockerignore', 'docker', 'job.config.yaml', 'main.py']" in done.out

    job_id = own.submit(project, options=["--param", "lr=0.2"])
    job = own.wait(job_id)
    assert job.state == "completed"
    assert job.metrics == {"made": 1}
    assert own.log(job_id).startswith("The image is built already: atlas-build/")
    shown = own.cli("show", "job", "scheduler", job_id).out
    assert "docker/Dockerfile, BASE=atlas-base:bookworm, VERSION=1.10" in shown
    assert job.provenance.execution is not None
    again = own.wait(own.cli("rerun", "job", "scheduler", job_id, "--detach").out.strip())
    assert again.provenance.execution is not None
    assert again.provenance.execution.image_id == job.provenance.execution.image_id

    found = json.loads(own.cli("list", "images", "--json").out)
    (image,) = found["images"]
    assert image["dockerfile"] == "docker/Dockerfile"
    assert image["base"] == BASE_IMAGE
    assert job.provenance.execution.image == image["tag"]
    pruned = own.cli("prune", "images", "scheduler").out
    assert pruned.startswith("Removed 1 image, ")
    with connection() as engine:
        assert engine.images.list(filters={"label": f"atlas.image={own.instance}"}) == []


@on_docker
def test_a_build_that_fails_fails_the_job_in_dockers_words_until_it_is_mended(
    shared: Scheduler, project: Path
) -> None:
    (project / "docker" / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nRUN cat /none\n")
    options = ["--build", "docker/Dockerfile", "--build-context", "docker"]
    done = shared.cli("submit", *options, "scheduler", str(project), code=3)
    assert "\ncat: /none: No such file or directory\n" in done.out
    assert "The command '/bin/sh -c cat /none' returned a non-zero code: 1" in done.out
    (project / "docker" / "Dockerfile").write_text(
        f'FROM {BASE_IMAGE}\nRUN echo fine > /version; mkdir /context\nENTRYPOINT ["python3"]\n'
    )
    assert "\nfine []\n" in shared.cli("submit", *options, "scheduler", str(project)).out
    shared.cli("prune", "images", "scheduler")

    refused = shared.cli("submit", "--build", "Dockerfile", "scheduler", str(project), code=1)
    assert "has no file Dockerfile" in refused.err
    both = ["--build", "docker/Dockerfile", "--image", "x:1"]
    refused = shared.cli("submit", *both, "scheduler", str(project), code=1)
    assert "not both" in refused.err


@on_docker
def test_a_build_is_streamed_while_it_runs_and_a_stop_ends_it(
    shared: Scheduler, project: Path
) -> None:
    (project / "docker" / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nRUN echo begun; sleep 90\n")
    with shared.begin("foundations", "submit", "scheduler", str(project)) as submit:
        assert submit.stdout is not None
        seen: list[str] = []
        for line in submit.stdout:
            seen.append(line)
            if line == "begun\n":
                break
        job_id = next(line.split("'")[1] for line in seen if "submitted with ID" in line)
        assert shared.job(job_id).state == "starting"
        shared.cli("stop", "job", "scheduler", job_id)
        assert f"Job '{job_id}' has been stopped" in submit.stdout.read()
        assert submit.wait() == 3


@on_docker
def test_what_the_config_says_of_the_container_is_what_docker_made(
    make: Make, tmp_path: Path
) -> None:
    """Each key of `worker:` that concerns the container, seen from inside and from Docker."""
    for name in ("sets", "scratch", "path"):
        (tmp_path / "srv" / name).mkdir(parents=True)
    (tmp_path / "srv" / "sets" / "words").write_text("hello\n")
    srv = tmp_path / "srv"
    scheduler = make(
        volumes={"sets": str(srv / "sets"), "scratch": {"path": f"{srv}/scratch", "mode": "rw"}}
    )
    scheduler.start()
    assert "sets (ro)" in scheduler.cli("info").out
    worker = {
        "image": BASE_IMAGE,
        "entrypoint": ["/bin/bash", "-e", "-c"],
        "command": ['cat /data/words; pwd; echo "$GREETING $VERSION"; touch /s/f; sleep 100'],
        "working_dir": "code",
        "environment": {"GREETING": "good day", "VERSION": "1.10"},
        "volumes": {
            "sets": {"bind": "/data"},
            "scratch": {"bind": "/s/", "mode": "rw"},
            f"{srv}/../srv/path/": {"bind": "/p", "mode": "ro"},
        },
    }
    files = {"code/x.txt": "", "job.config.yaml": yaml.safe_dump({"worker": worker})}
    project = write_project(tmp_path / "project", files)
    job_id = scheduler.submit(project)
    scheduler.wait_for_text(job_id, "good day 1.10\n")
    assert scheduler.log(job_id).startswith("hello\n/job/job_source/code\ngood day 1.10\n")
    with connection() as engine:
        (name,) = scheduler.containers()
        made = engine.containers.get(name).attrs
    assert made["Config"]["Entrypoint"] == ["/bin/bash", "-e", "-c"]
    assert made["Config"]["Cmd"] == worker["command"]
    assert made["Config"]["WorkingDir"] == "/job/job_source/code"
    assert {"GREETING=good day", "VERSION=1.10"} <= set(made["Config"]["Env"])
    mounts = {one["Destination"]: (one["Source"], one["RW"]) for one in made["Mounts"]}
    asked = {at: mounts[at] for at in mounts if not at.startswith(("/job", "/atlas"))}
    assert asked == {
        "/data": (f"{srv}/sets", False),
        "/s": (f"{srv}/scratch", True),
        "/p": (f"{srv}/path", False),
    }
    scheduler.cli("stop", "job", "scheduler", job_id)
    assert (srv / "scratch" / "f").exists()

    config = project / "job.config.yaml"
    for given, words in (
        ({"sets": {"bind": "/d", "mode": "rw"}}, "`sets` can only be read"),
        ({"none": {"bind": "/d"}}, "you may use: scratch, sets"),
    ):
        config.write_text(yaml.safe_dump({"worker": {**worker, "volumes": given}}))
        assert words in scheduler.cli("submit", "scheduler", str(project), code=1).err
    config.write_text(yaml.safe_dump({"worker": {**worker, "volumes": {"/etc": {"bind": "/d"}}}}))
    done = scheduler.cli("submit", "scheduler", str(project), code=3)
    assert "'/etc' cannot be mounted: it belongs to the machine's own settings" in done.out
