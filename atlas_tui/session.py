"""Where the user left off with a scheduler, kept between sessions; and the last view of it."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from foundations.home import Home
from foundations.models import JobView, SchedulerInfo

KEPT_JOBS = 60
"""Jobs of the last view: a screenful for the first moment of the next session."""
LARGEST_BYTES = 4_000_000


class SavedFilter(BaseModel):
    """A filter that the user has named."""

    name: str
    filter: str


class Session(BaseModel):
    """What is restored at the next start. A file that cannot be read is a session without past."""

    model_config = ConfigDict(extra="ignore")

    screen: str = "dashboard"
    filter: str = ""
    sort: str = ""
    """Name of the column, with a minus for from high to low."""
    project: str | None = None
    columns: tuple[str, ...] = ()
    show_projects: bool = True
    spark: str | None = None
    """The metric that is drawn small in the list."""
    saved_filters: tuple[SavedFilter, ...] = ()
    recent_filters: tuple[str, ...] = ()
    info: SchedulerInfo | None = None
    jobs: tuple[JobView, ...] = ()
    """What the dashboard showed last."""
    total: int = 0

    @classmethod
    def load(cls, path: Path) -> Session:
        """Read a session; there is always one."""
        try:
            if path.stat().st_size > LARGEST_BYTES:
                return cls()
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return cls()

    def save(self, path: Path) -> None:
        """Write the session, whole or not at all. A disk that is full loses nobody's job."""
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_text(self.model_dump_json(), encoding="utf-8")
            temporary.replace(path)


def path_of(home: Home, scheduler: str) -> Path:
    """Where the session of a scheduler config is kept."""
    name = re.sub(r"[^A-Za-z0-9_.@-]", "_", scheduler).lstrip(".")
    return home.run / "sessions" / f"{name}.json"
