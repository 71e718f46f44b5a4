"""Python environments that jobs with the same requirements share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from foundations.models.words import Request, View


class EnvironmentView(View):
    """One environment that is ready."""

    key: str
    """Made of the requirements and of what the environment lies on."""
    base: str
    """Image or interpreter that it lies on."""
    python: str
    """Version of it."""
    packages: list[str]
    """What was installed, as `name==version`; what the image has already is not in it."""
    size_bytes: int
    created_at: datetime
    used_at: datetime
    """When a job last began or ended with it."""
    job_ids: list[str] = []
    """Who uses it now."""
    user: str | None = None
    """Whose jobs alone can have it; None is everybody's."""


class EnvironmentsView(View):
    """Answer of `/environments`."""

    environments: list[EnvironmentView]
    """The one used last first."""
    size_bytes: int
    """Of all of them."""
    wheels_bytes: int
    """What uv keeps of downloads and builds, so that the next environment is made sooner."""
    max_bytes: int
    """Above this the ones not used for longest go."""


class PruneEnvironments(Request):
    """Body of `POST /environments/prune`."""

    unused_days: Annotated[float, Field(ge=0, le=36_500, allow_inf_nan=False)] = 0
    """Only those that no job used for so long. With 0 uv's wheels go too."""


class PrunedEnvironments(View):
    """Answer of `POST /environments/prune`."""

    removed: int
    freed_bytes: int
    in_use: int
    """How many stay because jobs use them."""
