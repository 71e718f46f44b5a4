"""What people add to a job by hand: tags and notes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from atlas_scheduler.core.times import utc
from atlas_scheduler.store import sql
from foundations.errors import NotFound
from foundations.models import NoteView

_SQL = sql.queries("remarks")


def set_tags(conn: sqlite3.Connection, job_id: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Give a job tags, and return those that it did not have with this value before."""
    return {
        name: value
        for name, value in tags.items()
        if conn.execute(_SQL["set_tag"], {"job_id": job_id, "name": name, "value": value}).rowcount
    }


def remove_tags(conn: sqlite3.Connection, job_id: str, names: Iterable[str]) -> None:
    """Take tags from a job.

    Raises:
        NotFound: it has no such tag; undo what this did.
    """
    for name in names:
        if not conn.execute(_SQL["remove_tag"], {"job_id": job_id, "name": name}).rowcount:
            rows = conn.execute(_SQL["tag_names"], {"job_id": job_id})
            known = ", ".join(row["name"] for row in rows) or "none"
            raise NotFound(f"Job `{job_id}` has no tag `{name}`. It has: {known}")


def add_note(
    conn: sqlite3.Connection, job_id: str, *, author: str, text: str, at_ms: int
) -> NoteView:
    """Add a note to a job that is there."""
    wanted = {"job_id": job_id, "author": author, "text": text, "at_ms": at_ms}
    number = conn.execute(_SQL["add_note"], wanted).fetchone()["note_number"]
    return NoteView(number=number, author=author, at=utc(at_ms), text=text)


def notes(conn: sqlite3.Connection, job_id: str) -> list[NoteView]:
    """The notes of a job, oldest first."""
    return [
        NoteView(
            number=row["note_number"],
            author=row["author"],
            at=utc(row["written_at_ms"]),
            text=row["text"],
        )
        for row in conn.execute(_SQL["notes"], {"job_id": job_id})
    ]
