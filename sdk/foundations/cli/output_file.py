"""Files that commands write: complete or not at all, and never over another one by mistake."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar

import click

from foundations.cli.groups import CommandFailed

F = TypeVar("F", bound=Callable[..., Any])


def output_options(function: F) -> F:
    """Offer `--output` and `--force`, as `save` takes them."""
    function = click.option("--force", is_flag=True, help="Replace a file that is there.")(function)
    return click.option(
        "--output",
        "-o",
        help="File or directory to write to, `-` for standard output. "
        "Default: the current directory.",
    )(function)


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


def save(pieces: Iterable[bytes], output: str | None, *, name: str, force: bool) -> Path | None:
    """Write what the scheduler sends to a file or, for `-`, to standard output.

    Args:
        pieces: what to write.
        output: file or directory; None is the current directory.
        name: of the file in a directory: the last part of what a job chose as a name.
        force: whether to replace a file that is there.

    Returns:
        The file; None for standard output.

    Raises:
        CommandFailed: a file is there that may not be replaced.
    """
    if output == "-":
        _copy(pieces, sys.stdout.buffer)
        return None
    path = _target(output, name)
    refuse_to_replace(path, force=force)
    with written_whole(path) as file:
        _copy(pieces, file)
    return path


def _target(output: str | None, name: str) -> Path:
    path = Path(output or ".")
    # Only the last part of what a job chose as a name: it must not lead anywhere else.
    last = PurePosixPath(name).name
    if path.is_dir():
        return path / (last if last not in ("", "..") else "artifact")
    return path


def _copy(pieces: Iterable[bytes], file: IO[bytes]) -> None:
    for piece in pieces:
        file.write(piece)
    file.flush()
