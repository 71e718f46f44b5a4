"""Containers made ahead: what they share with an ordinary one, and what each job adds to it.

A container cannot be given other mounts, words or variables once it is made. So the job's directory
is mounted through a link that leads to it from just before the start, and what the job runs and is
called stands in a script there.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_scheduler.engine.container import INSTANCE_LABEL, Image
from atlas_scheduler.engine.launch import JOB
from atlas_scheduler.engine.port import StartRefusedError
from foundations.models.arrays import COUNT_VARIABLE, ID_VARIABLE, INDEX_VARIABLE

PREPARED_LABEL = "atlas.prepared"
"""Holds the slot that a container was made in; whose it is, its name tells once it is claimed."""
SCRIPT = "start.sh"
"""In the job's directory: sets what is the job's own, then becomes its command or another."""
SHELL = "/bin/sh"
WITH_SCRIPT = (SHELL, f"{JOB}/{SCRIPT}")
"""Runs a command as the job's, or without one the job's own."""
OWN_VARIABLES = frozenset(
    {"FOUNDATIONS_JOB_ID", "FOUNDATIONS_ATTEMPT", INDEX_VARIABLE, ID_VARIABLE, COUNT_VARIABLE}
)
"""What tells jobs of one shape apart."""


@dataclass(frozen=True, slots=True)
class Mould:
    """What containers of one shape are made from."""

    shape: str
    """The same for all that are interchangeable."""
    image_id: str
    body: Mapping[str, Any]

    def cast(self, *, instance: str, slot: str, link: Path) -> dict[str, Any]:
        """Build the body of the create call for one of them."""
        host = self.body["HostConfig"]
        mounts = [
            {**mount, "Source": str(link)} if mount["Target"] == JOB else mount
            for mount in host["Mounts"]
        ]
        return {
            **self.body,
            "Hostname": slot,
            "Labels": {INSTANCE_LABEL: instance, PREPARED_LABEL: slot},
            "HostConfig": {**host, "Mounts": mounts},
        }


def mould_of(body: Mapping[str, Any], image: Image) -> Mould | None:
    """Say which containers could run what an ordinary one of this body would.

    Returns:
        None when none can be made ahead: nobody knows what the image itself would run, or a volume
        lies in the job's directory, where Docker would make its place before the job has one.
    """
    host = body["HostConfig"]
    mounts = [mount for mount in host["Mounts"] if mount["Target"] != JOB]
    if not _words(body, image) or not image.image_id:
        return None
    if any(_is_in_job(mount["Target"]) for mount in mounts):
        return None
    shared = {
        **{name: value for name, value in body.items() if name not in ("Hostname", "Labels")},
        "Entrypoint": list(WITH_SCRIPT),
        "Cmd": [],
        "Env": [entry for entry in body["Env"] if entry.partition("=")[0] not in OWN_VARIABLES],
    }
    if _is_in_job(body["WorkingDir"]):
        shared["WorkingDir"] = JOB
    decisive = {**shared, "HostConfig": {**host, "Mounts": mounts}, "ImageId": image.image_id}
    content = json.dumps(decisive, sort_keys=True)
    shape = hashlib.sha256(content.encode()).hexdigest()
    return Mould(shape, image.image_id, {**shared, "HostConfig": host})


def script_of(body: Mapping[str, Any], image: Image) -> str:
    """Write what makes a prepared container this job's.

    Raises:
        StartRefusedError: nobody knows what the job runs.
    """
    words = _words(body, image)
    if not words:
        raise StartRefusedError("The image names a command of its own now; submit the job again.")
    own = [entry for entry in body["Env"] if entry.partition("=")[0] in OWN_VARIABLES]
    assigned = [f"{name}={shlex.quote(value)}" for name, _, value in map(_parted, own)]
    lines = [
        f"cd -- {shlex.quote(body['WorkingDir'])} || exit",
        "unset OLDPWD",
        *(f"export {one}" for one in assigned),
        f'[ "$#" -gt 0 ] || set -- {shlex.join(words)}',
        'exec "$@"',
    ]
    return "".join(f"{line}\n" for line in lines)


def _parted(entry: str) -> tuple[str, str, str]:
    return entry.partition("=")


def _words(body: Mapping[str, Any], image: Image) -> Sequence[str]:
    """What the container runs; empty where only the image knows, or a shell would mistake it."""
    entrypoint: Sequence[str] | None = body.get("Entrypoint")
    if entrypoint is None:
        if not body["Cmd"]:
            return ()
        entrypoint = image.entrypoint
    words = (*entrypoint, *body["Cmd"])
    return () if words and words[0].startswith("-") else words


def _is_in_job(path: str) -> bool:
    return path == JOB or path.startswith(JOB + "/")
