"""A job's own directory: made from its bundle, complete or not there, and removed."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from atlas_scheduler.store.files import remove_tree
from atlas_scheduler.store.reflink import copy_file
from foundations.bundles.unpack import Manifest
from foundations.parameters import PARAMETERS_FILE

SOURCE = "job_source"
RECORDS = "records"
ARTIFACTS = "artifacts"
HOME = "home"
_LARGEST_READ_BYTES = 1 << 16


def make_work_dir(
    job_dir: Path,
    *,
    tree: Path,
    manifest: Manifest,
    params: Mapping[str, JsonValue],
    boot_id: str,
) -> None:
    """Make a job's directory with its copy of a bundle.

    One that is complete is left as it is, because the job may be running in it: whether it is
    says a mark beside it, out of the job's reach. One left half-made by a crash is made again,
    and so is one from before a restart of the machine, whose content may not have reached the disk.

    Args:
        job_dir: the directory.
        tree: the unpacked bundle.
        manifest: what is in `tree`.
        params: written into the copy when there are any, in place of a file of the user's.
        boot_id: the current boot.
    """
    mark = mark_of(job_dir)
    if job_dir.is_dir() and _text_of(mark) == boot_id:
        return
    remove_work_dir(job_dir)
    job_dir.parent.mkdir(parents=True, exist_ok=True)
    job_dir.mkdir(mode=0o700)
    for name in (SOURCE, RECORDS, ARTIFACTS, HOME):
        (job_dir / name).mkdir()
    _copy_tree(tree, job_dir / SOURCE, manifest)
    if params and not _says(job_dir / SOURCE / PARAMETERS_FILE, params):
        _write_parameters(job_dir / SOURCE / PARAMETERS_FILE, params)
    mark.parent.mkdir(exist_ok=True)
    mark.write_text(boot_id)


def remove_work_dir(job_dir: Path) -> None:
    """Remove a job's directory, whatever the job made of it; a missing one is fine.

    Raises:
        OSError: something in it belongs to another user; all the rest is removed.
    """
    mark_of(job_dir).unlink(missing_ok=True)
    remove_tree(job_dir)
    remove_tree(renewed_dir(job_dir))


def mark_of(job_dir: Path) -> Path:
    """What says that a job's directory is complete, and since which boot of the machine."""
    return job_dir.parent / ".made" / job_dir.name


def made_ns(job_dir: Path) -> int | None:
    """When a job's directory was complete, in ns by its file system's clock; None if unknown."""
    with contextlib.suppress(OSError):
        return mark_of(job_dir).stat().st_mtime_ns
    return None


def renewed_dir(job_dir: Path) -> Path:
    """Where the directory of a further attempt is made before it takes its place."""
    return job_dir.parent / ".renewed" / job_dir.name


def _text_of(path: Path) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    return None


def _copy_tree(tree: Path, destination: Path, manifest: Manifest) -> None:
    """Copy the files of a manifest; the tree is ours, so that paths may be used."""
    source_prefix, prefix = f"{tree}/", f"{destination}/"
    for path in manifest.directories:
        Path(prefix + path).mkdir(mode=0o755)
    for path, (size_bytes, mtime_ns, mode) in manifest.files.items():
        source = os.open(source_prefix + path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            copy = os.open(prefix + path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            try:
                copy_file(source, copy, size_bytes)
                os.fchmod(copy, mode)
                os.utime(copy, ns=(mtime_ns, mtime_ns))
            finally:
                os.close(copy)
        finally:
            os.close(source)


def _says(path: Path, params: Mapping[str, JsonValue]) -> bool:
    """Whether the user's file holds these parameters already: then it is none that was changed."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if path.stat().st_size <= _LARGEST_READ_BYTES:
            return json.dumps(json.loads(path.read_bytes())) == json.dumps(params)
    return False


def _write_parameters(path: Path, params: Mapping[str, JsonValue]) -> None:
    if path.is_dir():
        remove_tree(path)
    path.unlink(missing_ok=True)
    path.write_text(json.dumps(params, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")
