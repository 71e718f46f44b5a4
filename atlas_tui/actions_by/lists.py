"""Actions on the list that is shown."""

from __future__ import annotations

from atlas_tui.actions import Action, Scope
from atlas_tui.actions_by.chosen import LISTS

_L = Scope.LIST

ROWS: tuple[Action, ...] = (
    Action("mark", "Mark", "space", _L, "Mark the job, and go to the next.", screens=LISTS),
    Action(
        "mark_range",
        "Mark range",
        "V",
        _L,
        "Mark from the last mark to here.",
        screens=LISTS,
    ),
    Action("mark_all", "Mark all", "asterisk", _L, "Mark all that the list has.", screens=LISTS),
    Action(
        *("filter", "Filter", "slash", _L, "Show only the jobs that a filter takes."),
        screens=("jobs",),
        in_bar=True,
    ),
    Action(
        "filters",
        "Filters",
        "F",
        _L,
        "Take a kept filter, or keep this one.",
        screens=("jobs",),
    ),
    Action(
        "sort",
        "Sort",
        "s",
        _L,
        "Choose the column that orders the list.",
        screens=("jobs",),
        in_bar=True,
    ),
    Action("reverse", "Reverse", "S", _L, "Turn the order around.", screens=("jobs",)),
    Action("columns", "Columns", "C", _L, "Choose the columns.", screens=("jobs",), in_bar=True),
    Action("projects", "Projects", "b", _L, "Show or hide the projects.", screens=("jobs",)),
    Action(
        *("export", "Export", "E", _L, "Save what is listed as CSV, JSON or Parquet."),
        cli="foundations export jobs {scheduler} --filter FILTER --output FILE",
        sdk="jobs",
        screens=("jobs", "compare"),
    ),
)
