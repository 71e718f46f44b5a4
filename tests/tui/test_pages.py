"""docs/tui.md and the settings in docs/configuration.md say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from atlas_tui.action_table import ACTIONS
from atlas_tui.actions import Action
from atlas_tui.settings_file import read_settings
from tools.keys_table import BEGIN, END, PAGE, renew


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_keys_are_fresh() -> None:
    assert page() == renew(page()), "run python tools/keys_table.py"


def test_making_them_again_changes_nothing_more() -> None:
    fresh = renew(f"before\n{BEGIN}\nsomething old\n{END}\nafter\n")
    assert fresh.startswith("before\n")
    assert fresh.endswith("after\n")
    assert "something old" not in fresh
    assert renew(fresh) == fresh


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_action_is_there_once(action: Action) -> None:
    assert page().count(f"(`{action.name}`)") == 1


def test_the_example_of_the_settings_is_valid(tmp_path: Path) -> None:
    text = (PAGE.parent / "configuration.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml tui\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "tui.yaml").write_text(example)
    settings = read_settings(tmp_path / "tui.yaml")
    assert settings.keymap["refresh"] == "r,ctrl+r"
