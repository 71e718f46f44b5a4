"""Which engine runs the jobs of a home: the one that the settings name, or that answers."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import partial

import structlog

from atlas_scheduler.engine.api_client import engine_address
from atlas_scheduler.engine.container import DockerSettings
from atlas_scheduler.engine.docker import DockerEngine
from atlas_scheduler.engine.port import Engine
from atlas_scheduler.engine.process import ProcessEngine
from atlas_scheduler.engine.sockets import find_socket
from atlas_scheduler.settings import ServerSettings
from atlas_scheduler.store import jobs, meta
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.environments import Environments
from foundations.errors import ConfigError, EngineDown
from foundations.home import Home
from foundations.text.quantities import counted

log = structlog.get_logger(__name__)


async def choose_engine(
    home: Home,
    settings: ServerSettings,
    database: Database,
    *,
    instance: str,
    environments: Environments,
) -> Engine:
    """Take the engine that the settings name; `auto` prefers Docker where it answers now.

    Jobs that run stay with their engine: another one would not know them and call them lost.

    Raises:
        ConfigError: jobs run on another engine than the one that the settings name.
    """
    before = await database.read(_Before.read)
    socket_path = _socket_path(settings, before)
    engine = await _engine(
        _wanted(home, settings, before),
        home,
        settings,
        instance=instance,
        environments=environments,
        socket_path=socket_path,
    )

    def keep(conn: sqlite3.Connection) -> None:
        meta.set_setting(conn, "engine", engine.name)
        meta.set_setting(conn, "engine_socket", socket_path)

    await database.write(keep)
    return engine


@dataclass(frozen=True, slots=True)
class _Before:
    """What an earlier server left."""

    running: int
    """How many jobs run on its engine."""
    engine: str | None
    socket_path: str | None

    @classmethod
    def read(cls, conn: sqlite3.Connection) -> _Before:
        return cls(
            running=len(jobs.holding(conn)),
            engine=meta.get_setting(conn, "engine"),
            socket_path=meta.get_setting(conn, "engine_socket"),
        )


def _wanted(home: Home, settings: ServerSettings, before: _Before) -> str:
    if not before.running or before.engine is None:
        return settings.engine
    if settings.engine not in ("auto", before.engine):
        raise ConfigError(
            f"{counted(before.running)} on the {before.engine} engine did not end yet, and "
            f"{home.server_config} names {settings.engine}. Set "
            f"`engine: {before.engine}` until they have ended."
        )
    return before.engine


def _socket_path(settings: ServerSettings, before: _Before) -> str | None:
    if settings.docker.socket is not None:
        return settings.docker.socket
    if before.running and before.engine == "docker":
        return before.socket_path
    return find_socket(engine_address())


async def _engine(
    wanted: str,
    home: Home,
    settings: ServerSettings,
    *,
    instance: str,
    environments: Environments,
    socket_path: str | None,
) -> Engine:
    processes = partial(
        ProcessEngine,
        home=home,
        instance=instance,
        environments=environments,
        allowed_gpus=settings.gpu_names(),
    )
    if wanted == "process":
        return processes()
    docker = DockerEngine(
        home=home,
        instance=instance,
        settings=_docker_settings(settings, socket_path),
        allowed_gpus=settings.gpu_names(),
        environments=environments,
    )
    if wanted == "docker":
        return docker
    try:
        await docker.capabilities()
    except EngineDown as error:
        log.info("no Docker engine, jobs run as plain processes", problem=error.message)
        await docker.close()
        return processes(instead_of=error.message)
    return docker


def _docker_settings(settings: ServerSettings, socket_path: str | None) -> DockerSettings:
    section = settings.docker
    return DockerSettings(
        socket_path=socket_path,
        network=section.network,
        worker_image=section.worker_image,
        worker_base=section.worker_base,
        build_network=section.build_network,
        pull_idle_seconds=section.pull_idle_seconds,
        pull_seconds=section.pull_seconds,
        registries=section.registries,
        max_images_bytes=int(settings.images.max_gb * 10**9),
        pids_limit=section.pids_limit,
        shm_bytes=int(section.shm_gb * 10**9),
        environment=section.environment,
        volumes=section.volume_list(),
        prepared=section.prepared,
        offered_volumes=settings.offered_volumes(),
    )
