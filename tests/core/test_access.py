"""Who may do what: the table of rules."""

from __future__ import annotations

import pytest

from atlas_scheduler.core.access import RULES, refusal
from foundations.models import Role


@pytest.mark.parametrize("role", Role)
def test_what_the_table_does_not_name_is_refused(role: Role) -> None:
    assert refusal(role, "new_operation") == (
        "No role may use `new_operation`: nothing says who may."
    )


@pytest.mark.parametrize("operation", sorted(RULES))
def test_a_role_may_what_the_one_before_may(operation: str) -> None:
    allowed = [refusal(role, operation) is None for role in Role]

    assert allowed == sorted(allowed)
    assert allowed[-1]


def test_a_refusal_names_the_role_that_it_takes() -> None:
    assert refusal(Role.READ, "submit") == (
        "This takes a token with the role `submit`; yours has the role `read`."
    )
    assert refusal(Role.SUBMIT, "set_queue_settings") == (
        "This takes a token with the role `admin`; yours has the role `submit`."
    )
