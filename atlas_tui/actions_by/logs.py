"""Actions on the log that is shown."""

from __future__ import annotations

from atlas_tui.actions import Action, Scope

_G = Scope.LOG
_LOGS = ("logs",)

ROWS: tuple[Action, ...] = (
    Action(
        "follow",
        "Follow",
        "f",
        _G,
        "Go along with the end of the log.",
        screens=_LOGS,
        in_bar=True,
    ),
    Action("search", "Search", "slash", _G, "Search in the log.", screens=_LOGS, in_bar=True),
    Action("next_match", "Next", "n", _G, "Go to the next match.", screens=_LOGS),
    Action("previous_match", "Previous", "N", _G, "Go to the match before.", screens=_LOGS),
    Action(
        "only_matches",
        "Only matches",
        "ampersand",
        _G,
        "Show matching lines with context.",
        screens=_LOGS,
    ),
    Action(
        "regex",
        "Regex",
        "tilde",
        _G,
        "Search by regular expression or as it is.",
        screens=_LOGS,
    ),
    Action(
        "case",
        "Case",
        "i",
        _G,
        "Tell capitals and small letters apart or not.",
        screens=_LOGS,
    ),
    Action(
        "wrap",
        "Wrap",
        "w",
        _G,
        "Break long lines or cut them.",
        screens=_LOGS,
        in_bar=True,
    ),
    Action(
        *("timestamps", "Times", "t", _G, "Show when each line was written."),
        cli="foundations get logs {scheduler} {ids} --timestamps",
        sdk="log_times",
        screens=_LOGS,
    ),
    Action(
        *("jump_to_time", "Jump to time", "T", _G, "Go to a time, or a percentage."),
        cli="foundations get logs {scheduler} {ids} --since TIME",
        sdk="log_times",
        screens=_LOGS,
    ),
    Action("copy_log", "Copy", "y", _G, "Copy the lines on the screen.", screens=_LOGS),
    Action(
        *("save_log", "Save", "W", _G, "Save the log to a file."),
        cli="foundations get logs {scheduler} {ids}",
        sdk="logs",
        screens=_LOGS,
    ),
)
