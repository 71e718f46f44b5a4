"""What the Docker engine says when it refuses something: its words, each once, none of HTTP's."""

from __future__ import annotations

import re
from itertools import groupby

from docker.errors import APIError

_MOST_CHARACTERS = 1_000
_WRAPPING = re.compile(
    r"(failed to create (task for container|shim task|shim): )?"
    r"(OCI runtime create failed: )?"
    r"(\w+\.go:\d+: starting container process caused: "
    r"|runc create failed: unable to start container process: "
    r"|OCI runtime exec failed: exec failed: (unable to start container process: )?"
    r"|Error: (runc|crun): (exec failed: unable to start container process: )?)?"
)
_KIND_OF_ERROR = re.compile(r": OCI runtime [^:]*( Error: .*)?$")
"""What podman says behind the words of the program that begins containers."""
_ROOT_OF_CONTAINER = re.compile(r"/\S+/(?:overlay2?|overlay-containers|btrfs|zfs)/\S+?/merged(?=/)")


def words_of(error: APIError) -> str:
    """Give what the engine says, in one line without a full stop; never which call it was."""
    words = in_short(error.explanation or "")
    if words:
        return words
    status = error.status_code
    return "it gives no reason" if status is None else f"it answers {status} and gives no reason"


def in_short(text: str) -> str:
    """Take out of what the engine says what it says twice, and who passed it on to whom.

    Directories of the machine that hold the container's files are left out as well: in the
    container, paths begin behind them.
    """
    line = " ".join(text.split()).rstrip(".")
    line = _ROOT_OF_CONTAINER.sub("", _WRAPPING.sub("", line, count=1))
    line = _KIND_OF_ERROR.sub("", line)
    line = ": ".join(part for part, _ in groupby(line.split(": ")) if part != "unknown")
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}…"
