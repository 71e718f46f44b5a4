"""Actions that bring a screen to the front."""

from __future__ import annotations

from atlas_tui.actions import Action, Scope

_S = Scope.SCREEN

ROWS: tuple[Action, ...] = (
    Action("dashboard", "Dashboard", "1", _S, "Show the queue, what runs, and a live log."),
    Action("jobs", "Jobs", "2", _S, "Show every job there is."),
    Action("job", "Job", "3", _S, "Show all about one job."),
    Action(
        "logs",
        "Logs",
        "4,l",
        _S,
        "Show the log of the chosen jobs, up to four.",
        in_bar=True,
    ),
    Action("compare", "Compare", "5,equals_sign", _S, "Show the marked jobs side by side."),
    Action("system", "System", "6", _S, "Show the engine, GPUs, disks and events."),
)
