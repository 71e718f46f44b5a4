"""What of volumes somebody's jobs may have."""

from __future__ import annotations

from typing import Any

import pytest

from atlas_scheduler.core.offered_volumes import (
    OfferedVolume,
    host_path_refusal,
    name_refusal,
    usable,
)
from foundations.models import Role, Volume

OFFERED = {
    one.name: one
    for one in (
        OfferedVolume("datasets", "/srv/data"),
        OfferedVolume("scratch", "/srv/scratch", mode="rw"),
        OfferedVolume("adas", "/srv/ada", users=frozenset({"ada"})),
        OfferedVolume("admins", "/srv/admin", roles=frozenset({Role.ADMIN})),
    )
}


def volume(host: str, mode: str = "ro") -> Volume:
    return Volume.model_validate({"host": host, "bind": "/d", "mode": mode})


def refused(host: str, mode: str = "ro", *, user: str = "bob", role: Role = Role.SUBMIT) -> Any:
    return name_refusal([volume(host, mode)], OFFERED, user=user, role=role)


@pytest.mark.parametrize(
    ("user", "role", "names"),
    [
        ("bob", Role.SUBMIT, ["datasets", "scratch"]),
        ("ada", Role.SUBMIT, ["adas", "datasets", "scratch"]),
        ("bob", Role.ADMIN, ["adas", "admins", "datasets", "scratch"]),
    ],
)
def test_everybody_sees_what_is_for_them(user: str, role: Role, names: list[str]) -> None:
    assert [one.name for one in usable(OFFERED, user=user, role=role)] == names
    for name in OFFERED:
        assert (refused(name, user=user, role=role) is None) == (name in names)


def test_a_volume_of_others_is_as_one_that_is_not_there() -> None:
    words = "There is no volume `{}` for you on this scheduler; you may use: datasets, scratch."
    assert refused("adas").startswith(words.format("adas"))
    assert refused("none").startswith(words.format("none"))
    assert name_refusal([volume("x")], {}, user="bob", role=Role.ADMIN).endswith(  # type: ignore[union-attr]  # a refusal
        "you may use: none. A path of the host begins with `/`, `./` or `~`."
    )


def test_writing_where_only_reading_is_offered_is_refused() -> None:
    assert refused("scratch", "rw") is None
    assert refused("datasets", "rw") == (
        "The volume `datasets` can only be read, and `mode: rw` is asked for: use `mode: ro`."
    )


def test_paths_of_the_host_are_for_those_who_may() -> None:
    asked = [volume("datasets"), volume("/srv/data")]
    assert host_path_refusal(asked, allow_host_paths=True) is None
    assert host_path_refusal(asked[:1], allow_host_paths=False) is None
    reason = host_path_refusal(asked, allow_host_paths=False)
    assert reason is not None
    assert reason.startswith("Mounting `/srv/data` of the host takes a token with the role `admin`")
    assert name_refusal(asked[1:], {}, user="bob", role=Role.SUBMIT) is None


@pytest.mark.parametrize("host", ["", "../x", "a/b", "-a", "a b", "a\0", "x" * 101, "~", "."])
def test_what_is_neither_a_path_nor_a_name_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="Should be an absolute path, or the name of a volume"):
        volume(host)
