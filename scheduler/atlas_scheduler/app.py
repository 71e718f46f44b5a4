"""Puts the scheduler together and serves it: the only place where the parts meet."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache, partial

import structlog
import uvicorn
from fastapi import FastAPI

from atlas_scheduler.api import Door, create_app, end_followers
from atlas_scheduler.core.retention import Policy, Rule
from atlas_scheduler.engine.container import DockerSettings
from atlas_scheduler.engine.daemon import engine_address
from atlas_scheduler.engine.docker import DockerEngine
from atlas_scheduler.engine.port import Engine
from atlas_scheduler.engine.process import ProcessEngine
from atlas_scheduler.engine.sockets import find_socket
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.environment_shelf import EnvironmentShelf
from atlas_scheduler.intake import Intake
from atlas_scheduler.loop import Loop
from atlas_scheduler.sampling import Sampler
from atlas_scheduler.service import Service
from atlas_scheduler.settings import DockerSection, RetentionSection, ServerSettings
from atlas_scheduler.store import jobs, meta
from atlas_scheduler.store.ballast import Ballast
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.disk_guard import DiskGuard
from atlas_scheduler.store.disk_guard import places as disk_places
from atlas_scheduler.store.environments import Environments
from atlas_scheduler.store.library import install_library
from atlas_scheduler.store.queue_settings import settled_settings
from atlas_scheduler.supply import Supply
from atlas_scheduler.tokens import Tokens
from foundations.errors import ConfigError, EngineDown
from foundations.home import Home

GRACEFUL_SHUTDOWN_SECONDS = 2
"""Time that open requests, such as log followers, get when the server stops."""

log = structlog.get_logger(__name__)


def now_ms() -> int:
    """The time, in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def scheduler(home: Home, settings: ServerSettings) -> AsyncIterator[FastAPI]:
    """Run a scheduler on a home, and give its HTTP application.

    The caller holds the home's lock. Jobs run on when this ends.
    """
    database = await Database.open(home.database)
    try:
        instance = await database.write(meta.instance_id)
        environments = Environments(home, max_bytes=int(settings.environments.max_gb * 10**9))
        await asyncio.to_thread(environments.sweep)
        engine = await _choose_engine(
            home, settings, database, instance=instance, environments=environments
        )
        try:
            async with _service(home, settings, database, engine, instance) as service:
                service.environments = EnvironmentShelf(environments)
                service.tokens = await Tokens.open(
                    database,
                    clock_ms=now_ms,
                    announce=service.feed.announce,
                    limits=settings.token_limits,
                )
                try:
                    yield create_app(service)
                finally:
                    await service.tokens.close()
        finally:
            await engine.close()
    finally:
        await database.close()


@asynccontextmanager
async def _service(
    home: Home, settings: ServerSettings, database: Database, engine: Engine, instance: str
) -> AsyncIterator[Service]:
    service = Service(
        database=database,
        home=home,
        instance=instance,
        queue=await database.write(lambda conn: settled_settings(conn, settings.queue())),
        engine=EngineState(name=engine.name),
        clock_ms=now_ms,
    )
    service.supply = Supply.of_this_machine(settings)
    service.machine.allowed_gpus = settings.gpu_names()
    service.max_bundle_bytes = int(settings.max_bundle_gb * 10**9)
    service.disk_guard = DiskGuard(
        disk_places(home), stop_below_bytes=settings.disk.stop_below_bytes
    )
    # Between the mark and half of it submissions are still taken, and wait.
    service.bundles.space.keep_free_bytes = lambda: service.disk_guard.stop_below_bytes // 2
    service.ballast = Ballast(home.ballast)
    service.retention = _retention_policy(settings.retention)
    service.sharing = settings.sharing
    service.delete_grace_ms = int(settings.delete_grace_seconds * 1000)
    sampler = Sampler(
        database=database,
        engine=engine,
        gpus=service.machine.gpus,
        clock_ms=now_ms,
        shortest_seconds=settings.system_metrics_seconds,
        on_records=service.feed.recorded,
    )
    loop = Loop(
        service=service,
        engine=engine,
        intake=Intake(database, home, on_records=service.feed.recorded),
        sampler=sampler,
        library_dir=cache(partial(install_library, home)),
        clock_ms=now_ms,
        stop_grace_seconds=settings.stop_grace_seconds,
    )
    service.shell = loop
    await asyncio.to_thread(service.bundles.sweep)
    running = asyncio.create_task(loop.run())
    try:
        yield service
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await service.close()
        service.bundles.close()


async def _choose_engine(
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
                f"{running} job(s) still run on the {before} engine, and {home.server_config} "
                f"names {wanted}. Set `engine: {before}` until they have ended."
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
        settings=_docker_settings(settings.docker, socket_path),
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


def _docker_settings(section: DockerSection, socket_path: str | None) -> DockerSettings:
    return DockerSettings(
        socket_path=socket_path,
        network=section.network,
        worker_image=section.worker_image,
        worker_base=section.worker_base,
        build_network=section.build_network,
        pids_limit=section.pids_limit,
        shm_bytes=int(section.shm_gb * 10**9),
        environment=section.environment,
        volumes=section.volume_list(),
    )


def _retention_policy(section: RetentionSection) -> Policy:
    return Policy(
        default=Rule(section.keep_last, section.keep_days),
        projects={
            name: Rule(rule.keep_last, rule.keep_days) for name, rule in section.projects.items()
        },
        keep_tags=section.keep_tags,
    )


async def serve(home: Home, settings: ServerSettings, *, on_ready: Callable[[], None]) -> None:
    """Serve a home on its Unix socket until SIGTERM or SIGINT. The caller holds the home's lock.

    Args:
        home: where everything is kept; must exist.
        settings: what `server.yaml` says.
        on_ready: called once requests are answered.
    """
    async with scheduler(home, settings) as app:
        listener = _listen(home)
        server = _Server(
            app,
            uvicorn.Config(
                Door(app, tokens=None),
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
                server_header=False,
            ),
        )
        log.info("listening", socket=str(home.socket), pid=os.getpid())
        on_ready()
        try:
            await server.serve(sockets=[listener])
        finally:
            home.socket.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """Stops in good order, and does not wait for readers of followed logs and feeds."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop serving on SIGTERM and SIGINT, and let the caller clean up.

        uvicorn's own would send itself the signal again afterwards, which ends the process there.
        """
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        end_followers(self._app)
        await super().shutdown(sockets)


def _listen(home: Home) -> socket.socket:
    """Bind the home's Unix socket, readable and writable by its owner only."""
    home.secure_socket_dir()
    home.socket.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(home.socket))
    finally:
        os.umask(before)
    listener.listen(socket.SOMAXCONN)
    return listener
