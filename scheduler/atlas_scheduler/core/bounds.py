"""What somebody may take, when they submit, of what is for all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a submission may go."""

    user: str
    """Whose it is."""
    only_own: bool = True
    """Whether it must leave alone what other users have."""
    queued_jobs: int | None = None
    """Most jobs of the user that wait at once; None is any number."""
    stored_bytes: int | None = None
    """Most that the bundles of the user's jobs take together."""
