"""The files of a job as a tree of lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from foundations.models import FileView


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the tree: a file, or a directory that is open or closed."""

    path: str
    """In the archive; that of a directory ends with `/`."""
    depth: int
    file: FileView | None = None
    """None for a directory."""
    files: int = 0
    """How many files a directory has below it."""
    size_bytes: int = 0
    is_open: bool = True
    is_new: bool = False
    """Whether the job made the file, and did not only change it."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rstrip("/").rpartition("/")[2]


def tree(files: Sequence[FileView], closed: Collection[str], text: str = "") -> list[Entry]:
    """Put files into a tree.

    Args:
        files: of one job.
        closed: paths of directories whose content is not shown; without effect with a `text`.
        text: only files that have it in their path, whatever is closed.
    """
    wanted = text.casefold()
    shown = [one for one in files if wanted in one.path.casefold()]
    sources = {one.path for one in files if one.kind == "source"}
    return list(_level(shown, "", 0, frozenset() if text else frozenset(closed), sources))


def _level(
    files: Sequence[FileView], base: str, depth: int, closed: frozenset[str], sources: set[str]
) -> Iterator[Entry]:
    """What is directly in a directory, in the order of the list, directories first."""
    inner: dict[str, list[FileView]] = {}
    here = []
    for one in files:
        name, slash, _ = one.path[len(base) :].partition("/")
        if slash:
            inner.setdefault(f"{base}{name}/", []).append(one)
        else:
            here.append(one)
    for path, below in inner.items():
        is_open = path not in closed
        size_bytes = sum(one.size_bytes for one in below)
        yield Entry(path, depth, None, len(below), size_bytes, is_open)
        if is_open:
            yield from _level(below, path, depth + 1, closed, sources)
    for one in here:
        is_new = one.kind == "changed" and _as_source(one.path) not in sources
        yield Entry(one.path, depth, one, 1, one.size_bytes, is_new=is_new)


def _as_source(path: str) -> str:
    return "source/" + path.partition("/")[2]
