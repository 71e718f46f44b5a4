"""Who may do what: the table of rules."""

from __future__ import annotations

import pytest

from atlas_scheduler.core.access import RULES, Caller, Sharing, Standing, refusal, standing
from foundations.models import Role

ORDER = [Role.READ, Role.SUBMIT, Role.ADMIN]
"""Each may what the one before may."""


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


@pytest.mark.parametrize(
    ("user", "role", "owners", "acts", "sharing", "expected"),
    [
        ("ada", Role.SUBMIT, {"ada"}, True, Sharing.EVERYONE_READS, Standing.ALLOWED),
        ("ada", Role.SUBMIT, {"ada"}, True, Sharing.PRIVATE, Standing.ALLOWED),
        ("bob", Role.SUBMIT, {"ada"}, False, Sharing.EVERYONE_READS, Standing.ALLOWED),
        ("bob", Role.SUBMIT, {"ada"}, True, Sharing.EVERYONE_READS, Standing.FORBIDDEN),
        ("bob", Role.SUBMIT, {"ada"}, False, Sharing.PRIVATE, Standing.HIDDEN),
        ("bob", Role.SUBMIT, {"ada"}, True, Sharing.PRIVATE, Standing.HIDDEN),
        ("bob", Role.SUBMIT, {"ada", "bob"}, False, Sharing.PRIVATE, Standing.ALLOWED),
        ("bob", Role.SUBMIT, {"ada", "bob"}, True, Sharing.PRIVATE, Standing.FORBIDDEN),
        ("bob", Role.SUBMIT, set(), True, Sharing.EVERYONE_READS, Standing.ALLOWED),
        ("bob", Role.SUBMIT, set(), False, Sharing.PRIVATE, Standing.HIDDEN),
        ("bob", Role.ADMIN, {"ada"}, True, Sharing.PRIVATE, Standing.ALLOWED),
    ],
)
def test_how_somebody_stands_to_a_thing(
    user: str,
    role: Role,
    owners: set[str],
    acts: bool,
    sharing: Sharing,
    expected: Standing,
) -> None:
    asker = Caller(user, role, "10.0.0.2", "01234567")
    assert standing(asker, owners, acts=acts, sharing=sharing) is expected
