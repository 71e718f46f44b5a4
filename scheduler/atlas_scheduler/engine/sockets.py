"""Where an engine listens that nobody named: Docker's socket, or one of the user's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"


def own_sockets(environment: Mapping[str, str], *, uid: int) -> tuple[Path, ...]:
    """Name where rootless Docker and rootless podman listen, the one to be preferred first."""
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}")
    return runtime / "docker.sock", runtime / "podman" / "podman.sock"


def find_socket(address: str) -> str | None:
    """Find an engine of the user's own, where the usual one is not for them.

    Args:
        address: where Docker is looked for; anything but the default was chosen by somebody.

    Returns:
        A path, or None to use `address`.
    """
    if address != DEFAULT_ADDRESS or "DOCKER_HOST" in os.environ:
        return None
    if os.access(DEFAULT_ADDRESS.removeprefix("unix://"), os.R_OK | os.W_OK):
        return None
    for path in own_sockets(os.environ, uid=os.getuid()):
        if path.is_socket() and os.access(path, os.R_OK | os.W_OK):
            return str(path)
    return None
