"""Write the keys of the control center, by its table of actions, into docs/tui.md.

usage: keys_table.py [--check]

Writes the tables between the markers in docs/tui.md. With --check it writes nothing, and ends with
1 when the page is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from atlas_tui.action_table import ACTIONS
from atlas_tui.actions import Action, Scope
from atlas_tui.keys import keys_of, sign
from tools.generated_page import run, with_part

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tui.md"
BEGIN = "<!-- made from ACTIONS by tools/keys_table.py: begin -->"
END = "<!-- made from ACTIONS by tools/keys_table.py: end -->"
_TITLES = {
    Scope.SCREEN: "Screens and the app",
    Scope.JOBS: "Jobs: the marked ones or, when none is, the one under the cursor",
    Scope.QUEUE: "The queue",
    Scope.LIST: "Lists",
    Scope.LOG: "Logs",
}


def draw() -> str:
    """Write a table for each thing that actions act on."""
    parts = []
    for scope, title in _TITLES.items():
        rows = [row(action) for action in ACTIONS if action.scope is scope]
        head = [
            "| key | action | does | on | the same on the command line |",
            "|---|---|---|---|---|",
        ]
        parts.append("\n".join([f"### {title}", "", *head, *rows]))
    return "\n\n".join(parts)


def row(action: Action) -> str:
    """Write one action."""
    keys = " ".join(f"`{sign(key)}`" for key in keys_of(action, {})) or "`:`"
    screens = ", ".join(action.screens) or "all"
    command = action.command(scheduler="NAME", ids=["ID"])
    shown = f"`{command}`" if command else ""
    cells = (keys, f"{action.title} (`{action.name}`)", action.help, screens, shown)
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def renew(page: str) -> str:
    """Replace what stands between the markers.

    Raises:
        ValueError: a marker is missing.
    """
    return with_part(page, draw(), begin=BEGIN, end=END)


if __name__ == "__main__":
    raise SystemExit(run("keys_table.py", PAGE, renew, sys.argv[1:]))
