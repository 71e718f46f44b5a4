"""The tree of errors and its form on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from foundations import errors
from foundations.errors import SCHEDULER_ERRORS, AtlasError, SchedulerError, from_wire


def tree(kind: type[AtlasError]) -> Iterator[type[AtlasError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


KINDS = [kind for kind in tree(AtlasError) if kind.__module__ == errors.__name__]


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(codes) == len(set(codes))


def test_every_error_of_a_scheduler_can_come_back_from_the_wire() -> None:
    leaves = {kind for kind in KINDS if issubclass(kind, SchedulerError)} - {SchedulerError}
    assert set(SCHEDULER_ERRORS.values()) == leaves


@pytest.mark.parametrize("kind", SCHEDULER_ERRORS.values())
def test_code_and_class_lead_to_each_other(kind: type[SchedulerError]) -> None:
    error = from_wire(kind.code, "what happened")
    assert type(error) is kind
    assert error.message == "what happened"
    assert 400 <= kind.status <= 599


def test_a_code_of_a_newer_scheduler_is_still_an_error_of_the_scheduler() -> None:
    error = from_wire("brand_new", "what happened")
    assert type(error) is SchedulerError
    assert error.message == "what happened"


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"^[│ ]*[├└]─ (\w+)(?: +(\d{3}))?", errors.__doc__ or "", re.MULTILINE)
    real = [
        (kind.__name__, str(getattr(kind, "status", "")) if "status" in vars(kind) else "")
        for kind in KINDS
        if kind is not AtlasError
    ]
    real = [(name, "" if name == "SchedulerError" else status) for name, status in real]
    assert drawn == real


def test_every_error_is_documented() -> None:
    assert all(kind.__doc__ for kind in KINDS)
