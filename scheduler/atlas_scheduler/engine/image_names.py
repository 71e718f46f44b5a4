"""Names of images: what can be one, and what is in it."""

from __future__ import annotations

import re

from atlas_scheduler.engine.port import StartRefusedError

NAMED_IN = "`worker: image:` in job.config.yaml"
_NAME = re.compile(r"[a-z0-9][a-z0-9._/:@+-]*", re.ASCII | re.IGNORECASE)
_NO_PARTS = frozenset({"", ".", ".."})
_NO_NAME = ("invalid reference format", "repository name must be lowercase")
"""What Docker and podman say of a text that names no image."""
_DOCKER_HUB = "docker.io"


def require_name(name: str, named_in: str) -> None:
    """Refuse what is no name of an image: in a path of Docker's API it would mean something else.

    Raises:
        StartRefusedError: it is none.
    """
    if _NAME.fullmatch(name) is None or not _NO_PARTS.isdisjoint(name.split("/")):
        raise StartRefusedError(
            f"The image name {name!r} is not valid. Correct {named_in}: REGISTRY/NAME:TAG, of "
            f"which the name is enough."
        )


def not_looked_for(name: str, words: str, named_in: str) -> StartRefusedError:
    """The error for a name that the engine does not look for, which says why in these words."""
    if not any(one in words for one in _NO_NAME):
        return StartRefusedError(
            f"The Docker engine cannot look for the image {name!r}: {words}. Look at its log, and "
            f"submit the job again."
        )
    return StartRefusedError(
        f"The image name {name!r} is not valid: {words.rpartition(': ')[2]}. Correct "
        f"{named_in}; images are called [REGISTRY/]NAME[:TAG] or [REGISTRY/]NAME@sha256:DIGEST."
    )


def registry_of(name: str) -> str:
    """Name the registry that an image comes from."""
    return name.partition("/")[0] if names_registry(name) else _DOCKER_HUB


def with_tag(name: str) -> str:
    """Complete an image's name as Docker does: without a tag it means `latest`."""
    last = name.rpartition("/")[2]
    return name if ":" in last or "@" in last else f"{name}:latest"


def names_registry(name: str) -> bool:
    """Tell whether an image's name begins with a registry's host, as Docker decides it."""
    first, slash, _ = name.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")
