"""Files of jobs: artifacts, archives and TensorBoard's."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import httpx

from foundations.errors import NotFound
from foundations.models import FileList, FileView, JobState
from tests.cli.fake_api.replies import Route, json_list, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeJob, FakeScheduler


def _artifacts(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return json_list(scheduler.detail(scheduler.resolve(ref)).artifacts)


def _artifact(
    scheduler: FakeScheduler, request: httpx.Request, ref: str, key: str
) -> httpx.Response:
    job = scheduler.resolve(ref)
    if key in job.lost_artifacts:
        raise NotFound(f"Job `{job.job_id}` has no artifact file `{key}`.")
    return httpx.Response(200, content=iter([job.artifacts[key]]))


def _files(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    files = [
        FileView(path=f"artifacts/{key}", kind="artifact", size_bytes=len(content))
        for key, content in job.artifacts.items()
    ]
    return json_of(FileList(job_id=job.job_id, files=files))


def _file(scheduler: FakeScheduler, request: httpx.Request, ref: str, path: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    key = path.removeprefix("artifacts/")
    if key not in job.artifacts:
        raise NotFound(f"Job {job.job_id} has no file {path!r}.")
    return httpx.Response(200, content=iter([job.artifacts[key]]))


def _archive(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    if job.state is JobState.QUEUED:
        raise NotFound(f"Job {job.job_id} has no archive.")
    files = {
        "source/main.py": b"print(1)\n",
        "source/data/x.csv": b"1,2\n",
        "job.log": job.log,
        "job.json": b"{}",
        **{f"artifacts/{key}": content for key, content in job.artifacts.items()},
    }
    return httpx.Response(200, content=iter([_packed(job, files)]))


def _tensorboard(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    job = scheduler.resolve(ref)
    if job.logs is None:
        raise NotFound(f"Job {job.job_id} has no TensorBoard logs.")
    files = {f"logs/{path}": content for path, content in job.logs.items()}
    return httpx.Response(200, content=iter([_packed(job, files)]))


def _packed(job: FakeJob, files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(f"{job.job_id}/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


ROUTES: list[Route] = [
    ("GET", "/jobs/([^/]+)/archive", _archive),
    ("GET", "/jobs/([^/]+)/tensorboard", _tensorboard),
    ("GET", "/jobs/([^/]+)/artifacts", _artifacts),
    ("GET", "/jobs/([^/]+)/artifacts/(.+)", _artifact),
    ("GET", "/jobs/([^/]+)/files", _files),
    ("GET", "/jobs/([^/]+)/files/(.+)", _file),
]
