"""Files that commands write: complete or not at all, and never over another one by mistake."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from foundations.cli.groups import CommandFailed


def refuse_to_replace(path: Path, *, force: bool) -> None:
    """End the command when a file is there that it may not replace.

    Raises:
        CommandFailed: it is there and `force` is not given, or it is no file.
    """
    if not force and (path.exists() or path.is_symlink()):
        raise CommandFailed(f"{path} already exists. Give --force to replace it.")
    if path.exists() and not path.is_file():
        raise CommandFailed(f"{path} is not a file and cannot be replaced.")


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Give a file beside `path` to write to, which takes its name when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        partial = Path(file.name)
        try:
            yield file.file
            file.flush()
            partial.chmod(0o644)
            partial.replace(path)
        except BaseException:
            partial.unlink()
            raise
