"""The language that finds jobs: `parse` makes a `Query` of a text (docs/filters.md)."""

from atlas_scheduler.core.filters.errors import FilterError
from atlas_scheduler.core.filters.parser import narrowed, parse
from atlas_scheduler.core.filters.terms import Query

__all__ = ["FilterError", "Query", "narrowed", "parse"]
