"""Figure: a project of 1 GB submitted again, unchanged and with a change, and its work dirs.

The submissions are next to the same project packed and sent as a whole, the work dirs next to a
plain copy, in the same run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import foundations
from atlas_scheduler.store.work_dirs import make_work_dir
from bench import rig
from bench.measure import Figure, Peer, Plan, Result, say
from foundations.bundles import bundle
from foundations.bundles.hash_cache import RACY_NS
from foundations.bundles.unpack import Manifest

SIZE_BYTES = 10**9
QUICK_BYTES = 10**8
SMALL_FILES = 2_000
SMALL_BYTES = 4_000
LARGE_FILES = 8
ROOM = 6
"""The project, its packed file, the server's two copies, the blobs, and work dirs."""
AGAIN_SECONDS = 1.0


def run(plan: Plan) -> Result:
    """Submit a project of some large files that do not compress and many small ones."""
    size_bytes = QUICK_BYTES if plan.quick else SIZE_BYTES
    count = plan.count(5, 3)
    with rig.workspace() as root:
        needed = ROOM * size_bytes + 2**30
        if shutil.disk_usage(root).free < needed:
            return Result(notes=[f"trees: not measured, it needs {needed / 2**30:.0f} GiB free."])
        project = _make_project(root / "project", size_bytes)
        with rig.server({"engine": "process"}) as server, rig.as_user_of(server.home):
            os.environ["XDG_CACHE_HOME"] = str(root / "cache")
            try:
                figures = _submissions(server, root, project, count)
            finally:
                del os.environ["XDG_CACHE_HOME"]
        return Result([*figures, *_work_dirs(root, project, count, size_bytes)])


def _submissions(server: rig.Server, root: Path, project: Path, count: int) -> list[Figure]:
    small = rig.make_project(root / "small")
    foundations.submit(job_directory=small, hold=True)
    time.sleep(RACY_NS / 10**9)  # what was written just now is read again the next time
    say("trees: the first submission …")
    first = _seconds(lambda: foundations.submit(job_directory=project, hold=True))
    again = [
        _seconds(lambda: foundations.submit(job_directory=project, hold=True)) for _ in range(count)
    ]
    changed = []
    for number in range(count):
        (project / "small" / "7.py").write_text(f"x = {number}\n", encoding="utf-8")
        changed.append(_seconds(lambda: foundations.submit(job_directory=project, hold=True)))
    say("trees: the whole as one packed file …")
    packed = root / "packed.tar.gz"

    def send_whole() -> None:
        found = bundle.pack(project, packed)
        server.client.upload_bundle(found.digest, packed)

    whole = Peer("packed and sent as a whole", [_seconds(send_whole)])
    packed.unlink()
    name = "trees: submit of the project"
    return [
        Figure(f"{name}, the first time", [first], "s", peer=whole),
        Figure(f"{name}, unchanged", again, "s", AGAIN_SECONDS, peer=whole),
        Figure(f"{name}, one file changed", changed, "s", peer=whole),
    ]


def _work_dirs(root: Path, project: Path, count: int, size_bytes: int) -> Iterator[Figure]:
    yield _work_dir_figure("here", root / "here", project, count)
    with _xfs(root, size_bytes) as disk:
        if disk is None:
            say("trees: no XFS can be made and mounted here; its work dirs are not measured")
        else:
            yield _work_dir_figure("XFS, with reflinks", disk, project, count)


def _work_dir_figure(where: str, folder: Path, project: Path, count: int) -> Figure:
    folder.mkdir(exist_ok=True)
    tree = folder / "tree"
    shutil.copytree(project, tree)
    manifest = _manifest(tree)
    made: list[float] = []
    copied: list[float] = []
    for number in range(count):
        job_dir, plain = folder / f"job-{number}", folder / f"plain-{number}"

        make = partial(make_work_dir, tree=tree, manifest=manifest, params={}, boot_id="1")
        made.append(_seconds(partial(make, job_dir)))
        shutil.rmtree(job_dir)
        copied.append(_seconds(partial(shutil.copytree, tree, plain)))
        shutil.rmtree(plain)
    return Figure(f"trees: work dir, {where}", made, "s", peer=Peer("shutil.copytree", copied))


def _manifest(tree: Path) -> Manifest:
    found = Manifest(files={}, directories=[], links={})
    for path in sorted(tree.rglob("*")):
        name = str(path.relative_to(tree))
        if path.is_dir():
            found.directories.append(name)
        else:
            status = path.stat()
            found.files[name] = (status.st_size, status.st_mtime_ns, status.st_mode & 0o777)
    return found


@contextmanager
def _xfs(root: Path, size_bytes: int) -> Iterator[Path | None]:
    """Mount a file system with reflinks; None where that is not possible."""
    image, folder = root / "xfs.img", root / "xfs"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(3 * size_bytes + 400 * 2**20)
    for command in (["mkfs.xfs", "-q", str(image)], ["mount", "-o", "loop", image, folder]):
        program = shutil.which(str(command[0]))
        if program is None or subprocess.run([*map(str, command)], check=False).returncode:
            yield None
            return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _make_project(directory: Path, size_bytes: int) -> Path:
    for name in ("small", "large"):
        (directory / name).mkdir(parents=True)
    for number in range(SMALL_FILES):
        text = f"x = {number}\n" + "# a line of a program\n" * (SMALL_BYTES // 22)
        (directory / "small" / f"{number}.py").write_text(text, encoding="utf-8")
    each_bytes = (size_bytes - SMALL_FILES * SMALL_BYTES) // LARGE_FILES
    for number in range(LARGE_FILES):
        (directory / "large" / f"{number}.bin").write_bytes(os.urandom(each_bytes))
    (directory / "main.py").write_text("print()\n", encoding="utf-8")
    return directory


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
