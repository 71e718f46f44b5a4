"""Parameters of a file in the project are read as those of its submission."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundations.own_parameters import LARGEST_BYTES, own_parameters

NAME = "foundations_job_parameters.json"


def test_they_are_taken_where_nothing_else_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('\ufeff{"lr": 0.1, "model": {"depth": 2}}')

    assert own_parameters(tmp_path) == {"lr": 0.1, "model": {"depth": 2}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        '{"lr": NaN}',
        '{"lr": "\\ud800"}',
        "[" * 10_000,
        '{"lr": "' + "x" * LARGEST_BYTES + '"}',
    ],
    ids=["empty", "broken", "list", "nan", "surrogate", "deep", "large"],
)
def test_a_file_that_is_not_as_it_should_be_is_left_to_the_job(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert own_parameters(tmp_path) == {}


def test_a_file_that_is_not_submitted_does_not_count(tmp_path: Path) -> None:
    assert own_parameters(tmp_path) == {}
    (tmp_path / NAME).write_text('{"lr": 0.1}')
    (tmp_path / ".gitignore").write_text("*.json\n")
    assert own_parameters(tmp_path) == {}
