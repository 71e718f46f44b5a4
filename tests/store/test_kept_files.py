"""The files of a job are listed and opened one by one, while it runs and after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_scheduler.store.archives import Archives
from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.kept_files import KeptFiles
from foundations.errors import NotFound
from foundations.home import Home
from tests.store.projects import stored

pytestmark = pytest.mark.anyio

JOB = "45540b52-ffe2-44ab-9838-db467d3499c0"
PROJECT = {"main.py": "print(1)\n", "data/x.csv": "1,2\n"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def bundles(home: Home) -> Iterator[Bundles]:
    bundles = Bundles(home)
    bundles.sweep()
    yield bundles
    bundles.close()


@pytest.fixture
async def digest(home: Home, bundles: Bundles) -> str:
    """A job that runs in this bundle, and has written this and that."""
    digest = await stored(bundles, PROJECT)
    bundles.materialise(digest, home.job_dir(JOB), {})
    job_dir = home.job_dir(JOB)
    (job_dir / "job_source" / "main.py").write_text("print(2)  # changed\n")
    (job_dir / "job_source" / "out").mkdir()
    (job_dir / "job_source" / "out" / "new.txt").write_text("made")
    (job_dir / "artifacts" / "model.pt").write_bytes(b"weights")
    (job_dir / "records" / "events.jsonl").write_text("{}\n")
    home.archive(JOB).mkdir(parents=True)
    (home.archive(JOB) / "job.log").write_text("hello\n")
    return digest


def paths(files: KeptFiles, digest: str | None) -> dict[str, tuple[str, int]]:
    found, left_out = files.list(JOB, digest)
    assert left_out == 0
    assert len({one.path for one in found}) == len(found)
    return {one.path: (one.kind, one.size_bytes) for one in found}


async def test_a_running_job_has_what_it_got_and_what_it_has_made_so_far(
    home: Home, bundles: Bundles, digest: str
) -> None:
    files = KeptFiles(home, bundles)

    assert paths(files, digest) == {
        "source/data/x.csv": ("source", 4),
        "source/main.py": ("source", 9),
        "changed/main.py": ("changed", 20),
        "changed/out/new.txt": ("changed", 4),
        "artifacts/model.pt": ("artifact", 7),
        "job.log": ("record", 6),
        "events.jsonl": ("record", 3),
    }
    for path, (_, size_bytes) in paths(files, digest).items():
        with files.open(JOB, digest, path) as file:
            assert len(file.read()) == size_bytes
    with files.open(JOB, digest, "source/main.py") as file:
        assert file.read() == b"print(1)\n"


async def test_the_paths_stay_when_the_job_is_archived(
    home: Home, bundles: Bundles, digest: str
) -> None:
    files = KeptFiles(home, bundles)
    before = paths(files, digest)

    Archives(home, bundles).finish(JOB, digest, {"job_id": JOB})

    after = paths(files, digest)
    assert after.keys() - before.keys() == {"job.json", "archive.json"}
    assert {path: after[path] for path in before} == before
    with files.open(JOB, digest, "changed/out/new.txt") as file:
        assert file.read() == b"made"


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "source", "changed", "source/", "source/../main.py", "../job.log", "secret"),
        *("changed/link", "changed/way/main.py", "source/%2E%2E/x", "job.log/x", "source/\0"),
        *("changed/out", "changed/pipe", "home/x"),
    ],
)
async def test_nothing_else_is_opened(
    home: Home, bundles: Bundles, digest: str, path: str, tmp_path: Path
) -> None:
    source = home.job_dir(JOB) / "job_source"
    (source / "link").symlink_to("/etc/passwd")
    (source / "way").symlink_to(source)
    os.mkfifo(source / "pipe")
    (home.archive(JOB) / "secret").write_text("x")
    files = KeptFiles(home, bundles)

    with pytest.raises(NotFound, match="has no file"):
        files.open(JOB, digest, path)
    assert path not in paths(files, digest)


async def test_a_name_that_is_no_text_is_listed_and_opened_by_another(
    home: Home, bundles: Bundles, digest: str
) -> None:
    name = os.fsdecode(b"caf\xe9\n%41.txt")
    (home.job_dir(JOB) / "job_source" / name).write_text("x")
    files = KeptFiles(home, bundles)

    assert "changed/caf%E9%0A%2541.txt" in paths(files, digest)
    with files.open(JOB, digest, "changed/caf%E9%0A%2541.txt") as file:
        assert file.read() == b"x"


async def test_without_its_bundle_the_rest_is_listed(
    home: Home, bundles: Bundles, digest: str
) -> None:
    Archives(home, bundles).finish(JOB, digest, {"job_id": JOB})
    bundles.remove(digest)

    found = paths(KeptFiles(home, bundles), digest)

    assert "changed/main.py" in found
    assert not any(path.startswith("source/") for path in found)
    assert paths(KeptFiles(home, bundles), None) == found
