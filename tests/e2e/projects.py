"""Projects to submit, and what a test looks at around them."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

DEADLINE_SECONDS = 40.0


def until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait for a condition, within a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


def write_project(directory: Path, files: Mapping[str, str]) -> Path:
    """Make a project; texts are dedented."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return directory


def config_with(place: Path, **environment: object) -> str:
    """A `job.config.yaml` whose job sees a directory of the host, and its path as `PLACE`."""
    variables = {"PLACE": str(place), **{name: str(one) for name, one in environment.items()}}
    worker = {"environment": variables, "volumes": {str(place): {"bind": str(place)}}}
    return str(yaml.safe_dump({"worker": worker}))


def write_waiting_project(directory: Path, place: Path) -> Path:
    """Make a project whose job makes `started` at a place, and goes on until `enough` is there."""
    return write_project(
        directory,
        {
            "main.py": """\
                import os, pathlib, time
                place = pathlib.Path(os.environ["PLACE"])
                (place / "started").touch()
                while not (place / "enough").exists():
                    time.sleep(0.01)
                """,
            "job.config.yaml": config_with(place),
        },
    )


def assert_owned(directory: Path) -> None:
    """Fail if another user owns anything below a directory."""
    paths = [directory, *directory.rglob("*")]
    foreign = [str(path) for path in paths if path.lstat().st_uid != os.getuid()]
    assert not foreign, f"files of another user: {foreign[:10]}"
