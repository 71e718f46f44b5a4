"""How an image is built, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foundations.models import ImageBuild


def build_text(build: ImageBuild) -> str:
    """Say it as options of `docker build` would, without what is usual."""
    parts = [build.dockerfile]
    if build.context != ".":
        parts.append(f"context {build.context}")
    if build.target is not None:
        parts.append(f"target {build.target}")
    parts += [f"{name}={value}" for name, value in build.args.items()]
    return ", ".join(parts)
