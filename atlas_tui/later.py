"""Loads what the first picture does without, so that nobody waits for it when it is wanted.

`load_…` are called in threads: the event loop goes on meanwhile.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atlas_tui.handlers import Handler

_CONNECTION = ("foundations.client", "foundations.models", "atlas_tui.feed")
_ALL_ELSE = (
    "atlas_tui.all_handlers",
    "atlas_tui.curves",
    "atlas_tui.screens.columns_dialog",
    "atlas_tui.screens.compare",
    "atlas_tui.screens.dashboard",
    "atlas_tui.screens.dialogs",
    "atlas_tui.screens.help",
    "atlas_tui.screens.job",
    "atlas_tui.screens.jobs",
    "atlas_tui.screens.logs",
    "atlas_tui.screens.submit",
    "atlas_tui.screens.system",
    "atlas_tui.screens.theme_dialog",
)


def load_connection() -> None:
    """Load what speaks with the scheduler."""
    _load(_CONNECTION)


def load_all_else() -> None:
    """Load the other screens, the dialogs and what the actions do."""
    _load(_ALL_ELSE)


def handler(name: str) -> Handler:
    """What does an action that no screen does itself."""
    from atlas_tui.all_handlers import HANDLERS

    return HANDLERS[name]


def _load(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)
