"""Volumes that the admin offers by name, and what of volumes somebody's jobs may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from foundations.models import Role, Volume


@dataclass(frozen=True, slots=True)
class OfferedVolume:
    """A directory of the scheduler's machine that jobs know only by its name."""

    name: str
    path: str
    mode: Literal["ro", "rw"] = "ro"
    """Whether jobs may write to it."""
    users: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset()
    """Who may use it; with neither users nor roles everybody who submits."""

    def is_for(self, user: str, role: Role) -> bool:
        """Whether somebody may use it; an admin may use all."""
        is_open = not self.users and not self.roles
        return is_open or role is Role.ADMIN or user in self.users or role in self.roles


def usable(
    offered: Mapping[str, OfferedVolume], *, user: str, role: Role
) -> tuple[OfferedVolume, ...]:
    """List what somebody may use, by name."""
    return tuple(one for _, one in sorted(offered.items()) if one.is_for(user, role))


def host_path_refusal(volumes: Iterable[Volume], *, allow_host_paths: bool) -> str | None:
    """Say why somebody may not have the paths that a job asks for; None when they may."""
    path = next((one.host for one in volumes if not one.is_named), None)
    if path is None or allow_host_paths:
        return None
    return (
        f"Mounting `{path}` of the host takes a token with the role `admin`. Name a volume "
        f"that the admin offers (`foundations info` lists them)."
    )


def name_refusal(
    volumes: Iterable[Volume], offered: Mapping[str, OfferedVolume], *, user: str, role: Role
) -> str | None:
    """Say why somebody may not have the named volumes that a job asks for; None when they may.

    A volume that is not for them is as one that is not there.
    """
    known = {one.name: one for one in usable(offered, user=user, role=role)}
    for volume in volumes:
        if not volume.is_named:
            continue
        found = known.get(volume.host)
        if found is None:
            names = ", ".join(known) or "none"
            return (
                f"There is no volume `{volume.host}` for you on this scheduler; you may use: "
                f"{names}. A path of the host begins with `/`, `./` or `~`."
            )
        if volume.mode == "rw" and found.mode == "ro":
            return (
                f"The volume `{volume.host}` can only be read, and `mode: rw` is asked for: use "
                f"`mode: ro`."
            )
    return None
