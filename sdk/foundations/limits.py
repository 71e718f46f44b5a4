"""Reads what a submitter says of time and retries, wherever it is said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from foundations.errors import ConfigError
from foundations.lazy_models import models
from foundations.text.durations import read_duration, write_duration

if TYPE_CHECKING:
    from foundations.models import JobSpec, Retries

CAUSES = ("exit", "oom", "lost")
"""What a job can be tried again after."""
MOST_RETRIES = 1_000
_FORM = "write a number, or one for each of exit, oom and lost"


def read_retries(value: Any) -> Retries:
    """Read how often to try again.

    Args:
        value: a number, which is for failed programs; numbers by cause, as a mapping or as text
            such as `exit=2,lost=3`; or `Retries`.

    Raises:
        ValueError: it is none of these; the text says what is.
    """
    if isinstance(value, str):
        value = _counts_in(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        value = {"exit": value}
    elif isinstance(value, models.Retries):
        return value
    if not isinstance(value, Mapping) or not value.keys() <= set(CAUSES):
        raise ValueError(_FORM)
    for count in value.values():
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_RETRIES:
            raise ValueError(f"{_FORM}, from 0 to {MOST_RETRIES}")
    return models.Retries(**value)


def asked_limits(
    *,
    time_limit: str | timedelta | None,
    queue_ttl: str | timedelta | None,
    retries: int | str | Mapping[str, int] | None,
    retry_delay: str | timedelta | None,
) -> dict[str, Any]:
    """Return the fields of `Asked` that say the same.

    Raises:
        ConfigError: a value is not as it must be; the text names it.
    """
    wanted = {
        "time_limit_seconds": ("time_limit", time_limit, read_duration),
        "queue_ttl_seconds": ("queue_ttl", queue_ttl, read_duration),
        "retries": ("retries", retries, read_retries),
        "retry_delay_seconds": ("retry_delay", retry_delay, read_duration),
    }
    asked = {}
    for field, (name, value, read) in wanted.items():
        try:
            asked[field] = None if value is None else read(value)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}, not {value!r}") from error
    return asked


def limit_facts(spec: JobSpec) -> list[tuple[str, str]]:
    """What a job is allowed, in words, by name; what it does not say is left out."""
    retries = spec.retries
    counts = {} if retries is None else {cause: getattr(retries, cause) for cause in CAUSES}
    tries = ", ".join(f"{count} after {_AFTER[cause]}" for cause, count in counts.items() if count)
    if tries and spec.retry_delay_seconds is not None:
        tries += f", the first in {write_duration(spec.retry_delay_seconds)}"
    facts = [
        ("Time limit", spec.time_limit_seconds),
        ("Queue TTL", spec.queue_ttl_seconds),
    ]
    written = [(name, write_duration(seconds)) for name, seconds in facts if seconds is not None]
    return [*written, *([("Retries", tries)] if tries else [])]


_AFTER = {"exit": "a failure", "oom": "running out of memory", "lost": "being lost"}


def _counts_in(text: str) -> Any:
    """The numbers of `2` or `exit=2,lost=3`; None when it is written in another way."""
    words = [word.strip() for word in text.split(",")]
    if len(words) == 1 and _is_count(words[0]):
        return {"exit": int(words[0])}
    pairs = [word.partition("=") for word in words]
    names = [name.strip() for name, _, _ in pairs]
    if len(set(names)) < len(names) or not all(_is_count(count) for _, _, count in pairs):
        return None
    return {name: int(count) for name, (_, _, count) in zip(names, pairs, strict=True)}


def _is_count(text: str) -> bool:
    return text.isascii() and text.strip().isdecimal()
