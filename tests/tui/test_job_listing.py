"""What a list shows, as the filter that asks for it."""

from __future__ import annotations

import pytest

from atlas_scheduler.core.filters import parse
from atlas_tui.job_listing import SORTABLE, Listing


def test_nothing_asked_for_is_everything_newest_first() -> None:
    assert Listing().query is None
    assert Listing().order == ("submitted", True)


def test_filter_and_order_are_one_query() -> None:
    listing = Listing("status:failed", sort="-metric.loss")
    assert listing.query == "status:failed sort:-metric.loss"


@pytest.mark.parametrize(
    "name", [*SORTABLE, "metric.val acc", 'param.a"b', "tag.x/y", "metric.a.b"]
)
def test_every_order_is_one_that_the_language_knows(name: str) -> None:
    listing = Listing().sorted_by(name)
    assert listing.query is not None
    assert len(parse(listing.query).sort) == 1
    assert len(parse(listing.reversed().query or "").sort) == 1


def test_the_same_column_again_turns_the_order_around() -> None:
    first = Listing().sorted_by("metric.loss")
    assert first.sort == "-metric.loss"
    assert first.sorted_by("metric.loss").sort == "metric.loss"
    assert Listing().sorted_by("id").sort == "submitted"


def test_a_column_that_lists_cannot_be_ordered_by_is_refused() -> None:
    with pytest.raises(ValueError, match="lists cannot be ordered by `metrics`"):
        Listing().sorted_by("metrics")
