"""How long a job may wait and run, and how often it is tried again, as a submitter says it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from foundations.models.words import Request
from foundations.text.durations import LONGEST_SECONDS

Seconds = Annotated[int, Field(ge=1, le=LONGEST_SECONDS)]
Pause = Annotated[int, Field(ge=0, le=LONGEST_SECONDS)]
Times = Annotated[int, Field(ge=0, le=1_000)]


class Retries(Request):
    """How often a job is tried again, for each cause by itself."""

    exit: Times = 0
    """After its program ended with another exit code than 0."""
    oom: Times = 0
    """After it was killed for want of memory."""
    lost: Times = 0
    """After the infrastructure lost it."""
