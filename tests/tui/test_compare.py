"""Jobs side by side: what differs, and parallel coordinates."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.store import records
from atlas_scheduler.store.records import Metric, Parameter
from atlas_tui.comparison import Axis, Row, axes, axis_columns, parallel, rows, texts
from foundations.models import JobDetail, JobSpec
from tests.store.samples import add, finish
from tests.tui.conftest import staged
from tests.tui.test_job_window import job

pytestmark = pytest.mark.anyio


def detail(number: int, **recorded: object) -> JobDetail:
    values = job(number).model_dump() | {"parameters": recorded}
    spec = JobSpec(project="digits")
    return JobDetail.model_validate(
        {**values, "spec": spec, "bundle": f"sha256:{'a' * 64}", "bundle_size_bytes": 1}
    )


def test_only_what_differs_is_a_row_unless_all_is_wanted() -> None:
    jobs = [detail(1, lr=0.1, depth=3), detail(2, lr=0.2, depth=3)]
    assert [(row.name, row.values) for row in rows(jobs)] == [("param.lr", (0.1, 0.2))]
    everything = {row.name: row.differs for row in rows(jobs, everything=True)}
    assert everything["param.depth"] is False
    assert everything["param.lr"] is True


def test_an_axis_has_numbers_by_size_and_words_by_name() -> None:
    jobs = [detail(1, lr=1, kind="b"), detail(2, lr=3, kind="a"), detail(3, lr=2)]
    found = {axis.name: axis for axis in axes(jobs)}
    assert found["param.lr"].places == (0.0, 1.0, 0.5)
    assert found["param.lr"].ticks == ("1", "3")
    assert found["param.kind"].places == (1.0, 0.0, None)


@given(
    places=st.lists(
        st.lists(st.none() | st.floats(0, 1), min_size=3, max_size=3), min_size=2, max_size=6
    ),
    width=st.integers(16, 120),
    height=st.integers(3, 40),
)
def test_every_plot_stays_on_its_canvas(
    places: list[list[float | None]], width: int, height: int
) -> None:
    made = [Axis(str(n), 0, 1, tuple(one), ("0", "1")) for n, one in enumerate(places)]
    canvas = parallel(made, width=width, height=height)
    drawn = [canvas.row(number) for number in range(height)]
    assert [len(line) for line in drawn] == [width] * height
    assert all(0 <= column < width for column in axis_columns(len(made), width))


def fill(conn: sqlite3.Connection) -> None:
    for number in range(3):
        made = add(
            conn, spec={"command": ["main.py", f"run-{number}"]}, submitted_at_ms=1_000 + number
        )
        found: list[records.Record] = [
            Parameter("lr", 0.1 * (number + 1), 0),
            *(Metric("loss", 1.0 / (number + step + 1), step, 0) for step in range(20)),
        ]
        records.ingest(conn, made.job_id, found, offset=0, new_offset=1)
        finish(conn, made)


async def test_marked_jobs_are_compared(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        await stage.press("space", "space", "5")
        await stage.until(lambda: "param.lr" in stage.text())
        assert "metric.loss" in stage.text()
        assert "project" not in stage.text().split("Differences")[1]
        await stage.press("o")
        assert "project" in stage.text().split("Differences")[1]
        bar = stage.text().splitlines()[-1]
        assert "o All or differing" in bar
        assert "M Metric" not in bar
        await stage.press("right_square_bracket")
        await stage.until(lambda: "M Metric" in stage.text().splitlines()[-1])
        assert "o All or differing" not in stage.text().splitlines()[-1]
        await stage.until(lambda: stage.status == "loss; M chooses another metric")
        await stage.until(lambda: f"b {stage.app.board.subject[1][:8]} loss" in stage.text())
        assert "b b " not in stage.text()
        await stage.press("right_square_bracket")
        await stage.until(lambda: stage.status == "")
        await stage.until(lambda: "param.lr" in stage.text() and "metric.loss" in stage.text())
        assert "0.3" in stage.text()
        await stage.press("o")
        await stage.until(lambda: "o All or differing" in stage.text().splitlines()[-1])


async def test_a_job_without_the_metric_keeps_its_letter(tmp_path: Path) -> None:
    def fill_more(conn: sqlite3.Connection) -> None:
        fill(conn)
        # The newest, which comes first.
        finish(conn, add(conn, spec={"command": ["main.py", "run-3"]}, submitted_at_ms=2_000))

    async with staged(tmp_path, fill_more) as stage:
        await stage.until(lambda: "run-3" in stage.text())
        await stage.press("space", "space", "space", "5", "right_square_bracket")
        bare, first, second = (job_id[:8] for job_id in stage.app.board.subject)
        await stage.until(lambda: f"a {bare} loss -  b {first} loss 0.0" in stage.text())
        assert f"c {second} loss 0.0" in stage.text()


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_values_have_the_room_that_there_is(tmp_path: Path, size: tuple[int, int]) -> None:
    command = ["main.py", "--a-long-option", "with-its-value"]

    def fill_long(conn: sqlite3.Connection) -> None:
        for number in range(3):
            spec = {"command": [*command, str(number)]}
            finish(conn, add(conn, spec=spec, submitted_at_ms=1_000 + number))

    async with staged(tmp_path, fill_long, size=size) as stage:
        await stage.until(lambda: "main.py" in stage.text())
        await stage.press("space", "space", "space", "5")
        await stage.until(lambda: "Differences" in stage.text() and "command" in stage.text())
        await stage.settle()
        shown = " ".join([*command, "2"]) in stage.text()
        assert shown == (size[0] == 200)


async def test_a_name_without_room_goes_without_its_kind(tmp_path: Path) -> None:
    def fill_many(conn: sqlite3.Connection) -> None:
        for number in range(2):
            made = add(conn, spec={"command": ["main.py"]}, submitted_at_ms=1_000 + number)
            found = [Parameter(f"batch_size_{key}", number, 0) for key in "abcdefgh"]
            records.ingest(conn, made.job_id, found, offset=0, new_offset=1)
            finish(conn, made)

    async with staged(tmp_path, fill_many) as stage:
        await stage.until(lambda: "main.py" in stage.text())
        await stage.press("space", "space", "5", "right_square_bracket", "right_square_bracket")
        await stage.until(lambda: "batch_size_a " in stage.text())
        assert "param." not in stage.text()


async def test_one_job_cannot_be_compared_and_the_screen_says_what_to_do(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        await stage.press("5")
        await stage.until(lambda: "Mark two jobs or more" in stage.text())


async def test_the_source_of_two_jobs_is_compared(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        await stage.press("space", "space", "5", "left_square_bracket")
        await stage.until(lambda: "The files of the two jobs are the same." in stage.text())


def test_a_tag_without_a_value_is_told_from_no_tag() -> None:
    row = Row("tag.best", ("", None, "yes"), differs=True)
    assert texts(row) == ["set", "-", "yes"]


async def test_jobs_whose_logs_are_beside_each_other_are_compared(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        await stage.press("space", "space", "l")
        await stage.until(lambda: stage.front.NAME == "logs" and bool(stage.front.chosen()))
        await stage.press("5")
        await stage.until(lambda: "param.lr" in stage.text())
        assert len(stage.front.chosen()) == 2


async def test_marked_jobs_are_compared_while_one_job_is_shown(tmp_path: Path) -> None:
    async with staged(tmp_path, fill) as stage:
        await stage.until(lambda: "run-2" in stage.text())
        await stage.press("space", "space", "enter")
        await stage.until(lambda: stage.front.NAME == "job" and bool(stage.front.chosen()))
        await stage.press("5")
        await stage.until(lambda: "param.lr" in stage.text())
        assert len(stage.front.chosen()) == 2
