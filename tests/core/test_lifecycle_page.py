"""docs/lifecycle.md says what the code does."""

from __future__ import annotations

import re
import typing

from atlas_scheduler.core.events import Event
from atlas_scheduler.core.lifecycle import TRANSITIONS, Effect
from foundations.models import JobState
from tools.lifecycle_diagram import BEGIN, END, PAGE, draw_diagram, draw_table, renew


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def section(title: str) -> str:
    return page().split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(text: str) -> set[str]:
    rows = re.findall(r"^\| ([^|]+?) \|", text, flags=re.MULTILINE)
    return set(rows[1:])


def test_the_diagram_is_fresh() -> None:
    assert page() == renew(page()), "run python tools/lifecycle_diagram.py"


def test_making_it_again_changes_nothing_more() -> None:
    stale = f"before\n{BEGIN}\nsomething old\n{END}\nafter\n"
    fresh = renew(stale)

    assert fresh.startswith("before\n")
    assert fresh.endswith("after\n")
    assert "something old" not in fresh
    assert renew(fresh) == fresh


def test_every_transition_is_drawn() -> None:
    for state, kind in TRANSITIONS:
        assert re.search(rf"^    {state} --> \w+: .*\b{kind.__name__}\b", draw_diagram(), re.M)
        assert re.search(rf"^\| {state} \| {kind.__name__}\b", draw_table(), re.M)


def test_both_ends_of_an_exit_are_drawn() -> None:
    assert "running --> completed: Exited with 0\n" in draw_diagram()
    assert "running --> failed: Exited with another code\n" in draw_diagram()


def test_every_event_and_effect_is_explained() -> None:
    assert first_cells(section("Events")) == {kind.__name__ for kind in typing.get_args(Event)}
    assert first_cells(section("Effects")) == {effect.value for effect in Effect}


def test_every_state_is_explained() -> None:
    assert set(re.findall(r"\*(\w+)\*", page())) >= set(JobState)
