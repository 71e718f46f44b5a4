"""Writes rows as Parquet, a row group for each batch, with values as exact as its types allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Literal

from foundations import extras
from foundations.text.json_numbers import EXACT_IN_FLOATS, NOT_FINITE

Row = dict[str, Any]
Kind = Literal["text", "texts", "time", "integer", "number", "boolean", "json"]

LARGEST_INTEGER = 2**63 - 1


@dataclass(frozen=True)
class ParquetColumn:
    """One column: its name, what a row has there, and of which kind that is."""

    name: str
    value: Callable[[Row], Any]
    kind: Kind


class Kinds:
    """Finds the one kind that holds all values of a column without changing any."""

    def __init__(self, *, measured: bool) -> None:
        """With `measured` the texts `NaN`, `Infinity` and `-Infinity` are numbers."""
        self._measured = measured
        self._seen: set[str] = set()

    def see(self, value: Any) -> None:
        """Take one value into account; None fits everywhere."""
        if value is not None:
            self._seen.add(self._of(value))

    @property
    def kind(self) -> Kind:
        """The kind; values that do not go together become JSON text."""
        if self._seen <= {"text"}:
            return "text"
        if self._seen == {"boolean"}:
            return "boolean"
        if self._seen <= {"integer", "long"}:
            return "integer"
        return "number" if self._seen <= {"integer", "number"} else "json"

    def _of(self, value: Any) -> str:
        if isinstance(value, str):
            return "number" if self._measured and value in NOT_FINITE else "text"
        if isinstance(value, bool):
            return "boolean"
        if isinstance(value, int):
            if abs(value) > LARGEST_INTEGER:
                return "json"
            return "integer" if abs(value) <= EXACT_IN_FLOATS else "long"
        return "number" if isinstance(value, float) else "json"


class ParquetWriter:
    """Writes Parquet files; made before anything is read, so that a missing extra shows at once."""

    def __init__(self) -> None:
        """Load what is needed.

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        self._arrow = extras.load("pyarrow", extra="tables", purpose="Parquet")
        self._parquet = extras.load("pyarrow.parquet", extra="tables", purpose="Parquet")

    def write(
        self, file: IO[bytes], columns: Sequence[ParquetColumn], batches: Iterable[Sequence[Row]]
    ) -> None:
        """Write the rows of all batches."""
        arrow = self._arrow
        schema = arrow.schema([self._field(column) for column in columns])
        with self._parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for rows in batches:
                arrays = [
                    arrow.array([_cell(column, row) for row in rows], type=field.type)
                    for column, field in zip(columns, schema, strict=True)
                ]
                writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))

    def _field(self, column: ParquetColumn) -> Any:
        arrow = self._arrow
        types = {
            "text": arrow.string(),
            "texts": arrow.list_(arrow.string()),
            "time": arrow.timestamp("us", tz="UTC"),
            "integer": arrow.int64(),
            "number": arrow.float64(),
            "boolean": arrow.bool_(),
            "json": arrow.string(),
        }
        # A reader can tell JSON text from texts that were recorded.
        metadata = {"content": "json"} if column.kind == "json" else None
        return arrow.field(_text(column.name), types[column.kind], metadata=metadata)


def _cell(column: ParquetColumn, row: Row) -> Any:
    value = column.value(row)
    return None if value is None else _CONVERSIONS[column.kind](value)


def _text(value: str) -> str:
    """Half a surrogate pair, which UTF-8 cannot hold, becomes its escape sequence."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _same(value: Any) -> Any:
    return value


_CONVERSIONS: dict[Kind, Callable[[Any], Any]] = {
    "text": _text,
    "texts": lambda values: [_text(value) for value in values],
    "time": datetime.fromisoformat,
    "integer": _same,
    "number": float,
    "boolean": _same,
    "json": json.dumps,
}
