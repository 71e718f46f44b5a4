"""The words that requests and views are made of: job states, and what names and ids look like."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from foundations.job_states import FINAL_STATES as FINAL_STATES
from foundations.job_states import HOLDING_STATES as HOLDING_STATES
from foundations.job_states import JobState as JobState
from foundations.text.shapes import Shape

API_VERSION = 1
SYSTEM_PREFIX = "system/"
"""Begins the names of the series that the scheduler measures of each job by itself."""

JobId = Annotated[
    str,
    Shape(
        r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        "the whole id of a job, such as 45540b52-ffe2-44ab-9838-db467d3499c0",
    ),
]
Digest = Annotated[
    str, Shape(r"^sha256:[0-9a-f]{64}$", "`sha256:` and 64 hexadecimal digits in lower case")
]
ImageId = Digest
ProjectName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    Shape(r"^[^\x00-\x1f\x7f/\\]+$", "without slashes, backslashes and control characters"),
]
UserName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
PlainName = Shape(
    r"^[A-Za-z_][A-Za-z0-9_]*$",
    "made of the letters A-Z and a-z, digits and underscores, and begin with no digit",
)
EnvironmentName = Annotated[str, StringConstraints(max_length=200), PlainName]
NoNulls = Shape(r"^[^\x00]*$", "without null characters")
OneLine = Shape(
    r"^[^\x00-\x1f\x7f]+$", "at least one character, and no line breaks or other control characters"
)
Argument = Annotated[str, StringConstraints(max_length=131_072), NoNulls]
AbsolutePath = Annotated[
    str,
    StringConstraints(max_length=4096),
    Shape(r"^/[^\x00]*$", "an absolute path, such as /data"),
]
TagKey = Annotated[str, StringConstraints(min_length=1, max_length=200)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Priority = Annotated[int, Field(ge=-100, le=100)]
"""Larger goes first; among equals the order of the queue decides."""


def _gpu_count(count: object) -> int | float:
    """One complaint for all that is wrong; the union below would make one for each of its types."""
    if isinstance(count, float) and count.is_integer():
        count = int(count)
    if isinstance(count, bool) or not isinstance(count, int | float):
        raise _NO_GPU_COUNT
    if isinstance(count, float) and not SMALLEST_GPU_SHARE <= count < 1:
        raise _NO_GPU_COUNT
    if count < 0:
        raise PydanticKnownError("greater_than_equal", {"ge": 0})
    if count > MOST_GPUS:
        raise PydanticKnownError("less_than_equal", {"le": MOST_GPUS})
    return count


_NO_GPU_COUNT = PydanticCustomError(
    "gpu_count", "Input should be a whole number, or a share of one GPU from 0.01 to 0.99"
)
SMALLEST_GPU_SHARE = 0.01
MOST_GPUS = 1024
GpuCount = Annotated[
    int | float,
    BeforeValidator(_gpu_count),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": MOST_GPUS}),
]
"""A whole number, or a share of one GPU such as 0.25; shares count in thousandths."""
MovePlace = Literal["first", "last", "up", "down", "before", "after"]
"""Where a job is moved to, among the queued jobs of its priority."""


class Request(BaseModel):
    """A body that a client sends; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class View(BaseModel):
    """A body that the server answers; unknown keys are ignored, also those of requests in it.

    A newer server may answer with a job whose spec has keys that are not known here.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Make one of plain data."""
        return super().model_validate(obj, **{"extra": "ignore", **options})

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Make one of JSON."""
        return super().model_validate_json(json_data, **{"extra": "ignore", **options})
