"""Images of projects, from `submit` to `prune images`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.e2e.driver import Scheduler
from tests.e2e.engines import on_docker
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
    assert pruned.startswith("Removed 1 image(s), ")
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
