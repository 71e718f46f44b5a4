"""What a project keeps of its jobs, and what may go."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from foundations.models.words import Request, View


class RetentionRule(Request):
    """What a project keeps of its jobs; a job goes only when each part that is given lets it go.

    With neither part everything is kept.
    """

    keep_last: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """So many of the jobs that ended last."""
    keep_days: Annotated[float, Field(gt=0, le=36_500)] | None = None
    """Those that ended so many days ago or later."""


class SetRetention(Request):
    """Body of `PUT /projects/{name}/retention`."""

    rule: RetentionRule | None
    """None leaves it to the server's settings."""


class RetentionView(View):
    """What a project keeps of its jobs, as it holds now."""

    keep_last: int | None = None
    keep_days: float | None = None
    keep_tags: list[str] = []
    """A job with one of these tags is always kept, and so is one with a note."""
    set_by: Literal["server.yaml", "project"] = "project"


class ExpiredJob(View):
    """A job that its project keeps no longer."""

    job_id: str
    project: str
    finished_at: datetime
    reason: str
    archive_bytes: int


class Leftover(View):
    """Files that nothing needs any more."""

    kind: str
    """`bundle` (no job uses it), `file` (no bundle has it), `upload` (never completed) or
    `work_dir` (of an archived job)."""
    name: str
    size_bytes: int


class GarbageView(View):
    """Answer of `GET` and `POST /garbage`: what would go, or what went."""

    at: datetime
    jobs: list[ExpiredJob] = []
    bundle_bytes: int = 0
    """Of the bundles that go with these jobs."""
    leftovers: list[Leftover] = []

    @property
    def size_bytes(self) -> int:
        """All of it."""
        jobs = sum(one.archive_bytes for one in self.jobs)
        return jobs + self.bundle_bytes + sum(one.size_bytes for one in self.leftovers)
