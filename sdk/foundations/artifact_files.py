"""Copy files to the artifacts of a job, so that none is seen in part and none meets another."""

from __future__ import annotations

import os

from foundations.recorder import warn

TYPE_CHECKING = False  # as in recorder.py
if TYPE_CHECKING:
    from io import FileIO

_LONGEST_FILE_NAME = 200
_PIECE_BYTES = 1024 * 1024


def check(source: str) -> None:
    """Raise OSError, in words, for what is no file that can be read."""
    if os.path.isdir(source):
        text = "{!r} is a directory: save its files, or an archive of it"
        raise IsADirectoryError(text.format(source))
    if not os.path.exists(source):
        raise FileNotFoundError(f"there is no file {source!r}")
    if not os.path.isfile(source):
        raise OSError(f"{source!r} is not a regular file; it cannot be saved")
    with open(source, "rb"):
        return


def place(root: str, key: str, name: str) -> str:
    """Choose where an artifact lies below `root`; the same key and name give the same place.

    That is the file's own name, or for another key a folder of that key, so that files of one
    name never meet, also when several processes of a job save.
    """
    file_name = _file_name(name)
    if key == name and not os.path.isdir(os.path.join(root, file_name)):
        return file_name
    folder = _file_name(key)
    if os.path.isfile(os.path.join(root, folder)):
        folder += "%"  # never the end of a quoted name
    return f"{folder}/{file_name}"


def _file_name(text: str) -> str:
    """Make one component of a path from any text; different texts give different names."""
    quote = "".join
    name = quote(
        one
        if one.isprintable() and one not in "/\\%"
        else quote(f"%{byte:02X}" for byte in one.encode("utf-8", "surrogatepass"))
        for one in text
    )
    if not name.strip("."):
        name = name.replace(".", "%2E") or "%E"
    encoded = name.encode("utf-8")
    if len(encoded) <= _LONGEST_FILE_NAME:
        return name
    from hashlib import sha256

    start = encoded[: _LONGEST_FILE_NAME - 20].decode("utf-8", "ignore")
    return f"{start}%{sha256(encoded).hexdigest()[:16]}"


def copy(source: str, target: str, root: str, *, key: str) -> int:
    """Copy a file so that nobody sees a part of it; return its size in bytes."""
    folder = os.path.dirname(target)
    if os.path.exists(target) and os.path.samefile(source, target):
        return os.stat(target).st_size
    if os.path.exists(target if folder == root else folder):
        warn(f'Artifact "{key}" already exists - overwriting.')
    os.makedirs(folder, exist_ok=True)
    part = os.path.join(root, f".{os.urandom(8).hex()}.part")
    try:
        _copy_content(source, part)
        size_bytes = os.stat(part).st_size
        os.replace(part, target)
    finally:
        if os.path.exists(part):
            os.unlink(part)
    return size_bytes


def _copy_content(source: str, target: str) -> None:
    """Copy a file into a new one: its holes stay holes, where the system can tell of them."""
    status = os.stat(source)
    if not hasattr(os, "SEEK_DATA") or status.st_blocks * 512 >= status.st_size:
        from shutil import copyfile

        copyfile(source, target)
        return
    from foundations.bundles.holes import stretches

    with open(source, "rb", buffering=0) as old, open(target, "wb", buffering=0) as new:
        for start, end in stretches(old.fileno(), status.st_size):
            old.seek(start)
            new.seek(start)
            _copy_bytes(old, new, end - start)
        new.truncate(status.st_size)


def _copy_bytes(old: FileIO, new: FileIO, missing: int) -> None:
    while missing > 0:
        data = old.read(min(missing, _PIECE_BYTES))
        if not data:
            return  # it became shorter; the copy is filled up
        rest = memoryview(data)
        while rest:
            rest = rest[new.write(rest) :]
        missing -= len(data)
