"""The user's own settings: `config/tui.yaml` in the home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from atlas_tui.action_table import BY_NAME
from atlas_tui.columns import column
from atlas_tui.looks import THEME_NAMES
from foundations.errors import ConfigError
from foundations.home import Home
from foundations.yaml_source import YamlSource, nearest, read_yaml, unknown_key

FILE_NAME = "tui.yaml"
AUTO = "auto"


def known_theme(name: object) -> str | None:
    """Say what is wrong with the name of a theme, or None."""
    known = (AUTO, *THEME_NAMES)
    return None if name in known else f"is one of {', '.join(known)}, not {name!r}"


def _known_theme(value: Any) -> Any:
    if known_theme(value):
        raise ValueError(f"is one of {', '.join((AUTO, *THEME_NAMES))}")
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


Keys = Annotated[str, BeforeValidator(_keys)]
Theme = Annotated[str, BeforeValidator(_known_theme)]
Columns = Annotated[tuple[str, ...], BeforeValidator(_known_columns)]


class Settings(BaseModel):
    """The whole file. What the command line asks for wins over it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    theme: Theme = AUTO
    """Colours; `auto` is light or dark as the terminal says it is."""
    plain: bool = False
    """ASCII characters only."""
    low_bandwidth: bool = False
    """Fewer bytes: the terminal's own colours, fewer repaints."""
    mouse: bool = True
    """Whether the mouse belongs to the app; `m` changes it."""
    read_only: bool = False
    """Offer nothing that changes anything."""
    restore: bool = True
    """Begin where the last session ended."""
    columns: Columns = ()
    """Columns of the list of jobs, until others are chosen there."""
    keymap: dict[str, Keys] = {}
    """Other keys for actions, by the action's name."""
    bell: bool = False
    """Ring when a job has ended."""
    notify: Literal["off", "osc9", "osc777"] = "off"
    """Let the terminal show a notice when a job has ended."""
    notify_jobs: Literal["mine", "marked", "all"] = "mine"
    """Whose ends are told of."""
    confirm_rerun_above: Annotated[int, Field(ge=1, le=1_000)] = 5
    """Reruns of more jobs than so many at once ask first."""

    @classmethod
    def load(cls, home: Home) -> Settings:
        """Read the file of a home; a missing or empty one means the defaults.

        Raises:
            ConfigError: it is not valid; the text names file, line and the nearest known key.
        """
        return read_settings(path_of(home))


def path_of(home: Home) -> Path:
    """Where the settings of a home are."""
    return home.root / "config" / FILE_NAME


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
        settings = Settings.model_validate(data)
    except ValidationError as error:
        complaints = [_complaint(source, one) for one in error.errors(include_url=False)]
        raise ConfigError("\n".join(dict.fromkeys(complaints))) from error
    _check_keymap(source, settings)
    return settings


def _complaint(source: YamlSource, error: ErrorDetails) -> str:
    location = tuple(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return source.complaint(unknown_key(location[-1], Settings.model_fields), location)
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
