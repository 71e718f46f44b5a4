"""The lines that a search in a log finds, asked for answer by answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from foundations.models import LogLine, LogSearch

if TYPE_CHECKING:
    from foundations.client import Client


def found_lines(client: Client, ref: str, search: LogSearch) -> Iterator[LogLine]:
    """Yield the matches and their context to the end of what there is of the log.

    Raises:
        InvalidRequest: the pattern cannot be used.
    """
    while True:
        found = client.search_log(ref, search)
        yield from found.lines
        if found.ended:
            return
        search = search.model_copy(update={"offset": found.next_offset})
