"""The packages that a job imports without having them installed."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import tempfile
from pathlib import Path

from foundations.home import Home

JOB_SIDE_PACKAGES = ("foundations", "atlas_worker")
_NOT_FOR_JOBS = shutil.ignore_patterns("__pycache__", "images", "py.typed")


def install_library(home: Home) -> Path:
    """Copy the job-side packages below the home, once a version.

    Jobs see the copy, so that an upgrade of Atlas changes nothing under a running job, and so that
    an engine that cannot read the installed files (another user, another namespace) reads these.

    Returns:
        The directory to put on the job's `PYTHONPATH`.
    """
    sources = [_source(name) for name in JOB_SIDE_PACKAGES]
    library = home.library(_digest(sources))
    if library.is_dir():
        return library
    library.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=library.parent))
    partial.chmod(0o755)
    for source in sources:
        shutil.copytree(source, partial / source.name, ignore=_NOT_FOR_JOBS)
    try:
        partial.rename(library)
    except OSError:
        shutil.rmtree(partial)
        if not library.is_dir():
            raise
    return library


def _source(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"Atlas is not completely installed: package {name} is missing")
    return Path(spec.origin).parent


def _digest(sources: list[Path]) -> str:
    seen = hashlib.sha256()
    for source in sources:
        for path in sorted(source.rglob("*.py")):
            seen.update(f"{source.name}/{path.relative_to(source)}\0".encode())
            seen.update(hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()[:16]
