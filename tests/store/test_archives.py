"""Archives: what a job left is kept, whatever the job made of its directory."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from atlas_scheduler.store.archives import Archives
from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.files import remove_tree
from foundations.bundles.unpack import RETRIEVED, Manifest, unpack
from foundations.errors import NotFound, ServerFault, StorageFull
from foundations.home import Home
from foundations.retrieval import unpack_archive
from tests.store.disks import mounted_disk
from tests.store.interruptions import (
    SimulatedCrash,
    crash_at,
    disk_full_from,
    one_removal_refused,
)
from tests.store.projects import FILES, files_in, stored, write_tree

JOB = "45540b52-ffe2-44ab-9838-db467d3499c0"
RECORD = {"job_id": JOB, "state": "completed"}


@dataclass
class Finished:
    """A home with one job whose bundle is stored and whose directory is made."""

    home: Home
    bundles: Bundles
    archives: Archives
    digest: str

    @property
    def source(self) -> Path:
        return self.home.job_dir(JOB) / "job_source"

    @property
    def archive(self) -> Path:
        return self.home.archive(JOB)

    def finish(self) -> dict[str, Any]:
        self.archives.finish(JOB, self.digest, RECORD)
        return self.summary()

    def summary(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.archive / "archive.json").read_text())
        return content

    def retrieve(self, destination: Path) -> Manifest:
        """Do what `get job` does."""
        destination.mkdir()
        pieces = self.archives.stream(JOB, self.digest)
        return unpack(pieces, destination, limits=RETRIEVED, links=True)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def job(home: Home) -> Iterator[Finished]:
    bundles = Bundles(home)
    bundles.sweep()
    digest = asyncio.run(stored(bundles))
    bundles.materialise(digest, home.job_dir(JOB), {})
    yield Finished(home, bundles, Archives(home, bundles), digest)
    bundles.close()


def work(job: Finished) -> None:
    """Do what a usual job does: change, create, delete, record, save."""
    (job.source / "main.py").write_text("changed")
    (job.source / "data" / "a.csv").unlink()
    write_tree(job.source, {"out/result.txt": "42", "src/__pycache__/model.pyc": "cache"})
    (job.source / "latest").symlink_to("out/result.txt")
    write_tree(
        job.home.job_dir(JOB),
        {
            "artifacts/model.pt": "weights",
            "artifacts/plots/a.png": "png",
            "records/events.jsonl": "{}\n",
            "home/.cache/x": "cache",
        },
    )
    write_tree(job.archive, {"job.log": "output\n"})


def test_an_archive_keeps_what_the_job_changed(job: Finished) -> None:
    work(job)
    summary = job.finish()
    del summary["finished_at"]
    assert summary == {
        "changed": ["main.py", "out/result.txt"],
        "deleted": ["data/a.csv"],
        "links": {"latest": "out/result.txt"},
        "skipped": {},
        "bundle": job.digest,
    }
    kept = files_in(job.archive)
    del kept["archive.json"]
    assert json.loads(kept.pop("job.json")) == RECORD
    assert kept == {
        "job.log": "output\n",
        "events.jsonl": "{}\n",
        "changed/main.py": "changed",
        "changed/out/result.txt": "42",
        "changed/latest": "42",
        "artifacts/model.pt": "weights",
        "artifacts/plots/a.png": "png",
    }
    assert job.archives.is_complete(JOB)
    assert not job.home.job_dir(JOB).exists()


def test_a_job_that_changed_nothing_has_an_archive(job: Finished) -> None:
    summary = job.finish()
    assert (summary["changed"], summary["deleted"], summary["links"]) == ([], [], {})


def test_a_job_that_never_ran_has_an_archive(job: Finished) -> None:
    shutil.rmtree(job.home.job_dirs)
    summary = job.finish()
    assert (summary["changed"], summary["deleted"]) == ([], [])


def test_a_file_counts_as_changed_by_content_not_by_time(job: Finished) -> None:
    os.utime(job.source / "main.py", (1, 1))
    (job.source / "src" / "model.py").write_text("y = 1\n")
    (job.source / "run.sh").chmod(0o600)
    assert job.finish()["changed"] == ["run.sh", "src/model.py"]


def test_a_change_is_kept_whose_time_the_job_set_back(job: Finished) -> None:
    path = job.source / "main.py"
    before = path.stat()
    path.write_bytes(b"#" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert job.finish()["changed"] == ["main.py"]


def test_directories_that_the_job_made_are_kept_though_empty(job: Finished, tmp_path: Path) -> None:
    (job.source / "checkpoints" / "old").mkdir(parents=True)
    (job.source / "data" / "new").mkdir()
    (job.home.job_dir(JOB) / "artifacts" / "plots").mkdir()
    summary = job.finish()
    assert (summary["changed"], summary["skipped"]) == ([], {})
    job.retrieve(tmp_path / "got")
    got = tmp_path / "got" / JOB
    kept = [*(got / "changed").rglob("*"), *(got / "artifacts").rglob("*")]
    assert sorted(str(path.relative_to(got)) for path in kept) == [
        "artifacts/plots",
        "changed/checkpoints",
        "changed/checkpoints/old",
        "changed/data",
        "changed/data/new",
    ]


def test_what_is_fetched_has_the_rights_that_the_umask_leaves_of_those_it_had(
    job: Finished, tmp_path: Path
) -> None:
    for name, mode in (("key", 0o600), ("shared", 0o640), ("tool", 0o711), ("own-tool", 0o700)):
        (job.source / name).touch()
        (job.source / name).chmod(mode)
    job.finish()
    modes = {}
    for umask in (0o022, 0o027):
        before = os.umask(umask)
        try:
            place = tmp_path / f"{umask:o}"
            place.mkdir()
            pieces = job.archives.stream(JOB, job.digest)
            unpack_archive(pieces, place / "got", job_id=JOB)
        finally:
            os.umask(before)
        got = place / "got" / "changed"
        modes[umask] = {path.name: path.stat().st_mode & 0o777 for path in got.iterdir()}
        modes[umask]["changed"] = got.stat().st_mode & 0o777
    private = {"key": 0o600, "own-tool": 0o700}
    assert modes == {
        0o022: {**private, "shared": 0o644, "tool": 0o755, "changed": 0o755},
        0o027: {**private, "shared": 0o640, "tool": 0o750, "changed": 0o750},
    }


def test_an_archive_without_its_bundle_keeps_everything(job: Finished) -> None:
    job.bundles.remove(job.digest)
    assert job.finish()["changed"] == sorted(FILES)


def test_get_job_gives_all_of_it(job: Finished, tmp_path: Path) -> None:
    work(job)
    job.finish()
    manifest = job.retrieve(tmp_path / "got")
    got = files_in(tmp_path / "got" / JOB)
    for name in ("archive.json", "job.json"):
        assert json.loads(got.pop(name))
    assert got == {
        **{f"source/{name}": content for name, content in FILES.items()},
        "changed/main.py": "changed",
        "changed/out/result.txt": "42",
        "changed/latest": "42",
        "artifacts/model.pt": "weights",
        "artifacts/plots/a.png": "png",
        "job.log": "output\n",
        "events.jsonl": "{}\n",
    }
    assert manifest.links == {f"{JOB}/changed/latest": "out/result.txt"}
    assert manifest.files[f"{JOB}/source/run.sh"][2] == 0o755
    source = job.bundles.tree(job.digest) / "main.py"
    assert (tmp_path / "got" / JOB / "source" / "main.py").stat().st_mtime == source.stat().st_mtime


def test_get_job_works_after_a_restart_of_the_machine(job: Finished, tmp_path: Path) -> None:
    job.finish()
    bundles = Bundles(job.home, boot_id="next boot")
    pieces = Archives(job.home, bundles).stream(JOB, job.digest)
    (tmp_path / "got").mkdir()
    unpack(pieces, tmp_path / "got", limits=RETRIEVED, links=True)
    assert (tmp_path / "got" / JOB / "source" / "main.py").exists()
    bundles.close()


def test_there_is_nothing_to_get_of_an_unknown_job(job: Finished) -> None:
    with pytest.raises(NotFound):
        job.archives.stream("unknown", job.digest)


def test_a_large_archive_is_sent_in_constant_memory(job: Finished) -> None:
    with (job.source / "large").open("wb") as file:
        for _ in range(30):
            file.write(random.Random(1).randbytes(1_000_000))
    job.finish()
    tracemalloc.start()
    largest = max(len(piece) for piece in job.archives.stream(JOB, job.digest))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert largest < 1_000_000
    assert peak < 4_000_000


def test_a_stream_that_nobody_reads_to_the_end_lets_go_of_its_files(job: Finished) -> None:
    write_tree(job.source, {f"deep/{n}/file": "x" * 100_000 for n in range(5)})
    job.finish()
    before = len(list(Path("/proc/self/fd").iterdir()))
    stream = job.archives.stream(JOB, job.digest)
    next(stream)
    stream.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


Hostile = Callable[[Finished], None]


def nothing(job: Finished) -> None:
    """Leave everything as it is."""


def replace_by_link(*parts: str) -> Hostile:
    """Put a link to a directory of somebody else where Atlas looks."""

    def act(job: Finished) -> None:
        place = job.home.job_dir(JOB).joinpath(*parts)
        remove_tree(place)
        place.symlink_to(job.home.root.parent / "outside")

    act.__name__ = f"link_at_{'_'.join(parts) or 'top'}"
    return act


def replace_by_file(*parts: str) -> Hostile:
    def act(job: Finished) -> None:
        place = job.home.job_dir(JOB).joinpath(*parts)
        remove_tree(place)
        place.write_text("file")

    act.__name__ = f"file_at_{'_'.join(parts)}"
    return act


def links_everywhere(job: Finished) -> None:
    outside = str(job.home.root.parent / "outside")
    targets = [outside, f"{outside}/secret", "/etc/passwd", "/", "..", ".", "loop", "../" * 9]
    for number, target in enumerate(targets):
        (job.source / f"link{number}").symlink_to(target)
        (job.home.job_dir(JOB) / "artifacts" / f"link{number}").symlink_to(target)
    (job.source / "loop").symlink_to("loop")
    shutil.rmtree(job.source / "src")
    (job.source / "src").symlink_to(outside)


def closed(job: Finished) -> None:
    for top in (job.source, job.home.job_dir(JOB) / "artifacts"):
        write_tree(top, {"shut/a/b": "b", "readonly/c": "c", "write-only/d": "d", "file": "f"})
        (top / "file").chmod(0)
        (top / "shut" / "a").chmod(0)
        (top / "shut").chmod(0)
        (top / "readonly").chmod(0o400)
        (top / "write-only").chmod(0o200)
        top.chmod(0)


def devices(job: Finished) -> None:
    for top in (job.source, job.home.job_dir(JOB) / "artifacts"):
        os.mkfifo(top / "pipe")
        (top / "main.py").unlink(missing_ok=True)
        os.mkfifo(top / "main.py")
        here = os.open(top, os.O_RDONLY)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
    os.mkfifo(job.home.job_dir(JOB) / "records" / "events.jsonl")


def strange_names(job: Finished) -> None:
    for top in (job.source, job.home.job_dir(JOB) / "artifacts"):
        for name in (
            b"new\nline",
            b"\x1b[2J",
            b"caf\xe9",
            b"back\\slash",
            b"%0A",
            b"100%",
            b" ",
            b"-rf",
            b"[red]",
            b"c:x",
            b"a" * 255,
            "\u202egpj".encode(),
            b"\xff" * 255,
            "n\u0303".encode(),
            "\u00f1".encode(),
            b"con\x07",
        ):
            (top / os.fsdecode(name)).write_text("x")
            folder = top / os.fsdecode(b"d" + name[:200])
            folder.mkdir()
            (folder / os.fsdecode(name)).write_text("x")


def very_deep(job: Finished) -> None:
    """More levels than descriptors, and paths longer than any call takes."""
    program = """
