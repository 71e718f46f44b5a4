"""Exported jobs and points as Parquet, each column of the kind that its values have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from foundations.cli import job_columns
from foundations.cli.job_spool import JobSpool
from foundations.cli.parquet import Kind, Kinds, ParquetColumn, ParquetWriter, Row
from foundations.text.json_numbers import EXACT_IN_FLOATS

_FIELD_KINDS: dict[str, Kind] = {
    "local": "boolean",
    "command": "texts",
    "submitted": "time",
    "started": "time",
    "finished": "time",
    "exit_code": "integer",
    "attempt": "integer",
    "priority": "integer",
    "array_index": "integer",
    "gpus": "number",
    "cpus": "number",
    "ram": "number",
    "duration": "number",
    "position": "integer",
    "expected_start": "time",
    "waits_for": "texts",
}


def job_parquet(parquet: ParquetWriter, file: IO[bytes], pages: Iterable[list[Row]]) -> None:
    """Write jobs, with a column for everything that one of them has."""
    with JobSpool(pages) as spool:
        columns = job_columns.every_column(spool.names)
        recorded = {
            column.name: Kinds(measured=column.name.startswith("metric."))
            for column in columns
            if "." in column.name
        }
        for page in spool.pages():
            for column in columns:
                if column.name in recorded:
                    for job in page:
                        recorded[column.name].see(column.value(job))
        kinds = {name: seen.kind for name, seen in recorded.items()}
        typed = [
            ParquetColumn(
                column.name, column.value, kinds.get(column.name, _field_kind(column.name))
            )
            for column in columns
        ]
        parquet.write(file, typed, spool.pages())


def _field_kind(name: str) -> Kind:
    return _FIELD_KINDS.get(name, "text")


def point_parquet(parquet: ParquetWriter, file: IO[bytes], pages: Iterable[list[Row]]) -> None:
    """Write points of metrics; what no float holds stands in a column of its own."""
    columns = [
        ParquetColumn("job_id", lambda row: row["job_id"], "text"),
        ParquetColumn("metric", lambda row: row["metric"], "text"),
        ParquetColumn("step", lambda row: row["step"], "number"),
        ParquetColumn("value", _value_as_number, "number"),
        ParquetColumn("value_json", _value_as_json, "json"),
        ParquetColumn("at", lambda row: row["at"], "time"),
    ]
    parquet.write(file, columns, pages)


def _value_as_number(row: Row) -> Any:
    """The value where a float holds it."""
    return row["value"] if _point_kind(row) == "number" else None


def _value_as_json(row: Row) -> Any:
    """The value where no float holds it."""
    return None if _point_kind(row) == "number" else row["value"]


def _point_kind(row: Row) -> Kind:
    value = row["value"]
    kinds = Kinds(measured=True)
    kinds.see(value)
    if kinds.kind == "integer" and abs(value) <= EXACT_IN_FLOATS:
        return "number"
    return kinds.kind
