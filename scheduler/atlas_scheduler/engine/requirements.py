"""The requirements of one job: found where the worker finds them, and told apart by a digest."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from atlas_scheduler.core.requirement_files import (
    Kind,
    Reference,
    asks_for_something,
    expanded,
    is_found_by_links,
    only_pip_reads,
    references,
    uv_settings,
    variables_in,
)
from atlas_scheduler.engine.build_variables import settings_words
from atlas_scheduler.engine.launch import SOURCE, Places, start_dir
from atlas_scheduler.engine.port import Launch, StartRefusedError

FILE_NAME = "requirements.txt"
ALSO = "ATLAS_ALSO_INSTALL"
"""Variable with requirements, separated by spaces, that come to those of the file."""
_LOGIN = re.compile(r"//[^@/\s]+@")
"""What lets somebody in, within a URL."""
LARGEST_BYTES = 10_000_000
"""Largest file of requirements or constraints that is read."""
_OTHER_TEXT = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
"""How text begins that pip reads beside UTF-8."""
_CODING = re.compile(rb"\A(?:#.*\n)?#.*coding[:=]")
"""A first or second line that names another encoding."""


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
    files: tuple[str, ...] = ()
    """What of the project an installation needs, and the digest has; directories end in `/`."""
    variables: frozenset[str] = frozenset()
    """Names of the variables that the files refer to."""
    uv_settings: Mapping[str, str] = field(default_factory=dict)
    """What uv must be told of the files' options, as variables."""

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
        StartRefusedError: the working directory is not there, or what is asked for is not among
            the files of the project.
    """
    source = (launch.job_dir / SOURCE).resolve()
    start = start_dir(launch, places)
    below = posixpath.relpath(start, places.source)
    if below.startswith(".."):
        return None  # outside the project, in the image perhaps
    candidates = (path / FILE_NAME for path in (source / below, source))
    path = next((one for one in candidates if one.is_file()), None)
    return _Reading(source, path, places.source, variables).requirements()


@dataclass(slots=True)
class _Reading:
    """One look at what a job asks for and what belongs to it."""

    source: Path
    path: Path | None
    """The requirements file."""
    job_source: str
    """The work dir, as the job sees it."""
    variables: Mapping[str, str]
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    _seen: set[Path] = field(default_factory=set)
    _files: set[str] = field(default_factory=set)
    _own_reason: str | None = None
    _named_variables: set[str] = field(default_factory=set)
    _uv_settings: dict[str, str] = field(default_factory=dict)

    def requirements(self) -> Requirements | None:
        path = self.path
        if path is not None and not path.resolve().is_relative_to(self.source):
            self._own(f"{path.name} is a link that leads out of the project")
        elif path is not None:
            text = self._text(path)
            if text is not None and not asks_for_something(text):
                path = self.path = None
            else:
                self._include(path)
        also = tuple(self.variables.get(ALSO, "").split())
        if path is None and not also:
            return None
        for one in also:
            self._add("also", one.encode())
            for reference in references(one):
                self._follow(reference, self._directory)
        for name, word in settings_words(self.variables):
            self._follow_setting(name, word)
        return Requirements(
            place="" if path is None else path.relative_to(self.source).as_posix(),
            digest=self._digest.hexdigest(),
            own_reason=self._own_reason,
            also=also,
            files=tuple(sorted(self._files)),
            variables=frozenset(self._named_variables),
            uv_settings=self._uv_settings,
        )

    @property
    def _directory(self) -> Path:
        """Where the installation runs, so that paths start there."""
        return self.source if self.path is None else self.path.parent

    def _include(self, path: Path) -> None:
        if path in self._seen:
            return
        self._seen.add(path)
        text = self._text(path)
        if text is None:
            return
        self._need(path)
        self._add("text", expanded(text, self.variables).encode())
        self._named_variables |= variables_in(text)
        self._uv_settings |= uv_settings(text)
        line = only_pip_reads(text, self.variables)
        if line is not None:
            self._own(f"only pip reads {line!r}")
        for reference in references(expanded(text, self.variables)):
            self._follow(reference, path.parent)

    def _text(self, path: Path) -> str | None:
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST_BYTES + 1)
        except OSError:
            self._own(f"{path.name} cannot be read")
            return None
        if len(content) > LARGEST_BYTES:
            self._own(f"{path.name} is larger than {LARGEST_BYTES // 10**6} MB")
            return None
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if content.startswith(_OTHER_TEXT) or _CODING.match(content):
                self._own(f"{path.name} is not UTF-8")
                return None
            line = content.count(b"\n", 0, error.start) + 1
            raise StartRefusedError(
                f"{path.name} cannot be read: line {line} is not UTF-8 text. Save the file as "
                f"UTF-8."
            ) from None

    def _follow(self, reference: Reference, parent: Path) -> None:
        if reference.kind is Kind.EDITABLE:
            return self._own(f"{reference.target} is installed as editable")
        if reference.is_url:
            return self._own(f"what {reference.target} says may change")
        if reference.kind is Kind.INDEX:
            return self._own(f"its index {reference.target} is a directory")
        # Tools differ in what a path is relative to, so both count.
        found = [self._locate(base, reference.target) for base in (parent, self._directory)]
        inside = [one for one in dict.fromkeys(found) if one is not None]
        present = [one for one in inside if one.exists()]
        if not present:
            if inside and reference.kind is not Kind.FIND_LINKS and not reference.is_conditional:
                raise StartRefusedError(
                    f"The requirements cannot be installed: they name {reference.target}, and what "
                    f"was submitted has no such file. See whether .gitignore or .foundationsignore "
                    f"leave it out."
                )
            return self._own(f"{reference.target} is not a file of the project")
        for place in present:
            self._take(reference.kind, place)

    def _follow_setting(self, name: str, word: str) -> None:
        """Count what a setting of pip or uv names in the project."""
        path = unquote(urlsplit(word).path) if word.lower().startswith("file:") else word
        place = self._locate(self._directory, path)
        if place is None or not place.exists():
            return
        self._add("setting", name.encode())
        if name in ("PIP_CONFIG_FILE", "UV_CONFIG_FILE"):
            self._own(f"{name} is a file of the project")
        elif "CONSTRAINT" in name or "OVERRIDE" in name:
            self._take(Kind.INCLUDE, place)
        elif "INDEX" in name and place.is_dir():
            self._own(f"{name} is a directory of the project")
        else:
            self._take(Kind.FIND_LINKS, place)

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
            self._take_file(place)
        elif kind is Kind.FIND_LINKS:
            self._need(place)
            for one in sorted(place.iterdir()):
                if is_found_by_links(one.name) and one.is_file() and not one.is_symlink():
                    self._take_file(one)
        else:
            self._own("a directory of the project is installed")

    def _take_file(self, place: Path) -> None:
        self._need(place)
        self._add(place.name, _file_digest(place))

    def _need(self, place: Path) -> None:
        name = place.relative_to(self.source).as_posix()
        self._files.add(f"{name}/" if place.is_dir() else name)

    def _own(self, reason: str) -> None:
        self._own_reason = self._own_reason or _LOGIN.sub("//***@", reason)

    def _add(self, name: str, content: bytes) -> None:
        for part in (name.encode(), content):
            self._digest.update(b"%d:" % len(part) + part)


def _file_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, hashlib.sha256).digest()
