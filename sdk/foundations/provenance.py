"""Where a job comes from and what it really ran on, as client and server say it.

Unknown keys are ignored in both directions: what a newer client knows more must not keep a job
from being submitted.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from foundations.text.shapes import Shape

LONGEST_DIFF = 500_000
"""So many bytes of a diff are recorded."""
MOST_UNTRACKED = 1_000
"""So many names of untracked files are recorded."""
MOST_PACKAGES = 5_000
"""So many packages of a job are recorded."""

Words = Annotated[str, StringConstraints(max_length=4_096)]
Commit = Annotated[
    str,
    Shape(r"^[0-9a-f]{40}([0-9a-f]{24})?$", "the 40 or 64 hexadecimal digits of a commit"),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class GitState(_Part):
    """What git knew of the job's directory. Only what is in the bundle counts as changed."""

    commit: Commit | None = None
    """None when there is none yet, or it is not known."""
    branch: Words | None = None
    """None when no branch is checked out (a detached HEAD)."""
    remote: Words | None = None
    """Where the branch comes from, without user names and passwords."""
    directory: Words = ""
    """Of the job in the repository; empty is its top."""
    dirty: bool | None = None
    """Whether files that git tracks differ from the commit; None when it is not known."""
    diff: Annotated[str, StringConstraints(max_length=LONGEST_DIFF)] | None = None
    """Unified, against the commit, paths from the job's directory. `JobDetail` leaves it out."""
    diff_is_cut: bool = False
    """Whether changes are missing at the end of the diff."""
    untracked: Annotated[tuple[Words, ...], Field(max_length=MOST_UNTRACKED)] = ()
    """Files in the bundle that git does not track."""
    untracked_left_out: Annotated[int, Field(ge=0, le=10**12)] = 0
    """How many more there are at least."""
    missing: Annotated[tuple[Words, ...], Field(max_length=20)] = ()
    """What could not be found out and why, a sentence each."""


class Origin(_Part):
    """Who submitted a job and from where."""

    user: Words | None = None
    host: Words | None = None
    directory: Words | None = None
    client_version: Words | None = None
    git: GitState | None = None
    """None when the directory is in no repository."""


class GivenGpu(_Part):
    """One GPU that a job was given."""

    id: str
    name: str | None = None


class Execution(_Part):
    """What the latest attempt of a job really ran on, as its engine says."""

    attempt: int
    engine: str
    engine_version: str | None = None
    host: str | None = None
    """The server's machine."""
    image: str | None = None
    """The image as it was asked for."""
    image_id: str | None = None
    """The image that the name meant at that moment: `sha256:` and its id."""
    image_digests: list[str] = []
    """Under which names and digests registries have it; empty for one that was built here."""
    gpus: list[GivenGpu] = []
    python: str | None = None
    """The interpreter, for engines without images."""


class JobEnvironment(_Part):
    """What a job's own program finds, as the job says itself."""

    python: str | None = None
    """Version, such as `3.11.2`."""
    implementation: str | None = None
    executable: str | None = None
    packages: dict[str, str] = {}
    """Version of each installed package, by name."""
    packages_left_out: int = 0


class Provenance(_Part):
    """Everything about where a job comes from. What is None is not known, or not known yet."""

    origin: Origin | None = None
    execution: Execution | None = None
    environment: JobEnvironment | None = None
    seeds: dict[str, JsonValue] = {}
    """Random seeds that it was given: `param.seed`, `env.PYTHONHASHSEED`, …"""
