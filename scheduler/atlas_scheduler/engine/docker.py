"""Runs attempts in Docker containers, through the Docker SDK."""

from __future__ import annotations

import asyncio
import math
import os
import socket
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from docker import APIClient
from docker.errors import NotFound

from atlas_scheduler.clock import now_ms
from atlas_scheduler.core.reconcile import Seen
from atlas_scheduler.core.usage import Usage
from atlas_scheduler.engine.built_images import BuiltImages
from atlas_scheduler.engine.container import DockerSettings, Owner, container_body
from atlas_scheduler.engine.container_exec import ContainerExec
from atlas_scheduler.engine.container_ports import ContainerPorts
from atlas_scheduler.engine.container_usage import ContainerUsage
from atlas_scheduler.engine.containers import Containers, Recipe
from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.data_dirs import data_dirs_here
from atlas_scheduler.engine.environment_containers import ContainerBuilder
from atlas_scheduler.engine.environments import SharedEnvironments
from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession
from atlas_scheduler.engine.facts import EngineFacts
from atlas_scheduler.engine.follow import Follower
from atlas_scheduler.engine.followed_streams import CHECK_SECONDS, FollowedStreams
from atlas_scheduler.engine.gpus import described, discover_gpus, missing_gpus
from atlas_scheduler.engine.image_builds import ImageBuilds
from atlas_scheduler.engine.images import Images
from atlas_scheduler.engine.kept_images import KeptImages
from atlas_scheduler.engine.port import (
    AttemptId,
    Capabilities,
    Ended,
    EnvironmentStore,
    JobLog,
    Launch,
)
from atlas_scheduler.engine.prepared import mould_of
from atlas_scheduler.engine.prepared_pool import PreparedContainers
from atlas_scheduler.engine.prepared_stock import Stock
from atlas_scheduler.engine.state import ContainerState
from atlas_scheduler.engine.threads import in_thread
from atlas_scheduler.engine.timed_calls import ANSWER_SECONDS, TimedCalls
from atlas_scheduler.engine.volumes import check_volumes, make_mount_points
from foundations.errors import StorageFull
from foundations.home import Home
from foundations.provenance import Execution