import os, sys
os.chdir(sys.argv[1])
for _ in range(1200):
    open("f", "w").close()
    os.mkdir("d" * 40)
    os.chdir("d" * 40)
"""
    subprocess.run([sys.executable, "-c", program, job.source], check=True)


def long_paths(job: Finished) -> None:
    """Less deep than the limit, and still too long for one path."""
    place = os.open(job.source, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("e" * 200, dir_fd=place)
        inner = os.open("e" * 200, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=place))
    os.close(place)


def files_become_directories(job: Finished) -> None:
    (job.source / "main.py").unlink()
    write_tree(job.source, {"main.py/inside": "x"})
    shutil.rmtree(job.source / "src")
    (job.source / "src").write_text("file")


def hard_links(job: Finished) -> None:
    write_tree(job.source, {"one": "x"})
    os.link(job.source / "one", job.source / "two")
    os.link(job.source / "one", job.home.job_dir(JOB) / "artifacts" / "three")


def many_sockets(job: Finished) -> None:
    for number in range(1100):
        os.mkfifo(job.source / f"pipe{number}")


HOSTILE = [
    nothing, links_everywhere, closed, devices, strange_names, very_deep, long_paths,
    files_become_directories, hard_links, many_sockets,
    replace_by_link(), replace_by_link("job_source"), replace_by_link("artifacts"),
    replace_by_link("records"), replace_by_link("records", "events.jsonl"), replace_by_link("home"),
    replace_by_file("job_source"), replace_by_file("artifacts"), replace_by_file("records"),
]  # fmt: skip


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory of somebody else that must stay as it is."""
    outside = tmp_path / "outside"
    write_tree(outside, dict.fromkeys(("secret", "events.jsonl", "sub/x"), "TOP SECRET"))
    (outside / "sub").chmod(0o500)
    before = {path: (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in outside.rglob("*")}
    yield outside
    assert before == {
        path: (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in outside.rglob("*")
    }
    assert set(files_in(outside).values()) == {"TOP SECRET"}
    (outside / "sub").chmod(0o700)


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda act: act.__name__)
def test_no_job_dir_keeps_an_archive_from_being_finished(
    job: Finished, outside: Path, tmp_path: Path, hostile: Hostile
) -> None:
    hostile(job)

    summary = job.finish()

    assert JOB not in [path.name for path in job.home.job_dirs.iterdir()]
    assert set(summary["skipped"]) or hostile not in (devices, very_deep, long_paths, many_sockets)
    assert len(summary["skipped"]) <= 1001
    job.retrieve(tmp_path / "got")
    for path in (tmp_path / "got").rglob("*"):
        assert "TOP SECRET" not in (path.read_text() if path.is_file() else "")
        assert Path(os.path.realpath(path)).is_relative_to(tmp_path / "got")
    job.archives.remove(JOB)
    assert not job.archive.exists()


def test_strange_names_come_out_readable_and_distinct(job: Finished, tmp_path: Path) -> None:
    strange_names(job)
    job.finish()
    job.retrieve(tmp_path / "got")
    got = {path.name for path in (tmp_path / "got" / JOB / "changed").iterdir()}
    assert {"new%0Aline", "%1B[2J", "caf%E9", "back%5Cslash", "%250A", "100%", "-rf"} <= got


def test_what_a_hostile_job_left_out_of_reach_is_said(job: Finished) -> None:
    devices(job)
    summary = job.finish()
    assert summary["skipped"]["pipe"] == "is a socket, a named pipe or a device"
    assert summary["skipped"]["artifacts/socket"] == "is a socket, a named pipe or a device"


def test_closed_directories_do_not_keep_files_from_the_archive(job: Finished) -> None:
    closed(job)
    changed = job.finish()["changed"]
    assert {"shut/a/b", "readonly/c", "write-only/d", "file"} <= set(changed)
    assert (job.archive / "changed" / "file").read_text() == "f"


AS_SOMEBODY_ELSE = """
import os, sys
from atlas_scheduler.store.archives import Archives
from foundations.home import Home
from foundations.retrieval import unpack_archive
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
home, job_id, digest = sys.argv[1:]
archives = Archives(Home(home))
archives.finish(job_id, digest, {})
sys.stdout.write((Home(home).archive(job_id) / "archive.json").read_text())
for piece in archives.stream(job_id, digest):
    pass
archives.remove(job_id)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run without root's rights already")
def test_closed_directories_do_not_stop_a_server_without_roots_rights() -> None:
    # Root may open everything, so that the archive is finished by somebody else.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        home = Home(Path(name) / "home")
        home.create()
        bundles = Bundles(home)
        job = Finished(home, bundles, Archives(home, bundles), asyncio.run(stored(bundles)))
        bundles.materialise(job.digest, home.job_dir(JOB), {})
        bundles.close()
        closed(job)
        subprocess.run(["chown", "-R", "65534:65534", home.root], check=True)

        said = subprocess.run(
            [sys.executable, "-c", AS_SOMEBODY_ELSE, home.root, JOB, job.digest],
            check=True,
            cwd="/",
            capture_output=True,
        ).stdout

        changed = json.loads(said)["changed"]
        assert {"shut/a/b", "readonly/c", "write-only/d", "file"} <= set(changed)
        assert not job.archive.exists()
        assert not home.job_dir(JOB).exists()


@pytest.mark.slow
def test_a_crash_at_any_step_is_made_good_by_finishing_again(job: Finished) -> None:
    for step in count():
        work_again(job)
        try:
            with crash_at(step):
                job.finish()
        except SimulatedCrash:
            summary = job.finish()
        else:
            break
        assert summary["changed"] == ["main.py", "out/result.txt"]
        assert summary["deleted"] == ["data/a.csv"]
        assert summary["links"] == {"latest": "out/result.txt"}
        assert (job.archive / "artifacts" / "plots" / "a.png").read_text() == "png"
        assert (job.archive / "events.jsonl").read_text() == "{}\n"
        assert (job.archive / "job.log").read_text() == "output\n"
        assert not job.home.job_dir(JOB).exists()
    assert step > 40


def work_again(job: Finished) -> None:
    job.archives.remove(JOB)
    job.bundles.materialise(job.digest, job.home.job_dir(JOB), {})
    work(job)


def test_a_full_disk_keeps_everything_for_a_later_try(job: Finished) -> None:
    for step in count():
        work_again(job)
        try:
            with disk_full_from(step):
                job.finish()
        except StorageFull:
            assert not job.archives.is_complete(JOB)
        else:
            break
        summary = job.finish()
        assert summary["changed"] == ["main.py", "out/result.txt"]
        assert summary["skipped"] == {}
        assert (job.archive / "artifacts" / "model.pt").read_text() == "weights"
    assert step > 8


def test_finishing_twice_changes_nothing(job: Finished) -> None:
    work(job)
    summary = job.finish()
    assert job.finish() == summary


@pytest.fixture
def other_disk(home: Home) -> Iterator[Path]:
    """A file system of 1 MB where the archives are."""
    home.archives.mkdir(parents=True)
    with mounted_disk(home.archives, size_mib=1):
        yield home.archives


def test_archives_may_lie_on_another_disk_that_gets_full(
    other_disk: Path, job: Finished, tmp_path: Path
) -> None:
    work(job)
    write_tree(job.source, {"zz-large": "x" * 600_000})
    (job.source / "out" / "result.txt").chmod(0o755)
    ballast = other_disk / "ballast"
    ballast.write_bytes(bytes(600_000))
    with pytest.raises(StorageFull):
        job.finish()
    assert not job.archives.is_complete(JOB)
    ballast.unlink()

    summary = job.finish()

    assert summary["changed"] == ["main.py", "out/result.txt", "zz-large"]
    assert summary["links"] == {"latest": "out/result.txt"}
    assert (job.archive / "changed" / "zz-large").stat().st_size == 600_000
    assert (job.archive / "changed" / "out" / "result.txt").stat().st_mode & 0o777 == 0o755
    assert not list(job.archive.glob("*.part"))
    assert not job.home.job_dir(JOB).exists()


def test_artifacts_can_be_read_while_the_job_runs_and_after(job: Finished) -> None:
    write_tree(job.home.job_dir(JOB), {"artifacts/plots/a.png": "png"})
    with job.archives.open_artifact(JOB, "plots/a.png") as file:
        assert file.read() == b"png"
    job.finish()
    with job.archives.open_artifact(JOB, "plots/a.png") as file:
        assert file.read() == b"png"


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "/etc/passwd",
        "../records/events.jsonl",
        "plots/../../records/events.jsonl",
        "plots",
        "plots/",
        "missing",
        "a\0b",
        "plots//a.png",
        "./plots/a.png",
        "link",
        "folder/secret",
        "pipe",
        "%2e%2e/records/events.jsonl",
        "..\\records",
        "#",
        "plots/a.png#",
        "plots/a.png/",
    ],
)
def test_no_path_of_an_artifact_leads_elsewhere(job: Finished, outside: Path, path: str) -> None:
    write_tree(
        job.home.job_dir(JOB), {"artifacts/plots/a.png": "png", "records/events.jsonl": "{}"}
    )
    artifacts = job.home.job_dir(JOB) / "artifacts"
    (artifacts / "link").symlink_to(outside / "secret")
    (artifacts / "folder").symlink_to(outside)
    os.mkfifo(artifacts / "pipe")
    for _ in range(2):
        with pytest.raises(NotFound):
            job.archives.open_artifact(JOB, path)
        job.finish()


def test_artifacts_behind_a_link_are_not_found(job: Finished, outside: Path) -> None:
    replace_by_link("artifacts")(job)
    with pytest.raises(NotFound):
        job.archives.open_artifact(JOB, "secret")


def logs_of(job: Finished, path: str, destination: Path, *, since: int = 0) -> dict[str, str]:
    """What the TensorBoard logs of the job are, sent and unpacked."""
    destination.mkdir()
    pieces = job.archives.stream_logdir(JOB, path, since_seconds=since)
    unpack(pieces, destination, limits=RETRIEVED, links=True)
    return files_in(destination)


@pytest.mark.parametrize("path", ["job_source/out/runs", "artifacts/runs"])
def test_logs_are_the_same_while_the_job_runs_and_after(
    job: Finished, tmp_path: Path, path: str
) -> None:
    top = job.home.job_dir(JOB) / path
    write_tree(top, {"train/events.1": "loss", "events.0": "acc"})
    expected = {f"{JOB}/logs/train/events.1": "loss", f"{JOB}/logs/events.0": "acc"}

    assert logs_of(job, path, tmp_path / "live") == expected
    job.finish()
    assert logs_of(job, path, tmp_path / "archived") == expected


def test_only_logs_that_changed_since_are_sent(job: Finished, tmp_path: Path) -> None:
    write_tree(job.source, {"runs/old": "1", "runs/new": "2"})
    os.utime(job.source / "runs" / "old", (1_000, 1_000))
    os.utime(job.source / "runs" / "new", (2_000, 2_000.5))

    sent = logs_of(job, "job_source/runs", tmp_path / "sent", since=2_000)

    assert sent == {f"{JOB}/logs/new": "2"}


def test_logs_that_are_not_made_yet_are_none(job: Finished, tmp_path: Path) -> None:
    assert logs_of(job, "job_source/runs", tmp_path / "live") == {}


@pytest.mark.parametrize("path", ["records", "", ".", "/etc", "job_source/../records", "home", "a"])
def test_logs_lie_nowhere_else(job: Finished, path: str) -> None:
    with pytest.raises(NotFound, match="keeps no logs at"):
        job.archives.stream_logdir(JOB, path, since_seconds=0)


def test_logs_behind_a_link_are_not_sent(job: Finished, outside: Path, tmp_path: Path) -> None:
    write_tree(job.source, {"runs/mine": "1"})
    (job.source / "elsewhere").symlink_to(outside)
    (job.source / "runs" / "secret").symlink_to(outside / "secret")
    (job.source / "runs" / "sub").symlink_to(outside / "sub")
    os.mkfifo(job.source / "runs" / "pipe")

    assert logs_of(job, "job_source/elsewhere", tmp_path / "linked") == {}
    assert logs_of(job, "job_source/elsewhere/sub", tmp_path / "below") == {}
    assert logs_of(job, "job_source/runs", tmp_path / "runs") == {f"{JOB}/logs/mine": "1"}


@pytest.mark.parametrize("step", [1, 2, 5])
def test_what_cannot_be_removed_is_said_and_the_rest_is_removed(job: Finished, step: int) -> None:
    work(job)
    with one_removal_refused(step), pytest.raises(ServerFault, match="Not all files of job"):
        job.archives.remove(JOB)
    left = [path for path in job.home.job_dirs.rglob("*") if path.is_file() or path.is_symlink()]
    assert len(left) == 1
    assert not job.archive.exists()
    job.archives.remove(JOB)
    assert not job.home.job_dir(JOB).exists()
    assert not job.archive.exists()


def test_an_archive_is_finished_where_its_job_dir_cannot_be_removed(job: Finished) -> None:
    work(job)
    with one_removal_refused(2):
        summary = job.finish()
    assert summary["changed"] == ["main.py", "out/result.txt"]
    job.archives.remove(JOB)


def test_removing_leaves_nothing_and_may_be_repeated(job: Finished) -> None:
    work(job)
    job.archives.remove(JOB)
    assert not job.home.job_dir(JOB).exists()
    assert not job.archive.exists()
    job.archives.remove(JOB)
