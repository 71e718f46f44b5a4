"""Writes the values of a job's columns, for people and for other programs."""

from __future__ import annotations

import json
import shlex
from typing import Any

from foundations.text import value_words

_WORDS = ("command", "entrypoint", "waits_for")
"""What is a list of words, which people write with spaces between."""


def cell(name: str, value: Any) -> str:
    """A value for people."""
    if value is None:
        return value_words.MISSING
    if name == "duration":
        return value_words.duration(value)
    if name in _WORDS:
        return shlex.join(value) or value_words.MISSING
    return value_words.value(value)


def exact(name: str, value: Any) -> str:
    """A value for other programs, with every digit; empty when there is none."""
    if value is None or isinstance(value, str):
        return value or ""
    return shlex.join(value) if name in _WORDS else json.dumps(value, ensure_ascii=False)
