"""Whether a path goes into a bundle is said as packing decides it."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_scheduler.store.archive_stream import ArchiveStream
from foundations.bundles.membership import Membership
from foundations.bundles.project_files import ProjectFiles
from foundations.bundles.rules import Limits
from tests.foundations.repositories import write

FILES = {
    ".gitignore": "*.log\n/data/\n!keep.log\n",
    ".foundationsignore": "secret*\n!data/\n",
    "main.py": "",
    "a.log": "",
    "keep.log": "",
    "secret.txt": "",
    "data/x.csv": "",
    "data/x.pyc": "",
    "deep/.foundationsignore": "*\n!in/\n!kept.py\n",
    "deep/kept.py": "",
    "deep/lost.py": "",
    "deep/in/kept.py": "",
    "venv/pyvenv.cfg": "",
    "venv/lib/x.py": "",
    "45540b52/job.json": "",
    "45540b52/archive.json": "",
    "45540b52/events.jsonl": "",
    "45540b52/source/main.py": "",
    "node_modules/x/y.js": "",
    "__pycache__/z.py": "",
}


def test_it_is_what_packing_takes(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    job_id = "45540b52-ffe2-44ab-9838-db467d3499c0"
    archive = b"".join(ArchiveStream(job_id, directories=()).pieces())
    (tmp_path / f"{job_id}.tgz").write_bytes(archive)
    (tmp_path / "data" / f"{job_id}.tgz").write_bytes(b"data of the user's")
    scan = ProjectFiles(tmp_path, limits=Limits())
    packed = {entry.path for entry in scan.entries() if not entry.is_directory}
    membership = Membership(tmp_path)

    names = {*FILES, f"{job_id}.tgz", f"data/{job_id}.tgz"}
    assert {name for name in names if membership.has(name)} == packed
    assert packed > {f"data/{job_id}.tgz", "main.py", "data/x.csv", "deep/in/kept.py", "keep.log"}


@pytest.mark.parametrize(
    ("path", "has"),
    [
        ("gone.py", True),
        ("gone/deep/down.py", True),
        ("secret.gone", False),
        ("node_modules/gone.js", False),
        ("venv/", False),
        ("deep/", True),
        ("a/" * 1500 + "b", True),
    ],
)
def test_a_path_that_is_not_there_is_judged_too(tmp_path: Path, path: str, has: bool) -> None:
    write(tmp_path, FILES)

    assert Membership(tmp_path).has(path) is has
