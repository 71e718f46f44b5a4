"""The words that requests and views are made of: job states, and what names and ids look like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from foundations.job_states import FINAL_STATES as FINAL_STATES
from foundations.job_states import HOLDING_STATES as HOLDING_STATES
from foundations.job_states import JobState as JobState

API_VERSION = 1
SYSTEM_PREFIX = "system/"
"""Begins the names of the series that the scheduler measures of each job by itself."""

JobId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
ImageId = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
ProjectName = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\]+$")
]
EnvironmentName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)
]
Argument = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=131_072)]
TagKey = Annotated[str, StringConstraints(min_length=1, max_length=200)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Priority = Annotated[int, Field(ge=-100, le=100)]
"""Larger goes first; among equals the order of the queue decides."""
MovePlace = Literal["first", "last", "up", "down", "before", "after"]
"""Where a job is moved to, among the queued jobs of its priority."""


class Request(BaseModel):
    """A body that a client sends; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class View(BaseModel):
    """A body that the server answers; unknown keys are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)
