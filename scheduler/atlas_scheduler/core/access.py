"""Who may do what: one table that names, for each operation of the API, the role that it takes.

What the table does not name is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Rule:
    """What an operation takes."""

    role: Role


SEES = Rule(Role.READ)
"""Looks at something, and changes nothing."""
ACTS = Rule(Role.SUBMIT)
"""Changes something of one's own."""
RULES_ALL = Rule(Role.ADMIN)
"""Changes, or shows, what is everybody's."""

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "health": SEES,
        "info": SEES,
        "host": SEES,
        "disk": SEES,
        "environments": SEES,
        "prune_environments": RULES_ALL,
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
        "submit": ACTS,
        "submit_array": ACTS,
        "array": SEES,
        "create_schedule": ACTS,
        "schedules": SEES,
        "schedule": SEES,
        "pause_schedule": ACTS,
        "resume_schedule": ACTS,
        "delete_schedule": ACTS,
        "jobs": SEES,
        "job": SEES,
        "provenance": SEES,
        "stop": ACTS,
        "delete": ACTS,
        "restore": ACTS,
        "set_priority": ACTS,
        "hold": ACTS,
        "release": ACTS,
        "start_exec": ACTS,
        "exec_output": ACTS,
        "write_exec": ACTS,
        "resize_exec": ACTS,
        "end_exec": ACTS,
        "source_diff": SEES,
        "archive": SEES,
        "tensorboard_logs": SEES,
        "artifacts": SEES,
        "artifact": SEES,
        "files": SEES,
        "file": SEES,
        "tag": ACTS,
        "untag": ACTS,
        "note": ACTS,
        "notes": SEES,
        "metrics": SEES,
        "metric": SEES,
        "logs": SEES,
        "log_times": SEES,
        "search_log": SEES,
        "changes": SEES,
        "projects": SEES,
        "rename_project": ACTS,
        "describe_project": ACTS,
        "set_retention": ACTS,
        "delete_project": ACTS,
        "restore_project": ACTS,
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
