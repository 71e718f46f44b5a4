"""Makes the bindings of a screen out of the table of actions."""

from __future__ import annotations

from textual.binding import Binding

from atlas_tui.action_table import ACTIONS, on_screen
from atlas_tui.actions import Action

_SIGNS = {
    "slash": "/",
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


def bindings(screen: str) -> list[Binding]:
    """The bindings of a screen. Their ids are the names of the actions, for the user's keymap."""
    return [
        Binding(action.keys, f"perform('{action.name}')", action.title, id=action.name, show=False)
        for action in on_screen(screen)
        if action.keys
    ]


def label(action: Action) -> str:
    """The keys of an action as people read them, such as `4 l`."""
    return " ".join(sign(key) for key in action.keys.split(",") if key)


def sign(key: str) -> str:
    """One key as people read it."""
    return _SIGNS.get(key, key.replace("ctrl+", "^"))


def check_keymap(keymap: dict[str, str]) -> list[str]:
    """Say what is wrong with a user's keymap, a sentence each."""
    known = {action.name for action in ACTIONS}
    return [
        f"the keymap names `{name}`, which is no action" for name in keymap if name not in known
    ]
