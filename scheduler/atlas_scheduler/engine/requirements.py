"""The requirements of one job: found where the worker finds them, and told apart by a digest."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from atlas_scheduler.core.requirement_files import (
    Kind,
    Reference,
    asks_for_something,
    expanded,
    references,
)
from atlas_scheduler.engine.launch import SOURCE, Places, start_dir
from atlas_scheduler.engine.port import Launch

FILE_NAME = "requirements.txt"
ALSO = "ATLAS_ALSO_INSTALL"
"""Variable with requirements, separated by spaces, that come to those of the file."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a job asks for."""

    place: str
    """The file, relative to the work dir; empty when only `also` is asked for."""
    digest: str
    """Of it, of what it includes, and of the packages of the project that it names."""
    own_reason: str | None = None
    """Why no other job can share what is installed for it; None when one can."""
    also: tuple[str, ...] = ()
    """What is asked for beside the file."""

    @property
    def named(self) -> str:
        """What it is, for people."""
        return " and ".join([*([self.place] if self.place else []), *self.also])


def read_requirements(
    launch: Launch, places: Places, variables: Mapping[str, str]
) -> Requirements | None:
    """Read what a job asks for. Blocks on the disk.

    Args:
        launch: the job, with its work dir made.
        places: where the job finds things.
        variables: what `${NAME}` stands for in the file, and what is asked for beside it.

    Returns:
        None when the job asks for nothing, or only the job itself can find out.

    Raises:
        StartRefusedError: the working directory is not there.
    """
    source = (launch.job_dir / SOURCE).resolve()
    start = start_dir(launch, places)
    below = posixpath.relpath(start, places.source)
    if below.startswith(".."):
        return None  # outside the project, in the image perhaps
    for directory in dict.fromkeys((source / below, source)):
        path = directory / FILE_NAME
        if path.is_file():
            found = _Reading(source, path, places.source, variables).requirements()
            break
    else:
        found = None
    also = tuple(variables.get(ALSO, "").split())
    return _with_more(found, also) if also else found


def _with_more(found: Requirements | None, also: tuple[str, ...]) -> Requirements:
    found = found or Requirements("", "")
    digest = hashlib.sha256("\n".join([found.digest, *also]).encode()).hexdigest()
    return replace(found, digest=digest, also=also)


@dataclass(slots=True)
class _Reading:
    """One look at a requirements file and what belongs to it."""

    source: Path
    path: Path
    job_source: str
    """The work dir, as the job sees it."""
    variables: Mapping[str, str]
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    _seen: set[Path] = field(default_factory=set)
    _own_reason: str | None = None

    def requirements(self) -> Requirements | None:
        text = self._text(self.path)
        if text is not None and not asks_for_something(text):
            return None
        self._include(self.path)
        place = self.path.relative_to(self.source).as_posix()
        return Requirements(place, self._digest.hexdigest(), self._own_reason)

    def _include(self, path: Path) -> None:
        if path in self._seen:
            return
        self._seen.add(path)
        text = self._text(path)
        if text is None:
            return
        self._add("text", text.encode())
        for reference in references(text):
            self._follow(reference, path.parent)

    def _text(self, path: Path) -> str | None:
        try:
            content = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            self._own(f"{path.name} cannot be read as text")
            return None
        return expanded(content, self.variables)

    def _follow(self, reference: Reference, parent: Path) -> None:
        if reference.kind is Kind.EDITABLE:
            return self._own(f"{reference.target} is installed as editable")
        if reference.is_url:
            return self._own(f"what {reference.target} says may change")
        if reference.kind is Kind.INDEX:
            return self._own(f"its index {reference.target} is a directory")
        # Tools differ in what a path is relative to, so both count.
        found = [self._locate(base, reference.target) for base in (parent, self.path.parent)]
        present = list(dict.fromkeys(one for one in found if one is not None and one.exists()))
        if not present:
            return self._own(f"{reference.target} is not a file of the project")
        for place in present:
            self._take(reference.kind, place)

    def _locate(self, base: Path, target: str) -> Path | None:
        """Find a path on this machine; None when it leads out of the project."""
        if target == self.job_source or target.startswith(self.job_source + "/"):
            target = str(self.source) + target.removeprefix(self.job_source)
        try:
            place = (base / target).resolve()
        except (OSError, RuntimeError, ValueError):
            return None
        return place if place.is_relative_to(self.source) else None

    def _take(self, kind: Kind, place: Path) -> None:
        if kind is Kind.INCLUDE:
            self._include(place)
        elif place.is_file():
            self._add(place.name, _file_digest(place))
        elif kind is Kind.FIND_LINKS:
            for one in sorted(place.iterdir()):
                if one.is_file() and one.resolve().is_relative_to(self.source):
                    self._add(one.name, _file_digest(one))
        else:
            self._own("a directory of the project is installed")

    def _own(self, reason: str) -> None:
        self._own_reason = self._own_reason or reason

    def _add(self, name: str, content: bytes) -> None:
        for part in (name.encode(), content):
            self._digest.update(b"%d:" % len(part) + part)


def _file_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, hashlib.sha256).digest()
