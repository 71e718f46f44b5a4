"""How long the generated tests of the core look: `ATLAS_HYPOTHESIS=thorough` looks longer.

By default every run tries the same examples, so that a test which turns red means changed code.
"""

from __future__ import annotations

import os

from hypothesis import settings

THOROUGH = os.environ.get("ATLAS_HYPOTHESIS") == "thorough"

PROPERTY = settings(
    max_examples=5_000 if THOROUGH else 200,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
)
MACHINE = settings(
    PROPERTY,
    max_examples=5_000 if THOROUGH else 200,
    stateful_step_count=80 if THOROUGH else 50,
)
MACHINE_TIMEOUT_SECONDS = 3_600 if THOROUGH else 300
