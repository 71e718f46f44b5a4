"""The screen about one job shows all of it, stays current, and saves what the job left."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from atlas_scheduler.store import arrays
from atlas_tui.action_table import on_screen
from atlas_tui.board import Tidings
from atlas_tui.curves import XAxis
from atlas_tui.screens.dialogs import ConfirmDialog, PromptDialog
from atlas_tui.screens.job import JobScreen
from atlas_tui.screens.pick_dialog import PickDialog
from atlas_tui.tabs.all import TABS
from atlas_tui.tabs.metrics import MetricsTab
from atlas_tui.widgets.chart_view import ChartView
from atlas_tui.widgets.text_pane import TextPane
from foundations.models import JobSpec, JobState, NewArray, Submission
from tests.store.samples import DIGEST, add, claim, finish
from tests.tui import rich_job
from tests.tui.conftest import Stage, staged
from tests.tui.rich_job import JOB, ORIGIN

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def job_shown(
    home: Path, *, state: JobState = JobState.FAILED, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Stage]:
    """The screen with the job that has everything."""
    rich_job.fill(home)
    async with staged(home, partial(rich_job.insert, state=state), size=size) as stage:
        stage.app.open([JOB], "job")
        await stage.until(lambda: "Submit again" in stage.text() or size[1] < 40)
        await stage.until(lambda: screen(stage).detail is not None)
        yield stage


def screen(stage: Stage) -> JobScreen:
    assert isinstance(stage.front, JobScreen)
    return stage.front


def chart(stage: Stage) -> ChartView:
    tab = screen(stage).tab
    assert isinstance(tab, MetricsTab)
    return tab.chart


async def shows(stage: Stage, *texts: str) -> None:
    await stage.until(lambda: all(text in stage.text() for text in texts), f"never: {texts}")


# -- going there and about


async def test_enter_in_a_list_opens_the_job(tmp_path: Path) -> None:
    rich_job.fill(tmp_path)
    async with staged(tmp_path, rich_job.insert) as stage:
        await shows(stage, "45540b52")
        await stage.press("enter")
        await shows(stage, "It failed with exit code 1.", "registry.example/train:1.4")
        await stage.press("escape")
        assert stage.front.NAME == "dashboard"


async def test_without_a_job_the_screen_says_how_to_choose_one(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.press("3")
        await shows(stage, "No job is chosen: put the cursor on one in a list, and press Enter.")


async def test_the_overview_tells_how_long_each_state_took(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await shows(stage, "queued      3m 00s", "starting     10.0s", "running    58m 30s")
        await shows(stage, "main.py --epochs 20", "8 GB", "OMP_NUM_THREADS=4")
        await shows(stage, "foundations rerun job scheduler 45540b52")


async def test_the_overview_tells_how_far_a_start_is(tmp_path: Path) -> None:
    def insert(conn: sqlite3.Connection) -> None:
        claim(conn, add(conn, job_id=JOB))

    async with staged(tmp_path, insert) as stage:
        stage.app.open([JOB], "job")
        await shows(stage, "It is being started.")
        stage.service.logs.of(JOB).say("Pulling: 5 of 9 MB.")
        await shows(stage, "It is being started. Pulling: 5 of 9 MB.")


async def test_enter_on_the_overview_goes_to_the_job_that_is_repeated(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("enter")
        await shows(stage, ORIGIN[:8], "It completed")
        await stage.press("enter")
        assert stage.status == "This job repeats no other, and is of no array."


async def test_enter_on_the_overview_lists_the_jobs_of_the_array(tmp_path: Path) -> None:
    array_id = "a77a0000-0000-4000-8000-000000000000"

    def insert(conn: sqlite3.Connection) -> None:
        submission = Submission(spec=JobSpec(project="digits"), bundle=DIGEST)
        wanted = NewArray(submission=submission, indices="0-2")
        number = arrays.insert_array(conn, array_id, wanted, size=3, now_ms=1)
        for index in range(3):
            job = add(
                conn,
                job_id=f"{index}1110000-{'0000-' * 3}{'0' * 12}",
                array=number,
                array_id=array_id,
                array_index=index,
            )
            if index == 0:
                finish(conn, job)
        add(conn, project="digits")

    async with staged(tmp_path, insert) as stage:
        stage.app.open(["1111"], "job")
        await shows(stage, "a77a0000_1: 2 queued, 1 completed of 3 (Enter)")
        await stage.press("enter")
        await shows(stage, "array:a77a0000", "01110000", "11110000", "21110000")
        assert stage.front.NAME == "jobs"
        assert stage.text().count("digits") < 6


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (40, 10), (4, 3)])
async def test_every_tab_can_be_shown_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_shown(tmp_path, size=size) as stage:
        for tab in TABS:
            await stage.press(tab.KEY)
            assert screen(stage).tab.NAME == tab.NAME
            for line in stage.text().splitlines():
                assert "\x1b" not in line


async def test_brackets_and_letters_go_from_tab_to_tab_and_the_tab_is_remembered(
    tmp_path: Path,
) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("right_square_bracket", "right_square_bracket")
        assert screen(stage).tab.NAME == "metrics"
        await stage.press(*["left_square_bracket"] * 3)
        assert screen(stage).tab.NAME == "notes"
        await stage.press("p")
        stage.app.open([ORIGIN], "job")
        await shows(stage, ORIGIN[:8])
        assert screen(stage).tab.NAME == "parameters"
        stage.app.perform("tab")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.press(*"files", "enter")
        await stage.until(lambda: screen(stage).tab.NAME == "files")


async def test_the_mouse_picks_a_tab(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        place = stage.text().splitlines()[3].index("Files")
        await stage.pilot.click("TabBar", offset=(place + 1, 0))
        await stage.until(lambda: screen(stage).tab.NAME == "files")


def test_the_letters_of_tabs_are_in_their_titles_and_mean_nothing_else() -> None:
    keys = [key for one in on_screen("job") for key in one.keys.split(",")]
    letters = [tab.KEY for tab in TABS]
    assert len(set(letters)) == len(letters)
    assert not set(letters) & set(keys)
    assert all(tab.KEY.lower() in tab.TITLE.lower() for tab in TABS)


# -- staying current


async def test_what_a_running_job_records_appears(tmp_path: Path) -> None:
    async with job_shown(tmp_path, state=JobState.RUNNING) as stage:
        await stage.press("M")
        await stage.until(lambda: chart(stage).reading() != [])
        point = {"event": "metric", "key": "loss", "value": 0.0042, "step": 500}
        await stage.database.write(partial(rich_job.ingest, found=[point]))
        stage.app._broadcast(Tidings(recorded=frozenset({JOB})))
        await stage.until(lambda: chart(stage).reading() == [("loss", "0.0042")])


async def test_what_others_do_to_the_job_appears(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("N")
        await shows(stage, "Best so far, keep it.")
        await stage.app.client.note(JOB, "From *elsewhere*")
        await shows(stage, "From elsewhere")


async def test_a_burst_of_news_is_few_requests(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        asked: list[str] = []
        answer = asyncio.Event()
        ask = stage.app.client.job

        async def late(ref: str) -> object:
            asked.append(ref)
            await answer.wait()
            return await ask(ref)

        stage.app.client.job = late  # type: ignore[method-assign, assignment]  # only later
        screen(stage).take(Tidings(recorded=frozenset({ORIGIN})))
        screen(stage).take(Tidings(recorded=frozenset({JOB})))
        await stage.until(lambda: asked == [JOB])
        for _ in range(50):
            screen(stage).take(Tidings(recorded=frozenset({JOB})))
        answer.set()
        await stage.app.workers.wait_for_complete(
            [one for one in stage.app.workers if one.group == "detail"]
        )
        assert asked == [JOB, JOB]


async def test_a_job_that_someone_deletes_stays_on_the_screen(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.app.client.delete(JOB)
        await stage.until(
            lambda: stage.status == "This job was deleted; what is shown is how it was."
        )
        await shows(stage, "deleted", "main.py --epochs 20")
        await stage.press("x")
        assert stage.status == "Stop: no job is chosen."
        await stage.press("p")
        await shows(stage, "model_layers_0")


async def test_a_note_is_written_and_shown(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("N", "a")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press(*"seen", "enter")
        await shows(stage, "Notes 2", "seen")


# -- metrics


async def test_series_are_chosen_smoothed_and_drawn_on_other_axes(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        (loss, *_) = await stage.app.client.metrics(JOB)
        await stage.press("M")
        await shows(stage, "x: step", "1 NaN or infinite", f"min {loss.min:.4g} at ")
        assert [name for name, _ in chart(stage).reading()] == ["loss"]
        await stage.press("space", "down", "space")
        await stage.until(lambda: len(chart(stage).reading()) == 2)
        assert [name for name, _ in chart(stage).reading()] == ["loss", "val/accuracy"]
        await stage.press("s", "y", "X")
        assert stage.status == "To the right: time since the start"
        await shows(stage, "x: time since the start", "log y", "smoothed 0.6", "58m 13s")
        assert chart(stage).drawn.axis is XAxis.TIME
        await stage.press("X", "X", "s", "s", "s", "y")
        await shows(stage, "x: step")
        assert "smoothed" not in stage.text()
        await stage.press("escape")
        await stage.until(lambda: len(chart(stage).reading()) == 1)


async def test_the_cursor_reads_all_series_and_zoom_goes_where_it_is(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("M", "space", "down", "space")
        await stage.until(lambda: len(chart(stage).reading()) == 2)
        await stage.press("enter", "home")
        series = await stage.app.client.metric(JOB, "loss", limit=1)
        await shows(stage, "step 0", f"{series.points[0].value:.4g}")
        await stage.press("plus", "plus")
        await shows(stage, "zoomed, Esc shows all", "125")
        assert chart(stage).window == (0, 124.75)
        for _ in range(100):
            chart(stage).action_cursor(1)
        window = chart(stage).window
        assert window is not None
        assert window[0] > 0
        assert window[1] - window[0] == pytest.approx(124.75)
        await stage.press("minus", "minus")
        assert chart(stage).window is None
        await stage.press("escape")
        assert chart(stage).cursor is None


async def test_coming_closer_brings_points_that_were_left_out(tmp_path: Path) -> None:
    points = [
        {"event": "metric", "key": "wave", "value": float(n % 97), "step": n} for n in range(9000)
    ]
    async with job_shown(tmp_path) as stage:
        await stage.database.write(partial(rich_job.ingest, found=points))
        await stage.press("r", "M", "slash", *"wave", "enter")
        await stage.until(lambda: [name for name, _ in chart(stage).reading()] == ["wave"])
        await stage.press("enter", "end", "plus", "plus", "plus", "plus", "plus")

        def whole() -> bool:
            low, high = chart(stage).window or (0, 0)
            (found,) = chart(stage)._series
            steps = {one.step for one in found.points}
            return all(step in steps for step in range(int(low) + 1, int(high)))

        await stage.until(whole)


async def test_a_series_of_texts_is_a_table(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("M", "down")
        await shows(stage, "STEP", "VALUE", "warm")
        await stage.press("space")
        assert stage.status == "phase has no numbers to draw."


async def test_what_is_said_of_a_metric_is_laid_out_again_for_another_width(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.pilot.resize_terminal(30, 24)
        await stage.press("M")
        await stage.until(lambda: "points" not in stage.text() and "last" in stage.text())
        await stage.pilot.resize_terminal(120, 40)
        await shows(stage, "500 points")


async def test_the_machine_has_a_tab_of_its_own(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("S", "down")
        await shows(stage, "cpu_percent", "memory_bytes", "2.2 GB", "x: time since the start")
        await stage.press("M")
        assert "cpu_percent" not in stage.text()


async def test_a_job_without_samples_says_so(tmp_path: Path) -> None:
    def fill(conn: sqlite3.Connection) -> None:
        add(conn, job_id=JOB)

    async with staged(tmp_path, fill) as stage:
        stage.app.open([JOB], "job")
        await shows(stage, "It waits:")
        await stage.press("S")
        await shows(stage, "No samples of the machine.")
        await stage.press("M")
        await shows(stage, "No metrics. A job logs them with", "foundations.log_metric.")
        await stage.press("plus", "left", "y", "i")
        await shows(stage, "No artifacts.")
        await stage.press("A")
        assert stage.status == "This job has no artifact to save."


async def test_keys_of_other_tabs_say_where_they_belong(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("y")
        assert stage.status == "The tabs Metrics (M) and System (S) have charts."
        await stage.press("A")
        assert stage.status == "Artifacts are saved on the tab Artifacts: press i."
        await stage.press("i")
        assert stage.status == ""
        await stage.press("o", "slash")
        assert stage.status.startswith("This tab has no list")


# -- parameters


async def test_parameters_are_found_by_typing(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("p")
        await shows(stage, "model_name", "logged otherwise", "a␛[31mb")
        await stage.press("slash", *"model")
        await stage.until(lambda: "seed" not in stage.text())
        await stage.press("enter")
        await shows(stage, "model_layers_0")
        await stage.press("escape")
        await shows(stage, "seed")


# -- artifacts and files


async def test_artifacts_are_shown_as_what_they_are(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("i")
        await shows(stage, "48 by 48", "▀▀▀")
        await stage.press("down")
        await shows(stage, '"best": {')
        await stage.press("down")
        await shows(stage, "00000000  00 01 02")
        await stage.press("down")
        await shows(stage, "id  score  label", "digit 7")


async def test_a_large_artifact_is_read_only_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "job_data" / "archive" / JOB / "artifacts" / "model.pt"
    async with job_shown(tmp_path) as stage:
        path.write_bytes(b"line\n" * 2_000_000)
        await stage.press("i", "down", "down")
        await stage.until(lambda: len(pane(stage).lines) > 10_000)
        assert pane(stage).lines[-1].plain.startswith("Only the first 1.0 MB are shown")  # type: ignore[union-attr]  # it is one


def pane(stage: Stage) -> TextPane:
    return screen(stage).tab.query_one(TextPane)


async def test_saving_an_artifact_asks_before_it_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    async with job_shown(tmp_path / "home") as stage:
        await stage.press("i", "A")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press("enter")
        await stage.until(lambda: stage.status == "Saved confusion.png, 4.2 kB, to confusion.png")
        assert (work / "confusion.png").read_bytes() == rich_job.artifacts()["confusion.png"]

        (work / "confusion.png").write_text("mine")
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        await stage.press("n")
        await stage.until(lambda: isinstance(stage.app.screen, JobScreen))
        assert (work / "confusion.png").read_text() == "mine"
        assert [path.name for path in work.iterdir()] == ["confusion.png"]


async def test_a_file_that_cannot_be_written_or_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (work / "plain").write_text("")
    async with job_shown(tmp_path / "home") as stage:
        await stage.press("i", "A")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press("ctrl+u", *"plain/x", "enter")
        await stage.until(lambda: "cannot be written" in stage.status)
        artifact = tmp_path / "home" / "job_data" / "archive" / JOB / "artifacts" / "confusion.png"
        artifact.unlink()
        await stage.press("A")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press("enter")
        await stage.until(lambda: stage.status.startswith("confusion.png was not saved: Job"))
        assert [path.name for path in work.iterdir()] == ["plain"]


async def test_files_are_a_tree_with_what_the_job_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    async with job_shown(tmp_path / "home") as stage:
        await stage.press("F")
        await shows(stage, "- source/", "M main.py", "A log.txt", "3 files, 66 bytes")
        await stage.press("enter")
        await shows(stage, "+ source/")
        await stage.press("down", "down", "down")
        await shows(stage, "changed/out/log.txt", "made by the job")
        await stage.press("w")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press("enter")
        await stage.until(lambda: stage.status.startswith("Saved changed/out/log.txt, 16 bytes"))
        assert (work / "log.txt").read_text() == "made by the job\n"
        await stage.press("slash", *"digits")
        await shows(stage, "digits.csv")
        await stage.until(lambda: "log.txt" not in stage.text().split("Saved")[0])


async def test_the_source_is_compared_with_another_job(tmp_path: Path) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("F")
        await shows(stage, "- source/")
        await stage.press("v")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await shows(stage, "it repeats this")
        await stage.press("enter")
        await shows(stage, "-model.train(lr=0.5)", "+model.train(lr=0.1)", "D new.py")
        assert stage.status == f"2 files differ from {ORIGIN[:8]}. Esc goes back."
        await stage.press("escape")
        await shows(stage, "- source/")
        await stage.press("v")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.press("down", "enter")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        await stage.press(*"nowhere", "enter")
        await stage.until(lambda: "nowhere" in stage.status)


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        ("M", ["X X axis", "y Log y", "s Smooth"]),
        ("i", ["A Save artifact", "/ Find"]),
        ("F", ["w Save file", "v Diff source"]),
        ("N", ["a Note"]),
    ],
)
async def test_the_bar_shows_the_keys_of_the_tab_in_front(
    tmp_path: Path, key: str, keys: list[str]
) -> None:
    async with job_shown(tmp_path, size=(80, 24)) as stage:
        bar = stage.text().splitlines()[-1]
        assert "] Next tab" in bar
        assert not any(one in bar for one in keys)
        await stage.press(key)
        await stage.until(lambda: all(one in stage.text().splitlines()[-1] for one in keys))
        bar = stage.text().splitlines()[-1]
        assert "] Next tab" in bar
        assert bar.endswith("? Help  q Quit")


@pytest.mark.parametrize(("key", "tab"), [("i", "artifacts"), ("N", "notes")])
async def test_the_letters_of_tabs_lead_away_from_the_log_unless_there_is_a_search(
    tmp_path: Path, key: str, tab: str
) -> None:
    async with job_shown(tmp_path) as stage:
        await stage.press("L")
        await stage.until(lambda: screen(stage).tab.NAME == "logs")
        await stage.press(key)
        await stage.until(lambda: tab == screen(stage).tab.NAME)
        await stage.press("L", "slash", *"e", "enter")
        await stage.settle()
        await stage.press(key)
        await stage.settle()
        assert screen(stage).tab.NAME == "logs"
