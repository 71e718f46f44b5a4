"""Parameters: what the job was told, and what it said that it was told."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult

from atlas_tui import parameters
from atlas_tui.parameters import Parameter
from atlas_tui.row_layout import fit
from atlas_tui.tabs.tab import JobTab
from atlas_tui.widgets.row_list import Drawing, RowList
from foundations.models import JobDetail
from foundations.text.value_words import value as value_text

_ORIGIN_WIDTH = 17


class ParametersTab(JobTab):
    """A row for each parameter."""

    NAME = "parameters"
    TITLE = "Parameters"
    KEY = "p"

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        self._rows: list[Parameter] = []
        self._text = ""
        self._list = RowList[Parameter](
            Drawing(lambda one: one.name, self._draw, self._header),
            empty="No parameters. Submit with -p NAME=VALUE, or log them with log_param.",
        )
        yield self._list

    def count(self, detail: JobDetail) -> int | None:
        """How many parameters it has."""
        return len(parameters.rows(detail))

    def show(self, detail: JobDetail) -> None:
        """Show the parameters."""
        self._rows = parameters.rows(detail)
        self._narrow()

    def find(self, text: str) -> bool:
        """Show only the rows that have a text in name or value."""
        self._text = text.casefold()
        self._narrow()
        return True

    def _narrow(self) -> None:
        self._list.show(
            [
                one
                for one in self._rows
                if self._text in one.name.casefold()
                or self._text in value_text(one.value).casefold()
            ]
        )

    def _name_width(self, width: int) -> int:
        widest = max((len(one.name) for one in self._rows), default=8)
        return max(8, min(widest + 1, width // 2))

    def _header(self, width: int) -> str:
        name = self._name_width(width)
        room = max(width - name - _ORIGIN_WIDTH - 3, 8)
        return f" {fit('NAME', name)} {fit('VALUE', room)} {fit('FROM', _ORIGIN_WIDTH)}"

    def _draw(self, one: Parameter, width: int) -> Text:
        name = self._name_width(width)
        room = max(width - name - _ORIGIN_WIDTH - 3, 8)
        origin = Style(dim=one.origin != "logged otherwise", bold=one.origin == "logged otherwise")
        return Text.assemble(
            f" {fit(one.name, name)} ",
            (fit(value_text(one.value), room), Style(bold=True)),
            " ",
            (fit(one.origin, _ORIGIN_WIDTH), origin),
        )
