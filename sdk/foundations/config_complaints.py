"""Says what is wrong with a value of a configuration file, and on which line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from foundations.yaml_source import Location, YamlSource, unknown_key

_WORDS = {
    "dict_type": "must hold `key: value` lines",
    "frozen_set_type": "must be a list",
    "list_type": "must be a list",
    "model_attributes_type": "must hold `key: value` lines",
    "model_type": "must hold `key: value` lines",
    "tuple_type": "must be a list",
}
"""What pydantic says in words of Python's, by its name for the error."""
_TOO_SHORT = ("string_too_short", "too_short")
_LONGEST_VALUE = 60


def errors_by_line(source: YamlSource, error: ValidationError) -> list[ErrorDetails]:
    """Return what pydantic found, in the order of the file."""
    found = error.errors(include_url=False)
    return sorted(found, key=lambda one: source.line(key_location(source, one)) or 0)


def describe_error(source: YamlSource, error: ErrorDetails, known: Iterable[str]) -> str:
    """Put an error of pydantic's into the user's words.

    Args:
        source: the file.
        error: what pydantic says about it.
        known: keys that the section may have in which the error lies.
    """
    location = key_location(source, error)
    if error["type"] == "extra_forbidden":
        return source.complaint(unknown_key(location[-1], known), location)
    name = f"`{'.'.join(location)}`"
    if error["type"] == "missing":
        return source.complaint(f"{name} is missing", location)
    if error["type"] == "none_required" or (error["input"] is None and location):
        return source.complaint(f"{name} has no value", location)
    if error["type"] == "invalid-json-value":
        written = source.raw.get(location) or _short(error["input"])
        hint = "put it in quotes to pass it on as text"
        return source.complaint(f"{name}: {written} cannot be passed on as JSON; {hint}", location)
    if error["type"] in _TOO_SHORT and error.get("ctx", {}).get("min_length") == 1:
        return source.complaint(f"{name} must not be empty", location)
    message = _WORDS.get(error["type"]) or _own_words(error["msg"])
    if location:
        message = f"{name}: {message}"
    # What a check of our own says is complete, and its value may be a URL that holds a password.
    if error["type"] != "value_error":
        message += f", not {_short(error['input'])}"
    return source.complaint(message, location)


def key_location(source: YamlSource, error: ErrorDetails) -> Location:
    """Return the keys that lead to an error, without what pydantic puts between them."""
    location: Location = ()
    for part in error["loc"]:
        if (*location, str(part)) in source.lines:
            location = (*location, str(part))
    if error["type"] == "missing":
        location = (*location, str(error["loc"][-1]))
    return location


def keys_at(model: type[BaseModel], location: Iterable[str]) -> list[str]:
    """Return the keys that a section may have, of the file that a model describes."""
    section = model
    for part in location:
        # What is no key of a section is a name or an index in a field that holds several.
        field = section.model_fields.get(part)
        section = (_model_in(field.annotation) if field is not None else None) or section
    return list(section.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or that it holds or allows."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one))), None)


def _own_words(message: str) -> str:
    ours = message.removeprefix("Value error, ")
    return ours if ours != message else message[0].lower() + message[1:]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."
