"""Stands for `foundations.models`, and loads it when one of its names is first used.

Making requests, and reading answers as plain JSON, must stay cheap for commands that live for a
moment; the models and the library below them take longer to load than such a command to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["models"]

if TYPE_CHECKING:
    from foundations import models
else:
    import importlib

    class _Models:
        def __getattr__(self, name):
            return getattr(importlib.import_module("foundations.models"), name)

    models = _Models()
