"""Puts a job's archive on disk: complete under its name, or not there at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from foundations.bundles.tarball_writer import encode_member
from foundations.errors import ConfigError

_GZIP = 16 + zlib.MAX_WBITS
_HEAD_BYTES = 4096


def store_archive(chunks: Iterable[bytes], target: Path) -> None:
    """Write an archive as one file."""
    with _workplace(target) as place:
        packed = place / target.name
        with packed.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        packed.replace(target)


def unpack_archive(
    chunks: Iterable[bytes], target: Path, *, job_id: str, part: PurePosixPath | None = None
) -> None:
    """Unpack an archive, or a part of it, to a directory, in place of what is there.

    Raises:
        BundleError: it cannot be unpacked.
        ConfigError: it has no such part.
    """
    from foundations.bundles.unpack import RETRIEVED, unpack

    with _workplace(target) as place:
        whole = place / "whole"
        whole.mkdir()
        unpack(chunks, whole, limits=RETRIEVED, links=True, as_user=True)
        result = whole / job_id
        if part is not None:
            result = _pick(result, part, place / "part")
        if target.exists() or target.is_symlink():
            target.rename(place / "replaced")
        result.rename(target)


def holds_archive(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is what `store_archive` wrote, and still has the job's id for a name."""
    beginning = encode_member(Path(path).stem, kind="directory")
    try:
        with Path(path).open("rb") as file:
            packed = file.read(_HEAD_BYTES)
        return zlib.decompressobj(_GZIP).decompress(packed, len(beginning)) == beginning
    except (OSError, zlib.error):
        return False


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """Make a directory beside the target, from which the finished result is renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield place
    finally:
        shutil.rmtree(place)


def _pick(archive: Path, part: PurePosixPath, result: Path) -> Path:
    """Move one part, of the archive or of the project inside it, to a directory of its own."""
    for path in (part, PurePosixPath("source") / part):
        if (archive / path).exists():
            (result / path).parent.mkdir(parents=True)
            (archive / path).rename(result / path)
            return result
    names = ", ".join(sorted(entry.name for entry in archive.iterdir()))
    raise ConfigError(f"The archive has no `{part}`. It has: {names}.")
