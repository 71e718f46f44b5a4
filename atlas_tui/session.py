"""Where the user left off with a scheduler, kept between sessions; and the last view of it.

What is kept is plain JSON, so that it can be read and shown before any model is loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from foundations import __version__
from foundations.home import Home

T = TypeVar("T")

KEPT_JOBS = 60
"""Jobs of the last view: a screenful for the first moment of the next session."""
LARGEST_BYTES = 4_000_000
Document = dict[str, Any]
"""A view of the scheduler's as JSON."""


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter that the user has named."""

    name: str
    filter: str


OFFERED = (
    SavedFilter("Failed", "state in (failed, lost)"),
    SavedFilter("Failed, of the last two days", "state in (failed, lost) since:2d"),
    SavedFilter("Running", "state in (starting, running, stopping)"),
    SavedFilter("Waiting", "state:queued"),
)
"""Filters that are there before the user keeps any."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The top of a list of jobs, as it was seen last."""

    jobs: tuple[Document, ...] = ()
    """`JobView`s."""
    total: int = 0


@dataclass(slots=True)
class Session:
    """What is restored at the next start. A file that cannot be read is a session without past."""

    screen: str = "dashboard"
    filter: str = ""
    sort: str = ""
    """Name of the column, with a minus for from high to low."""
    project: str | None = None
    columns: tuple[str, ...] = ()
    show_projects: bool | None = None
    """None as long as the user has not said: where there is room for both."""
    saved_filters: tuple[SavedFilter, ...] = ()
    recent_filters: tuple[str, ...] = ()
    recent_directories: tuple[str, ...] = ()
    """Directories that jobs were made of, the latest first."""
    theme: str | None = None
    """The colours that were picked; those of the settings and the command line win."""
    info: Document | None = None
    """A `SchedulerInfo`."""
    seen: dict[str, Seen] = field(default_factory=dict)
    """What each screen with a list showed last, by the name of the screen."""
    seen_by: str = __version__
    """The version that wrote `info` and `seen`; another one may know other fields."""

    @classmethod
    def load(cls, path: Path) -> Session:
        """Read a session; there is always one."""
        try:
            if path.stat().st_size > LARGEST_BYTES:
                return cls()
            data = json.loads(path.read_bytes())
            if not isinstance(data, dict):
                return cls()
            known = {name: _READERS[name](data[name]) for name in _READERS if name in data}
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return cls()
        session = cls(**known)
        if known.get("seen_by") != __version__:
            session.info, session.seen, session.seen_by = None, {}, __version__
        return session

    def save(self, path: Path) -> None:
        """Write the session, whole or not at all. A disk that is full loses nobody's job."""
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_text(json.dumps(asdict(self)), encoding="utf-8")
            temporary.replace(path)


def path_of(home: Home, scheduler: str) -> Path:
    """Where the session of a scheduler config is kept."""
    name = re.sub(r"[^A-Za-z0-9_.@-]", "_", scheduler).lstrip(".")
    return home.run / "sessions" / f"{name}.json"


# -- each raises TypeError when a value is of another kind


def _text(value: Any) -> str:
    return _of_kind(value, str)


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(one) for one in _of_kind(value, list))


def _flag(value: Any) -> bool | None:
    return None if value is None else _of_kind(value, bool)


def _document(value: Any) -> Document | None:
    return None if value is None else _of_kind(value, dict)


def _seen(value: Any) -> Seen:
    return Seen(_documents(_of_kind(value, dict)["jobs"]), _of_kind(value["total"], int))


def _documents(value: Any) -> tuple[Document, ...]:
    return tuple(_of_kind(one, dict) for one in _of_kind(value, list))


def _filters(value: Any) -> tuple[SavedFilter, ...]:
    found = _documents(value)
    return tuple(SavedFilter(_text(one.get("name")), _text(one.get("filter"))) for one in found)


def _of_kind(value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "screen": _text,
    "filter": _text,
    "sort": _text,
    "project": _text_or_none,
    "columns": _texts,
    "show_projects": _flag,
    "saved_filters": _filters,
    "recent_filters": _texts,
    "recent_directories": _texts,
    "theme": _text_or_none,
    "info": _document,
    "seen": lambda value: {name: _seen(one) for name, one in _of_kind(value, dict).items()},
    "seen_by": _text,
}
"""How each field is taken from the file."""
