"""Parameters that a project brings along, in `foundations_job_parameters.json` at its top."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from foundations.bundles.membership import Membership
from foundations.job_config import find_infinite
from foundations.parameters import PARAMETERS_FILE

LARGEST_BYTES = 16_384
"""A larger file stays the job's own affair: each job of an array would have its content again."""


def own_parameters(directory: Path) -> dict[str, Any]:
    """Read what `load_parameters` would find in a job that is given no parameters.

    Returns:
        Nothing where there is no such file, it is not submitted, or it is not as it should be:
        that the job will hear from `load_parameters`, if it calls it.
    """
    with suppress(OSError, ValueError, RecursionError):
        file = directory / PARAMETERS_FILE
        if file.stat().st_size <= LARGEST_BYTES and Membership(directory).has(PARAMETERS_FILE):
            found = json.loads(file.read_text(encoding="utf-8-sig"))
            json.dumps(found, ensure_ascii=False).encode()  # no half of a surrogate pair
            if isinstance(found, dict) and find_infinite(found, "params") is None:
                return found
    return {}
