"""What an archive may hold: sizes, counts and names. Packing and unpacking share these rules."""

from __future__ import annotations

import re
from typing import NamedTuple

MIB = 1024**2
GIB = 1024**3

LONGEST_PART_BYTES = 255
"""What file systems allow for one part of a path."""

_LONGEST_QUOTE = 200
# Besides control characters: separators of lines, and what reverses the direction of text.
_FORBIDDEN_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_DRIVE = re.compile("[A-Za-z]:")


class Limits(NamedTuple):
    """How much an archive may hold. The defaults are those for bundles."""

    compressed_bytes: int = 32 * GIB
    """Of the packed file."""
    expanded_bytes: int = 100 * GIB
    """Of the whole stream in it, headers and padding counted."""
    ratio: int = 250
    """Expanded to compressed; checked once the expanded part is large. The packer reaches 230."""
    members: int = 200_000
    """Files, directories and links. What a bundle costs grows with them: of so many small files
    the client takes some 400 MB of memory and the scheduler as much, and while that reads their
    listing, its other answers are late by up to half a second."""
    file_bytes: int = 64 * GIB
    """Of one file."""
    header_bytes: int = MIB
    """Of all extended headers before one member."""
    depth: int = 100
    """Parts of one path."""
    path_bytes: int = 2048
    """Of one path, in UTF-8."""


def name_problem(path: str, limits: Limits) -> str | None:
    """Say what is wrong with a member's path (parts joined with `/`); None when it is fine.

    Fine is what any system can store as it is: relative, no `..`, no control characters, no
    backslash. Neither case nor Unicode form is judged: two names that differ only in those are
    two files where the file system says so, and a clash where it does not.
    """
    if not path:
        return "its name is empty"
    try:
        size_bytes = len(path.encode())
    except UnicodeEncodeError:
        return "its name is not valid UTF-8"
    if size_bytes > limits.path_bytes:
        return f"its path is longer than {limits.path_bytes} bytes"
    if _FORBIDDEN_CHARACTER.search(path):
        return "its name has a control character"
    if "\\" in path:
        return "its name has a backslash"
    if path.startswith("/"):
        return "its path is absolute"
    if _DRIVE.match(path):
        return "its path starts with a drive letter"
    return _parts_problem(path.split("/"), limits)


def _parts_problem(parts: list[str], limits: Limits) -> str | None:
    if len(parts) > limits.depth:
        return f"it lies more than {limits.depth} levels deep"
    for part in parts:
        if part in ("", ".", ".."):
            return f"its path has the part {quoted(part)}"
        if len(part.encode()) > LONGEST_PART_BYTES:
            return f"a part of its path is longer than {LONGEST_PART_BYTES} bytes"
    return None


def link_problem(path: str, target: str, limits: Limits) -> str | None:
    """Say why a symbolic link may not be made; None when it is relative and stays inside.

    `..` is fine only at the start: after another part it would be taken from wherever a link
    of that name leads.
    """
    parts = target.split("/")
    ups = 0
    while ups < len(parts) and parts[ups] == "..":
        ups += 1
    rest = "/".join(parts[ups:])
    if ups > path.count("/"):
        return "it leads out of the archive"
    if not rest:
        return None if ups else "it leads nowhere"
    problem = name_problem(rest, limits)
    return problem and f"where it leads is not allowed: {problem}"


def quoted(text: str) -> str:
    """Return untrusted text for a message: in quotes, one line, printable, not too long."""
    shown = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
    clean = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in shown
    )
    return f"'{clean}'"
