"""Packages to install without any index."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path


def make_wheel(folder: Path, name: str, version: str) -> None:
    """Make a wheel of one module that knows its version; the same bytes each time."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(zipfile.ZipInfo(path), text)


def make_endless_sdist(folder: Path) -> None:
    """Make `endless-1.0.tar.gz`, a package that takes for ever to be built."""
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: endless\nVersion: 1.0\n",
        "backend.py": (
            "import signal\n"
            "def get_requires_for_build_wheel(settings=None):\n"
            "    signal.pause()\n"
            "def build_wheel(directory, settings=None, metadata=None):\n"
            "    raise SystemExit\n"
        ),
        "pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        ),
    }
    with tarfile.open(folder / "endless-1.0.tar.gz", "w:gz") as sdist:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"endless-1.0/{name}")
            entry.size = len(text)
            sdist.addfile(entry, io.BytesIO(text.encode()))
