"""The images that were built for jobs of one instance: listed, and removed when nothing uses them.

Docker's own record of containers says what is in use; a lease keeps an image between its build and
the moment when its container is made.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import structlog
from docker import APIClient
from docker.errors import APIError, NotFound

from atlas_scheduler.engine.container import JOB_LABEL
from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.image_notes import ImageNote, ImageNotes
from atlas_scheduler.engine.port import AttemptId, BuiltImage, PrunedImages
from foundations.home import Home

BUILT_LABEL = "atlas.image"
"""Names the instance that an image was built for. Containers inherit labels of their images, so
these are not the ones that containers are known by."""
BUILT_KEY = "atlas.image.key"
_CONFLICT = 409
_PODMANS_PREFIXES = ("docker.io/", "localhost/")
"""One of them stands before the names of images that podman built; its settings say which."""

log = structlog.get_logger(__name__)


class BuiltImages:
    """Every method blocks, from any thread."""

    def __init__(self, daemon: Daemon, home: Home, *, instance: str, max_bytes: int) -> None:
        self.instance = instance
        self.max_bytes = max_bytes
        self._daemon = daemon
        self._notes = ImageNotes(home.images)
        self._lock = threading.Lock()
        self._leases: dict[AttemptId, str] = {}
        self._is_over = True
        """Perhaps more is there than may be."""

    def tag(self, key: str) -> str:
        """What an image is called."""
        return f"atlas-build/{self.instance}:{key}"

    def lease(self, attempt: AttemptId, key: str) -> str:
        """Keep an image from being removed while an attempt uses it, there or not yet."""
        with self._lock:
            self._leases[attempt] = key
        return self.tag(key)

    def leased(self, attempt: AttemptId) -> str | None:
        """Say which image an attempt uses; None when there is none for it."""
        key = self._leases.get(attempt)
        return None if key is None else self.tag(key)

    def release(self, attempt: AttemptId) -> None:
        """Say that an attempt does not use its image any more; a second time is fine."""
        with self._lock:
            key = self._leases.pop(attempt, None)
        if key is not None:
            self._notes.touch(key)
            if self._is_over:
                self._try_to_trim()

    def touch(self, key: str) -> bool:
        """Note a use; False when there is no such image."""
        try:
            self._daemon.call(partial(_inspect, name=self.tag(key)))
        except NotFound:
            return False
        self._notes.touch(key)
        return True

    def publish(self, key: str, note: ImageNote) -> None:
        """Note an image that was built just now."""
        self._notes.write(key, note)
        self._try_to_trim()

    def list(self) -> list[BuiltImage]:
        """List them, the one used last first."""
        found = self._daemon.call(lambda api: api.images())
        users = self._users()
        images = [self._image(one, key, users) for one in found for key in self._keys(one)]
        return sorted(images, key=lambda one: one.used_at_ms, reverse=True)

    def prune(self, *, unused_ms: int, now_ms: int) -> PrunedImages:
        """Remove what nothing uses now, and nobody used for so long."""
        images = self.list()
        old = [one for one in images if one.used_at_ms <= now_ms - unused_ms]
        gone = [one for one in old if self._evict(one)]
        in_use = sum(bool(one.job_ids) for one in images if one not in gone)
        return PrunedImages(len(gone), sum(one.size_bytes for one in gone), in_use)

    def _try_to_trim(self) -> None:
        """Trim, or leave it to the next time: no job fails because the images take too much."""
        try:
            self._trim()
        except APIError as error:
            self._is_over = True
            log.warning("images not trimmed", reason=str(error.explanation or error))

    def _trim(self) -> None:
        """Bring the size under its limit: what was not used for longest goes first."""
        images = self.list()
        total_bytes = sum(one.size_bytes for one in images)
        for one in reversed(images):
            if total_bytes <= self.max_bytes:
                break
            if self._evict(one):
                total_bytes -= one.size_bytes
        self._is_over = total_bytes > self.max_bytes

    def _evict(self, image: BuiltImage) -> bool:
        """Remove an image unless something uses it."""
        with self._lock:
            if image.key in self._leases.values():
                return False
            try:
                self._daemon.call(lambda api: api.remove_image(image.tag, force=False))
            except NotFound:
                pass
            except APIError as error:
                if error.status_code == _CONFLICT:
                    return False  # a container of it is there, or another image builds on it
                raise
        self._notes.forget(image.key)
        return True

    def _keys(self, summary: dict[str, Any]) -> tuple[str, ...]:
        """Tell by its names which of ours it is: podman keeps the labels of an earlier build."""
        ours = self.tag("")
        names = [
            name.removeprefix(prefix)
            for name in summary.get("RepoTags") or ()
            for prefix in _PODMANS_PREFIXES
            if name.startswith((ours, prefix + ours))
        ]
        return tuple(sorted({one.removeprefix(ours) for one in names if one.startswith(ours)}))

    def _image(self, summary: dict[str, Any], key: str, users: dict[str, set[str]]) -> BuiltImage:
        note = self._notes.read(key)
        created_at_ms = int(summary["Created"]) * 1000
        leases = {attempt.job_id for attempt, one in list(self._leases.items()) if one == key}
        return BuiltImage(
            key=key,
            tag=self.tag(key),
            dockerfile=note.dockerfile,
            base=note.base,
            size_bytes=max(0, int(summary["Size"]) - note.base_bytes),
            created_at_ms=created_at_ms,
            used_at_ms=self._notes.used_at_ms(key) or created_at_ms,
            job_ids=tuple(sorted(leases | users.get(summary["Id"], set()))),
        )

    def _users(self) -> dict[str, set[str]]:
        """Name the jobs whose containers use each image."""
        filters = {"label": f"{BUILT_LABEL}={self.instance}"}
        users: dict[str, set[str]] = {}
        for one in self._daemon.call(lambda api: api.containers(all=True, filters=filters)):
            job_id = one["Labels"].get(JOB_LABEL)
            if job_id:
                users.setdefault(one["ImageID"], set()).add(job_id)
        return users


def _inspect(api: APIClient, *, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = api.inspect_image(name)  # type: ignore[no-untyped-call]  # in its stubs
    return answer
