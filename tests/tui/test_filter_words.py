"""Completion of filters, and where their errors are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.filters import FilterError, parse
from atlas_tui.filter_words import FIELDS, Trouble, Vocabulary, trouble
from tests.tui.test_job_window import job


def vocabulary() -> Vocabulary:
    known = Vocabulary()
    recorded = {"metrics": {"val acc": 1, "loss": 2}, "parameters": {"lr": 1}, "tags": {"best": ""}}
    known.learn([job(1).model_copy(update=recorded)])
    known.learn_projects(["digits", "cats and dogs"])
    return known


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("sta", "status:"),
        ("status:fa", "status:failed"),
        ("(state:que", "(state:queued"),
        ("metric.lo", "metric.loss"),
        ("param.l", "param.lr"),
        ("tag:b", "tag:best"),
        ("project:cat", None),
        ('project:"cat', None),
        ("sort:-metric.lo", "sort:-metric.loss"),
        ("has:metric.lo", "has:metric.loss"),
        ("status:failed a", "status:failed and"),
        ("", None),
        ("status:failed ", None),
        ("nothing", None),
    ],
)
def test_the_last_word_is_completed(typed: str, completed: str | None) -> None:
    assert vocabulary().completion(typed) == completed


def test_every_field_that_is_offered_is_one_of_the_language() -> None:
    for field in FIELDS:
        text = {"since:": "since:2d", "has:": "has:reason", "tag:": "tag:a"}.get(field)
        parse(
            text
            or (f"{field}submitted" if field.startswith("sort:") else f"has:{field.rstrip(':')}")
        )


@given(st.text(max_size=30))
def test_a_completion_only_adds(typed: str) -> None:
    completed = vocabulary().completion(typed)
    assert completed is None or (completed.startswith(typed) and len(completed) > len(typed))


@pytest.mark.parametrize("filter", ["status:nonsense", "metric.a >", "foo:1", "(state:failed"])
def test_trouble_is_where_the_language_says_it_is(filter: str) -> None:
    with pytest.raises(FilterError) as raised:
        parse(filter)
    found = trouble(str(raised.value))
    assert found == Trouble(raised.value.message, raised.value.column)


def test_other_trouble_has_no_place() -> None:
    assert trouble("The search took too long.\nmore") == Trouble("The search took too long.")
