"""Makes the bindings of a screen out of the table of actions."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding

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
