"""The worker images, built and run by a real Docker engine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound

from tests.worker.interpreters import LIBRARY, ROOT, make_job_dir
from tests.worker.wheels import make_wheel

pytestmark = [pytest.mark.docker, pytest.mark.root]

UID = os.getuid() or 54321
TAG = f"atlas-test-worker:{os.getpid()}"
NONE_FOUND = "No user requirements found.\n"


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def worker(client: docker.DockerClient) -> Iterator[str]:
    """The standard worker, made from the base image of this machine or from the public one."""
    arguments = {"BASE": "atlas-base:bookworm"}
    try:
        client.images.get(arguments["BASE"])
    except ImageNotFound:
        arguments.clear()
    folder = ROOT / "worker" / "images" / "worker"
    client.images.build(path=str(folder), tag=TAG, buildargs=arguments, rm=True)
    yield TAG
    client.images.remove(TAG, force=True)


class Job:
    """A job's directory, owned by nobody in particular, and runs in it as the engine makes them."""

    def __init__(self, client: docker.DockerClient, directory: Path) -> None:
        self.client = client
        self.path = make_job_dir(directory)
        self.source = self.path / "job_source"
        self.library = directory / "lib"
        for package in LIBRARY.split(os.pathsep):
            shutil.copytree(package, self.library, dirs_exist_ok=True)

    def run(self, image: str, *command: str) -> tuple[int, str]:
        """Run a command in an image; return its exit code and what it said."""
        for path in (self.path, *self.path.rglob("*")):
            os.chown(path, UID, UID)
        container = self.client.containers.create(image, list(command), **self._settings())
        try:
            container.start()
            code = container.wait(timeout=100)["StatusCode"]
            return code, container.logs().decode()
        finally:
            container.remove(force=True)

    def _settings(self) -> dict[str, Any]:
        return {
            "init": True,
            "user": f"{UID}:{UID}",
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "network_mode": "none",
            "working_dir": "/job/job_source",
            "volumes": {
                str(self.path): {"bind": "/job", "mode": "rw"},
                str(self.library): {"bind": "/atlas/lib", "mode": "ro"},
            },
            "environment": {
                "HOME": "/job/home",
                "PYTHONPATH": "/atlas/lib",
                "PYTHONUNBUFFERED": "1",
                "ATLAS_JOB_DIR": "/job",
                "ATLAS_EVENTS": "/job/records/events.jsonl",
                "ATLAS_ARTIFACTS": "/job/artifacts",
            },
        }


@pytest.fixture
def job(client: docker.DockerClient, tmp_path: Path) -> Job:
    return Job(client, tmp_path)


def test_the_standard_worker_runs_a_script_as_an_unknown_user(worker: str, job: Job) -> None:
    (job.source / "main.py").write_text(
        "import os, sys, foundations\n"
        "foundations.log_metric('uid', os.getuid())\n"
        "print(sys.argv[1:], os.getcwd(), os.path.expanduser('~'))\n"
        "sys.exit(7)\n"
    )
    code, said = job.run(worker, "main.py", "two words")

    assert (code, said) == (7, NONE_FOUND + "['two words'] /job/job_source /job/home\n")
    assert f'"value":{UID}' in (job.path / "records" / "events.jsonl").read_text()


def test_the_standard_worker_installs_requirements_as_an_unknown_user(
    worker: str, job: Job
) -> None:
    make_wheel(job.source, "atlasdemo", "1.5")
    (job.source / "requirements.txt").write_text("--no-index\n--find-links .\natlasdemo==1.5\n")
    (job.source / "main.py").write_text("import atlasdemo, pip\nprint(atlasdemo.version)\n")
    code, said = job.run(worker, "main.py")

    assert (code, said.splitlines()[-1]) == (0, "1.5")
    owners = {path.lstat().st_uid for path in job.path.rglob("*")}
    assert owners == {UID}, "everything can be deleted by its owner"


def test_a_custom_worker_with_the_entry_point_python_works(
    worker: str, client: docker.DockerClient, job: Job
) -> None:
    recipe = f'FROM {worker}\nENTRYPOINT ["python"]\n'.encode()
    tag = f"{worker}-custom"
    client.images.build(fileobj=BytesIO(recipe), tag=tag, rm=True)
    try:
        program = "import foundations; foundations.log_metric('x', 1); print('ran')"
        assert job.run(tag, "-c", program) == (0, "ran\n")
    finally:
        client.images.remove(tag, force=True)
