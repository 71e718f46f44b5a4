"""What `bench tui` compares with: tiny Textual apps of stock widgets that do the same work.

Run as a program of its own: `tui_peer.py bare`, `tui_peer.py table ROWS`, and
`tui_peer.py log COMMAND…`, which shows what the command writes.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, RichLog, Static

READY = "all is here"
"""Shown by the app of one line."""
FIRST_ROW, FIRST_FILTERED = "00000000", "00000003"
"""What the table shows first, and when it is filtered."""
_HEADS = ("id", "state", "project", "command", "user", "duration", "submitted", "params", "reason")
_PROJECTS, _TENTH = 10, "project-3"
_READ_BYTES = 262_144


def row(number: int) -> tuple[str, ...]:
    """A row as wide as those of the control center."""
    project = f"project-{number % _PROJECTS}"
    numbers = f"lr={number % 7 / 1000} epochs=60 seed={number}"
    command = "python main.py --arch resnet18"
    return (f"{number:08x}", "completed", project, command, "ada", "1h 12m", "3d", numbers, "")


class Bare(App[None]):
    """As little as there can be."""

    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        """One line."""
        yield Static(READY)


class Table(App[None]):
    """A stock table of many rows; `f` filters to a tenth."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "quit", "Quit"),
        ("f", "filter", "Filter"),
        ("j", "down", "Down"),
    ]

    def __init__(self, count: int) -> None:
        super().__init__()
        self._rows = [row(number) for number in range(count)]

    def compose(self) -> ComposeResult:
        """The table."""
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Take all rows."""
        table = self.query_one(DataTable)
        table.add_columns(*_HEADS)
        table.add_rows(self._rows)
        table.focus()

    def action_filter(self) -> None:
        """Show the rows of one project."""
        table = self.query_one(DataTable)
        table.clear()
        table.add_rows([one for one in self._rows if one[2] == _TENTH])

    def action_down(self) -> None:
        """Go a row down."""
        self.query_one(DataTable).action_cursor_down()


class Log(App[None]):
    """A stock table of few rows above a stock log; `j` and `k` move in the table."""

    CSS = "DataTable { height: 16; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "quit", "Quit"),
        ("j", "move(1)", "Down"),
        ("k", "move(-1)", "Up"),
    ]

    def __init__(self, command: list[str]) -> None:
        super().__init__()
        self._command = command

    def compose(self) -> ComposeResult:
        """The table above the log."""
        yield DataTable(cursor_type="row")
        yield RichLog()

    def on_mount(self) -> None:
        """Begin to read."""
        table = self.query_one(DataTable)
        table.add_columns(*_HEADS)
        table.add_rows([row(number) for number in range(14)])
        table.focus()
        self.run_worker(self._read())

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        table = self.query_one(DataTable)
        table.move_cursor(row=table.cursor_row + rows)

    async def _read(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *self._command, stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
        )
        assert process.stdout is not None
        log, rest = self.query_one(RichLog), b""
        while piece := await process.stdout.read(_READ_BYTES):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                log.write(line.decode())


class File(App[None]):
    """A stock log of a whole file, which is read when a key is pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "Quit"), ("l", "open", "Open")]

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def compose(self) -> ComposeResult:
        """The log below a line."""
        yield Static(READY)
        yield RichLog()

    def action_open(self) -> None:
        """Show the file."""
        log = self.query_one(RichLog)
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                log.write(line.rstrip("\n"))


def main() -> None:
    """Run the app that the first word names."""
    kind, *words = sys.argv[1:]
    app: App[None] = (
        Table(int(words[0]))
        if kind == "table"
        else Log(words)
        if kind == "log"
        else File(Path(words[0]))
        if kind == "file"
        else Bare()
    )
    app.run()


if __name__ == "__main__":
    main()
