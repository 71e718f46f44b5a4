"""How the queue is run, as the database keeps it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from atlas_scheduler.store import meta
from foundations.models import NewQueueSettings, QueueSettings

SETTING = "queue"
_IN_FILE = "queue_in_file"


def stored_settings(conn: sqlite3.Connection) -> QueueSettings | None:
    """The settings that hold, if any were ever kept."""
    return _read(conn, SETTING)


def settled_settings(conn: sqlite3.Connection, in_file: QueueSettings) -> QueueSettings:
    """Of `server.yaml` and what was changed while a server ran, take and keep the later one.

    Args:
        conn: a connection that writes.
        in_file: what the file says now.
    """
    stored = stored_settings(conn)
    if stored is not None and _read(conn, _IN_FILE) == in_file:
        return stored
    for key in (SETTING, _IN_FILE):
        meta.set_setting(conn, key, in_file.model_dump())
    return in_file


def changed_settings(settings: QueueSettings, wanted: NewQueueSettings) -> QueueSettings:
    """Settings with what is wanted of them; a limit of 0 is none."""
    given = {
        name: value or None if name.startswith("max_running_per") else value
        for name, value in wanted.model_dump(
            exclude_none=True, exclude={"project_limits", "user_limits"}
        ).items()
    }
    return settings.model_copy(
        update={
            **given,
            "project_limits": _merged(settings.project_limits, wanted.project_limits),
            "user_limits": _merged(settings.user_limits, wanted.user_limits),
        }
    )


def rename_limit(conn: sqlite3.Connection, name: str, new_name: str) -> None:
    """Let a project that is renamed keep its limit."""
    settings = stored_settings(conn)
    if settings is None or name not in settings.project_limits:
        return
    limits = dict(settings.project_limits)
    limits[new_name] = limits.pop(name)
    kept = settings.model_copy(update={"project_limits": limits})
    meta.set_setting(conn, SETTING, kept.model_dump())


def _merged(limits: Mapping[str, int], wanted: Mapping[str, int]) -> dict[str, int]:
    return {name: limit for name, limit in {**limits, **wanted}.items() if limit}


def _read(conn: sqlite3.Connection, key: str) -> QueueSettings | None:
    document = meta.get_setting(conn, key)
    return None if document is None else QueueSettings.model_validate(document)
