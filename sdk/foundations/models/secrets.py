"""Secrets that jobs may use: their names are told, their values never."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from foundations.models.words import PlainName, Request, View

LONGEST_SECRET = 65_536
"""Characters of a value."""
SecretName = Annotated[str, StringConstraints(max_length=128), PlainName]
SecretUse = Literal["file", "env"]
"""How a job gets it: as a file only, or as an environment variable too."""


class NewSecret(Request):
    """Body of `PUT /secrets/{name}`."""

    value: Annotated[SecretStr, Field(min_length=1, max_length=LONGEST_SECRET)]
    shared: bool = False
    """Whether every user's jobs may have it."""


class SecretView(View):
    """A secret, without its value."""

    name: str
    shared: bool
    """Whether every user's jobs may have it."""
    set_at: datetime
