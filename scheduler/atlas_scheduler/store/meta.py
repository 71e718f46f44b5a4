"""What the scheduler remembers of itself: its id and its settings."""

from __future__ import annotations

import json
import secrets
import sqlite3
from typing import Any

from atlas_scheduler.store import sql

_SQL = sql.queries("meta")


def instance_id(conn: sqlite3.Connection) -> str:
    """The id of this scheduler: 8 hex digits, made at the first call (which must be a write)."""
    row = conn.execute(_SQL["instance_id"]).fetchone()
    if row is not None:
        return str(row["instance_id"])
    made = secrets.token_hex(4)
    conn.execute(_SQL["insert_instance"], {"instance_id": made})
    return made


def forget_instance(conn: sqlite3.Connection) -> None:
    """Let the next `instance_id` make another: containers of the one before are not ours."""
    conn.execute(_SQL["forget_instance"])


def get_setting(conn: sqlite3.Connection, key: str, default: Any = None) -> Any:
    """Read a setting; `default` when it was never set."""
    row = conn.execute(_SQL["setting"], {"key": key}).fetchone()
    return default if row is None else json.loads(row["value"])


def set_setting(conn: sqlite3.Connection, key: str, value: Any) -> None:
    """Keep a setting; `value` is anything JSON can say."""
    conn.execute(_SQL["save_setting"], {"key": key, "value": json.dumps(value, allow_nan=False)})
