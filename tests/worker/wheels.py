"""Packages to install without any index."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
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
    _pack(folder, "endless-1.0", files)


_TELLING_BACKEND = """
import os, zipfile

def get_requires_for_build_wheel(settings=None):
    return []

def build_wheel(directory, settings=None, metadata=None):
    info = "atlasbuilt-1.0.dist-info"
    files = {{
        "atlasbuilt.py": "told = " + repr({expression}),
        info + "/METADATA": "Metadata-Version: 2.1\\nName: atlasbuilt\\nVersion: 1.0\\n",
        info + "/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        info + "/RECORD": "",
    }}
    name = "atlasbuilt-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""


def make_telling_sdist(folder: Path, expression: str) -> None:
    """Make `atlasbuilt-1.0.tar.gz`, which tells what an expression was there."""
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: atlasbuilt\nVersion: 1.0\n",
        "backend.py": _TELLING_BACKEND.format(expression=expression),
        "pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        ),
    }
    _pack(folder, "atlasbuilt-1.0", files)


_LATE_BACKEND = """
import os, time, zipfile

def get_requires_for_build_wheel(settings=None):
    place = os.environ["TMPDIR"]
    open(os.path.join(place, "late-begun"), "w").close()
    while not os.path.exists(os.path.join(place, "late-go-on")):
        time.sleep(0.05)
    return ["{needs}"]

def build_wheel(directory, settings=None, metadata=None):
    info = "atlaslate-1.0.dist-info"
    files = {{
        "atlaslate.py": "",
        info + "/METADATA": "Metadata-Version: 2.1\\nName: atlaslate\\nVersion: 1.0\\n",
        info + "/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        info + "/RECORD": "",
    }}
    name = "atlaslate-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""


def make_late_sdist(folder: Path, needs: str) -> None:
    """Make `atlaslate-1.0.tar.gz`, which asks for what it needs once `late-go-on` is in $TMPDIR.

    Before that it makes `late-begun` there.
    """
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: atlaslate\nVersion: 1.0\n",
        "backend.py": _LATE_BACKEND.format(needs=needs),
        "pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        ),
    }
    _pack(folder, "atlaslate-1.0", files)


def _pack(folder: Path, stem: str, files: Mapping[str, str]) -> None:
    """Make an sdist, the same bytes for the same files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as packed:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.size = len(text)
            packed.addfile(entry, io.BytesIO(text.encode()))
    (folder / f"{stem}.tar.gz").write_bytes(gzip.compress(content.getvalue(), mtime=0))
