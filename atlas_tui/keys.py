"""Makes the bindings of a screen out of the table of actions."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding, BindingType

from atlas_tui.action_table import on_screen
from atlas_tui.actions import Action

_SIGNS = {
    "slash": "/",
    "dollar_sign": "$",
    "question_mark": "?",
    "exclamation_mark": "!",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "equals_sign": "=",
    "plus": "+",
    "minus": "-",
    "asterisk": "*",
    "ampersand": "&",
    "tilde": "~",
    "at": "@",
    "colon": ":",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "Esc",
    "space": "Space",
    "f1": "F1",
}


UNBOUND = "unbound_"
"""Begins the names of keys that no keyboard has: with one, an action without a key can be given a
key by the user's keymap, and the other way around."""


def bindings(screen: str) -> list[Binding]:
    """The bindings of a screen. Their ids are the names of the actions, for the user's keymap."""
    return [
        Binding(
            action.keys or UNBOUND + action.name,
            f"perform('{action.name}')",
            action.title,
            id=action.name,
            show=False,
        )
        for action in on_screen(screen)
    ]


MOVING = (
    ("j k", "down and up, as the arrows do"),
    ("PgUp PgDn", "by pages; ^u ^d by half ones"),
    ("g G", "first, last"),
    ("Left Right", "columns that do not fit"),
    ("Enter", "open"),
    ("Tab", "next pane"),
)
"""What help says of the keys that move; `moving` binds those that go up and down."""


def moving(
    lines: str = "move({})",
    pages: str = "move_pages({})",
    ends: tuple[str, str] = ("go(0)", "go(-1)"),
) -> list[BindingType]:
    """The keys that go up and down, the same everywhere.

    Args:
        lines: the action for a number of lines, with `{}` in place of it.
        pages: the action for a number of pages or a part of one.
        ends: the actions for the top and the bottom.
    """
    return [
        ("down,j", lines.format(1), "Down"),
        ("up,k", lines.format(-1), "Up"),
        ("pagedown", pages.format(1), "Page down"),
        ("pageup", pages.format(-1), "Page up"),
        ("ctrl+d", pages.format(0.5), "Half page down"),
        ("ctrl+u", pages.format(-0.5), "Half page up"),
        ("home,g", ends[0], "Top"),
        ("end,G", ends[1], "Bottom"),
    ]


def textual_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """The user's keymap as Textual takes it."""
    return {name: keys or UNBOUND + name for name, keys in keymap.items()}


def keys_of(action: Action, keymap: Mapping[str, str]) -> list[str]:
    """The keys of an action, the user's where there are any."""
    return [key.strip() for key in keymap.get(action.name, action.keys).split(",") if key.strip()]


def label(action: Action, keymap: Mapping[str, str]) -> str:
    """The keys of an action as people read them, such as `4 l`."""
    return " ".join(sign(key) for key in keys_of(action, keymap))


def sign(key: str) -> str:
    """One key as people read it."""
    return _SIGNS.get(key, key.replace("ctrl+", "^"))
