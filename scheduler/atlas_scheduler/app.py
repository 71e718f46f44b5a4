"""Puts the scheduler together and serves it: the only place where the parts meet."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache, partial

import structlog
from fastapi import FastAPI

from atlas_scheduler.api import Door, create_app, end_followers
from atlas_scheduler.attendants import attending
from atlas_scheduler.clock import now_ms
from atlas_scheduler.core.access import Sharing
from atlas_scheduler.core.listening import HostNames, host_names, plan
from atlas_scheduler.core.retention import Policy, Rule
from atlas_scheduler.engine.docker import DockerEngine
from atlas_scheduler.engine.port import Engine
from atlas_scheduler.engine_choice import choose_engine
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.environment_shelf import EnvironmentShelf
from atlas_scheduler.image_shelf import ImageShelf
from atlas_scheduler.intake import Intake
from atlas_scheduler.listeners import (
    Bound,
    Listener,
    bind_home,
    bound,
    listen_by_tcp,
)
from atlas_scheduler.listeners import serve as listen_until_told
from atlas_scheduler.loop import Loop
from atlas_scheduler.sampling import Sampler
from atlas_scheduler.served_certificate import Certificate, ServedCertificate
from atlas_scheduler.service import Service
from atlas_scheduler.settings import RetentionSection, ServerSettings
from atlas_scheduler.store import meta
from atlas_scheduler.store.ballast import Ballast
from atlas_scheduler.store.db import Database
from atlas_scheduler.store.disk_guard import DiskGuard
from atlas_scheduler.store.disk_guard import places as disk_places
from atlas_scheduler.store.environments import Environments
from atlas_scheduler.store.library import install_library
from atlas_scheduler.store.queue_settings import settled_settings
from atlas_scheduler.supply import Supply
from atlas_scheduler.tokens import Tokens
from atlas_scheduler.turns import Turns
from foundations.home import Home

log = structlog.get_logger(__name__)


@asynccontextmanager
async def scheduler(
    home: Home, settings: ServerSettings, *, hosts: HostNames | None = None
) -> AsyncIterator[FastAPI]:
    """Run a scheduler on a home, and give its HTTP application, which answers to the names `hosts`.

    The caller holds the home's lock. Jobs run on when this ends.
    """
    database = await Database.open(home.database)
    try:
        instance = await database.write(meta.instance_id)
        environments = Environments(
            home,
            max_bytes=int(settings.environments.max_gb * 10**9),
            are_shared=settings.environments.shared and settings.sharing is not Sharing.PRIVATE,
        )
        await asyncio.to_thread(environments.sweep)
        engine = await choose_engine(
            home, settings, database, instance=instance, environments=environments
        )
        try:
            async with working_service(home, settings, database, engine, instance) as service:
                service.environments = EnvironmentShelf(environments)
                kept = engine.kept_images if isinstance(engine, DockerEngine) else None
                service.images = ImageShelf(kept)
                service.tokens = await Tokens.open(
                    database,
                    clock_ms=now_ms,
                    announce=service.feed.announce,
                    limits=settings.token_limits,
                )
                try:
                    async with attending(service, database, settings.hooks):
                        yield create_app(service, hosts=hosts)
                finally:
                    await service.tokens.close()
        finally:
            await engine.close()
    finally:
        await database.close()


@asynccontextmanager
async def working_service(
    home: Home, settings: ServerSettings, database: Database, engine: Engine, instance: str
) -> AsyncIterator[Service]:
    """Run a service and its loop on an engine, which with the database is the caller's to close."""
    service = Service(
        database=database,
        home=home,
        instance=instance,
        queue=await database.write(lambda conn: settled_settings(conn, settings.queue())),
        engine=EngineState(name=engine.name),
        clock_ms=now_ms,
    )
    _obey(service, settings)
    service.shell = loop = _loop(service, settings, database, engine)
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


