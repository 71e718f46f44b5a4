"""Images that the server builds of submitted files, and what it keeps of them."""

from __future__ import annotations

import posixpath
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from foundations.models.words import Argument, EnvironmentName, OneLine, Request, View
from foundations.text.shapes import Shape

PullPolicy = Literal["always", "missing", "never"]
"""When a registry is asked for an image: before each start, when it is not there, or not at all."""


def _inside(path: str) -> str:
    normal = posixpath.normpath(path)
    if posixpath.isabs(normal) or normal == ".." or normal.startswith("../"):
        raise PydanticCustomError("path", "must be a relative path that stays inside the project")
    return normal


ProjectPath = Annotated[
    str,
    StringConstraints(max_length=4096),
    OneLine,
    AfterValidator(_inside),
]
"""Relative to the project, and inside it."""
Stage = Annotated[
    str,
    StringConstraints(max_length=128),
    Shape(
        r"^[A-Za-z0-9][\w.-]*$",
        "made of letters, digits and any of . _ -, and begin with a letter or digit",
    ),
]


class ImageBuild(Request):
    """How the server builds the image of a job, of the files that were submitted."""

    dockerfile: ProjectPath = "Dockerfile"
    context: ProjectPath = "."
    """The directory that the Dockerfile copies from."""
    args: dict[EnvironmentName, Argument] = {}
    """Values of the Dockerfile's `ARG`s. They can be read from the image: no place for secrets."""
    target: Stage | None = None
    """The stage to build, by its name; None is the last one."""


class ImageView(View):
    """One image that was built for jobs."""

    key: str
    """Made of the Dockerfile, of what it may copy, of its arguments, and of what it builds on."""
    tag: str
    """What Docker calls it."""
    dockerfile: str
    """Of the project that it was first built for."""
    base: str
    """What the last stage builds on."""
    size_bytes: int
    """What it takes beside its base."""
    created_at: datetime
    used_at: datetime
    """When a job last began or ended with it."""
    job_ids: list[str] = []
    """Who uses it now."""


class ImagesView(View):
    """Answer of `/images`."""

    images: list[ImageView]
    """The one used last first."""
    size_bytes: int
    """Of all of them."""
    max_bytes: int
    """Above this the ones not used for longest go."""


class PruneImages(Request):
    """Body of `POST /images/prune`."""

    unused_days: Annotated[float, Field(ge=0, le=36_500, allow_inf_nan=False)] = 0
    """Only those that no job used for so long."""


class PrunedImages(View):
    """Answer of `POST /images/prune`."""

    removed: int
    freed_bytes: int
    in_use: int
    """How many stay because something uses them."""
