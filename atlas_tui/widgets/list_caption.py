"""The line above a list: which jobs these are, and how many."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from atlas_tui.job_listing import Listing
from foundations.text.terminal import clean


class ListCaption(Widget):
    """Says what the list is narrowed down to."""

    DEFAULT_CSS = """
    ListCaption { height: 1; color: $text-muted; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._listing = Listing()
        self._total: int | None = None

    def show(self, listing: Listing, total: int | None) -> None:
        """Describe a list."""
        if (listing, total) != (self._listing, self._total):
            self._listing, self._total = listing, total
            self.refresh()

    def render(self) -> Text:
        """Write project, filter and count."""
        listing = self._listing
        text = Text(no_wrap=True, overflow="ellipsis")
        count = "…" if self._total is None else f"{self._total:,}".replace(",", "\u2009")
        text.append(f" {count} job{'' if self._total == 1 else 's'}", Style(bold=True))
        if listing.project is not None:
            text.append(f"  project {clean(listing.project, one_line=True)}")
        if listing.filter:
            text.append(f"  {clean(listing.filter, one_line=True)}", Style(italic=True))
        return text