def _obey(service: Service, settings: ServerSettings) -> None:
    """Let a service be as the settings say."""
    home = service.home
    service.supply = Supply.of_this_machine(settings)
    service.machine.allowed_gpus = settings.gpu_names()
    service.max_bundle_bytes = int(settings.max_bundle_gb * 10**9)
    service.disk_guard = DiskGuard(
        disk_places(home), stop_below_bytes=settings.disk.stop_below_bytes
    )
    # Between the mark and half of it submissions are still taken, and wait.
    service.bundles.space.keep_free_bytes = lambda: (
        service.disk_guard.stop_below_bytes("bundles") // 2
    )
    service.ballast = Ballast(home.ballast)
    service.offered_volumes = settings.offered_volumes()
    service.retention = _retention_policy(settings.retention)
    service.sharing = settings.sharing
    service.delete_grace_ms = int(settings.delete_grace_seconds * 1000)


def _loop(service: Service, settings: ServerSettings, database: Database, engine: Engine) -> Loop:
    home = service.home
    sampler = Sampler(
        database=database,
        engine=engine,
        gpus=service.machine.gpus,
        clock_ms=now_ms,
        shortest_seconds=settings.system_metrics_seconds,
        on_records=service.feed.recorded,
    )
    return Loop(
        service=service,
        engine=engine,
        intake=Intake(database, home, on_records=service.feed.recorded),
        sampler=sampler,
        library_dir=cache(partial(install_library, home)),
        clock_ms=now_ms,
        stop_grace_seconds=settings.stop_grace_seconds,
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
    """Serve a home on its Unix socket, and where the settings say, until SIGTERM or SIGINT.

    The caller holds the home's lock. What cannot be listened on is told before anything starts.

    Args:
        home: where everything is kept; must exist.
        settings: what `server.yaml` says.
        on_ready: called once requests are answered.

    Raises:
        ConfigError: an address or the certificate cannot be used, or plain HTTP would leave the
            machine.
    """
    files = _certificate_files(home, settings) if settings.listen else None
    machine = socket.gethostname()
    addresses = plan(
        settings.listen,
        has_certificate=files is not None,
        insecure_http=settings.insecure_http,
        machine=machine,
    )
    hosts = HostNames(host_names(addresses, [*settings.hosts, machine]))
    certificate = None
    if files is not None and any(one.tls for one in addresses):
        certificate = ServedCertificate(files, renewed=hosts.add)
        hosts.add(certificate.names)
    with bound(addresses) as places:
        async with scheduler(home, settings, hosts=hosts) as app:
            await _listen(home, app, places, certificate, on_ready)


async def _listen(
    home: Home,
    app: FastAPI,
    places: Sequence[Bound],
    certificate: ServedCertificate | None,
    on_ready: Callable[[], None],
) -> None:
    service: Service = app.state.service
    service.listening = tuple(place.address.url for place in places)
    service.certificate = certificate
    turns = Turns()
    door = Door(app, tokens=service.tokens, turns=turns, telemetry=service.telemetry)
    by_tcp = [listen_by_tcp(door, place, certificate) for place in places]
    own = Listener(Door(app, tokens=None, turns=turns), bind_home(home))
    log.info("listening", socket=str(home.socket), pid=os.getpid())
    for place in places:
        log.info("listening", url=place.address.url)
    if places and not any(token.holds for token in service.tokens.views()):
        log.warning("nobody can come in by TCP yet", advice="atlas-server token create NAME")
    try:
        await listen_until_told(
            [own, *by_tcp], on_ready=on_ready, on_end=partial(end_followers, app)
        )
    finally:
        home.socket.unlink(missing_ok=True)


def _certificate_files(home: Home, settings: ServerSettings) -> Certificate | None:
    """Take the certificate that the settings name, else what `tls-init` made."""
    from atlas_scheduler.certificates import TlsFiles  # loads slowly, and few servers need it

    if settings.tls is not None:
        base = home.server_config.parent
        certificate, key = settings.tls.certificate, settings.tls.key
        return Certificate(base / certificate.expanduser(), base / key.expanduser())
    files = TlsFiles(home.tls)
    return Certificate(files.certificate, files.key) if files.certificate.exists() else None
