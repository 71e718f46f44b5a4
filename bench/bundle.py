"""Figure 5: a large bundle, the server's memory while it comes, and how fast it goes.

The server's own peak is the kernel's (`VmHWM`, set back before), so that nothing between two
samples is missed; its children live shortly and are sampled.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench import rig
from bench.measure import Figure, Peer, Plan, Result, say
from foundations.bundles import bundle

MIB = 2**20
SIZE_BYTES = 2 * 2**30
QUICK_BYTES = 256 * MIB
COPIES = 4
"""The file, its bundle, the server's copy of that, and the tree that it makes of it."""
SPARE_BYTES = 2**30
GROWTH_MIB = 64.0
SAMPLES_A_SECOND = 10


@dataclass
class Memory:
    """Resident memory of the server's processes: what it was, and the most that it became."""

    pid: int
    before_bytes: int = 0
    total_before_bytes: int = 0
    peak_bytes: int = 0
    total_peak_bytes: int = 0
    """With the server's children."""
    samples: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Sample while the body runs."""
        with suppress(OSError):
            Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")
        self.before_bytes, self.total_before_bytes = self._look()
        thread = threading.Thread(target=self._sample)
        thread.start()
        try:
            yield
        finally:
            self.stop.set()
            thread.join()
            self.peak_bytes = max(self.peak_bytes, _peak_bytes(self.pid))

    def _sample(self) -> None:
        while not self.stop.wait(1 / SAMPLES_A_SECOND):
            own_bytes, total_bytes = self._look()
            self.peak_bytes = max(self.peak_bytes, own_bytes)
            self.total_peak_bytes = max(self.total_peak_bytes, total_bytes)
            self.samples += 1

    def _look(self) -> tuple[int, int]:
        own_bytes = _resident_bytes(self.pid)
        return own_bytes, own_bytes + sum(_resident_bytes(pid) for pid in _children(self.pid))


def run(plan: Plan) -> Result:
    """Pack and upload one file that does not compress."""
    size_bytes = QUICK_BYTES if plan.quick else SIZE_BYTES
    with rig.workspace() as root:
        needed = COPIES * size_bytes + SPARE_BYTES
        if shutil.disk_usage(root).free < needed:
            return Result(notes=[f"bundle: not measured, it needs {needed / 2**30:.0f} GiB free."])
        with rig.server({"engine": "process"}) as server:
            rig.upload(server.client, rig.make_project(root / "small"), root / "small.tar.gz")
            return _measure(server, root, size_bytes)


def _measure(server: rig.Server, root: Path, size_bytes: int) -> Result:
    project = root / "project"
    project.mkdir()
    copy_seconds = _write_random(project / "weights.bin", size_bytes)
    began = time.perf_counter()
    packed = bundle.pack(project, root / "packed.tar.gz")
    pack_seconds = time.perf_counter() - began
    say(f"bundle: packed in {pack_seconds:.1f} s, uploading …")
    memory = Memory(server.pid)
    with memory.watched():
        began = time.perf_counter()
        server.client.upload_bundle(packed.digest, root / "packed.tar.gz")
        upload_seconds = time.perf_counter() - began
    mib = size_bytes / MIB
    name = f"bundle of {mib:.0f} MiB"
    peer = Peer("write and fsync of the file", [copy_seconds])
    growth_mib = (memory.peak_bytes - memory.before_bytes) / MIB
    total_growth_mib = (memory.total_peak_bytes - memory.total_before_bytes) / MIB
    return Result(
        [
            Figure(f"{name}: server memory grows by", [growth_mib], "MiB", GROWTH_MIB),
            Figure(f"{name}: with its children, by", [total_growth_mib], "MiB", GROWTH_MIB),
            Figure(f"{name}: pack", [pack_seconds], "s", peer=peer),
            Figure(
                f"{name}: upload, until it is durable and checked", [upload_seconds], "s", peer=peer
            ),
        ],
        [
            f"bundle: {mib / pack_seconds:.0f} MiB/s packed, {mib / upload_seconds:.0f} MiB/s "
            f"uploaded, {mib / copy_seconds:.0f} MiB/s written; memory was sampled "
            f"{memory.samples} times, {memory.before_bytes / MIB:.0f} MiB before."
        ],
    )


def _write_random(path: Path, size_bytes: int) -> float:
    """Write a file that does not compress; returns the seconds of writing and syncing alone."""
    seconds = 0.0
    with path.open("wb") as file:
        for _ in range(size_bytes // (8 * MIB)):
            piece = os.urandom(8 * MIB)
            began = time.perf_counter()
            file.write(piece)
            seconds += time.perf_counter() - began
        began = time.perf_counter()
        os.fsync(file.fileno())
    return seconds + time.perf_counter() - began


def _peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 when it has ended."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
