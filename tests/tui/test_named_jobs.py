"""Jobs in a question: what they share is said once, and what tells them apart in each row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from atlas_tui.choice_lines import ChoiceLines
from atlas_tui.messages import Choice
from atlas_tui.named_jobs import describe
from atlas_tui.row_layout import wrapped
from foundations.models import ArrayPlace, JobState, JobView
from foundations.text.terminal import clean


def job(number: int, *command: str, **fields: Any) -> JobView:
    return JobView(
        **{
            "job_id": f"{number:08}-0000",
            "project": "digits",
            "user": "ada",
            "state": JobState.RUNNING,
            "command": list(command or ["main.py"]),
            "submitted_at": datetime(2026, 1, 1, tzinfo=UTC),
            **fields,
        }
    )


def test_parameters_that_differ_are_told_and_others_are_not() -> None:
    jobs = [job(n, parameters={"epochs": 90, "lr": 0.5**n, "seed": n}) for n in range(3)]
    told = describe(jobs, 3)
    assert told.shared == "digits  main.py"
    assert told.rows[1] == "00000001  running    lr=0.5 seed=1"


def test_a_parameter_that_only_some_have_is_told() -> None:
    jobs = [job(0, parameters={"lr": 1}), job(1, parameters={"lr": 1, "dry": True})]
    assert describe(jobs, 2).rows == ("00000000  running", "00000001  running    dry=true")


def test_where_nothing_differs_all_parameters_are_told() -> None:
    jobs = [job(n, parameters={"lr": 0.1, "seed": 7}) for n in range(2)]
    assert describe(jobs, 2).rows[0] == "00000000  running    lr=0.1 seed=7"


def test_the_rest_of_commands_that_begin_alike_is_told() -> None:
    jobs = [job(n, "main.py", "--seed", str(n)) for n in range(2)]
    told = describe(jobs, 2)
    assert told.shared == "digits  main.py …"
    assert told.rows == ("00000000  running    --seed 0", "00000001  running    --seed 1")


def test_projects_are_in_the_rows_where_they_differ() -> None:
    jobs = [job(0), job(1, project="漢字")]
    told = describe(jobs, 2)
    assert told.shared == "main.py"
    assert told.rows == ("00000000  running    digits", "00000001  running    漢字")


def test_the_place_in_an_array_is_told() -> None:
    place = ArrayPlace(array_id="a" * 8, index=17, size=20)
    assert describe([job(0, array=place)], 1).rows == ("00000000  running    [17]",)


def test_of_jobs_that_are_not_known_nothing_is_said_to_be_shared() -> None:
    told = describe([job(0), job(1)], 30)
    assert told.shared == ""
    assert told.rows[0] == "00000000  running    digits  main.py"
    assert told.rows[-1] == "and 28 more"


def test_only_the_first_have_a_row_but_all_are_compared() -> None:
    jobs = [job(n, parameters={"lr": n == 6}) for n in range(7)]
    told = describe(jobs, 7)
    assert len(told.rows) == 6
    assert told.rows[0].endswith("lr=false")
    assert told.rows[-1] == "and 2 more"


def test_a_row_is_one_line_without_control_characters() -> None:
    (row,) = describe([job(0, parameters={"a\nb": "c\x1b[2J\u202e"})], 1).rows
    assert row.isprintable()


@given(st.text(), st.integers(2, 60))
def test_no_line_that_is_broken_is_longer_than_it_may_be(text: str, width: int) -> None:
    one_line = " ".join(clean(text, one_line=True).split())
    lines = wrapped(one_line, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == one_line.replace(" ", "")


def test_notes_that_do_not_fit_go_on_below_themselves_or_below_the_name() -> None:
    choices = [
        Choice("a", "Stop", "Ask the jobs to end as soon as they can.", key_label="x"),
        Choice("b", "Move first", disabled="no job waits", key_label="<"),
    ]
    lines = ChoiceLines(choices)
    wide, usual, narrow = (lines.entry(choices[0], width).plain for width in (90, 44, 20))
    assert wide == "Stop        x  Ask the jobs to end as soon as they can."
    assert usual.splitlines() == [
        "Stop        x  Ask the jobs to end as soon",
        "               as they can.",
    ]
    assert narrow.splitlines()[:2] == ["Stop        x", "    Ask the jobs to"]
    assert lines.entry(choices[1], 44).plain == "Move first  <  no job waits"
