"""Reads which secrets a job gets, and how, as people write it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from foundations.errors import ConfigError


def by_name(value: Any) -> Any:
    """Turn a name, or a list of names, into what the model takes; a mapping stays as it is.

    A name alone is a file, `NAME:env` a variable too.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple):
        raise ValueError("write names of secrets, such as [KEY], or how each is given: {KEY: env}")
    return dict(_split(one) for one in value)


def read_secrets(given: str | Iterable[str] | Mapping[str, str] | None) -> dict[str, str]:
    """Read what a submitter asks for: a name, several, or a mapping of names to `file` or `env`.

    Raises:
        ConfigError: something in it is no text.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    found = by_name(given if isinstance(given, str) else list(given))
    if not all(isinstance(name, str) for name in found):
        raise ConfigError(f"secrets: names are text, not {given!r}")
    return dict(found)


def _split(one: Any) -> tuple[Any, str]:
    if not isinstance(one, str):
        return one, "file"
    name, separator, use = one.partition(":")
    return name, use if separator else "file"
