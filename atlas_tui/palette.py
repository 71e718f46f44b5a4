"""What the palette offers: every action of the screen in front, by its name."""

from __future__ import annotations

from collections.abc import Mapping

from atlas_tui.action_table import on_screen
from atlas_tui.actions import Selection
from atlas_tui.keys import label
from atlas_tui.messages import Choice


def choices(selection: Selection, keymap: Mapping[str, str]) -> list[Choice]:
    """The actions with their keys; those that are not possible now say why."""
    offered = [one for one in on_screen(selection.screen) if one.name != "palette"]
    labels = [label(one, keymap) for one in offered]
    width = max(map(len, labels), default=0)
    return [
        Choice(one.name, one.title, one.help, one.refusal(selection), key_label=f"{keys:{width}}")
        for one, keys in zip(offered, labels, strict=True)
    ]
