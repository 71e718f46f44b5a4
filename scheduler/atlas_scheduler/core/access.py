"""Who may do what: one table that names, for each operation of the API, the role that it takes.

What the table does not name is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from foundations.models import Role

UNIX_SOCKET = "unix socket"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and from where."""

    user: str
    role: Role
    source: str
    """`unix socket`, or the address of the other end."""
    token: str | None = None
    """The id of the token that was shown; None for the owner, who needs none."""


class Sharing(StrEnum):
    """What others see of somebody's jobs."""

    EVERYONE_READS = "everyone reads"
    PRIVATE = "private"
    """Nothing: they are not there for others."""


class Thing(StrEnum):
    """What has an owner."""

    JOB = "job"
    DELETED_JOB = "deleted job"
    ARRAY = "array"
    SCHEDULE = "schedule"
    PROJECT = "project"
    DELETED_PROJECT = "deleted project"
    EXEC = "command"
    TUNNEL = "connection"


@dataclass(frozen=True, slots=True)
class Rule:
    """What an operation takes."""

    role: Role
    thing: Thing | None = None
    """What its path names; None where that has no owner."""
    submits: bool = False
    """Whether it counts as a submission."""

    @property
    def acts(self) -> bool:
        """Whether it does something to the thing, and does not only look at it."""
        return self.role is not Role.READ


SEES = Rule(Role.READ)
"""Looks at something that is for all."""
ACTS = Rule(Role.SUBMIT)
"""Changes something, and sees to it itself that this is the caller's own."""
SUBMITS = Rule(Role.SUBMIT, submits=True)
RULES_ALL = Rule(Role.ADMIN)
"""Changes, or shows, what is everybody's."""
SEES_JOB = Rule(Role.READ, Thing.JOB)
ACTS_ON_JOB = Rule(Role.SUBMIT, Thing.JOB)
ACTS_ON_SCHEDULE = Rule(Role.SUBMIT, Thing.SCHEDULE)
ACTS_ON_PROJECT = Rule(Role.SUBMIT, Thing.PROJECT)
ACTS_ON_EXEC = Rule(Role.SUBMIT, Thing.EXEC)
ACTS_ON_TUNNEL = Rule(Role.SUBMIT, Thing.TUNNEL)

PUBLIC_PATHS = frozenset({"/healthz"})
"""What anybody is told, without a token. All else wants one."""

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "health": SEES,
        "readiness": SEES,
        "measurements": SEES,
        "info": SEES,
        "host": SEES,
        "disk": SEES,
        "environments": SEES,
        "prune_environments": RULES_ALL,
        "images": SEES,
        "prune_images": RULES_ALL,
        "garbage": RULES_ALL,
        "collect_garbage": RULES_ALL,
        "queue_settings": SEES,
        "set_queue_settings": RULES_ALL,
        "pause_queue": ACTS,
        "resume_queue": ACTS,
        "move": ACTS,
        "clear_queue": ACTS,
        "has_bundle": ACTS,
        "upload_bundle": ACTS,
        "declare_bundle": ACTS,
        "send_files": ACTS,
        "check_submission": ACTS,
        "submit": SUBMITS,
        "submit_array": SUBMITS,
        "array": Rule(Role.READ, Thing.ARRAY),
        "create_schedule": SUBMITS,
        "secrets": ACTS,
        "set_secret": ACTS,
        "delete_secret": ACTS,
        "schedules": SEES,
        "schedule": Rule(Role.READ, Thing.SCHEDULE),
        "pause_schedule": ACTS_ON_SCHEDULE,
        "resume_schedule": ACTS_ON_SCHEDULE,
        "delete_schedule": ACTS_ON_SCHEDULE,
        "jobs": SEES,
        "job": SEES_JOB,
        "provenance": SEES_JOB,
        "stop": ACTS_ON_JOB,
        "stop_jobs": ACTS,
        "delete": ACTS_ON_JOB,
        "restore": Rule(Role.SUBMIT, Thing.DELETED_JOB),
        "set_priority": ACTS_ON_JOB,
        "hold": ACTS_ON_JOB,
        "release": ACTS_ON_JOB,
        "start_exec": ACTS_ON_JOB,
        "exec_output": ACTS_ON_EXEC,
        "write_exec": ACTS_ON_EXEC,
        "resize_exec": ACTS_ON_EXEC,
        "end_exec": ACTS_ON_EXEC,
        "open_tunnel": ACTS_ON_JOB,
        "read_tunnel": ACTS_ON_TUNNEL,
        "write_tunnel": ACTS_ON_TUNNEL,
        "close_tunnel": ACTS_ON_TUNNEL,
        "source_diff": SEES_JOB,
        "archive": SEES_JOB,
        "tensorboard_logs": SEES_JOB,
        "artifacts": SEES_JOB,
        "artifact": SEES_JOB,
        "files": SEES_JOB,
        "file": SEES_JOB,
        "tag": ACTS_ON_JOB,
        "untag": ACTS_ON_JOB,
        "note": ACTS_ON_JOB,
        "notes": SEES_JOB,
        "metrics": SEES_JOB,
        "metric": SEES_JOB,
        "logs": SEES_JOB,
        "log_times": SEES_JOB,
        "search_log": SEES_JOB,
        "changes": SEES,
        "projects": SEES,
        "rename_project": ACTS_ON_PROJECT,
        "describe_project": ACTS_ON_PROJECT,
        "set_retention": ACTS_ON_PROJECT,
        "delete_project": ACTS_ON_PROJECT,
        "restore_project": Rule(Role.SUBMIT, Thing.DELETED_PROJECT),
        "whoami": SEES,
        "tokens": RULES_ALL,
        "create_token": RULES_ALL,
        "rotate_token": RULES_ALL,
        "revoke_token": RULES_ALL,
    }
)
"""By the id of the operation."""

_RANKS = {Role.READ: 0, Role.SUBMIT: 1, Role.ADMIN: 2}


def refusal(role: Role, operation: str) -> str | None:
    """Say why a role may not use an operation; None when it may."""
    rule = RULES.get(operation)
    if rule is None:
        return f"No role may use `{operation}`: nothing says who may."
    if _RANKS[role] < _RANKS[rule.role]:
        return f"This takes a token with the role `{rule.role}`; yours has the role `{role}`."
    return None


class Standing(Enum):
    """How somebody stands to a thing."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    """They may know that it is there, and not do this to it."""
    HIDDEN = "hidden"
    """For them it is not there."""


def is_open(caller: Caller, *, acts: bool, sharing: Sharing) -> bool:
    """Tell whether somebody may see, or with `acts` act on, a thing whoever owns it."""
    return caller.role is Role.ADMIN or not (acts or sharing is Sharing.PRIVATE)


def standing(caller: Caller, owners: Collection[str], *, acts: bool, sharing: Sharing) -> Standing:
    """Say how somebody stands to a thing of some owners.

    Who is one of several sees it, and acts on it only as the only one, or as an admin.
    """
    if is_open(caller, acts=acts, sharing=sharing):
        return Standing.ALLOWED
    is_hidden = sharing is Sharing.PRIVATE and caller.user not in owners
    if is_hidden:
        return Standing.HIDDEN
    if acts and set(owners) - {caller.user}:
        return Standing.FORBIDDEN
    return Standing.ALLOWED
