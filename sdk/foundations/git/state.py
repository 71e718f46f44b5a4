"""Asks git about a directory that is submitted: commit, branch, remote, and what is changed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundations.bundles.membership import Membership
from foundations.git.commands import Answer, Git, GitTrouble
from foundations.git.files import Repository
from foundations.git.remotes import chosen_remote, without_credentials
from foundations.provenance import LONGEST_DIFF, MOST_UNTRACKED, GitState

GIT_SECONDS = 2.0
"""Longest that git may take in all; what it has not said by then is missing."""
_CONFIG_BYTES = 1 << 20
_LIST_BYTES = 4 << 20
_MOST_CHANGED_BYTES = 100_000
"""So long (in bytes) may the changed paths be on a command line."""
_STATUS = (
    *("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no"),
    *("--no-renames", "--ignore-submodules=dirty", "--", "."),
)
_UNTRACKED = ("ls-files", "--others", "--exclude-standard", "-z", "--", ".")
_DIFF = (
    *("diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames"),
    *("--relative", "--src-prefix=a/", "--dst-prefix=b/"),
    *("--ignore-submodules=dirty", "--submodule=short", "--"),
)
_LONGEST_WORDS = 4_096


def read_git_state(
    directory: Path, repository: Repository, *, limit_seconds: float = GIT_SECONDS
) -> GitState:
    """Find out what git knows of a directory; what cannot be found out is said in `missing`.

    Args:
        directory: what is submitted.
        repository: the one that it lies in.
        limit_seconds: how long git may take in all.
    """
    inquiry = _Inquiry(directory.resolve(), repository)
    try:
        inquiry.run(Git(directory, deadline=time.monotonic() + limit_seconds))
    except GitTrouble as trouble:
        inquiry.miss("What is changed", trouble)
    return GitState.model_validate(inquiry.found)


def known_without_git(directory: Path, repository: Repository, *, why: str) -> GitState:
    """Say what a repository's files alone tell, and why that is all."""
    inquiry = _Inquiry(directory.resolve(), repository)
    inquiry.miss("What is changed", why)
    return GitState.model_validate(inquiry.found)


@dataclass(frozen=True)
class _Settings:
    """What of the configuration matters."""

    remotes: dict[str, str] = field(default_factory=dict)
    """URL by name."""
    upstreams: dict[str, str] = field(default_factory=dict)
    """Name of the remote by branch."""
    filters: set[str] = field(default_factory=set)
    """Content filters that the repository itself brings."""


class _Inquiry:
    """Puts the answers together."""

    def __init__(self, directory: Path, repository: Repository) -> None:
        head = repository.head()
        place = (
            directory.relative_to(repository.top).as_posix()
            if directory.is_relative_to(repository.top)
            else "."
        )
        self._membership = Membership(directory)
        self._place = "" if place == "." else place
        self._missing: list[str] = []
        self.found: dict[str, Any] = {
            "commit": head.commit,
            "branch": _words(head.branch),
            "directory": _words(self._place),
            "missing": self._missing,
        }

    def miss(self, what: str, why: object) -> None:
        self._missing.append(_words(f"{what} is not known: {why}.") or "")

    def run(self, git: Git) -> None:
        settings = _read_settings(
            git.run("config", "--list", "--show-scope", "-z", limit_bytes=_CONFIG_BYTES)
        )
        # A filter is a program. Only those that the user has set up for all repositories may run.
        git.disarm(settings.filters)
        status = git.begin(*_STATUS, limit_bytes=_LIST_BYTES)
        try:
            untracked = git.begin(*_UNTRACKED, limit_bytes=_LIST_BYTES)
        except GitTrouble:
            status.end()
            raise
        try:
            changed = self._take_status(status.answer(), settings)
        except GitTrouble:
            untracked.end()
            raise
        try:
            self._take_untracked(_names(untracked.answer()))
        except GitTrouble as trouble:
            self.miss("Which files are untracked", trouble)
        if not changed:
            return
        if self.found["commit"] is None:
            self.miss("What is changed", "the repository has no commit yet")
            return
        try:
            self._take_diff(git, changed)
        except GitTrouble as trouble:
            self.miss("The diff", trouble)

    def _take_status(self, answer: Answer, settings: _Settings) -> list[str]:
        """Note what is checked out; return the changed paths in the bundle."""
        changed = []
        for entry in _names(answer):
            kind, _, rest = entry.partition(" ")
            if kind == "#":
                self._take_header(rest)
            elif kind in _FIELDS_BEFORE_PATH:
                path = rest.split(" ", _FIELDS_BEFORE_PATH[kind])[-1]
                inside = path.removeprefix(f"{self._place}/" if self._place else "")
                if self._membership.has(inside):
                    changed.append(inside)
        self.found["dirty"] = bool(changed)
        url = chosen_remote(settings.remotes, settings.upstreams.get(self.found["branch"] or ""))
        self.found["remote"] = None if url is None else _words(without_credentials(url))
        return changed

    def _take_header(self, header: str) -> None:
        name, _, value = header.partition(" ")
        if name == "branch.oid":
            self.found["commit"] = None if value == "(initial)" else value
        elif name == "branch.head":
            self.found["branch"] = None if value == "(detached)" else _words(value)

    def _take_untracked(self, paths: Iterable[str]) -> None:
        packed = [path for path in paths if self._membership.has(path)]
        self.found["untracked"] = tuple(_words(path) for path in packed[:MOST_UNTRACKED])
        self.found["untracked_left_out"] = max(0, len(packed) - MOST_UNTRACKED)

    def _take_diff(self, git: Git, changed: list[str]) -> None:
        given = list(_short_enough(changed))
        answer = git.run(*_DIFF, *given, limit_bytes=LONGEST_DIFF)
        # NUL and broken characters have no place in a text; the bundle has the very bytes.
        text = answer.output.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        self.found["diff"] = text
        self.found["diff_is_cut"] = answer.is_cut or len(given) < len(changed)


_FIELDS_BEFORE_PATH = {"1": 7, "u": 9}
"""Of the entries of `git status --porcelain=v2`, after the kind."""


def _names(answer: Answer) -> list[str]:
    """Split what ends with NULs; a last one that is cut off is left out."""
    return answer.output.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _short_enough(paths: Iterable[str]) -> Iterator[str]:
    total_bytes = 0
    for path in paths:
        total_bytes += len(path.encode("utf-8", "surrogateescape")) + 1
        if total_bytes > _MOST_CHANGED_BYTES:
            return
        yield path


def _words(text: str | None) -> str | None:
    """Make a text of what git or the file system calls something."""
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode("utf-8")[:_LONGEST_WORDS]


def _read_settings(answer: Answer) -> _Settings:
    if answer.is_cut:
        raise GitTrouble("the repository's configuration is too long")
    found = _Settings()
    words = answer.output.decode("utf-8", "surrogateescape").split("\0")
    for scope, setting in zip(words[::2], words[1::2], strict=False):
        key, _, value = setting.partition("\n")
        section, _, rest = key.partition(".")
        name, _, variable = rest.rpartition(".")
        if section == "filter" and scope not in ("system", "global"):
            found.filters.add(name)
        elif section == "remote" and variable == "url":
            found.remotes.setdefault(name, value)
        elif section == "branch" and variable == "remote":
            found.upstreams[name] = value
    return found
