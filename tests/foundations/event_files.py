"""Event files of TensorBoard, and what a TensorBoard that runs shows of them."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

DEADLINE_SECONDS = 60.0


class EventFile:
    """One run's event file, written as training does it."""

    def __init__(self, directory: Path) -> None:
        self._writer = EventFileWriter(str(directory))
        self._directory = directory

    def add(self, step: int, **scalars: float) -> None:
        """Write scalars, up to the disk."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        self._writer.add_event(Event(step=step, summary=Summary(value=values)))
        self._writer.flush()

    def read(self) -> tuple[str, bytes]:
        """Return the file's name and content."""
        (path,) = self._directory.iterdir()
        return path.name, path.read_bytes()

    def close(self) -> None:
        self._writer.close()


def ask(url: str, path: str) -> Any:
    """Ask a TensorBoard for data."""
    with urllib.request.urlopen(f"{url}data/{path}", timeout=10) as answer:
        return json.load(answer)


def shown_runs(url: str, *names: str) -> dict[str, Any]:
    """Wait until a TensorBoard shows scalars of all of these runs; return its tags by run."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found: dict[str, Any] = ask(url, "plugin/scalars/tags")
        if set(names) <= set(found):
            return found
        assert time.monotonic() < deadline, f"it shows {found}, not {names}"
        time.sleep(0.05)


def shown_steps(url: str, run: str, tag: str, count: int) -> list[int]:
    """Wait until a TensorBoard shows so many points; return their steps."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        points = ask(url, f"plugin/scalars/scalars?run={run}&tag={tag}")
        if len(points) >= count:
            return [step for _, step, _ in points]
        assert time.monotonic() < deadline, f"it shows {points}"
        time.sleep(0.05)
