"""The entry point notes which Python and packages the job's program finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from atlas_worker.surroundings import packages, record
from tests.worker.interpreters import INTERPRETERS, job_environment, make_job_dir
from tests.worker.wheels import make_wheel

TELL = """
import importlib.metadata, json, platform, sys
found = {one.metadata["Name"]: one.version for one in importlib.metadata.distributions()}
json.dump([platform.python_version(), sys.executable, found], open("told", "w"))
"""


def noted(job_dir: Path) -> dict[str, Any]:
    lines = (job_dir / "records" / "events.jsonl").read_text().splitlines()
    (found,) = [line for line in map(json.loads, lines) if line["event"] == "environment"]
    return dict(found)


def run(job_dir: Path, python: str, *command: str) -> None:
    subprocess.run(
        [python, "-m", "atlas_worker", *command],
        cwd=job_dir / "job_source",
        env=job_environment(job_dir),
        check=True,
        capture_output=True,
        timeout=100,
    )


def normal(name: str) -> str:
    """Write a project's name as its files do, whatever made them."""
    return name.lower().replace("-", "_").replace(".", "_")


@pytest.mark.parametrize("python", INTERPRETERS)
def test_it_is_what_the_program_itself_finds(tmp_path: Path, python: str) -> None:
    job_dir = make_job_dir(tmp_path)

    run(job_dir, python, "-c", TELL)

    version, executable, found = json.loads((job_dir / "job_source" / "told").read_text())
    line = noted(job_dir)
    assert (line["python"], line["implementation"]) == (version, "cpython")
    assert line["executable"] == executable
    assert {normal(name) for name in line["packages"]} == {normal(name) for name in found}
    assert line["packages_left_out"] == 0


def test_what_was_installed_for_the_job_comes_first(tmp_path: Path) -> None:
    job_dir = make_job_dir(tmp_path)
    source = job_dir / "job_source"
    (source / "wheels").mkdir()
    make_wheel(source / "wheels", "pluggy", "99.1")
    text = "--no-index\n--find-links ./wheels\npluggy==99.1\n"
    (source / "requirements.txt").write_text(text)

    run(job_dir, sys.executable, "-c", "pass")

    line = noted(job_dir)
    assert line["packages"]["pluggy"] == "99.1"
    assert "pytest" in line["packages"]
    assert line["executable"] == str(job_dir / "environment" / "bin" / "python")


def test_names_of_every_age_are_read_and_nonsense_is_not(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for name in (
        *("torch-2.1.0+cu121.dist-info", "old-1.0-py3.8.egg-info", "older-2.0.egg-info"),
        *("nameless.dist-info", "own.egg-info", "-1.dist-info", "a-.dist-info", "b-1\n.dist-info"),
        *("plain", f"{'x' * 220}-1.dist-info"),
    ):
        (first / name).mkdir(parents=True)
    (second / "torch-1.0.dist-info").mkdir(parents=True)
    (second / "numpy-1.26.dist-info").mkdir()
    (tmp_path / "file.zip").touch()

    found = packages([str(first), str(second), str(tmp_path / "file.zip"), str(tmp_path / "none")])

    assert found == {"torch": "2.1.0+cu121", "old": "1.0", "older": "2.0", "numpy": "1.26"}


@pytest.mark.parametrize("events", [None, "/nowhere/events.jsonl", "/dev/full"])
def test_where_nothing_can_be_noted_the_job_goes_on(events: str | None) -> None:
    environment = {} if events is None else {"ATLAS_EVENTS": events}

    record(sys.executable, environment)


def test_a_path_that_is_no_text_is_noted_too(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    record("/bin/caf\udce9", {"ATLAS_EVENTS": os.fspath(events)})

    assert json.loads(events.read_bytes())["event"] == "environment"
    assert events.read_bytes().endswith(b"}\n")
