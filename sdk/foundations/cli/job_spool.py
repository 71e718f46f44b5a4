"""Jobs laid aside in a temporary file, until it is known which columns a table of them has."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

Job = dict[str, Any]

RECORDS = ("parameters", "metrics", "tags")


class JobSpool:
    """Pages of jobs on disk, and the names that the jobs recorded; a context manager."""

    def __init__(self, pages: Iterable[list[Job]]) -> None:
        """Read all pages, one of them in memory at a time."""
        self.names: dict[str, set[str]] = {kind: set() for kind in RECORDS}
        self._file = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - see __exit__
        try:
            for page in pages:
                self._add(page)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> JobSpool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def pages(self) -> Iterator[list[Job]]:
        """The pages again, as they were; one reader at a time."""
        self._file.seek(0)
        for line in self._file:
            yield json.loads(line)

    def _add(self, page: list[Job]) -> None:
        for job in page:
            for kind, names in self.names.items():
                names.update(job[kind])
        self._file.write(json.dumps(page) + "\n")
