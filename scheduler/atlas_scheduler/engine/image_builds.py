"""Images that are built of a project's Dockerfile: once for the same content, kept while of use."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from docker import APIClient
from docker.errors import APIError, DockerException

from atlas_scheduler.engine.build_context import BuildContext
from atlas_scheduler.engine.built_images import BUILT_KEY, BUILT_LABEL, BuiltImages
from atlas_scheduler.engine.container import DockerSettings
from atlas_scheduler.engine.daemon import Daemon, Operation
from atlas_scheduler.engine.dockerfile import Bases, read_bases
from atlas_scheduler.engine.image_notes import ImageNote
from atlas_scheduler.engine.images import BUILD_IDLE_SECONDS, Images
from atlas_scheduler.engine.launch import SOURCE
from atlas_scheduler.engine.port import AttemptId, JobLog, Launch, StartRefusedError
from atlas_scheduler.engine.progress import BuildOutput
from atlas_scheduler.engine.pulling import bounded, play, problem_of
from atlas_scheduler.engine.sharing import SharedRuns, Tell
from atlas_scheduler.engine.threads import in_thread
from foundations.models import ImageBuild

LONGEST_SECONDS = 2 * 3600
"""Longest time that one build may take in all."""
_FORMAT = 1
"""Part of every key: raised when images are built in another way."""
_KEY_DIGITS = 16
_REPLAYED_LINES = 5_000
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
"""Arguments that Docker knows without an `ARG`, and leaves out of what it finds in its cache by."""


class ImageBuilds:
    """Builds images for the jobs of one Docker engine."""

    def __init__(
        self, daemon: Daemon, images: Images, settings: DockerSettings, built: BuiltImages
    ) -> None:
        self._daemon = daemon
        self._images = images
        self._settings = settings
        self._built = built
        self._runs = SharedRuns(replayed_lines=_REPLAYED_LINES)

    async def prepare(self, launch: Launch, build: ImageBuild, log: JobLog) -> Launch:
        """Make sure that the image of a job is built; several jobs that want it build it once.

        Returns:
            The launch with that image.

        Raises:
            StartRefusedError: it cannot be built; the text holds Docker's words.
            EngineDown: the engine does not answer.
        """
        pinned = launch.pinned_image
        if pinned is not None:
            if await self._images.is_here(pinned):
                return replace(launch, image=pinned, build=None)
            log.say(
                f"The image that was to be run again ({pinned}) is not on this machine any more; "
                f"it is built as {build.dockerfile} says now."
            )
        _refuse_proxies(build)
        context = await in_thread(
            partial(BuildContext.find, build, launch.job_dir / SOURCE), name="context"
        )
        bases = read_bases(context.text, args=build.args, target=build.target)
        for base in bases.names:
            await self._images.ensure(
                base, log, policy=launch.pull, named_in=f"FROM in {build.dockerfile}"
            )
        key = await in_thread(partial(self._key, build, context, bases), name="context")
        lease = partial(self._built.lease, launch.attempt, key)
        tag = await in_thread(lease, name="image")
        if await in_thread(partial(self._built.touch, key), name="image"):
            log.say(f"The image is built already: {tag}.")
        else:
            make = partial(self._make, build, context, bases, key)
            await self._runs.join(key, log.say, make)
        return replace(launch, image=tag, build=None, pull="never", pinned_image=None)

    def resolved(self, launch: Launch) -> Launch:
        """Give a launch the image that was prepared for it.

        Raises:
            StartRefusedError: none was.
        """
        if launch.build is None:
            return launch
        image = self._built.leased(launch.attempt) or launch.pinned_image
        if image is None:
            raise StartRefusedError("The image of the job was not built.")
        return replace(launch, image=image, build=None)

    async def release(self, attempt: AttemptId) -> None:
        """Say that an attempt is over."""
        if self._built.leased(attempt) is not None:
            await in_thread(partial(self._built.release, attempt), name="image")

    def _key(self, build: ImageBuild, context: BuildContext, bases: Bases) -> str:
        """Name an image by all that decides what is in it. Blocks."""
        ids = [self._images.find(name).image_id for name in bases.names]
        args = sorted(build.args.items())
        content = json.dumps([_FORMAT, context.digest(), context.name, args, build.target, ids])
        return hashlib.sha256(content.encode()).hexdigest()[:_KEY_DIGITS]

    async def _make(
        self, build: ImageBuild, context: BuildContext, bases: Bases, key: str, tell: Tell
    ) -> None:
        tag = self._built.tag(key)
        if await in_thread(partial(self._built.touch, key), name="image"):
            return  # somebody else's build ended just now
        tell(
            f"Building the image {tag} from {build.dockerfile}, for this job and all that ask for "
            f"the same."
        )
        operation = self._daemon.operation(idle_seconds=BUILD_IDLE_SECONDS)
        work = partial(self._build, operation, build, context, key, tell)
        hours = LONGEST_SECONDS // 3600
        late = f"The image of {build.dockerfile!r} was not built after {hours} hours."
        await bounded(operation, work, longest_seconds=LONGEST_SECONDS, late=late)
        await in_thread(partial(self._note, build, bases, key), name="image")
        tell(f"Built image {tag}.")

    def _build(
        self, operation: Operation, build: ImageBuild, context: BuildContext, key: str, tell: Tell
    ) -> None:
        with tempfile.TemporaryFile(dir=context.directory.parent) as packed:
            context.pack(packed)
            packed.seek(0)
            request = self._request(build, context, key)
            ask = partial(_ask, request={**request, "fileobj": packed}, tell=tell)
            problem = problem_of(operation, ask)
        if problem is not None:
            line = f"The image cannot be built from {build.dockerfile}: {problem.rstrip('.')}."
            reason = f"{line} The log has the whole output of the build."
            raise StartRefusedError(reason, log_line=line)

    def _request(self, build: ImageBuild, context: BuildContext, key: str) -> dict[str, Any]:
        request: dict[str, Any] = {
            "custom_context": True,
            "dockerfile": context.name,
            "tag": self._built.tag(key),
            "buildargs": {**self._proxies(), **build.args},
            "labels": {BUILT_LABEL: self._built.instance, BUILT_KEY: key},
            "network_mode": self._settings.build_network,
            "rm": True,
            "forcerm": True,
            "decode": True,
        }
        return request if build.target is None else {**request, "target": build.target}

    def _proxies(self) -> dict[str, str]:
        """Give what the settings say of proxies, which Docker takes without an `ARG`."""
        given = self._settings.environment
        return {name: value for name, value in given.items() if name.lower() in _PROXIES}

    def _note(self, build: ImageBuild, bases: Bases, key: str) -> None:
        base_bytes = 0
        if bases.last is not None:
            with suppress(APIError):
                base_bytes = self._daemon.call(partial(_size_bytes, name=bases.last))
        base = bases.last or ""
        self._built.publish(key, ImageNote(build.dockerfile, base, base_bytes))


def _refuse_proxies(build: ImageBuild) -> None:
    """Refuse what would let somebody choose from where a step downloads that others share.

    Raises:
        StartRefusedError: an argument is a proxy.
    """
    for name in build.args:
        if name.lower() in _PROXIES:
            raise StartRefusedError(
                f"The image cannot be built: {name} is no argument of a Dockerfile here. Proxies "
                f"of builds are set by whoever runs the scheduler, in `docker: environment` of "
                f"config/server.yaml."
            )


def _ask(api: APIClient, *, request: Mapping[str, Any], tell: Tell) -> str | None:
    output = BuildOutput()

    def told(events: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        for event in events:
            for line in output.lines(event):
                tell(line)
            yield event

    try:
        events = api.build(**request)
    except APIError:
        raise
    except DockerException as error:  # a credential helper, asked before the engine
        return f"Docker's credentials cannot be read: {error}"
    try:
        return play(told(events), lambda _: None, tell)
    finally:
        for line in output.last():
            tell(line)


def _size_bytes(api: APIClient, *, name: str) -> int:
    answer: dict[str, Any] = api.inspect_image(name)  # type: ignore[no-untyped-call]  # in its stubs
    return int(answer.get("Size") or 0)
