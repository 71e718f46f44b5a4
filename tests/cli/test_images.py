"""`list images` and `prune images`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cli.conftest import Run
from tests.cli.fake_machine import images
from tests.cli.fake_scheduler import FakeScheduler


def test_images_are_listed_with_what_they_take(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    scheduler.images = images("3f2a" * 4)
    result = run("list", "images")
    header, row = result.stdout.splitlines()
    assert header.split()[0] == "IMAGE"
    assert row.startswith("3f2a" * 4)
    assert "70.0 MB" in row
    assert "python:3.11-slim" in row
    assert "70.0 MB of images beside their bases; at most 50.0 GB are kept." in result.stderr
    assert run_json("list", "images", "--json")["images"][0]["job_ids"] == ["a" * 36]


def test_no_images_are_said_to_be_none(run: Run, scheduler: FakeScheduler) -> None:
    assert run("list", "images", "scheduler").stdout == "No images were built.\n"


def test_pruning_says_what_went_and_what_stays(
    run: Run, run_json: Callable[..., Any], scheduler: FakeScheduler
) -> None:
    result = run("prune", "images", "scheduler", "--unused-days", "7")
    assert result.stdout == "Removed 3 images, 7 bytes.\n"
    scheduler.images = images("3f2a" * 4)
    result = run("prune", "images", "scheduler")
    assert result.stdout == "Removed 3 images, 0 bytes; 1 stays, which jobs use.\n"
    pruned = run_json("prune", "images", "scheduler", "--json")
    assert pruned == {"removed": 3, "freed_bytes": 0, "in_use": 1}
