"""Projects, and what they keep no longer."""

from __future__ import annotations

from foundations.errors import JobConflict, NotFound
from foundations.models import (
    FINAL_STATES,
    DeletedProject,
    ExpiredJob,
    GarbageView,
    Leftover,
    ProjectView,
    RetentionRule,
    RetentionView,
)
from tests.api.fake_service.jobs import Jobs
from tests.api.fake_service.moment import MOMENT
from tests.api.fake_service.state import FakeJob


class Projects(Jobs):
    """Projects, and what they keep no longer, in memory."""

    async def projects(self, *, user: str | None = None) -> list[ProjectView]:
        names = {self._project(job) for job in self._jobs.values()}
        return [self._project_view(name) for name in sorted(names)]

    async def rename_project(self, name: str, new_name: str, *, by: str) -> ProjectView:
        self._require_project(name)
        self._new_names[name] = new_name
        return self._project_view(new_name)

    async def describe_project(self, name: str, description: str, *, by: str) -> ProjectView:
        self._require_project(name)
        self._descriptions[name] = description
        return self._project_view(name)

    async def set_retention(self, name: str, rule: RetentionRule | None, *, by: str) -> ProjectView:
        self._require_project(name)
        self._rules[name] = rule
        return self._project_view(name)

    async def delete_project(self, name: str, *, by: str) -> DeletedProject:
        self._require_project(name)
        found = [job for job in self._jobs.values() if self._project(job) == name]
        if any(job.state not in FINAL_STATES for job in found):
            raise JobConflict(f"Project `{name}` has jobs that have not ended.")
        for job in found:
            self.forget(job.job_id)
        return DeletedProject(name=name, jobs=len(found))

    async def restore_project(self, name: str, *, by: str) -> DeletedProject:
        found = [one for one in self._deleted.values() if self._project(one) == name]
        if not found:
            raise NotFound(f"There is no deleted project `{name}` that can still be restored.")
        for job in found:
            await self.restore(job.job_id, by=by)
        return DeletedProject(name=name, jobs=len(found))

    async def garbage(self) -> GarbageView:
        return GarbageView(
            at=MOMENT,
            jobs=[
                ExpiredJob(
                    job_id=job_id,
                    project=self._project(job),
                    finished_at=MOMENT,
                    reason="kept no longer",
                    archive_bytes=1000,
                )
                for job_id, job in self._jobs.items()
                if job.state in FINAL_STATES and self._rules.get(self._project(job)) is not None
            ],
            leftovers=[Leftover(kind="upload", name="ab.part", size_bytes=10)],
        )

    async def collect_garbage(self, *, by: str) -> GarbageView:
        found = await self.garbage()
        for one in found.jobs:
            self.forget(one.job_id)
        return found

    def _require_project(self, name: str) -> None:
        if all(self._project(job) != name for job in self._jobs.values()):
            raise NotFound(f"There is no project `{name}`.")

    def _project(self, job: FakeJob) -> str:
        name = job.submission.spec.project
        return self._new_names.get(name, name)

    def _project_view(self, name: str) -> ProjectView:
        description = self._descriptions.get(name, "")
        rule = self._rules.get(name)
        shown = None if rule is None else RetentionView(**rule.model_dump())
        return ProjectView(
            name=name, created_at=MOMENT, jobs=1, description=description, retention=shown
        )
