"""The names that `foundations` offers are there."""

from __future__ import annotations

import pytest

import foundations


@pytest.mark.parametrize("name", foundations.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(foundations, name) is not None


def test_no_public_name_is_offered_twice() -> None:
    assert len(set(foundations.__all__)) == len(foundations.__all__)


def test_dir_lists_the_public_names_before_any_is_used() -> None:
    assert dir(foundations) == sorted(foundations.__all__)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'foundations' has no attribute 'log_metrics'"):
        _ = foundations.log_metrics
