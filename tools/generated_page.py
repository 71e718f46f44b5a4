"""A page of the documentation a part of which is made from the code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path


def with_part(page: str, part: str, *, begin: str, end: str) -> str:
    """Put a part between two markers, in place of what stands there.

    Raises:
        ValueError: a marker is missing.
    """
    before, rest = page[: page.index(begin)], page[page.index(begin) :]
    after = rest[rest.index(end) :]
    return f"{before}{begin}\n\n{part}\n\n{after}"


def run(script: str, page: Path, renew: Callable[[str], str], arguments: list[str]) -> int:
    """Renew a page or, with `--check`, say whether it is stale."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"usage: {script} [--check]\n")
        return 2
    text = page.read_text(encoding="utf-8")
    fresh = renew(text)
    if not arguments:
        page.write_text(fresh, encoding="utf-8")
        return 0
    if fresh != text:
        sys.stderr.write(f"docs/{page.name} is stale: run python tools/{script}\n")
        return 1
    return 0
