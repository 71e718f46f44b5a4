"""Builds environments in containers of the very image that jobs run in."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from atlas_scheduler.engine.build_variables import in_key, seen
from atlas_scheduler.engine.complaints import words_of
from atlas_scheduler.engine.container import (
    FIND_PYTHON,
    PLACES,
    DockerSettings,
    Image,
    Owner,
    mount_of,
    network_of,
    user_of,
)
from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.environments import (
    MODULE,
    Build,
    Order,
    interpreter_of,
)
from atlas_scheduler.engine.facts import EngineFacts
from atlas_scheduler.engine.images import BUILD_IDLE_SECONDS, Images
from atlas_scheduler.engine.launch import job_environment
from atlas_scheduler.engine.port import Launch, StartRefusedError
from atlas_scheduler.engine.requirements import read_requirements
from atlas_scheduler.engine.sharing import Tell
from atlas_scheduler.engine.uv import uv_program
from atlas_scheduler.engine.volumes import ATLAS, ENVIRONMENT, LIBRARY, Bind, check_volumes
from foundations.errors import EngineDown
from foundations.home import Home

BUILD_LABEL = "atlas.environment"
_UV = f"{ATLAS}/uv"
_WHEELS = f"{ATLAS}/wheels"
_TEMPORARY = f"{ATLAS}/build"


class ContainerBuilder:
    """Builds for one Docker engine. Everything here blocks."""

    def __init__(
        self,
        *,
        daemon: Daemon,
        images: Images,
        settings: DockerSettings,
        owner: Owner,
        home: Home,
        instance: str,
    ) -> None:
        self._daemon = daemon
        self._images = images
        self._settings = settings
        self._owner = owner
        self._home = home
        self._instance = instance
        self._mine: set[str] = set()
        """Names of the containers that this process makes."""

    def order(self, launch: Launch) -> Order | None:
        """Say which environment a job wants; None when nothing is to be installed for it."""
        image = self._images.peek(launch.image, pinned=launch.pinned_image)
        python = _python(launch, image)
        if python is None or uv_program() is None:
            return None
        given = {**self._settings.environment, **launch.environment}
        requirements = read_requirements(launch, PLACES, {**image.environment, **given})
        if requirements is None:
            return None
        variables = seen(given, named=requirements.variables)
        return Order(
            requirements,
            base=self._images.name_of(launch.image),
            ground=("docker", image.image_id, *python, *in_key(variables)),
            python=python,
            variables=variables,
        )

    def run(self, build: Build) -> tuple[Callable[[], int], Callable[[], None]]:
        """Prepare a build in a container that is removed at its end."""
        operation = self._daemon.operation(idle_seconds=BUILD_IDLE_SECONDS)
        return partial(self._run, build, operation.run), operation.abort

    def sweep(self) -> None:
        """Remove the containers of builds that an earlier process of the server left."""
        filters = {"label": f"{BUILD_LABEL}={self._instance}"}
        for one in self._daemon.call(lambda api: api.containers(all=True, filters=filters)):
            name = one["Names"][0].lstrip("/")
            if name not in self._mine:
                self._remove(name)

    def _run(self, build: Build, run: Callable[[Callable[[APIClient], int]], int]) -> int:
        name = f"atlas-{self._instance}-environment-{build.place.name}"
        self._mine.add(name)
        try:
            return run(partial(_follow, name=name, body=self._body(build), tell=build.tell))
        except APIError as error:
            raise StartRefusedError(
                f"Docker cannot run the container that installs the requirements: "
                f"{words_of(error)}."
            ) from error
        finally:
            with suppress(EngineDown, APIError):
                self._remove(name)
            self._mine.discard(name)

    def _body(self, build: Build) -> dict[str, Any]:
        """Build the body of `POST /containers/create`."""
        facts = EngineFacts.from_info(self._daemon.call(lambda api: api.info()))
        launch, order = build.launch, build.order
        image = self._images.peek(launch.image, pinned=launch.pinned_image)
        variables = job_environment(
            replace(launch, environment=order.variables, gpus=()),
            PLACES,
            defaults={"USER": "atlas", "LOGNAME": "atlas"},
        )
        variables |= {"HOME": _TEMPORARY, "TMPDIR": _TEMPORARY, **order.requirements.uv_settings}
        if facts.nvidia_is_default:
            variables["NVIDIA_VISIBLE_DEVICES"] = "void"
        requirements = f"{PLACES.source}/{order.requirements.place}"
        host: dict[str, Any] = {
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Init": True,
            "NetworkMode": network_of(
                facts, self._settings.build_network or self._settings.network
            ),
            "IpcMode": "private",
            "RestartPolicy": {"Name": "no"},
            "PidsLimit": self._settings.pids_limit,
            "Mounts": [mount_of(bind) for bind in self._binds(build)],
        }
        if facts.remaps_users:
            host["UsernsMode"] = "host"
        return {
            "Image": image.name,
            "Entrypoint": list(order.python),
            "Cmd": [_UV, ENVIRONMENT, _WHEELS, requirements, *order.requirements.also],
            "User": user_of(facts, self._owner),
            # No directory of the project: its files must not shadow what is needed here.
            "WorkingDir": LIBRARY,
            "Env": [f"{name}={value}" for name, value in sorted(variables.items())],
            "Labels": {BUILD_LABEL: self._instance},
            "HostConfig": host,
        }

    def _binds(self, build: Build) -> Iterable[Bind]:
        uv = uv_program()
        assert uv is not None, "nothing is ordered without uv"
        launch = build.launch
        yield from (
            Bind(str(launch.library_dir), LIBRARY, read_only=True),
            Bind(str(build.place / "source"), PLACES.source, read_only=True),
            Bind(str(uv), _UV, read_only=True),
            Bind(str(build.place / "environment"), ENVIRONMENT, read_only=False),
            Bind(str(build.place / "tmp"), _TEMPORARY, read_only=False),
            Bind(str(build.wheels), _WHEELS, read_only=False),
        )
        # The server's own, such as a private certificate authority.
        for bind in check_volumes(
            self._settings.volumes,
            home=self._home.root,
            engine_socket=self._daemon.socket_path,
            is_admins_own=True,
        ):
            if not bind.target.startswith(f"{PLACES.job_dir}/"):
                yield bind

    def _remove(self, name: str) -> None:
        with suppress(NotFound):
            self._daemon.call(lambda api: api.remove_container(name, v=True, force=True))


def _python(launch: Launch, image: Image) -> tuple[str, ...] | None:
    """Give what runs a module in an image; None where another entry point takes the command."""
    if launch.entrypoint is None and not image.has_entrypoint:
        return ("/bin/sh", "-c", FIND_PYTHON, MODULE)
    python = interpreter_of(launch.entrypoint or image.entrypoint)
    return None if python is None else (python, "-m", MODULE)


def _follow(api: APIClient, *, name: str, body: dict[str, Any], tell: Tell) -> int:
    """Make and start a container, pass on what it says, and return its exit code."""
    api.create_container_from_config(body, name)  # type: ignore[no-untyped-call]  # in its stubs
    api.start(name)
    for line in lines_of(api.logs(name, stdout=True, stderr=True, stream=True, follow=True)):
        tell(line)
    return int(api.wait(name)["StatusCode"])


def lines_of(pieces: Iterable[bytes]) -> Iterable[str]:
    """Cut a stream of output into lines."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + decoder.decode(piece)).split("\n")
        yield from whole
    if rest:
        yield rest
