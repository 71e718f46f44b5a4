"""Which image a job runs in: got by its name, or built of the project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    StringConstraints,
    Tag,
    ValidationError,
)

from foundations.errors import ConfigError
from foundations.models import Argument, EnvironmentName, ImageBuild
from foundations.models.images import ProjectPath, Stage

BY_NAME = "image by name"
TO_BUILD = "image to build"
"""Of the two forms of `image`; part of where pydantic finds an error."""
ImageName = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BuildConfig(_Section):
    """The part below `image: build:`."""

    dockerfile: ProjectPath = "Dockerfile"
    """Path in the project."""
    context: ProjectPath = "."
    """The directory that the Dockerfile copies from; a path in the project."""
    args: dict[EnvironmentName, Argument] = {}
    """Values of the Dockerfile's `ARG`s, taken as they are written."""
    target: Stage | None = None
    """The stage to build."""


def _dockerfile_alone(value: Any) -> Any:
    return {"dockerfile": value} if isinstance(value, str) else value


class ImageConfig(_Section):
    """An image that is not named but made."""

    build: Annotated[BuildConfig, BeforeValidator(_dockerfile_alone)]


def _form(value: Any) -> str:
    return TO_BUILD if isinstance(value, dict | ImageConfig) else BY_NAME


Image = Annotated[
    Annotated[ImageName, Tag(BY_NAME)] | Annotated[ImageConfig, Tag(TO_BUILD)],
    Discriminator(_form),
]


def decide_image(
    configured: str | ImageConfig | None,
    *,
    image: str | None,
    build: str | Mapping[str, Any] | None,
    directory: Path,
) -> tuple[str | None, ImageBuild | None]:
    """Decide by which name an image is got, or how it is built; what is asked for wins.

    Args:
        configured: what `job.config.yaml` says.
        image: asked for by name.
        build: asked to be built: a Dockerfile, or what differs from `job.config.yaml`.
        directory: the project.

    Raises:
        ConfigError: both are asked for, or the project has no such Dockerfile.
    """
    if image and build is not None:
        raise ConfigError("Give an image by name or a Dockerfile to build it, not both.")
    if image:
        return image, None
    before = configured.build.model_dump() if isinstance(configured, ImageConfig) else None
    if build is None and before is None:
        return (configured if isinstance(configured, str) else None), None
    wanted = _dockerfile_alone(build or {})
    args = {**(before or {}).get("args", {}), **(wanted.get("args") or {})}
    given = {name: value for name, value in wanted.items() if value is not None}
    try:
        found = ImageBuild.model_validate({**(before or {}), **given, "args": args})
    except ValidationError as error:
        complaints = [
            f"build: {'.'.join(str(part) for part in one['loc'] if part != '[key]')}: {one['msg']}"
            for one in error.errors(include_url=False)
        ]
        raise ConfigError("\n".join(complaints)) from error
    _check(found, directory)
    return None, found


def _check(build: ImageBuild, directory: Path) -> None:
    if not (directory / build.dockerfile).is_file():
        raise ConfigError(
            f"The image cannot be built: {directory} has no file {build.dockerfile}. The path of a "
            f"Dockerfile starts at the project."
        )
    if not (directory / build.context).is_dir():
        raise ConfigError(
            f"The image cannot be built: {directory} has no directory {build.context}. The path of "
            f"a context starts at the project."
        )
