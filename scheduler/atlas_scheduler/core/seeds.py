"""Which of the things that a job was given are seeds of random numbers."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

_PARAMETERS = frozenset({"seed", "random_seed", "random_state"})
_VARIABLES = ("PYTHONHASHSEED",)
_SEPARATORS = "._"


def seeds(
    parameters: Mapping[str, JsonValue], environment: Mapping[str, str]
) -> dict[str, JsonValue]:
    """Pick out the seeds, by the names that filters and comparisons use for them.

    Args:
        parameters: submitted or logged, flattened (`model_seed` is the `seed` inside `model`).
        environment: the submitted variables.
    """
    found = {f"param.{name}": value for name, value in parameters.items() if _is_seed(name)}
    found |= {f"env.{name}": environment[name] for name in _VARIABLES if name in environment}
    return found


def _is_seed(name: str) -> bool:
    lowered = name.lower()
    return lowered in _PARAMETERS or any(
        lowered.endswith(f"{separator}{seed}") for seed in _PARAMETERS for separator in _SEPARATORS
    )
