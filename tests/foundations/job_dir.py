"""The directory of a job, as tests see it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from atlas_scheduler.store.event_lines import parse_lines
from foundations import recorder
from tests.worker.interpreters import job_environment, make_job_dir


class JobDir:
    """The directory of a job, and a look at what was recorded in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events = path / "records" / "events.jsonl"
        self.artifacts = path / "artifacts"
        self.source = path / "job_source"

    def lines(self) -> list[dict[str, Any]]:
        """Read every line, without its time; the scheduler must find none of them bad."""
        data = self.events.read_bytes() if self.events.exists() else b""
        assert parse_lines(data).bad_lines == 0
        found = [json.loads(line) for line in data.splitlines()]
        for line in found:
            assert line.pop("at") > 1.7e9
        return found

    def run(self, script: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        """Run a script as the job's command."""
        return subprocess.run(
            [python, "-c", script],
            cwd=self.source,
            env=job_environment(self.path),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def saved(self) -> dict[str, str]:
        """Map each artifact's key to the text of its file, by the last line of the key."""
        paths = {line["key"]: line["path"] for line in self.lines() if line["event"] == "artifact"}
        return {key: (self.artifacts / path).read_text() for key, path in paths.items()}


def enter_job(parent: Path, monkeypatch: pytest.MonkeyPatch) -> JobDir:
    """Make this process look like a job of its own."""
    path = make_job_dir(parent)
    monkeypatch.setattr(recorder, "_told", set())
    for name, value in job_environment(path).items():
        if name.startswith("ATLAS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(path / "job_source")
    return JobDir(path)
