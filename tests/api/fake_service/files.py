"""Files of jobs: artifacts, archives and TensorBoard's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from atlas_scheduler.job_files import PackedArchive
from foundations.errors import NotFound
from foundations.models import ArtifactView, FileList, FileView
from tests.api.fake_service.moment import MOMENT
from tests.api.fake_service.state import State


class Files(State):
    """Files of jobs: artifacts, archives and TensorBoard's, in memory."""

    async def archive(self, ref: str) -> PackedArchive:
        job_id = await self.resolve(ref)
        return PackedArchive(job_id, self.archive_tag, self._pack(job_id))

    async def tensorboard_logs(
        self, ref: str, *, since_seconds: int
    ) -> tuple[str, Iterator[bytes]]:
        job_id = await self.resolve(ref)
        return job_id, iter([f"logs of {job_id} since {since_seconds}".encode()])

    def _pack(self, job_id: str) -> Iterator[bytes]:
        for number in range(20):
            if number == 10 and self.broken is not None:
                raise self.broken
            yield f"{job_id} {number}\n".encode() * 1000

    async def artifacts(self, ref: str) -> list[ArtifactView]:
        job = self._jobs[await self.resolve(ref)]
        return [
            ArtifactView(key=key, path=name, size_bytes=path.stat().st_size, saved_at=MOMENT)
            for key, (name, path) in job.artifacts.items()
        ]

    async def files(self, ref: str) -> FileList:
        job = self._jobs[await self.resolve(ref)]
        return FileList(
            job_id=job.job_id,
            files=[
                FileView(path=f"artifacts/{name}", kind="artifact", size_bytes=path.stat().st_size)
                for name, path in job.artifacts.values()
            ],
        )

    async def open_file(self, ref: str, path: str) -> BinaryIO:
        job = self._jobs[await self.resolve(ref)]
        for name, place in job.artifacts.values():
            if path == f"artifacts/{name}":
                return place.open("rb")
        raise NotFound(f"Job {job.job_id} has no file {path!r}.")

    async def open_artifact(self, ref: str, key: str) -> tuple[ArtifactView, BinaryIO]:
        job = self._jobs[await self.resolve(ref)]
        if key not in job.artifacts:
            raise NotFound(f"Job {job.job_id} has no artifact `{key}`.")
        name, path = job.artifacts[key]
        return ArtifactView(key=key, path=name, size_bytes=0, saved_at=MOMENT), path.open("rb")
