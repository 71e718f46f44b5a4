"""What the screen about a job writes, without a screen: history, parameters, files, previews."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_tui import overview, overview_facts, parameters, previews
from atlas_tui.columns import why
from atlas_tui.file_tree import tree
from atlas_tui.looks import Palette
from atlas_tui.metric_rows import MetricRow, about, draw, table
from atlas_tui.previews import Kind, kind_of
from atlas_tui.stretches import stretches
from foundations.models import (
    Change,
    FileView,
    JobDetail,
    JobSpec,
    JobState,
    MetricPoint,
    MetricSeries,
    MetricSummary,
    Waiting,
)
from tests.core.profiles import PROPERTY

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
S = JobState


def history(*moves: tuple[str, JobState, float]) -> list[Change]:
    return [
        Change(
            seq=place,
            at=START + timedelta(seconds=seconds),
            job_id="x",
            project="digits",
            event=event,
            state=state,
        )
        for place, (event, state, seconds) in enumerate(moves)
    ]


def detail(**fields: Any) -> JobDetail:
    spec = JobSpec.model_validate({"project": "digits", **fields.pop("spec", {})})
    return JobDetail.model_validate(
        {
            "job_id": "45540b52-ffe2-44ab-9838-db467d3499c0",
            "project": "digits",
            "user": "ada",
            "state": S.QUEUED,
            "command": ["main.py"],
            "submitted_at": START,
            "spec": spec,
            "bundle": f"sha256:{'a' * 64}",
            "bundle_size_bytes": 12,
            **fields,
        }
    )


def text_of(lines: list[Any]) -> str:
    return "\n".join(line if isinstance(line, str) else line.plain for line in lines)


# -- history


def test_each_state_has_its_time_and_what_moves_nothing_has_none() -> None:
    moves = history(
        ("Submitted", S.QUEUED, 0),
        ("Tagged", S.QUEUED, 5),
        ("Claimed", S.STARTING, 180),
        ("Started", S.RUNNING, 182),
        ("Noted", S.RUNNING, 200),
        ("Exited", S.FAILED, 3782),
        ("Tagged", S.FAILED, 5000),
    )

    found = stretches(moves, START + timedelta(days=1))

    assert [(one.state, one.seconds) for one in found] == [
        (S.QUEUED, 180),
        (S.STARTING, 2),
        (S.RUNNING, 3600),
        (S.FAILED, None),
    ]
    assert not any(one.lasts for one in found)


def test_a_state_that_lasts_goes_on_until_now() -> None:
    (only,) = stretches(history(("Submitted", S.QUEUED, 0)), START + timedelta(seconds=7))
    assert (only.seconds, only.lasts) == (7, True)
    assert stretches([], START) == []


@PROPERTY
@given(st.lists(st.tuples(st.sampled_from(list(S)), st.floats(0, 1000)), max_size=12))
def test_no_time_is_lost_or_negative(steps: list[tuple[JobState, float]]) -> None:
    at, moves = 0.0, []
    for state, seconds in steps:
        moves.append(("Moved", state, at))
        at += seconds
    found = stretches(history(*moves), START + timedelta(seconds=at))

    assert all(one.seconds is None or one.seconds >= 0 for one in found)
    assert all(one.state != other.state for one, other in pairwise(found))


# -- overview


def test_a_job_that_waits_says_why_and_at_which_place() -> None:
    waiting = Waiting(reason="2 of 2 jobs run", position=3)
    assert overview_facts.story(detail(waiting=waiting)) == "It waits: 2 of 2 jobs run (place 3)."


def test_a_held_job_says_who_holds_it_and_no_place() -> None:
    held = detail(waiting=Waiting(reason="held by ada"))
    assert overview_facts.story(held) == "It waits: held by ada."
    assert why(held) == "held by ada"


def test_a_job_that_waits_says_for_whom_and_until_when() -> None:
    waiting = Waiting(
        reason="2 of 2 jobs run",
        position=3,
        blockers=["4c6d9a1e-0000", "0b1c2d3e-0000"],
        expected_start_at=START,
    )
    (facts,) = [
        dict(one.facts)
        for one in overview_facts.sections(detail(waiting=waiting), "scheduler")
        if one.title == "Waits"
    ]
    assert facts == {
        "For jobs": "4c6d9a1e 0b1c2d3e",
        "May start": f"about {START.astimezone():%H:%M:%S, %d %b}",
    }


@pytest.mark.parametrize(("engine", "is_told"), [("process", True), ("docker", False)])
def test_the_interpreter_of_the_submitter_is_told_where_it_counts(
    engine: str, *, is_told: bool
) -> None:
    job = detail(engine=engine, spec={"python": "/usr/bin/python3"})
    facts = dict(fact for one in overview_facts.sections(job, "scheduler") for fact in one.facts)
    assert bool(facts["Interpreter"]) is is_told


def test_limits_and_a_further_attempt_are_shown_and_others_are_not() -> None:
    limits = {"time_limit_seconds": 7_200, "retries": {"exit": 2}}
    now = START + timedelta(seconds=99)

    def shown(**fields: Any) -> str:
        lines = overview.lines(
            detail(**fields), scheduler="s", now=now, width=80, palette=Palette()
        )
        return " ".join(text_of(lines).split())

    text = shown(spec=limits, attempt=2)
    assert "Attempt 2" in text
    assert "Time limit 2h Retries 2 after a failure" in text
    assert not any(word in shown(attempt=1) for word in ("Attempt", "Time limit", "Retries"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"state": S.FAILED, "exit_code": 3}, "It failed with exit code 3."),
        (
            {"state": S.FAILED, "reason": "no such image"},
            "It failed: no such image.",
        ),
        ({"state": S.RUNNING}, "It runs."),
        ({"state": S.STARTING}, "It is being started."),
        ({"state": S.STARTING, "doing": "Pulling it."}, "It is being started. Pulling it."),
        ({"state": S.COMPLETED, "exit_code": 0}, "exit code 0."),
        ({"state": S.LOST, "reason": "container removed"}, "is not to blame: container removed."),
        ({"state": S.STOPPED, "reason": "stopped by ada"}, "It was stopped by request: stopped by"),
    ],
)
def test_how_a_job_ended_is_told_in_words(fields: dict[str, Any], expected: str) -> None:
    assert expected in overview_facts.story(detail(**fields))


@pytest.mark.parametrize("width", [20, 60, 80, 110, 160, 200])
def test_no_line_is_wider_than_the_page_and_no_control_code_gets_through(width: int) -> None:
    job = detail(
        state=S.FAILED,
        reason="bad \x1b[2J 警告 " * 30,
        command=["main.py", "--name", "\x1b]52;c;x\x07" * 9, "漢字" * 40],
        tags={"a[b]": "[red]x"},
        history=history(("Submitted", S.QUEUED, 0), ("Exited", S.FAILED, 9)),
    )
    lines = overview.lines(job, scheduler="my scheduler", now=START, width=width, palette=Palette())

    shown = text_of(lines)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert width < 60 or "[red]x" in shown
    assert max(line.cell_len for line in lines) <= width
    assert width < 60 or "foundations rerun job 'my scheduler' 45540b52" in shown


def test_where_the_job_comes_from_is_told() -> None:
    job = detail(
        provenance={
            "origin": {
                "user": "ada",
                "host": "desk",
                "git": {"commit": "c0ffee77" * 5, "dirty": True},
            },
            "environment": {"python": "3.11.7", "packages": {"numpy": "1.26"}},
            "seeds": {"numpy": 7},
        }
    )
    lines = overview.lines(job, scheduler="s", now=START, width=160, palette=Palette())
    shown = text_of(lines)
    for text in ("Comes from", "c0ffee77 (changed)", "ada@desk", "3.11.7", "numpy 1.26", "numpy=7"):
        assert text in shown


def test_a_local_run_has_no_bundle() -> None:
    job = detail(bundle=None, local=True, state=S.RUNNING)
    lines = overview.lines(job, scheduler="s", now=START, width=80, palette=Palette())
    assert "none: a local run" in text_of(lines)


def test_long_names_stand_apart_from_their_values() -> None:
    job = detail(parameters={"learning_rate": 0.1, "weight_decay_of_heads": 2})
    text = text_of(overview.lines(job, scheduler="s", now=START, width=120, palette=Palette()))
    assert "learning_rate         0.1" in text
    assert "weight_decay_of_heads 2" in text


def test_plain_pages_are_ascii() -> None:
    job = detail(state=S.RUNNING, history=history(("Started", S.RUNNING, 0)))
    lines = overview.lines(job, scheduler="s", now=START, width=120, palette=Palette(unicode=False))
    assert text_of(lines).replace("…", "").isascii()


# -- parameters


def test_nested_parameters_have_the_names_that_filters_know_and_say_where_they_are_from() -> None:
    job = detail(
        spec={"params": {"lr": 0.1, "model": {"depth": 2, "empty": {}}, "same": 1}},
        parameters={"lr": 0.2, "seed": 7, "same": 1},
    )

    assert [(one.name, one.value, one.origin) for one in parameters.rows(job)] == [
        ("lr", 0.2, "logged otherwise"),
        ("model_depth", 2, "submitted"),
        ("model_empty", None, "submitted"),
        ("same", 1, "submitted"),
        ("seed", 7, "logged"),
    ]


# -- metrics


def test_a_series_says_its_extremes_and_where_they_are() -> None:
    points = [
        MetricPoint(position=n, step=10.0 * n, value=v, at=START) for n, v in enumerate([3.0, 1.0])
    ]
    summary = MetricSummary(name="loss", last="NaN", last_step=20, min=1.0, max=3.0, count=3)
    row = MetricRow(summary, MetricSeries(name="loss", count=3, points=points), 0, letters=True)

    (line,) = about(row, 200)

    assert line == "last NaN at 20  min 1 at 10  max 3 at 0  3 points  the last one is not finite"
    assert all(len(part) <= 30 for part in about(row, 30))
    assert not row.is_text
    assert draw(row, 50, Palette()).plain.startswith(" a loss")


def test_a_series_of_texts_is_a_table_the_newest_first() -> None:
    points = [MetricPoint(position=n, step=n, value=f"p{n}\x1b", at=START) for n in range(2)]
    row = MetricRow(MetricSummary(name="phase", last="p1", count=2))
    assert row.is_text
    lines = [line.plain.split() for line in table(MetricSeries(name="p", count=2, points=points))]
    assert [(line[0], line[-1]) for line in lines] == [
        ("STEP", "VALUE"),
        ("1", "p1␛"),
        ("0", "p0␛"),
    ]


# -- files


def files(*paths: str) -> list[FileView]:
    kinds = {"source": "source", "changed": "changed", "artifacts": "artifact"}
    return [
        FileView.model_validate(
            {"path": path, "kind": kinds.get(path.split("/")[0], "record"), "size_bytes": 10}
        )
        for path in paths
    ]


PATHS = ("source/a.py", "source/d/b.py", "changed/a.py", "changed/new.txt", "job.log")


def test_the_tree_tells_what_is_new_from_what_is_changed() -> None:
    found = tree(files(*PATHS), closed=())

    assert [(one.path, one.depth) for one in found] == [
        ("source/", 0),
        ("source/d/", 1),
        ("source/d/b.py", 2),
        ("source/a.py", 1),
        ("changed/", 0),
        ("changed/a.py", 1),
        ("changed/new.txt", 1),
        ("job.log", 0),
    ]
    assert [one.name for one in found if one.is_new] == ["new.txt"]
    assert (found[0].files, found[0].size_bytes) == (2, 20)


def test_closed_directories_hide_what_is_in_them_unless_it_is_searched_for() -> None:
    closed = tree(files(*PATHS), closed={"source/", "changed/"})
    assert [one.path for one in closed] == ["source/", "changed/", "job.log"]
    found = tree(files(*PATHS), closed={"source/"}, text="B.PY")
    assert [one.path for one in found] == ["source/", "source/d/", "source/d/b.py"]


# -- previews


def shown(name: str, data: bytes, *, is_whole: bool = True) -> str:
    return text_of(previews.preview(name, data, is_whole=is_whole))


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.txt", b"hello", Kind.TEXT),
        ("a.CSV", b"a,b\n", Kind.TABLE),
        ("a.json", b"{}", Kind.JSON),
        ("a.json", b"\x00", Kind.BINARY),
        ("a.txt", b"caf\xe9 and more", Kind.BINARY),
        ("a.txt", "é".encode()[:1], Kind.TEXT),
        ("", b"", Kind.TEXT),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_beginning_and_name(
    name: str, data: bytes, kind: Kind
) -> None:
    assert kind_of(name, data) is kind


@PROPERTY
@given(
    st.sampled_from(["a.txt", "a.csv", "a.tsv", "a.json", "a.png", "a"]),
    st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode)),
    st.booleans(),
)
def test_any_file_can_be_looked_at_and_controls_nothing(
    name: str, data: bytes, is_whole: bool
) -> None:
    text = shown(name, data, is_whole=is_whole)
    assert not any(ord(one) < 0x20 and one != "\n" for one in text)
    assert "\x7f" not in text


def test_a_table_has_even_columns_with_numbers_at_the_right() -> None:
    assert shown("a.csv", b"id,name\n1,ada\n10,b\n").splitlines() == [
        "id  name",
        " 1  ada ",
        "10  b   ",
    ]


def test_json_is_indented_and_what_is_none_says_so() -> None:
    assert shown("a.json", b'{"a":[1]}') == json.dumps({"a": [1]}, indent=2)
    assert shown("a.json", b"{").startswith("This is not valid JSON.")


def test_bytes_are_dumped() -> None:
    assert shown("a.bin", b"AB\x00").split() == ["00000000", "41", "42", "00", "AB."]
    assert "PDF files are not shown here; save it" in shown("a.pdf", b"%PDF-1.7\n\x00")


def test_a_file_that_was_cut_off_says_so() -> None:
    assert "Only the first 5 bytes are shown; save it to see all." in shown(
        "a.txt", b"hello", is_whole=False
    )
    assert shown("a.txt", b"") == "The file is empty."
