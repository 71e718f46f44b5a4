"""Images for jobs: the standard worker is built where it is missing, others are pulled."""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError

from atlas_scheduler.engine.complaints import words_of
from atlas_scheduler.engine.container import DockerSettings, Image
from atlas_scheduler.engine.daemon import Daemon, Operation
from atlas_scheduler.engine.image_names import (
    NAMED_IN,
    names_registry,
    not_looked_for,
    registry_of,
    require_name,
    with_tag,
)
from atlas_scheduler.engine.port import JobLog, StartRefusedError
from atlas_scheduler.engine.progress import build_line
from atlas_scheduler.engine.pulling import bounded, play, problem_of, pull
from atlas_scheduler.engine.sharing import SharedRuns, Tell
from atlas_scheduler.engine.threads import in_thread
from foundations.models import PullPolicy

BUILD_IDLE_SECONDS = 900
"""Longest silence of a build; a step may install packages without a word."""
_NOT_FOUND = 404
ML_IMAGE = "atlas-ce/worker-ml:latest"


@dataclass(frozen=True, slots=True)
class Names:
    """What an image is called: a tag of this machine's, and registries' digests of it."""

    tag: str | None = None
    digests: tuple[str, ...] = ()


class Images:
    """The images of one engine."""

    def __init__(self, daemon: Daemon, settings: DockerSettings) -> None:
        self._daemon = daemon
        self._settings = settings
        self._runs = SharedRuns()
        self._found: dict[str, Image] = {}
        self._names: dict[str, Names] = {}
        """By id: what images were called when they were looked at last."""

    async def ensure(
        self,
        image: str | None,
        log: JobLog,
        *,
        pinned: str | None = None,
        policy: PullPolicy = "missing",
        named_in: str = NAMED_IN,
    ) -> None:
        """Make sure that a job's image is here; several jobs that lack it get it once.

        Args:
            image: as the job names it; None is the standard worker's.
            log: is told what takes long, and that a pinned image is gone.
            pinned: id of the image to prefer.
            policy: when to pull.
            named_in: where its name comes from, for messages.

        Raises:
            StartRefusedError: it cannot be had; the text holds the engine's own words.
            EngineDown: the engine does not answer.
        """
        name = self.name_of(image)
        require_name(name, named_in)
        if pinned is not None:
            if await in_thread(partial(self._look_up, pinned), name="image"):
                return
            log.say(
                f"The image that was to be run again ({pinned}) is not on this machine any more; "
                f"{name} is run as it is now."
            )
        is_here = await in_thread(partial(self._look_up, name, named_in), name="image")
        why = _why(name, policy, is_here=is_here)
        if why is None or (is_here and self._is_built_here(name)):
            return
        if not is_here and policy == "never" and not self._is_built_here(name):
            raise StartRefusedError(
                f"The image {name!r} {why}, and `pull: never` keeps it from being pulled. Pull or "
                f"build it on the scheduler's machine, or check {named_in}."
            )
        self._require_registry(name, why)
        await self._runs.join(name, log.say, partial(self._obtain, name, why, named_in))
        self._found.pop(name, None)  # the name may mean another image now

    def find(self, image: str | None, *, pinned: str | None = None) -> Image:
        """Give what a start must know of an image. Blocks unless `ensure` found it just before.

        Raises:
            StartRefusedError: it is not here.
        """
        name = self.name_of(image)
        if pinned is not None and (found := self._look_for(pinned)) is not None:
            return found
        found = self._found.pop(name, None)
        if found is not None:
            return found
        try:
            return self._inspect(name)
        except APIError as error:
            if error.status_code == _NOT_FOUND:
                reason = "is not on this machine any more. Submit the job again"
            else:
                reason = f"cannot be used: {words_of(error)}. Look at it with `docker inspect`"
            raise StartRefusedError(f"The image {name!r} {reason}.") from error

    def peek(self, image: str | None, *, pinned: str | None = None) -> Image:
        """Give what `find` will give, and keep it for that. Blocks as `find` does.

        Raises:
            StartRefusedError: it is not here.
        """
        found = self.find(image, pinned=pinned)
        self._found[found.name] = found
        return found

    def names(self, image_id: str) -> Names:
        """Give the names that an image has. Blocks unless it was looked at just before."""
        with suppress(APIError):  # it was removed by force while its container runs on
            if _digits(image_id) not in self._names:
                self._inspect(image_id)
        return self._names.pop(_digits(image_id), Names())

    def _look_for(self, image_id: str) -> Image | None:
        found = self._found.pop(image_id, None)
        if found is None and self._look_up(image_id):
            found = self._found.pop(image_id, None)
        return found

    def _inspect(self, name: str) -> Image:
        require_name(name, NAMED_IN)
        answer = self._daemon.call(partial(_inspect, name=name))
        config = answer.get("Config") or {}
        tags, digests = answer.get("RepoTags") or (), answer.get("RepoDigests") or ()
        self._names[_digits(answer.get("Id", ""))] = Names(next(iter(tags), None), tuple(digests))
        return Image(
            name=name,
            has_entrypoint=bool(config.get("Entrypoint")),
            image_id=answer.get("Id", ""),
            entrypoint=tuple(config.get("Entrypoint") or ()),
            environment=dict(entry.partition("=")[::2] for entry in config.get("Env") or ()),
        )

    def name_of(self, image: str | None) -> str:
        """Name the image of a job, the standard worker's for one that names none."""
        return image or self._settings.worker_image

    def _is_built_here(self, name: str) -> bool:
        standard = with_tag(self._settings.worker_image)
        return with_tag(name) == standard and not names_registry(name)

    def _require_registry(self, name: str, why: str) -> None:
        allowed = self._settings.registries
        if allowed is None or self._is_built_here(name) or registry_of(name) in allowed:
            return
        raise StartRefusedError(
            f"The image {name!r} {why}, and the scheduler pulls from "
            f"{', '.join(allowed) or 'nowhere'} only, not from {registry_of(name)}. "
            f"`docker: registries` in config/server.yaml names them."
        )

    async def is_here(self, name: str) -> bool:
        """Tell whether an image is on this machine."""
        return await in_thread(partial(self._look_up, name), name="image")

    def _look_up(self, name: str, named_in: str = NAMED_IN) -> bool:
        """Find an image; tell whether there is one of that name."""
        try:
            self._found[name] = self._inspect(name)
        except APIError as error:
            if error.status_code == _NOT_FOUND:
                return False
            raise not_looked_for(name, words_of(error), named_in) from error
        return True

    async def _obtain(self, name: str, why: str, named_in: str, tell: Tell) -> None:
        """Build or pull an image, within the time that this may take."""
        if self._is_built_here(name):
            operation = self._daemon.operation(idle_seconds=BUILD_IDLE_SECONDS)
            work = partial(self._build, operation, name, tell)
        else:
            operation = self._daemon.operation(idle_seconds=self._settings.pull_idle_seconds)
            work = partial(_pull, operation, name, why, named_in, tell)
        longest_seconds = self._settings.pull_seconds
        late = (
            f"The image {name!r} was not there after {longest_seconds:.0f} seconds. "
            f"`docker: pull_seconds` in config/server.yaml is the longest that it may take."
        )
        await bounded(operation, work, longest_seconds=longest_seconds, late=late)

    def _build(self, operation: Operation, name: str, tell: Tell) -> None:
        base = self._settings.worker_base
        tell(f"The standard worker image {name} does not exist yet; building it from {base}.")

        def build(api: APIClient) -> str | None:
            events = api.build(
                path=str(_packaged_images() / "worker"),
                tag=name,
                buildargs={"BASE": base},
                network_mode=self._settings.build_network,
                rm=True,
                forcerm=True,
                decode=True,
            )
            return play(events, build_line, tell)

        problem = problem_of(operation, build)
        if problem is not None:
            raise StartRefusedError(
                f"The standard worker image {name!r} is missing, and building it from {base!r} "
                f"failed: {problem.rstrip('.')}. Set `docker: worker_base:` in config/server.yaml "
                f"to a Python image that this machine has or can pull, then submit again."
            )
        tell(f"Built image {name}.")


