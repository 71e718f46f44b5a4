"""The Docker engine as its owner sees it, past any scheduler: images and containers."""

from __future__ import annotations

import io
import tarfile
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import docker
from docker.errors import ImageNotFound

BASE_IMAGE = "atlas-base:bookworm"
WORKER_IMAGE = "atlas-ce/worker:latest"


@contextmanager
def connection() -> Iterator[docker.DockerClient]:
    """Talk to the engine, past any scheduler."""
    engine = docker.from_env(timeout=60)
    try:
        yield engine
    finally:
        engine.close()


def has_image(name: str) -> bool:
    """Tell whether the Docker engine has an image."""
    with connection() as engine:
        try:
            engine.images.get(name)
        except ImageNotFound:
            return False
        return True


def build_image(name: str, dockerfile: str, files: Mapping[str, str]) -> None:
    """Build an image as `docker build` does."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as packed:
        for path, text in {"Dockerfile": textwrap.dedent(dockerfile), **files}.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            packed.addfile(entry, io.BytesIO(text.encode()))
    context.seek(0)
    with connection() as engine:
        engine.images.build(
            fileobj=context,
            custom_context=True,
            tag=name,
            network_mode="none",
            rm=True,
            forcerm=True,
        )


def remove_image(name: str) -> None:
    """Remove an image by its name."""
    with connection() as engine:
        engine.images.remove(name, force=True)


def containers_of(engine: docker.DockerClient, instance: str) -> list[Any]:
    """The containers of one scheduler, in any status."""
    return list(engine.containers.list(all=True, filters={"label": f"atlas.instance={instance}"}))
