"""Which jobs a list shows and in which order, as the filter that asks for them; no widgets."""

from __future__ import annotations

from dataclasses import dataclass, replace

SORTABLE = (
    *("submitted", "started", "finished", "duration", "state", "project", "user"),
    *("exit_code", "attempt", "gpus", "cpus", "ram", "command", "reason", "image", "engine"),
    *("array", "array_index"),
)
_FIRST_DESCENDING = ("submitted", "started", "finished", "duration")


@dataclass(frozen=True, slots=True)
class Listing:
    """What the user has asked for."""

    filter: str = ""
    project: str | None = None
    sort: str = ""
    """Name of a column, with a minus for from high to low; empty is newest first."""

    @property
    def query(self) -> str | None:
        """The filter to ask for. A `sort:` in the user's own filter comes before the column's."""
        parts = [self.filter] if self.filter else []
        if self.sort:
            parts.append(f"sort:{_quoted(self.sort)}")
        return " ".join(parts) or None

    @property
    def order(self) -> tuple[str, bool] | None:
        """The column that orders, and whether from high to low."""
        if not self.sort:
            return ("submitted", True)
        return self.sort.removeprefix("-"), self.sort.startswith("-")

    def sorted_by(self, column: str) -> Listing:
        """Order by a column; the second time the other way around.

        Raises:
            ValueError: lists cannot be ordered by this column.
        """
        kind, dot, _ = column.partition(".")
        if column == "id":
            column = "submitted"
        elif column not in SORTABLE and not (dot and kind in ("metric", "param", "tag")):
            raise ValueError(f"lists cannot be ordered by `{column}`")
        if self.order is not None and self.order[0] == column:
            return self.reversed()
        minus = "-" if column in _FIRST_DESCENDING or kind == "metric" else ""
        return replace(self, sort=minus + column)

    def reversed(self) -> Listing:
        """Turn the order around."""
        column, descending = self.order or ("submitted", True)
        return replace(self, sort=column if descending else f"-{column}")

    def __str__(self) -> str:
        """The whole of it, as the command line takes it."""
        parts = [f"--project {self.project}"] if self.project else []
        if self.filter:
            parts.append(f"--filter '{self.filter}'")
        if self.sort:
            parts.append(f"--sort {self.sort}")
        return " ".join(parts)


def _quoted(sort: str) -> str:
    """A sort key whose name is in quotes where it needs them."""
    minus, name = ("-", sort[1:]) if sort.startswith("-") else ("", sort)
    kind, dot, key = name.partition(".")
    if (
        dot
        and not key.replace("_", "").replace("-", "").replace("/", "").replace(".", "").isalnum()
    ):
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{minus}{kind}."{escaped}"'
    return sort
