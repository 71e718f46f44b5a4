"""A real registry on a loopback port that lets one user in, and a proxy before it that stalls."""

from __future__ import annotations

import base64
import io
import json
import os
import random
import shutil
import socket
import subprocess
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

USER, PASSWORD = "ada", "secret"
_BCRYPT = "ada:$2y$05$mRtwNAfCJYs.ke17riLBwuIorMF8opGi5JeEg.ZMbegp/xN7XQN4y\n"
"""What `htpasswd -B` makes of both."""
LAYER_BYTES = 3_000_000
_START_SECONDS = 20.0
_PIECE_BYTES = 16_384


class Registry:
    """Images of the test's own, which nobody else has."""

    def __init__(self, port: int, client: docker.DockerClient) -> None:
        self.host = f"127.0.0.1:{port}"
        self.port = port
        self._client = client

    def push(self, name: str, *, seed: int) -> str:
        """Put an image there that this machine does not have afterwards; return its digest.

        Args:
            name: repository and tag.
            seed: decides the content of its one layer.
        """
        local = f"{self.host}/{name}"
        repository, _, tag = local.rpartition(":")
        api = self._client.api
        api.import_image_from_data(_layer(seed), repository=repository, tag=tag)
        told = api.push(
            repository,
            tag=tag,
            auth_config={"username": USER, "password": PASSWORD},
            stream=True,
            decode=True,
        )
        digests = [one["aux"]["Digest"] for one in told if "aux" in one]
        api.remove_image(local, force=True)
        return str(digests[0])

    def forget(self, *names: str) -> None:
        """Remove images from this machine, whatever they are called."""
        for name in names:
            with suppress(docker.errors.ImageNotFound):
                self._client.api.remove_image(name, force=True)


@contextmanager
def registry(directory: Path) -> Iterator[Registry]:
    """Run one, below a directory."""
    program = shutil.which("docker-registry")
    if program is None:
        problem = "docker-registry is not installed (Debian has a package of that name)"
        if os.environ.get("ATLAS_REQUIRE_DOCKER") == "1":
            pytest.fail(f"ATLAS_REQUIRE_DOCKER is 1 and {problem}", pytrace=False)
        pytest.skip(problem)
    port = _free_port()
    (directory / "htpasswd").write_text(_BCRYPT)
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        "auth": {"htpasswd": {"realm": "tests", "path": str(directory / "htpasswd")}},
    }
    (directory / "config.yml").write_text(yaml.safe_dump(settings))
    client = docker.from_env(timeout=60)
    with (
        closing(client),
        (directory / "log").open("wb") as log,
        subprocess.Popen(
            [program, "serve", str(directory / "config.yml")], stdout=log, stderr=log
        ) as process,
    ):
        try:
            _await_port(port)
            yield Registry(port, client)
        finally:
            process.terminate()


class StallingProxy:
    """Passes connections on to a registry; layers stop in their middle while it is told so."""

    def __init__(self, upstream_port: int) -> None:
        self.requests: list[str] = []
        """Lines of the requests that came, such as `GET /v2/ HTTP/1.1`."""
        self.stalls = False
        self._upstream_port = upstream_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def pulls_of_layers(self) -> int:
        """How often a part of an image was asked for."""
        return sum("/blobs/" in one for one in self.requests)

    def close(self) -> None:
        """Take no more, and drop what is open."""
        for one in [self._listener, *self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self._upstream_port))
            self._open += [client, upstream]
            for work in (self._ask, self._answer):
                threading.Thread(target=work, args=(client, upstream), daemon=True).start()

    def _ask(self, client: socket.socket, upstream: socket.socket) -> None:
        for piece in _pieces(client):
            self.requests.append(piece.split(b"\r\n", 1)[0].decode(errors="replace"))
            with suppress(OSError):
                upstream.sendall(piece)
        with suppress(OSError):
            upstream.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, upstream: socket.socket) -> None:
        passed = 0
        for piece in _pieces(upstream):
            passed += len(piece)
            if self.stalls and passed > LAYER_BYTES // 4:
                return  # nothing more comes, and nothing ends
            with suppress(OSError):
                client.sendall(piece)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)


def write_credentials(directory: Path, **config: Any) -> None:
    """Write Docker's `config.json`."""
    (directory / "config.json").write_text(json.dumps(config))


def auths(host: str, password: str = PASSWORD) -> Mapping[str, Any]:
    """What `docker login` keeps there."""
    packed = base64.b64encode(f"{USER}:{password}".encode()).decode()
    return {host: {"auth": packed}}


def write_helper(directory: Path, name: str, *lines: str) -> None:
    """Make a credential helper, to be found on the PATH."""
    program = directory / f"docker-credential-{name}"
    program.write_text("\n".join(("#!/bin/sh", *lines, "")))
    program.chmod(0o755)


def _layer(seed: int) -> bytes:
    """A file system with bytes in it that do not compress."""
    content = random.Random(seed).randbytes(LAYER_BYTES)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo(f"noise-{uuid.uuid4().hex}")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _pieces(source: socket.socket) -> Iterator[bytes]:
    with suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            yield piece


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _await_port(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "the registry did not start"
            time.sleep(0.05)
        else:
            return
