"""What can be asked about projects."""

from __future__ import annotations

from foundations.calls import projects as calls
from foundations.lazy_models import models
from foundations.verbs.sender import AsyncSender, Sender


class ProjectVerbs(Sender):
    """Blocking; see `Client`."""

    def projects(self) -> list[models.ProjectView]:
        """List projects."""
        return self.send(calls.projects())

    def rename_project(self, name: str, new_name: str) -> models.ProjectView:
        """Give a project another name; its jobs go with it."""
        return self.send(calls.rename_project(name, new_name))

    def describe_project(self, name: str, description: str) -> models.ProjectView:
        """Say what a project is about (Markdown)."""
        return self.send(calls.describe_project(name, description))

    def set_retention(self, name: str, rule: models.RetentionRule | None) -> models.ProjectView:
        """Set what a project keeps of its jobs; None leaves it to the server's settings.

        Nothing goes at once: `collect_garbage` does it, and the server once a day.
        """
        return self.send(calls.set_retention(name, rule))

    def delete_project(self, name: str) -> models.DeletedProject:
        """Delete a project with its jobs, which have all ended, and their archives."""
        return self.send(calls.delete_project(name))

    def restore_project(self, name: str) -> models.DeletedProject:
        """Bring back a project that was just deleted, with the jobs that went with it."""
        return self.send(calls.restore_project(name))


class AsyncProjectVerbs(AsyncSender):
    """For asyncio; see `AsyncClient`."""

    async def projects(self) -> list[models.ProjectView]:
        """List projects."""
        return await self.send(calls.projects())

    async def rename_project(self, name: str, new_name: str) -> models.ProjectView:
        """Give a project another name; its jobs go with it."""
        return await self.send(calls.rename_project(name, new_name))

    async def describe_project(self, name: str, description: str) -> models.ProjectView:
        """Say what a project is about (Markdown)."""
        return await self.send(calls.describe_project(name, description))

    async def set_retention(
        self, name: str, rule: models.RetentionRule | None
    ) -> models.ProjectView:
        """Set what a project keeps of its jobs; None leaves it to the server's settings."""
        return await self.send(calls.set_retention(name, rule))

    async def delete_project(self, name: str) -> models.DeletedProject:
        """Delete a project with its jobs, which have all ended, and their archives."""
        return await self.send(calls.delete_project(name))

    async def restore_project(self, name: str) -> models.DeletedProject:
        """Bring back a project that was just deleted, with the jobs that went with it."""
        return await self.send(calls.restore_project(name))
