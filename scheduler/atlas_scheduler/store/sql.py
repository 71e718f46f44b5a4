"""The SQL of the store, read from its files: queries by name, migrations by version."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_BLOCK = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_MIGRATION = re.compile(r"^(\d{4})_\w+\.sql$")


@dataclass(frozen=True, slots=True)
class Migration:
    """A step from one schema version to the next; its script ends by setting `user_version`."""

    version: int
    script: str


@cache
def queries(noun: str) -> dict[str, str]:
    """Read `queries/<noun>.sql`."""
    return named_queries((files(__package__) / "queries" / f"{noun}.sql").read_text("utf-8"))


def named_queries(text: str) -> dict[str, str]:
    """Take queries apart: a line `-- name: <name>` begins each."""
    head, *parts = _BLOCK.split(text)
    assert not head.strip(), f"text before the first name: {head.strip()}"
    named = dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))
    assert len(named) * 2 == len(parts), f"a name is used twice: {parts[::2]}"
    return named


@cache
def migrations() -> tuple[Migration, ...]:
    """Read `migrations/NNNN_<what>.sql`, in order of their versions."""
    found = [
        Migration(int(match[1]), entry.read_text(encoding="utf-8"))
        for entry in (files(__package__) / "migrations").iterdir()
        if (match := _MIGRATION.match(entry.name))
    ]
    return tuple(sorted(found, key=lambda migration: migration.version))


def statements(script: str) -> list[str]:
    """Split a script into its statements (`executescript` would commit before the first)."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found
