"""Loads packages that only some uses of Atlas need, and says how to get one that is missing."""

from __future__ import annotations

import importlib
from typing import Any

from foundations.errors import MissingExtra


def load(module: str, *, extra: str, purpose: str) -> Any:
    """Import a module of an optional dependency.

    Args:
        module: its full name.
        extra: the extra of this package that brings it.
        purpose: what needs it, as the beginning of a sentence.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingExtra(
            f"{purpose} needs {package}, which is not installed. "
            f"Install it with: pip install 'foundations-atlas[{extra}]'"
        ) from error
