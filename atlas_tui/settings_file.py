"""Reads the file of the user's settings strictly: every complaint names its line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)
from pydantic_core import ErrorDetails

from atlas_tui.action_table import BY_NAME
from atlas_tui.columns import column
from atlas_tui.settings import THEMES_KNOWN, Settings, known_theme
from foundations.errors import ConfigError
from foundations.yaml_source import YamlSource, nearest, read_yaml, unknown_key


def _known_theme(value: Any) -> Any:
    if known_theme(value):
        raise ValueError(f"is one of {', '.join(THEMES_KNOWN)}")
    return value


def _known_columns(value: Any) -> Any:
    for name in value if isinstance(value, list) else ():
        column(name)  # raises what is wrong with it
    return tuple(value) if isinstance(value, list) else value


def _keys(value: Any) -> Any:
    """A key or a list of them, as one text with commas; none takes the key away."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return value


_NARROWER: dict[str, Any] = {
    "theme": Annotated[str, BeforeValidator(_known_theme)],
    "columns": Annotated[tuple[str, ...], BeforeValidator(_known_columns)],
    "keymap": dict[str, Annotated[str, BeforeValidator(_keys)]],
    "confirm_rerun_above": Annotated[int, Field(ge=1, le=1_000)],
}
"""What a field of the file may be, where its type alone does not say it."""


def _model() -> type[BaseModel]:
    hints = get_type_hints(Settings)
    parts: dict[str, Any] = {
        one.name: (_NARROWER.get(one.name, hints[one.name]), None) for one in fields(Settings)
    }
    strict = ConfigDict(extra="forbid", strict=True)
    return create_model("Settings", __config__=strict, **parts)


SettingsFile = _model()
"""The keys of the file. What is not there is left to the defaults of `Settings`."""


def read_settings(path: Path) -> Settings:
    """Read and check a file of settings.

    Raises:
        ConfigError: it is not valid.
    """
    try:
        source = read_yaml(path)
    except FileNotFoundError:
        return Settings()
    if source.data is None:
        return Settings()
    if not isinstance(source.data, dict):
        raise ConfigError(source.complaint("must hold `key: value` lines"))
    data = dict(source.data)
    if data.get("notify") is False:
        data["notify"] = "off"  # YAML reads a bare `off` as false
    try:
        found = SettingsFile.model_validate(data)
    except ValidationError as error:
        complaints = [_complaint(source, one) for one in error.errors(include_url=False)]
        raise ConfigError("\n".join(dict.fromkeys(complaints))) from error
    settings = Settings(**{name: getattr(found, name) for name in found.model_fields_set})
    _check_keymap(source, settings)
    return settings


def _complaint(source: YamlSource, error: ErrorDetails) -> str:
    location = tuple(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return source.complaint(unknown_key(location[-1], SettingsFile.model_fields), location)
    if error["input"] is None:
        return source.complaint(f"`{'.'.join(location)}` has no value", location)
    message = error["msg"].removeprefix("Value error, ")
    text = f"`{'.'.join(location)}`: {message[0].lower()}{message[1:]}, not {error['input']!r}"
    return source.complaint(text, location)


def _check_keymap(source: YamlSource, settings: Settings) -> None:
    """Refuse names that are no action, and keys that would have two meanings on one screen."""
    for name in settings.keymap:
        if name not in BY_NAME:
            guess = nearest(name, BY_NAME)
            meant = f" Did you mean `{guess}`?" if guess else ""
            raise ConfigError(source.complaint(f"`{name}` is no action.{meant}", ("keymap", name)))
    for name, keys in settings.keymap.items():
        for other in BY_NAME.values():
            taken = set(settings.keymap.get(other.name, other.keys).split(",")) & set(
                keys.split(",")
            )
            taken.discard("")
            if other.name != name and taken and _meet(name, other.name):
                text = f"`{sorted(taken)[0]}` is already the key of `{other.name}`"
                raise ConfigError(source.complaint(text, ("keymap", name)))


def _meet(one: str, other: str) -> bool:
    """Whether two actions are offered on the same screen."""
    mine, others = BY_NAME[one].screens, BY_NAME[other].screens
    return not mine or not others or bool(set(mine) & set(others))
