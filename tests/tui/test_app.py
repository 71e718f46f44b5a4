"""What belongs to no screen: help, colours, mouse, freezing, copying, saving, schedulers."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.widget import Widget

from atlas_tui.action_table import on_screen
from atlas_tui.app import AtlasApp, Options
from atlas_tui.board import Link
from atlas_tui.chart_labels import line_style
from atlas_tui.keys import label
from atlas_tui.looks import SERIES, Palette
from atlas_tui.messages import Said
from atlas_tui.screens.dialogs import ConfirmDialog, PromptDialog
from atlas_tui.screens.help import HelpScreen, help_lines
from atlas_tui.screens.jobs import JobsScreen
from atlas_tui.screens.pick_dialog import PickDialog
from atlas_tui.screens.theme_dialog import ThemeDialog
from atlas_tui.session import Session, path_of
from atlas_tui.settings import Settings
from atlas_tui.widgets.job_table import JobTable
from atlas_tui.widgets.log_window import LogWindow
from atlas_tui.widgets.project_list import ProjectList
from atlas_tui.widgets.row_list import RowList
from atlas_tui.widgets.text_pane import TextPane
from atlas_tui.widgets.top_bar import TopBar
from foundations import autostart
from foundations.bundles.bundle import pack
from foundations.home import Home
from foundations.models import JobSpec, JobState, Submission
from tests.store.samples import add, finish, run
from tests.tui.conftest import Stage, staged

pytestmark = pytest.mark.anyio


def three(conn: sqlite3.Connection) -> None:
    for number in range(3):
        job = add(conn, submitted_at_ms=1_000 + number, spec={"command": [f"run-{number}.py"]})
        finish(conn, job)


async def ready(stage: Stage) -> None:
    await stage.until(lambda: stage.front.selection().jobs and "run-0.py" in stage.text())


async def test_what_is_said_while_a_dialog_is_open_is_said_on_the_screen_behind_it(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, three) as stage:
        await stage.press("2")
        await stage.until(lambda: stage.front.NAME == "jobs" and stage.front.selection().jobs)
        await stage.press("t")
        await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
        assert stage.front.NAME == "jobs"
        stage.app.say(Said("It is done."))
        await stage.press("escape")
        await stage.until(lambda: "It is done." in stage.text())


class Copying(AtlasApp):
    """Notes what it copies."""

    copied = ""

    def copy_to_clipboard(self, text: str) -> None:
        self.copied = text


@pytest.mark.parametrize(
    ("key", "command"),
    [("dollar_sign", "shell job scheduler {}"), ("ctrl+n", "notebook scheduler --job {}")],
)
async def test_a_program_where_there_is_no_terminal_is_said_with_its_command(
    tmp_path: Path, key: str, command: str
) -> None:
    def one(conn: sqlite3.Connection) -> None:
        run(conn, add(conn, spec={"command": ["run-0.py"]}))

    settings = Settings(keymap={"open_notebook": "ctrl+n"})
    async with staged(tmp_path, one, settings=settings) as stage:
        await ready(stage)
        await stage.press(key)
        job_id = stage.front.selection().jobs[0].job_id
        expected = f"No terminal to lend here: foundations {command.format(job_id)}"
        await stage.until(lambda: stage.status == expected)


# -- help


async def test_help_lists_every_key_of_the_screen_with_its_command(tmp_path: Path) -> None:
    async with staged(tmp_path, three, settings=Settings(keymap={"stop": "X"})) as stage:
        await stage.press("question_mark")
        await stage.until(lambda: isinstance(stage.app.screen, HelpScreen))
        lines = help_lines("dashboard", scheduler="scheduler", keymap={"stop": "X"})
        told = {(line.title, line.keys, line.command) for line in lines}
        for action in on_screen("dashboard"):
            keys = label(action, {"stop": "X"}) or ":"
            command = action.command(scheduler="scheduler", ids=["ID"])
            assert (action.title, keys, command) in told
        assert "$ foundations stop job scheduler ID" in stage.text()
        await stage.press("G")
        await stage.until(lambda: "Leave; jobs and scheduler go on." in stage.text(), stage.text())
        await stage.press("escape")
        await stage.until(lambda: not isinstance(stage.app.screen, HelpScreen))


async def test_keys_of_the_user_take_the_place_of_ours(tmp_path: Path) -> None:
    settings = Settings(keymap={"help": "f2", "refresh": "", "theme": "f3"})
    async with staged(tmp_path, three, settings=settings) as stage:
        await ready(stage)
        await stage.press("question_mark")
        assert stage.app.screen is stage.front
        await stage.press("f2")
        await stage.until(lambda: isinstance(stage.app.screen, HelpScreen))
        await stage.press("escape")
        await stage.press("f3")
        await stage.until(lambda: isinstance(stage.app.screen, ThemeDialog))


async def test_a_key_without_a_meaning_is_said_to_have_none(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        await stage.press("6", "x")
        await stage.until(lambda: stage.status == "x does nothing here; ? shows the keys that do")
        await stage.press("2")
        await stage.until(lambda: isinstance(stage.front, JobsScreen))
        await stage.press("slash", *"xx")
        await stage.settle()
        assert stage.status == ""


# -- colours


async def test_colours_are_shown_while_choosing_and_go_back_with_escape(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        stage.app.perform("theme")
        await stage.until(lambda: isinstance(stage.app.screen, ThemeDialog))
        await stage.press("down")
        assert stage.app.theme == "atlas-light"
        assert not stage.app.palette.dark
        await stage.press("escape")
        assert stage.app.theme == "atlas-dark"
        assert stage.app.palette.dark


async def test_colours_are_kept_for_the_next_session(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        stage.app.perform("theme")
        await stage.until(lambda: isinstance(stage.app.screen, ThemeDialog))
        await stage.press("down", "down", "enter")
        await stage.until(lambda: stage.status == "Colours: ansi-dark")
        assert stage.app.session.theme == "ansi-dark"
        assert stage.app.palette.ansi


async def test_low_bandwidth_takes_the_terminal_s_own_colours(tmp_path: Path) -> None:
    options = Options(low_bandwidth=True, theme="atlas-light")
    async with staged(tmp_path, three, options=options) as stage:
        assert stage.app.theme == "ansi-light"
        assert stage.app.palette.ansi


async def test_what_is_in_front_stands_out_with_the_terminal_s_own_colours(tmp_path: Path) -> None:
    async with staged(tmp_path, three, options=Options(low_bandwidth=True)) as stage:
        assert [one.reverse for one in stage.styles(" 1 Dashboard ")] == [True]
        stage.app.open([(await stage.app.client.jobs()).jobs[0].job_id], "job")
        await stage.until(lambda: [one.reverse for one in stage.styles("verview")] == [True])
        stage.app.perform("palette")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.until(lambda: _is_lit(stage, "Dashboard  "))
        assert not _is_lit(stage, "Jobs  ")
        await stage.press("down")
        await stage.until(lambda: _is_lit(stage, "Jobs  "))


def _is_lit(stage: Stage, text: str) -> bool:
    backgrounds = [one.bgcolor for one in stage.styles(text)]
    return any(one is not None and not one.is_default for one in backgrounds)


# -- freezing and the mouse


async def test_a_frozen_screen_stays_and_goes_on_with_the_newest(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        await ready(stage)
        await stage.press("P")
        await stage.until(lambda: stage.app._batch_count)
        assert stage.status.startswith("PAUSED")
        seen = stage.app.board.last_seq
        (job, *_) = (await stage.app.client.jobs(offset=0, limit=1)).jobs
        await stage.app.client.delete(job.job_id)
        await stage.until(lambda: stage.app.board.last_seq > seen)
        assert stage.front.query_one(JobTable).total == 3
        await stage.press("j")
        assert not stage.app.is_frozen
        await stage.until(lambda: job.command[0] not in stage.text())
        assert stage.status == ""


async def test_the_mouse_is_given_away_and_taken(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        await stage.press("m")
        assert not stage.app.has_mouse
        assert "The mouse is the terminal's" in stage.status
        await stage.press("m")
        assert stage.app.has_mouse


async def test_read_only_leaves_nothing_to_change(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        await ready(stage)
        stage.app.perform("read_only")
        await stage.until(lambda: "READ-ONLY" in stage.text())
        await stage.press("n")
        assert stage.status == "New job: read-only mode."


# -- copying


async def test_ids_and_commands_are_copied(tmp_path: Path) -> None:
    async with staged(tmp_path, three, app=Copying) as stage:
        await ready(stage)
        assert isinstance(stage.app, Copying)
        job = stage.front.selection().jobs[0]
        await stage.press("y")
        await stage.until(lambda: stage.status == f"Copied {job.job_id}")
        assert stage.app.copied == job.job_id
        await stage.press("c")
        await stage.until(lambda: stage.status.startswith("Copied: foundations"))
        assert stage.app.copied == f"foundations rerun job scheduler {job.job_id}"


async def clicked(stage: Stage, text: str) -> None:
    """Click on a text, wherever it stands."""
    lines = stage.text().splitlines()
    ((x, y),) = ((line.index(text), number) for number, line in enumerate(lines) if text in line)
    await stage.pilot.click(offset=(x, y))
    await stage.pilot.pause()


async def test_screens_and_keys_can_be_clicked(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        await ready(stage)
        await clicked(stage, "6 System")
        await stage.until(lambda: stage.front.NAME == "system")
        await clicked(stage, "1 Dashboard")
        await stage.until(lambda: stage.front.NAME == "dashboard")
        await clicked(stage, "● scheduler")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.press("escape")
        await clicked(stage, "? Help")
        await stage.until(lambda: isinstance(stage.app.screen, HelpScreen))


async def test_a_question_can_be_answered_by_a_click(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        await ready(stage)
        for answer, left in (("n No", 3), ("y Yes", 2)):
            await clicked(stage, "d Delete")
            await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
            await stage.settle()
            await clicked(stage, answer)
            await stage.until(lambda: not isinstance(stage.app.screen, ConfirmDialog))
            await stage.settle()
            page = await stage.app.client.jobs()
            assert len(page.jobs) == left


async def test_the_dashboard_says_that_its_order_is_fixed(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        await ready(stage)
        await clicked(stage, "STATE")
        await stage.until(lambda: "Jobs (2) can be sorted" in stage.status)


# -- saving


async def typed(stage: Stage, key: str, text: str) -> None:
    """Press a key that asks for a line, and put one in."""
    await stage.press(key)
    await stage.until(lambda: isinstance(stage.app.screen, PromptDialog))
    await stage.press("home", "ctrl+k")
    await stage.paste(text)
    await stage.press("enter")


async def test_what_is_listed_is_exported(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        await stage.press("2")
        await stage.until(
            lambda: isinstance(stage.front, JobsScreen) and "run-0.py" in stage.text()
        )
        await stage.press("slash", *"command:run-1.py", "enter")
        await stage.until(lambda: "run-0.py" not in stage.text())
        file = tmp_path / "out.json"
        await typed(stage, "E", str(file))
        await stage.until(lambda: stage.status == f"Exported to {file}")
        assert [job["command"] for job in json.loads(file.read_text())] == [["run-1.py"]]
        await typed(stage, "E", str(file))
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        assert "Replace " in stage.text()
        await stage.press("n")
        await typed(stage, "E", str(tmp_path / "out.csv"))
        await stage.until(lambda: stage.status.endswith("out.csv"))
        assert (tmp_path / "out.csv").read_text().startswith("id,")


async def test_a_form_that_is_not_known_is_said(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        await stage.press("2")
        await stage.until(lambda: isinstance(stage.front, JobsScreen))
        await typed(stage, "E", "out.xls")
        await stage.until(lambda: "the name must end in one of .csv" in stage.text())


async def test_an_archive_is_saved_unpacked_or_as_one_file(tmp_path: Path) -> None:
    project = tmp_path / "digits"
    project.mkdir()
    (project / "main.py").write_text("print(1)\n")
    async with staged(tmp_path) as stage:
        packed = pack(project, tmp_path / "bundle.tar.gz")
        await stage.app.client.upload_bundle(packed.digest, tmp_path / "bundle.tar.gz")
        submission = Submission(spec=JobSpec(project="digits"), bundle=packed.digest)
        job = await stage.app.client.submit(submission)
        Home(tmp_path).archive(job.job_id).mkdir(parents=True)
        await stage.until(lambda: stage.front.selection().jobs)
        target = tmp_path / "saved"
        await typed(stage, "W", str(target))
        await stage.until(lambda: stage.status == f"Saved {target}")
        assert (target / "source" / "main.py").read_text() == "print(1)\n"
        await typed(stage, "W", str(tmp_path / "one.tgz"))
        await stage.until(lambda: stage.status.endswith("one.tgz"))
        assert (tmp_path / "one.tgz").read_bytes()[:2] == b"\x1f\x8b"
        await typed(stage, "W", str(target))
        await stage.until(lambda: isinstance(stage.app.screen, ConfirmDialog))


async def test_an_archive_that_is_not_there_is_said(tmp_path: Path) -> None:
    async with staged(tmp_path, three) as stage:
        await ready(stage)
        await typed(stage, "W", str(tmp_path / "saved"))
        await stage.until(lambda: "has no archive" in stage.status)
        assert not (tmp_path / "saved").exists()


# -- schedulers and sessions


async def test_schedulers_are_asked_and_those_without_an_answer_cannot_be_picked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = tmp_path / "kept" / "config" / "submission"
    configs.mkdir(parents=True)
    (configs / "away.config.yaml").write_text("scheduler_url: unix:///nowhere/atlas.sock\n")
    (configs / "wrong.config.yaml").write_text("scheduler_url: ftp://x\n")
    monkeypatch.chdir(tmp_path)
    async with staged(tmp_path, three, kept_in=tmp_path / "kept") as stage:
        await stage.press("at")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        assert "away" in stage.text()
        assert "must start with unix://" in stage.text()
        await stage.press("enter")
        assert isinstance(stage.app.screen, PickDialog)


async def test_choosing_the_scheduler_that_is_down_starts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Home(tmp_path / "kept")
    configs = tmp_path / "kept" / "config" / "submission"
    configs.mkdir(parents=True)
    (configs / "scheduler.config.yaml").write_text(f"scheduler_url: unix://{kept.socket}\n")
    started: list[Home] = []
    monkeypatch.setattr(autostart, "start_server", started.append)
    monkeypatch.chdir(tmp_path)
    async with staged(tmp_path, three, kept_in=kept.root) as stage:
        stage.line.cut()
        await stage.until(lambda: stage.app.board.link is Link.LOST)
        await stage.press("at")
        await stage.until(lambda: "choosing it starts it" in stage.text())
        await stage.press("enter")
        await stage.until(lambda: started == [kept])


async def test_where_one_left_off_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    async with staged(tmp_path, three, kept_in=kept) as stage:
        await ready(stage)
        await stage.press("2")
        await stage.until(
            lambda: isinstance(stage.front, JobsScreen) and "run-0.py" in stage.text()
        )
        await stage.press("q")
    session = Session.load(path_of(Home(kept), "scheduler"))
    assert session.screen == "jobs"
    assert session.info is not None
    for name in ("dashboard", "jobs"):
        assert len(session.seen[name].jobs) == session.seen[name].total == 3
    async with staged(tmp_path / "kept", session=session) as stage:
        await stage.until(lambda: isinstance(stage.front, JobsScreen))


async def test_the_last_view_is_shown_before_the_first_answer(tmp_path: Path) -> None:
    async with staged(tmp_path, three, kept_in=tmp_path / "kept") as stage:
        await ready(stage)
        await stage.press("q")
    session = Session.load(path_of(Home(tmp_path / "kept"), "scheduler"))
    from foundations.client import AsyncClient

    async with AsyncClient("unix:///nowhere/atlas.sock") as client:
        app = AtlasApp(client, "scheduler", Options(), session=session)
        async with app.run_test(size=(240, 40)) as pilot:
            await pilot.pause()
            strips = app.screen._compositor.render_strips()
            text = "\n".join(strip.text for strip in strips)
            assert "run-2.py" in text
            assert "completed 3" in text


@pytest.mark.parametrize(("width", "on_one_line"), [(60, False), (80, False), (120, True)])
async def test_the_palette_shows_every_explanation_whole_at_any_width(
    tmp_path: Path, width: int, on_one_line: bool
) -> None:
    async with staged(tmp_path, size=(width, 50)) as stage:
        stage.app.perform("palette")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.press(*"mouse")
        await stage.until(lambda: "or take it." in stage.text())
        assert not re.search("│.*….*│", stage.text())
        (first,) = (line for line in stage.text().splitlines() if re.search("Mouse +m", line))
        assert ("or take it." in first) == on_one_line


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (120, 40)])
async def test_what_the_palette_highlights_is_in_sight(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with staged(tmp_path, size=size) as stage:
        stage.app.perform("palette")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.press("up")  # from the first to the last
        await stage.until(lambda: re.search("Quit +q", stage.text()))


async def test_the_palette_breaks_its_lines_anew_when_the_terminal_changes(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, size=(120, 40)) as stage:
        stage.app.perform("palette")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.press(*"mouse")
        await stage.until(lambda: "to select text, or take it." in stage.text())
        await stage.pilot.resize_terminal(60, 24)
        await stage.until(lambda: "to select text, or take it." not in stage.text())
        await stage.until(lambda: "take it." in stage.text())


async def test_what_nothing_in_a_list_matches_is_said(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.app.perform("palette")
        await stage.until(lambda: isinstance(stage.app.screen, PickDialog))
        await stage.press(*"xyzzy", "enter")
        await stage.until(lambda: "nothing is called like that" in stage.text())
        assert isinstance(stage.app.screen, PickDialog)


@pytest.mark.parametrize("width", [60, 100, 120, 200])
async def test_the_bar_at_the_top_says_at_any_width_that_jobs_are_not_isolated(
    tmp_path: Path, width: int
) -> None:
    def fill(conn: sqlite3.Connection) -> None:
        for number in range(30):
            made = add(conn, submitted_at_ms=1_000 + number)
            if number > 10:
                finish(conn, made)

    async with staged(tmp_path, fill, size=(width, 24)) as stage:
        await stage.until(lambda: stage.app.board.host is not None)
        info = await stage.app.client.info()
        stage.app.board.info = info.model_copy(
            update={"engine": info.engine.model_copy(update={"isolated": False})}
        )
        stage.front.query_one(TopBar).renew()
        await stage.until(lambda: "jobs are not isolated" in stage.text())
        line = stage.text().splitlines()[1]
        assert "completed 19" in line if width == 200 else "19" in line
        assert ("cpu" in line) == (width >= 100)
        assert "…" not in line


def test_bright_colours_are_for_dark_backgrounds() -> None:
    for state in JobState:
        name = str(Palette(ansi=True, dark=False).state(state)[1].color)
        assert "bright" not in name or "bright_black" in name
    assert "bright_cyan" in str(Palette(ansi=True).state(JobState.RUNNING)[1].color)


@pytest.mark.parametrize(
    "widget", [JobTable, RowList, LogWindow, TextPane, ProjectList, HelpScreen]
)
def test_the_same_keys_go_up_and_down_everywhere(widget: type[Widget]) -> None:
    keys = [one.key if isinstance(one, Binding) else one[0] for one in widget.BINDINGS]
    wanted = ["down,j", "up,k", "pagedown", "pageup", "ctrl+d", "ctrl+u", "home,g", "end,G"]
    assert [key for key in keys if key in wanted] == wanted


async def test_the_help_goes_up_and_down(tmp_path: Path) -> None:
    async with staged(tmp_path, size=(100, 24)) as stage:
        await stage.press("question_mark")
        await stage.until(lambda: "THE MARKED JOBS" in stage.text())
        await stage.press("G")
        await stage.until(lambda: "next pane" in stage.text())
        await stage.press("g")
        await stage.until(lambda: "THE MARKED JOBS" in stage.text())
        await stage.press("space")
        await stage.until(lambda: "THE MARKED JOBS" not in stage.text())
        await stage.press("ctrl+u", "ctrl+u", "k", "k")
        await stage.until(lambda: "THE MARKED JOBS" in stage.text())


def test_the_lines_of_a_chart_stand_out_from_a_light_background() -> None:
    def brightness(place: int, *, dark: bool) -> float:
        colour = line_style(place, Palette(dark=dark)).color
        assert colour is not None
        red, green, blue = colour.get_truecolor()
        return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255

    for place in range(len(SERIES)):
        assert brightness(place, dark=False) < 0.45 < brightness(place, dark=True)