def _digits(image_id: str) -> str:
    return image_id.removeprefix("sha256:")


def _inspect(api: APIClient, *, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = api.inspect_image(name)  # type: ignore[no-untyped-call]  # in its stubs
    return answer


def _why(name: str, policy: PullPolicy, *, is_here: bool) -> str | None:
    """Say why an image must be had from elsewhere; None when it need not."""
    if not is_here:
        return "is not on this machine"
    is_fixed = "@sha256:" in name or name.startswith("sha256:")
    return "is to be pulled for each job" if policy == "always" and not is_fixed else None


def _pull(operation: Operation, name: str, why: str, named_in: str, tell: Tell) -> None:
    is_here = why.startswith("is to")
    tell(
        f"Pulling image {name}, as for each job."
        if is_here
        else f"Image {name} is not on this machine; pulling it."
    )
    advice = named_in
    if with_tag(name) == ML_IMAGE:
        advice = f"whether it is built: docker build -t {ML_IMAGE} {_packaged_images() / 'ml'}"
    pull(operation, name, why, advice, tell, is_here=is_here)
    tell(f"Pulled image {name}.")


def _packaged_images() -> Path:
    """Find the Dockerfiles: inside the installed package, or beside it in a source tree.

    Raises:
        StartRefusedError: this installation has none.
    """
    package = importlib.util.find_spec("atlas_worker")
    for place in (package.submodule_search_locations or ()) if package is not None else ():
        for directory in (Path(place) / "images", Path(place).parent / "images"):
            if directory.is_dir():
                return directory
    raise StartRefusedError("This installation lacks the Dockerfiles of the worker images.")