class DockerEngine:
    """The engine `docker`: one container an attempt, named after it."""

    name = "docker"

    def __init__(
        self,
        *,
        home: Home,
        instance: str,
        settings: DockerSettings | None = None,
        allowed_gpus: Sequence[str] | None = None,
        check_seconds: float = CHECK_SECONDS,
        environments: EnvironmentStore | None = None,
    ) -> None:
        self._home = home
        self._settings = settings or DockerSettings()
        self._allowed_gpus = allowed_gpus
        self._owner = Owner(uid=os.getuid(), gid=os.getgid())
        self._daemon = Daemon(self._settings.socket_path)
        self._ask = TimedCalls()
        self._images = Images(self._daemon, self._settings)
        built = BuiltImages(
            self._daemon, home, instance=instance, max_bytes=self._settings.max_images_bytes
        )
        self._builds = ImageBuilds(self._daemon, self._images, self._settings, built)
        self.kept_images = KeptImages(built, self._ask)
        """Those that were built for jobs."""
        prepared = PreparedContainers(
            self._daemon, instance, home.run / "prepared", limit=self._settings.prepared
        )
        self._stock = Stock(prepared)
        self._containers = Containers(self._daemon, instance, prepared)
        self._usage = ContainerUsage(self._daemon, self._ask)
        self._ports = ContainerPorts(self._daemon)
        self._builder = ContainerBuilder(
            daemon=self._daemon,
            images=self._images,
            settings=self._settings,
            owner=self._owner,
            home=home,
            instance=instance,
        )
        self._environments = SharedEnvironments(environments, self._builder)
        self._is_swept = False
        self._facts: EngineFacts | None = None
        self._streams = FollowedStreams(
            partial(self._ask, self._containers.ended), check_seconds=check_seconds
        )
        self._logs: dict[str, JobLog] = {}
        """Of attempts that are ready to start."""
        self._made: dict[str, ContainerState] = {}
        """How containers that were started here stood just before that."""
        self._stopped: set[str] = set()

    async def capabilities(self) -> Capabilities:
        """Say what the engine is; doubles as the check that it answers."""

        def ask() -> Capabilities:
            facts = self._facts = self._read_facts()
            found = discover_gpus(chosen=self._allowed_gpus)
            here = tuple(gpu.uuid for gpu in found)
            usable = facts.usable_gpus(here)
            notes = (
                *facts.notes(gpus_here=len(here), gpus_usable=len(usable)),
                *missing_gpus(found, self._allowed_gpus),
            )
            return Capabilities(
                name=self.name,
                version=facts.version,
                isolated=True,
                gpus=usable,
                description=facts.description(),
                notes=notes,
                data_dirs=data_dirs_here(facts, socket_path=self._daemon.socket_path),
            )

        return await self._ask(ask)

    async def fetch_image(self, launch: Launch, log: JobLog) -> None:
        """Pull the image, or build the standard worker's, when it is missing."""
        if launch.build is None:
            await self._ensure_image(launch, log)

    async def prepare(self, launch: Launch, log: JobLog) -> None:
        """Build the image of a Dockerfile, and the environment, when they are missing."""
        if launch.build is not None:
            launch = await self._builds.prepare(launch, launch.build, log)
            await self._ensure_image(launch, log)
        await self._environments.prepare(launch, log)
        self._logs[launch.attempt.name] = log

    async def _ensure_image(self, launch: Launch, log: JobLog) -> None:
        await self._images.ensure(launch.image, log, pinned=launch.pinned_image, policy=launch.pull)

    async def start(self, launch: Launch) -> int:
        """Start the attempt's container, or adopt the one that has its name."""
        recipe = partial(self._recipe, launch)
        marking = asyncio.create_task(self._mark_output(launch.attempt))
        try:
            made = await self._ask(partial(self._containers.start, launch.attempt, recipe))
        finally:
            await asyncio.wait([marking])
        self._stock.replenish()
        self._made[launch.attempt.name] = made
        return made.started_at_ms or now_ms()

    async def execution(self, attempt: AttemptId, *, gpus: Sequence[str]) -> Execution | None:
        """Say what a container really runs on."""

        def ask() -> Execution | None:
            state = self._made.get(attempt.name) or self._containers.find(attempt)
            if state is None:
                return None
            asked, image_id = state.image, state.image_id
            facts = self._facts = self._facts or self._read_facts()
            names = self._images.names(image_id)
            return Execution(
                attempt=attempt.attempt,
                engine=self.name,
                engine_version=facts.version,
                host=socket.gethostname(),
                image=names.tag if asked in (image_id, image_id.removeprefix("sha256:")) else asked,
                image_id=image_id,
                image_digests=list(names.digests),
                gpus=described(gpus),
            )

        return await self._ask(ask)

    async def observe(self) -> list[Seen]:
        """List the containers of this instance."""
        if not self._is_swept:
            await self._ask(self._builder.sweep)
            await self._ask(self._containers.sweep)
            self._is_swept = True
        return await self._ask(self._containers.list)

    async def watch(self, attempt: AttemptId, log: JobLog) -> Ended:
        """Bring the output into `log` and wait for the end.

        An engine that goes away meanwhile is waited for.
        """
        name = attempt.name
        follower = Follower(
            self._daemon,
            name,
            log,
            was_stopped=lambda: name in self._stopped,
        )
        with self._streams.watched(name, follower):
            return await in_thread(follower.run, name="watch", abort=follower.abort)

    async def usage(self, attempts: Collection[AttemptId]) -> dict[AttemptId, Usage]:
        """Read the statistics of their containers, several at once."""
        if self._facts is None:
            self._facts = await self._ask(self._read_facts)
        if not self._facts.measures:
            return {}  # what it answers is about the whole machine
        return await self._usage.of(attempts)

    async def execute(self, attempt: AttemptId, plan: ExecPlan) -> ExecSession:
        """Run a command in the attempt's container."""
        return await ContainerExec.start(self._daemon, attempt, plan)

    async def connect(self, attempt: AttemptId, port: int) -> ExecSession:
        """Connect to a port inside the attempt's container."""
        return await self._ports.connect(attempt, port)

    async def stop(self, attempt: AttemptId, *, grace_seconds: float) -> None:
        """End it: SIGTERM, then SIGKILL after the grace period (whole seconds, rounded up)."""
        self._stopped.add(attempt.name)
        grace = math.ceil(grace_seconds)

        def ask(api: APIClient) -> None:
            with suppress(NotFound):
                api.stop(attempt.name, timeout=grace)

        await self._ask(
            partial(self._daemon.call, ask), seconds=grace + ANSWER_SECONDS, takes_long=True
        )

    async def remove(self, attempt: AttemptId) -> None:
        """Remove the container, whatever its state."""
        await self._ask(partial(self._containers.remove, attempt.name))
        self._logs.pop(attempt.name, None)
        self._made.pop(attempt.name, None)
        self._stopped.discard(attempt.name)
        self._usage.forget(attempt.name)
        await self._environments.release(attempt)
        await self._builds.release(attempt)

    async def close(self) -> None:
        """Let go of connections and threads; jobs run on."""
        await self._streams.close()
        await self._stock.close()
        await self._environments.close()
        self._daemon.close()

    async def _mark_output(self, attempt: AttemptId) -> None:
        """Mark where the job's output begins, while its container starts: that waits for the disk.

        Who follows the container marks it where that failed.
        """
        log = self._logs.pop(attempt.name, None)
        if log is not None:
            with suppress(StorageFull, OSError):
                await in_thread(log.begin_output, name="mark")

    def _recipe(self, launch: Launch) -> Recipe:
        """Say what is to be created; makes the mount points that belong to the job's owner."""
        launch = self._builds.resolved(launch)
        image = self._images.find(launch.image, pinned=launch.pinned_image)
        check = partial(check_volumes, home=self._home.root, engine_socket=self._daemon.socket_path)
        binds = (
            *check(self._settings.volumes, is_admins_own=True),
            *check(launch.volumes, offered=self._settings.offered_volumes),
        )
        make_mount_points(binds, launch.job_dir)
        facts = self._facts = self._facts or self._read_facts()
        ready = self._environments.ready(launch.attempt)
        body = container_body(
            replace(launch, shared_environment=ready),
            settings=self._settings,
            facts=facts,
            image=image,
            owner=self._owner,
            binds=binds,
        )
        # Secrets lie in a directory of the attempt's own.
        may_be_shared = self._settings.prepared and launch.secrets_dir is None
        mould = mould_of(body, image) if may_be_shared else None
        return Recipe(body, image, launch.job_dir, mould)

    def _read_facts(self) -> EngineFacts:
        return EngineFacts.from_info(self._daemon.call(lambda api: api.info()))
