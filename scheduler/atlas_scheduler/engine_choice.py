"""Which engine runs the jobs of a home: the one that the settings name, or that answers."""

from __future__ import annotations

import sqlite3
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
from foundations.quantities import counted

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
    running, before, socket_path = await database.read(
        lambda conn: (
            len(jobs.holding(conn)),
            meta.get_setting(conn, "engine"),
            meta.get_setting(conn, "engine_socket"),
        )
    )
    wanted = settings.engine
    if running and before is not None:
        if wanted not in ("auto", before):
            raise ConfigError(
                f"{counted(running)} on the {before} engine did not end yet, and "
                f"{home.server_config} names {wanted}. Set "
                f"`engine: {before}` until they have ended."
            )
        wanted = before
    if settings.docker.socket is not None:
        socket_path = settings.docker.socket
    elif not running or before != "docker":
        socket_path = find_socket(engine_address())
    engine = await _engine(
        wanted,
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
