"""How an array of jobs is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundations.cli import render
from foundations.text.arrays import states_text

if TYPE_CHECKING:
    from foundations.models import ArrayView


def print_array(found: ArrayView, *, scheduler: str) -> None:
    """Print how the jobs of an array stand."""
    limit = found.max_at_once
    fields = [
        ("Array", found.array_id),
        ("Project", found.project),
        ("Indices", found.indices),
        ("At once", f"at most {limit}" if limit else ""),
        ("Submitted", render.local_time(found.submitted_at)),
        ("Jobs", states_text(found)),
        ("List them", f"foundations list jobs {scheduler} --filter array:{found.array_id[:8]}"),
    ]
    render.print_fields([(name, text) for name, text in fields if text])
