"""Commands at the end of a job: what they are told, and what becomes of those that fail."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from atlas_scheduler.hook_settings import CommandHook
from atlas_scheduler.hooks import HookFailed
from atlas_scheduler.hooks.command import CommandRunner
from tests.e2e.projects import until
from tests.hooks.samples import ended

pytestmark = pytest.mark.anyio


def shell(script: str, **settings: Any) -> CommandRunner:
    return CommandRunner(CommandHook(run=("sh", "-c", script), **settings))


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def test_a_command_gets_the_job_as_json_and_in_its_environment(tmp_path: Path) -> None:
    await shell(f"cat > {tmp_path}/told; env > {tmp_path}/env").tell(ended(reason="a\nb"))

    told = json.loads((tmp_path / "told").read_text())
    assert (told["event"], told["job"]["job_id"], told["job"]["metrics"]) == (
        "job.ended",
        "a" * 36,
        {"loss": 0.5},
    )
    variables = (tmp_path / "env").read_text()
    for line in ("ATLAS_STATE=failed", "ATLAS_EXIT_CODE=3", "ATLAS_PROJECT=cats", "ATLAS_SEQ=7"):
        assert f"{line}\n" in variables
    assert "ATLAS_REASON=a\nb\n" in variables


async def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    name = "$(id) ; `id` > x"
    await CommandRunner(CommandHook(run=("touch", f"{tmp_path}/{name}"))).tell(ended())
    assert names_in(tmp_path) == [name]


async def test_a_command_that_does_not_read_its_input_is_fine() -> None:
    await shell("exec <&-; exit 0").tell(ended(parameters={"text": "x" * 1_000_000}))


async def test_a_command_that_closes_its_output_still_gets_all_of_its_input(
    tmp_path: Path,
) -> None:
    text = "x" * 1_000_000
    await shell(f"exec >&- 2>&-; cat > {tmp_path}/told").tell(ended(parameters={"text": text}))
    assert json.loads((tmp_path / "told").read_text())["job"]["parameters"] == {"text": text}


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo no room >&2; exit 4", "exit code 4: no room"),
        ("kill -9 $$", "exit code -9"),
        ("yes | head -c 5000000; exit 1", "exit code 1: y"),
    ],
)
async def test_a_command_that_fails_says_why(script: str, reason: str) -> None:
    with pytest.raises(HookFailed, match=reason) as caught:
        await shell(script).tell(ended())
    assert len(str(caught.value)) < 3000


async def test_a_command_that_is_not_there_says_so() -> None:
    with pytest.raises(HookFailed, match="cannot be run"):
        await CommandRunner(CommandHook(run=("/no/such/program",))).tell(ended())


async def test_a_command_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/child; wait"
    with pytest.raises(HookFailed, match="killed after"):
        await shell(script, timeout_seconds=0.5).tell(ended())
    child = int((tmp_path / "child").read_text())
    until(lambda: not _lives(child), "the child is gone")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_what_a_command_leaves_behind_does_not_hold_it_up(tmp_path: Path) -> None:
    await shell(f"sleep 600 >/dev/null 2>&1 & echo $! > {tmp_path}/child").tell(ended())
    child = int((tmp_path / "child").read_text())
    until(lambda: not _lives(child), "the child is gone")
    assert os.getpid() != child
