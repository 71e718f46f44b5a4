"""Requests about who may use the scheduler."""

from __future__ import annotations

import json as json_text

from foundations.calls.call import Call, named_path
from foundations.lazy_models import models

_TOKEN = "the id or the name of a token"  # noqa: S105 - what a message calls it


def whoami() -> Call[models.CallerView]:
    """Ask as whom the scheduler knows this client."""
    return Call("GET", "/caller", lambda _, body: models.CallerView.model_validate_json(body))


def tokens() -> Call[list[models.TokenView]]:
    """Ask for all tokens."""
    return Call("GET", "/tokens", _views)


def create_token(wanted: models.NewToken) -> Call[models.MadeToken]:
    """Make a token."""
    return Call(
        "POST",
        "/tokens",
        _made,
        json=wanted.model_dump(mode="json", exclude_none=True),
        expected=(201,),
    )


def rotate_token(ref: str, *, overlap_seconds: float | None = None) -> Call[models.MadeToken]:
    """Replace a token."""
    path = f"{named_path('tokens', ref, _TOKEN)}/rotate"
    wanted = {} if overlap_seconds is None else {"overlap_seconds": overlap_seconds}
    return Call("POST", path, _made, json=wanted, expected=(201,))


def revoke_token(ref: str) -> Call[list[models.TokenView]]:
    """Let a token hold no longer."""
    return Call("DELETE", named_path("tokens", ref, _TOKEN), _views)


def _views(_: int, body: bytes) -> list[models.TokenView]:
    return [models.TokenView.model_validate(one) for one in json_text.loads(body)]


def _made(_: int, body: bytes) -> models.MadeToken:
    return models.MadeToken.model_validate_json(body)
