"""Clients of the Docker SDK: which engine they are for, and how they treat its connections."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import requests
from docker import APIClient
from docker.context import ContextAPI
from docker.errors import DockerException
from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnectionPool
from docker.utils import kwargs_from_env

from atlas_scheduler.engine.sockets import DEFAULT_ADDRESS

_POOL_SIZE = 1024
_ANY_URL = "http+docker://localhost"
_SERVER_ERROR = 500
_MEANWHILE = re.compile(rb"read /proc/[0-9]+/cgroup: no such process|image not known")
"""What podman fails with when a process or an image goes while it looks at them."""
_TRIES = 5
"""So often it is asked."""


class LookingClient(APIClient):
    """Looks again where podman was surprised by the end of what it looked at."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request, as every call does in the end."""
        for _ in range(_TRIES - 1):
            answer = super().send(request, **kwargs)
            has_failed = request.method == "GET" and answer.status_code == _SERVER_ERROR
            if not (has_failed and _MEANWHILE.search(answer.content)):
                return answer
        return super().send(request, **kwargs)


class ImpatientClient(LookingClient):
    """Holds to its time-out in all calls; the SDK's own waits for pulls and builds for ever."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request, as every call does in the end."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        return super().send(request, **kwargs)


def connect(
    *,
    timeout_seconds: float,
    version: str | None = None,
    address: str | None = None,
    kind: type[APIClient] = LookingClient,
) -> APIClient:
    """Make a client for the engine that `DOCKER_*` or the current Docker context names.

    Args:
        address: of the engine, which goes before these.
        timeout_seconds: longest silence of the engine within a call.
        version: of the API; None asks the engine.
        kind: of client.
    """
    where: dict[str, Any] = {"base_url": address} if address else dict(kwargs_from_env())
    if "base_url" not in where:
        where |= _from_context()
    api = kind(
        version=version,
        timeout=timeout_seconds,  # type: ignore[arg-type]  # requests takes fractions too
        max_pool_size=_POOL_SIZE,
        **where,
    )
    made = api.get_adapter(api.base_url)
    if isinstance(made, UnixHTTPAdapter):
        made.close()
        api.mount(api.base_url, _OneSocket(made.socket_path, timeout=timeout_seconds))
        api.trust_env = False  # of proxies, which are looked up anew for every call
    return api


class _OneSocket(UnixHTTPAdapter):
    """Lets all calls share the connections to a socket; the SDK's own has a pool for each URL."""

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__(path, timeout=timeout, max_pool_size=_POOL_SIZE)  # type: ignore[arg-type]  # as above

    def get_connection(
        self, url: str | bytes, proxies: Mapping[str, str] | None = None
    ) -> UnixHTTPConnectionPool:
        return super().get_connection(_ANY_URL, proxies)


def engine_address() -> str:
    """Name the address that `connect` uses, for messages."""
    host = os.environ.get("DOCKER_HOST")
    if host:
        return host
    try:
        address: str = _from_context().get("base_url", DEFAULT_ADDRESS)
    except DockerException:
        return "the current Docker context"
    return address


def _from_context() -> dict[str, Any]:
    try:
        return dict(ContextAPI.kwargs_from_context())
    except Exception as error:  # the SDK raises no kind of its own for a damaged context file
        raise DockerException(f"the current Docker context cannot be read: {error}") from error
