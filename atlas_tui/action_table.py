"""Everything that can be done in the app: one entry an action, in `atlas_tui.actions_by`."""

from __future__ import annotations

from atlas_tui.actions import Action
from atlas_tui.actions_by import app, jobs, lists, logs, queue, scheduler, screens

ACTIONS: tuple[Action, ...] = (
    *screens.ROWS,
    *jobs.ROWS,
    *queue.ROWS,
    *scheduler.ROWS,
    *lists.ROWS,
    *logs.ROWS,
    *app.ROWS,
)
BY_NAME = {action.name: action for action in ACTIONS}


def on_screen(screen: str) -> list[Action]:
    """The actions that a screen offers, in the order of the table."""
    return [action for action in ACTIONS if action.is_on(screen)]
