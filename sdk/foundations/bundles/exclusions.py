"""Which entries of a directory are left out of its bundle.

Strongest first: `.foundationsignore` files (the deepest one that has something to say), then
`.gitignore` files, then the defaults. All have git's syntax and meaning; only a
`.foundationsignore` can bring back (`!pattern`) what a weaker rule leaves out. As in git, nothing
inside a directory that is left out comes back.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass, replace

OWN_RULES = ".foundationsignore"
GIT_RULES = ".gitignore"

DEFAULT_NAMES = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        "__pycache__",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".ipynb_checkpoints",
        ".DS_Store",
        "node_modules",
    }
)
"""Left out wherever they lie: what tools make again, and histories."""

DEFAULT_SUFFIXES = (".pyc",)
ENVIRONMENT_MARKS = frozenset({"pyvenv.cfg", "conda-meta"})
"""A directory that holds one of these is a Python environment, and is left out."""
ARCHIVE_MARKS = frozenset({"job.json", "archive.json"})
RECORD_MARKS = frozenset({"job.log", "events.jsonl"})
"""A directory that holds both of the former and one of these is the archive of a job, as
`get job` makes it in the current directory, and is left out: it has the project in it again."""

ARCHIVE_FILE = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.tgz")
"""What `get job --archive` calls a file: the id of the job. Its content has to show it too."""

_CHARACTER_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \t",
    "digit": "0-9",
    "lower": "a-z",
    "space": " \t\n\r\v\f",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
_CHARACTER_CLASS = re.compile(r"\[:(\w+):\]")
_SPACES_AT_THE_END = re.compile(r"(?<!\\) +$")
_TAB_AT_THE_END = re.compile(r"\t$")


@dataclass(frozen=True)
class _Rules:
    """The patterns of one ignore file, the last one first."""

    base: str
    """Path of its directory below the top, with `/` at the end; empty for the top."""
    patterns: tuple[tuple[re.Pattern[str], bool], ...]

    def excludes(self, path: str) -> bool | None:
        """Say what the last pattern that fits decides; None when none fits."""
        inside = path[len(self.base) :]
        for pattern, excludes in self.patterns:
            if pattern.fullmatch(inside):
                return excludes
        return None


@dataclass(frozen=True)
class Exclusions:
    """The rules in force in one directory. Paths are relative to the top, `/` after directories."""

    _own: tuple[_Rules, ...] = ()
    _git: tuple[_Rules, ...] = ()

    def extended(self, base: str, *, own: bytes | None, git: bytes | None) -> Exclusions:
        """Return the rules for a directory below, given the contents of its ignore files."""
        rules = self
        if own and (parsed := _parse(base, own)).patterns:
            rules = replace(rules, _own=(parsed, *rules._own))
        if git and (parsed := _parse(base, git)).patterns:
            rules = replace(rules, _git=(parsed, *rules._git))
        return rules

    def exclude(self, path: str) -> bool:
        """Say whether an entry is left out."""
        own = _first_decision(self._own, path)
        if own is not None:
            return own
        if _first_decision(self._git, path):
            return True
        name = path.rstrip("/").rpartition("/")[2]
        return name in DEFAULT_NAMES or name.endswith(DEFAULT_SUFFIXES)

    def exclude_contents(self, path: str, names: Collection[str]) -> bool:
        """Say whether a directory is left out for what it holds."""
        if ENVIRONMENT_MARKS.isdisjoint(names) and not _are_an_archive(names):
            return False
        return _first_decision(self._own, path) is not False

    def exclude_archive(self, path: str) -> bool:
        """Say whether a file is left out if it holds the archive of a job."""
        if not ARCHIVE_FILE.fullmatch(path.rpartition("/")[2]):
            return False
        return _first_decision(self._own, path) is not False


def _are_an_archive(names: Collection[str]) -> bool:
    return ARCHIVE_MARKS.issubset(names) and not RECORD_MARKS.isdisjoint(names)


def _first_decision(files: tuple[_Rules, ...], path: str) -> bool | None:
    for rules in files:
        decision = rules.excludes(path)
        if decision is not None:
            return decision
    return None


def _parse(base: str, content: bytes) -> _Rules:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    patterns: list[tuple[re.Pattern[str], bool]] = []
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    for line in text.split("\n"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                compiled = GitIgnoreSpec.from_lines([_anchored(line.removesuffix("\r"))]).patterns
        except (GitIgnorePatternError, re.error):
            continue  # As git does with a pattern that makes no sense.
        patterns += [(p.regex, p.include) for p in compiled if p.regex and p.include is not None]
    return _Rules(base, tuple(reversed(patterns)))


def _anchored(line: str) -> str:
    """Rewrite a pattern to an equal one that pathspec turns into a match of the whole path.

    It shortens patterns that end in `*` to ones that also match by a parent directory. Here each
    level is judged by itself, on the way down, because that is what git does.
    """
    line = _SPACES_AT_THE_END.sub("", line)
    line = _TAB_AT_THE_END.sub("[\t]", line)
    line = _CHARACTER_CLASS.sub(lambda m: _CHARACTER_CLASSES.get(m[1], ""), line)
    negation, pattern = ("!", line[1:]) if line.startswith("!") else ("", line)
    pattern, slash = (pattern[:-1], "/") if pattern.endswith("/") else (pattern, "")
    start, separator, last = pattern.rpartition("/")
    if last == "*" or pattern == "**":
        last = "?*"
    elif last == "**":
        last = "**/?*"
    return negation + start + separator + last + slash
