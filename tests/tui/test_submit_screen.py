"""Submitting from the app: the form, the same again, and what is told of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from atlas_tui.screens.dialogs import ConfirmDialog
from atlas_tui.screens.directory_dialog import DirectoryDialog
from atlas_tui.screens.submit import SubmitScreen
from atlas_tui.widgets.job_table import JobTable
from foundations.bundles.bundle import Packed, Watch, pack
from foundations.bundles.delivery import LISTED_ABOVE_BYTES
from foundations.models import JobPage, JobSpec, Submission
from tests.tui.conftest import Stage, staged

pytestmark = pytest.mark.anyio


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "digits"
    (directory / "__pycache__").mkdir(parents=True)
    (directory / "main.py").write_text("print(1)\n")
    (directory / "job.config.yaml").write_text("params: {lr: 0.1}\nram: 2\n")
    (directory / ".foundationsignore").write_text("*.bin\n")
    (directory / "data.bin").write_bytes(b"0" * 1000)
    return directory


def form(stage: Stage) -> SubmitScreen:
    assert isinstance(stage.app.screen, SubmitScreen)
    return stage.app.screen


async def opened(stage: Stage, directory: Path) -> SubmitScreen:
    await stage.press("n")
    await stage.until(lambda: isinstance(stage.app.screen, SubmitScreen))
    form(stage).field("directory").text = str(directory)
    await stage.until(lambda: "files" in stage.text())
    return form(stage)


async def jobs(stage: Stage) -> JobPage:
    return await stage.app.client.jobs(offset=0, limit=100)


async def test_an_empty_form_says_what_to_begin_with(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with staged(tmp_path) as stage:
        await stage.press("n")
        await stage.until(lambda: "Type the directory that is to be copied" in stage.text())
        form(stage).field("directory").text = str(project)
        await stage.until(lambda: "The same in Python" in stage.text())
        assert "Type the directory that is to be copied" not in stage.text()


async def test_a_job_is_submitted_and_shown(tmp_path: Path, project: Path) -> None:
    async with staged(tmp_path, size=(140, 40)) as stage:
        screen = await opened(stage, project)
        await stage.until(lambda: "The same in Python" in stage.text())
        assert "left out: .foundationsignore" in stage.text() or "data.bin" in stage.text()
        screen.field("params").text = "lr=0.5"
        screen.field("command").text = "main.py --quick"
        await stage.press("ctrl+o")
        await stage.until(lambda: "Submitted job" in stage.status)
        (job,) = (await jobs(stage)).jobs
        assert job.command == ["main.py", "--quick"]
        assert (await stage.app.client.job(job.job_id)).spec.params == {"lr": 0.5}
        assert (job.project, job.ram_gb) == ("digits", 2)
        assert stage.app.session.recent_directories == (str(project),)
        await stage.until(lambda: job.job_id[:8] in stage.text())


async def test_what_is_wrong_is_shown_at_its_field_and_nothing_is_sent(
    tmp_path: Path, project: Path
) -> None:
    async with staged(tmp_path, size=(80, 24)) as stage:
        screen = await opened(stage, project)
        screen.field("num_gpus").text = "many"
        await stage.press("ctrl+o")
        await stage.until(lambda: screen.field("num_gpus").has_class("wrong"))
        assert screen.field("num_gpus").has_focus_within
        assert "'many' is not a number" in stage.text()
        assert (await jobs(stage)).jobs == []
        await stage.press("escape")
        await stage.until(lambda: stage.app.screen is stage.front)


async def test_an_array_and_a_schedule_are_submitted_too(tmp_path: Path, project: Path) -> None:
    async with staged(tmp_path, size=(140, 40)) as stage:
        screen = await opened(stage, project)
        screen.field("array").text = "0-2%2"
        await stage.until(lambda: "as an array with the indices 0-2%2" in stage.text())
        await stage.press("ctrl+o")
        await stage.until(lambda: "Submitted array" in stage.status)
        assert stage.status.endswith(", 3 jobs")
        assert len((await jobs(stage)).jobs) == 3
        screen = await opened(stage, project)
        screen.field("cron").text = "0 3 * *"
        await stage.press("ctrl+o")
        await stage.until(lambda: "`0 3 * *` has 4 fields" in stage.text())
        assert stage.app.screen is screen
        screen.field("cron").text = "0 3 * * *"
        await stage.press("ctrl+o")
        await stage.until(lambda: "Submitted schedule" in stage.status)
        (schedule,) = await stage.app.client.schedules()
        assert schedule.cron == "0 3 * * *"


async def test_a_directory_is_chosen_from_a_list(tmp_path: Path, project: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.press("n")
        await stage.until(lambda: isinstance(stage.app.screen, SubmitScreen))
        form(stage).field("directory").text = f"{tmp_path}/"
        await stage.press("ctrl+t")
        await stage.until(lambda: isinstance(stage.app.screen, DirectoryDialog))
        await stage.until(lambda: "digits/  job.config.yaml, main.py" in stage.text())
        await stage.press(*"dig", "tab")
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, SubmitScreen))
        assert form(stage).field("directory").text == f"{project}/"


async def submitted(stage: Stage, project: Path, count: int = 1) -> None:
    """Let jobs of a directory wait in the queue."""
    client = stage.app.client
    packed = pack(project, project.parent / "bundle.tar.gz")
    await client.upload_bundle(packed.digest, project.parent / "bundle.tar.gz")
    spec = JobSpec(project="cats", command=("train.py",), params={"lr": 0.1})
    for _ in range(count):
        await client.submit(Submission(spec=spec, bundle=packed.digest))


async def test_a_clone_runs_the_same_files_with_what_is_changed(
    tmp_path: Path, project: Path
) -> None:
    async with staged(tmp_path) as stage:
        await submitted(stage, project)
        await stage.until(lambda: stage.front.selection().jobs)
        old = stage.front.selection().jobs[0]
        bundle = (await stage.app.client.job(old.job_id)).bundle
        await stage.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, SubmitScreen))
        assert form(stage).field("params").text == "lr=0.1"
        form(stage).field("params").text = "lr=0.2"
        await stage.until(
            lambda: "rerun job scheduler" in stage.text() and "lr=0.2" in stage.text()
        )
        await stage.press("ctrl+o")
        await stage.until(lambda: not isinstance(stage.app.screen, SubmitScreen))
        page = await jobs(stage)
        new = await stage.app.client.job(page.jobs[0].job_id)
        assert new.spec.params == {"lr": 0.2}
        assert (new.bundle, new.spec.rerun_of) == (bundle, old.job_id)


async def test_many_reruns_ask_first(tmp_path: Path, project: Path) -> None:
    async with staged(tmp_path) as stage:
        await submitted(stage, project, 8)
        await stage.until(lambda: stage.front.query_one(JobTable).total == 8)
        await stage.press("asterisk")
        await stage.until(lambda: len(stage.front.selection().jobs) == 8)
        await stage.press("R")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        assert "Submit 8 jobs again?" in stage.text()
        assert "and 3 more" in stage.text()
        await stage.press("y")
        await stage.until(lambda: stage.status == "Submitted again: 8 jobs")
        assert len((await jobs(stage)).jobs) == 16


async def test_what_takes_long_can_be_given_up(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing, over = threading.Event(), threading.Event()

    def endless(directory: Path, destination: Path, *, watch: Watch) -> Packed:
        """Packs a directory that has no end."""
        try:
            while True:
                watch(500)
                packing.set()
                over.wait(0.01)
        finally:
            over.set()

    monkeypatch.setattr("atlas_tui.submitting.bundle.pack", endless)
    async with staged(tmp_path) as stage:
        screen = await opened(stage, project)
        await stage.press("ctrl+o")
        await stage.until(packing.is_set)
        await stage.until(lambda: "Packing…" in stage.text())
        await stage.press("escape")
        await stage.until(over.is_set)
        await stage.until(lambda: "Given up; nothing was submitted." in stage.text())
        assert stage.app.screen is screen
        assert (await jobs(stage)).jobs == []


async def test_a_scheduler_that_refuses_leaves_the_form_as_it_was(
    tmp_path: Path, project: Path
) -> None:
    async with staged(tmp_path) as stage:
        screen = await opened(stage, project)
        stage.service.max_bundle_bytes = 10
        await stage.press("ctrl+o")
        await stage.until(lambda: "larger than the 10 bytes" in stage.text())
        assert stage.app.screen is screen
        assert screen.field("directory").text == str(project)
        assert screen.field("directory").has_class("wrong")


async def test_a_large_directory_is_not_read_for_what_is_refused(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with (project / "zeros").open("wb") as file:
        file.truncate(LISTED_ABOVE_BYTES + 1)
    async with staged(tmp_path) as stage:
        screen = await opened(stage, project)
        screen.field("num_gpus").text = "1"
        await stage.press("ctrl+o")
        await stage.until(lambda: "this scheduler has no GPU" in stage.text())
        assert stage.app.screen is screen
        assert (await jobs(stage)).jobs == []
    assert not (tmp_path / "cache").exists()
