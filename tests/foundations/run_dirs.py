"""Programs that record without a scheduler, and the directories of their runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_scheduler.store.event_lines import parse_lines
from atlas_scheduler.store.run_dirs import read_description, read_end
from foundations.home import Home

SDK = Path(__file__).resolve().parents[2] / "sdk"
_NOT_INHERITED = ("FOUNDATIONS_", "ATLAS_", "PYTHON")


@dataclass(frozen=True)
class RunDir:
    """What a local run left; the scheduler must be able to read all of it."""

    path: Path

    @property
    def description(self) -> dict[str, Any]:
        """What it says of itself."""
        found = read_description(self.path)
        assert found is not None
        return found.model_dump()

    @property
    def end(self) -> tuple[int | None, str | None, bool] | None:
        """Its exit code, error and whether it was interrupted; None when it did not say."""
        found = read_end(self.path)
        return None if found is None else (found.exit_code, found.error, found.interrupted)

    @property
    def records(self) -> list[tuple[str, str]]:
        """Event and key of every record, in order."""
        events = self.path / "records" / "events.jsonl"
        data = events.read_bytes() if events.exists() else b""
        assert parse_lines(data).bad_lines == 0
        lines = [json.loads(line) for line in data.splitlines()]
        return [(line["event"], line["key"]) for line in lines]


class Programs:
    """A directory to run programs in, and the home that they record to."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "digits"
        self.directory.mkdir()
        self.home = Home(root / "home")
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)
        }
        self.environment = {
            **inherited,
            "FOUNDATIONS_HOME": str(self.home.root),
            "PYTHONPATH": str(SDK),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def write(self, text: str, name: str = "main.py") -> None:
        """Write a file of the program."""
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def begin(
        self, *arguments: str, python: str = sys.executable, **environment: str
    ) -> subprocess.Popen[str]:
        """Start Python in the directory, every warning an error."""
        return subprocess.Popen(
            [python, "-W", "error", *(arguments or ("main.py",))],
            cwd=self.directory,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, python: str = sys.executable, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python in the directory to its end."""
        process = self.begin(*arguments, python=python, **environment)
        try:
            out, err = process.communicate(timeout=60)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    @property
    def runs(self) -> list[RunDir]:
        """Every run that was recorded."""
        if not self.home.job_dirs.exists():
            return []
        return [RunDir(path) for path in sorted(self.home.job_dirs.iterdir())]

    @property
    def only_run(self) -> RunDir:
        """The one run that was recorded."""
        (run,) = self.runs
        return run
