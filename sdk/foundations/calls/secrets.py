"""Requests about secrets."""

from __future__ import annotations

import json as json_text

from foundations.calls.call import Call, nothing, segment
from foundations.lazy_models import models


def secrets() -> Call[list[models.SecretView]]:
    """Ask which secrets one's jobs may have."""
    return Call(
        "GET",
        "/secrets",
        lambda _, body: [models.SecretView.model_validate(one) for one in json_text.loads(body)],
    )


def set_secret(name: str, value: str, *, shared: bool = False) -> Call[models.SecretView]:
    """Set a secret."""
    return Call(
        "PUT",
        f"/secrets/{segment(name)}",
        lambda _, body: models.SecretView.model_validate_json(body),
        json={"value": value, "shared": shared},
    )


def delete_secret(name: str, *, shared: bool = False) -> Call[None]:
    """Forget a secret."""
    params = (("shared", "true"),) if shared else ()
    return Call("DELETE", f"/secrets/{segment(name)}", nothing, params=params, expected=(204,))
