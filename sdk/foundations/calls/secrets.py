"""Requests about secrets."""

from __future__ import annotations

import json as json_text

from foundations.calls.call import Call, nothing, segment
from foundations.lazy_models import models


def secrets(*, user: str) -> Call[list[models.SecretView]]:
    """Ask which secrets a user's jobs may have; a token says itself whose that is."""
    return Call(
        "GET",
        "/secrets",
        lambda _, body: [models.SecretView.model_validate(one) for one in json_text.loads(body)],
        params=(("user", user),),
    )


def set_secret(
    name: str, value: str, *, user: str, shared: bool = False
) -> Call[models.SecretView]:
    """Set a secret of a user, or one of all."""
    return Call(
        "PUT",
        f"/secrets/{segment(name)}",
        lambda _, body: models.SecretView.model_validate_json(body),
        params=(("user", user),),
        json={"value": value, "shared": shared},
    )


def delete_secret(name: str, *, user: str, shared: bool = False) -> Call[None]:
    """Forget a secret of a user, or one of all."""
    params = (("user", user), *((("shared", "true"),) if shared else ()))
    return Call("DELETE", f"/secrets/{segment(name)}", nothing, params=params, expected=(204,))
