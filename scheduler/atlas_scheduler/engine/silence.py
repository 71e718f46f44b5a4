"""What an unanswered call to the Docker engine means, in words: `EngineDown` and what to do."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3
from docker.errors import APIError, DockerException

from foundations.errors import EngineDown

_NO_ANSWER = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    DockerException,
)
CHOICES = (
    "To run jobs in containers, take one of these: rootless podman (`systemctl --user enable --now "
    "podman.socket`) or rootless Docker (`dockerd-rootless-setuptool.sh install`), whose rights "
    "end with yours; or Docker with your user in the group `docker` (`sudo usermod -aG docker "
    "$USER`, then log in again), which is as good as root on this machine. An engine that listens "
    "elsewhere is named by DOCKER_HOST, or by `docker: socket:` in config/server.yaml."
)


def timed_out(error: EngineDown) -> bool:
    """Tell whether the engine was silent for too long, having taken the call."""
    return any(
        isinstance(cause, requests.exceptions.ReadTimeout | urllib3.exceptions.ReadTimeoutError)
        for cause in _chain(error)
    )


@contextmanager
def translated(address: str) -> Iterator[None]:
    """Turn every lack of an answer into `EngineDown`; errors that were answered pass."""
    try:
        yield
    except APIError:
        raise
    except _NO_ANSWER as error:
        raise EngineDown(explain(error, address)) from error


def explain(error: BaseException, address: str) -> str:
    """Say why no answer came from the engine at `address`, and what to do."""
    causes = list(_chain(error))
    start = f"No Docker engine answers at {address}"
    if any(isinstance(cause, PermissionError) for cause in causes):
        return f"{start}: permission denied. {CHOICES}"
    if any(isinstance(cause, FileNotFoundError) for cause in causes):
        return f"{start}: there is no such socket. {CHOICES}"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"{start}: it is not running. Start it (`sudo systemctl start docker`)."
    if any(isinstance(cause, requests.exceptions.Timeout | TimeoutError) for cause in causes):
        return f"{start} in time: it is overloaded or hangs. Look at its log or restart it."
    innermost = next(filter(_is_about_the_wire, reversed(causes)), error)
    return f"{start}: {str(innermost).rstrip('.') or type(innermost).__name__}."


def _is_about_the_wire(error: BaseException) -> bool:
    return isinstance(error, OSError | http.client.HTTPException) and not isinstance(
        error, requests.exceptions.RequestException
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk from an exception to the first one that caused it."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = [part for part in current.args if isinstance(part, BaseException)]
        current = current.__cause__ or current.__context__ or (inner[0] if inner else None)
