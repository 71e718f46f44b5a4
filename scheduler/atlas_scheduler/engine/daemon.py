"""The connection to the Docker engine: short calls, long streams, and `EngineDown` for silence."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import requests
from docker import APIClient
from docker.errors import APIError, NotFound

from atlas_scheduler.engine.api_client import ImpatientClient, connect, engine_address
from atlas_scheduler.engine.silence import translated

T = TypeVar("T")

CALL_SECONDS = 60
"""Longest silence of the engine within a call."""
CONNECT_SECONDS = 10
_PIECE_BYTES = 65_536


class Stream:
    """The body of one long answer: read in one thread, aborted from any other."""

    def __init__(self, response: requests.Response, *, address: str) -> None:
        self._response = response
        self._address = address
        self._readable = select.poll()
        self._readable.register(response.raw.fileno(), select.POLLIN)

    def __iter__(self) -> Iterator[bytes]:
        """Give the body piece by piece, as it comes.

        Raises:
            EngineDown: it ended before its end.
        """
        with translated(self._address):
            yield from self._response.raw.stream(_PIECE_BYTES, decode_content=False)

    def has_more_now(self) -> bool:
        """Whether the next piece is likely there without waiting."""
        return bool(self._readable.poll(0))

    def abort(self) -> None:
        """Make the reader meet the end at once."""
        abort(self._response)

    def close(self) -> None:
        """Let go of the connection."""
        self._response.close()


def abort(response: requests.Response) -> None:
    """Make whoever reads a response, in any thread, meet its end at once."""
    try:
        response.raw.shutdown()
    except (ValueError, RuntimeError, OSError):
        return  # read to its end already, or closed


class Operation:
    """One long call of the SDK, such as a pull, on a client of its own, that can be aborted."""

    def __init__(self, open_client: Callable[[], APIClient], *, address: str) -> None:
        self._open_client = open_client
        self._address = address
        self._responses: list[requests.Response] = []
        self._aborted = threading.Event()

    def run(self, ask: Callable[[APIClient], T]) -> T:
        """Make the call. Blocks.

        Raises:
            EngineDown: no answer came, or `abort` was called.
            docker.errors.APIError: the engine answered with an error.
        """
        with translated(self._address):
            api = self._open_client()
            api.hooks["response"].append(self._note)
            try:
                return ask(api)
            finally:
                for response in self._responses:
                    response.close()  # one that ended with a fault was not read to its end
                api.close()

    def abort(self) -> None:
        """End the call from any thread; the engine drops what it was doing for it."""
        self._aborted.set()
        for response in self._responses:
            abort(response)

    def _note(self, response: requests.Response, *_: object, **__: object) -> None:
        self._responses.append(response)
        if self._aborted.is_set():
            abort(response)


class Daemon:
    """The Docker engine, or one that speaks its API. Every method blocks, from any thread.

    Args:
        socket_path: where it listens; without it `DOCKER_HOST` or the Docker context says that.
    """

    def __init__(self, socket_path: str | None = None) -> None:
        self._given = f"unix://{socket_path}" if socket_path else None
        self.address = self._given or engine_address()
        """Where the engine is reached, for messages."""
        self._lock = threading.Lock()
        self._api: APIClient | None = None
        self._is_podman: bool | None = None

    def is_podman(self) -> bool:
        """Tell whether podman answers in Docker's place; asks once.

        Raises:
            EngineDown: no answer came.
        """
        if self._is_podman is None:
            self._is_podman = "BuildahVersion" in self.call(lambda api: api.info())
        return self._is_podman

    def call(self, ask: Callable[[APIClient], T]) -> T:
        """Make one call, or a few that belong together.

        Raises:
            EngineDown: no answer came.
            docker.errors.APIError: the engine answered with an error.
        """
        with translated(self.address):
            self._knock()
            try:
                return ask(self._client())
            except APIError as error:
                if _is_gone(error):
                    raise NotFound("", error.response, error.explanation) from error
                raise

    def stream(
        self, path: str, params: Mapping[str, Any], *, silence_seconds: float | None
    ) -> Stream:
        """Open a long answer.

        Args:
            path: what is asked, below the API's version.
            params: of the query.
            silence_seconds: longest time between two pieces; None is any.

        Raises:
            EngineDown: no answer came.
            docker.errors.APIError: the engine answered with an error.
        """

        def ask(api: APIClient) -> Stream:
            response = api.get(
                f"{api.base_url}/v{api.api_version}{path}",
                params=params,
                stream=True,
                timeout=(CONNECT_SECONDS, silence_seconds),
            )
            if not response.ok:
                raise _api_error(response)
            return Stream(response, address=self.address)

        return self.call(ask)

    def ask_json(self, path: str, params: Mapping[str, Any], *, silence_seconds: float) -> Any:
        """Make one call that must be answered sooner than others, and read its answer.

        Args:
            path: what is asked, below the API's version.
            params: of the query.
            silence_seconds: longest silence of the engine.

        Raises:
            EngineDown: no answer came.
            docker.errors.APIError: the engine answered with an error.
        """

        def ask(api: APIClient) -> Any:
            response = api.get(
                f"{api.base_url}/v{api.api_version}{path}", params=params, timeout=silence_seconds
            )
            if not response.ok:
                raise _api_error(response)
            # Podman answers nothing at all about a container that does not run.
            return response.json() if response.content else {}

        return self.call(ask)

    def operation(self, *, idle_seconds: float) -> Operation:
        """Prepare a long call in which the engine may be silent for `idle_seconds`."""
        return Operation(
            lambda: connect(
                timeout_seconds=idle_seconds,
                version=self.call(lambda api: api.api_version),
                address=self._given,
                kind=ImpatientClient,
            ),
            address=self.address,
        )

    @property
    def socket_path(self) -> str | None:
        """Where the engine listens, when that is a path on this machine."""
        scheme, _, path = self.address.rpartition("unix://")
        return path if scheme in ("", "http+") and path != self.address else None

    def close(self) -> None:
        """Let go of all connections; the next call makes new ones."""
        with self._lock:
            api, self._api = self._api, None
        if api is not None:
            api.close()

    def _knock(self) -> None:
        """Fail early where nothing listens: the SDK leaks a socket whenever it cannot connect."""
        path = self.socket_path
        if path is not None:
            with socket.socket(socket.AF_UNIX) as knock:
                knock.settimeout(CONNECT_SECONDS)
                knock.connect(path)

    def _client(self) -> APIClient:
        with self._lock:
            if self._api is None:
                self._api = connect(timeout_seconds=CALL_SECONDS, address=self._given)
            return self._api


def _is_gone(error: APIError) -> bool:
    """Whether the engine fails because a container was removed while it looked, as podman does."""
    return error.is_server_error() and "no such container" in str(error.explanation)


def _api_error(response: requests.Response) -> APIError:
    """Make the SDK's error of an answer, as its own calls do."""
    try:
        explanation = response.json()["message"]
    except (ValueError, KeyError):
        explanation = response.text
    return APIError("", response=response, explanation=explanation)
