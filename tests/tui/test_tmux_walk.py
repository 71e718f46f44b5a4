"""A walk through the app in a real tmux, on a real scheduler that really runs jobs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundations.home import Home
from tests.e2e.processes import kill_jobs
from tests.tui.terminal import environment_of, foundations, running_scheduler
from tests.tui.tmux import in_tmux

pytestmark = pytest.mark.slow

MAIN = """
import foundations

params = foundations.load_parameters()
for step in range(40):
    foundations.log_metric("loss", 1 / (step + 1), step=step)
    print(f"step {step} of 40", flush=True)
open("notes.txt", "w").write("kept")
foundations.save_artifact("notes.txt")
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """The home of a scheduler that runs; its jobs end with the test, however that ends."""
    with running_scheduler(tmp_path / "home") as made:
        yield made
    kill_jobs(Home(made))


def test_a_user_watches_finds_compares_and_ends_jobs(home: Path, tmp_path: Path) -> None:
    project = tmp_path / "digits"
    project.mkdir()
    (project / "main.py").write_text(MAIN)
    (project / "wait.py").write_text("import time\nprint('waiting', flush=True)\ntime.sleep(600)\n")
    for _ in range(2):
        foundations(home, "submit", "scheduler", str(project))
    foundations(home, "submit", "--detach", "scheduler", str(project), "wait.py")
    foundations(home, "submit", "--detach", "scheduler", str(project), "wait.py")
    atlas = [sys.executable, "-m", "atlas_tui"]
    with in_tmux(tmp_path, atlas, environment_of(home)) as tmux:
        tmux.until("1 Dashboard", "running", "queued", "completed", "jobs are not isolated")
        tmux.until("waiting")
        tmux.press("$")
        tmux.until("job_source")
        tmux.type("echo $((20 + 3))")
        tmux.press("Enter")
        tmux.until("23")
        tmux.type("exit")
        tmux.press("Enter")
        tmux.until("1 Dashboard", "waiting")
        tmux.press("2")
        tmux.until("4 jobs", "digits")
        tmux.press("/")
        tmux.type("status:completed")
        tmux.until("2 jobs")
        tmux.press("Enter")
        tmux.until_that(
            lambda shown: shown.count("status:completed") == 1, "the filter bar never closed"
        )
        tmux.press("Space", "Space", "5")
        tmux.until("Differences", "Parallel")
        tmux.press("2")
        tmux.until_that(lambda shown: shown.count("◆") == 2, "the marks were lost")
        tmux.press("Enter")
        tmux.until("Overview", "It completed")
        tmux.press("L")
        tmux.until("step 39 of 40")
        tmux.press("M")
        tmux.until("loss", "40 points")
        tmux.press("1")
        tmux.until("queued", "◆")
        tmux.press("Escape")
        tmux.until_that(lambda shown: "◆" not in shown, "the marks never went")
        tmux.press("g", "x")
        tmux.until("Stop job", "foundations stop job scheduler")
        tmux.press("y")
        tmux.until("Asked to stop")
        tmux.press("q")
        tmux.until("it ended with 0")
    states = foundations(home, "list", "jobs", "--csv", "--columns", "state")
    assert "stopped" in states
