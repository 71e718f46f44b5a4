"""The user's own settings: `config/tui.yaml` in the home. Reading the file is `settings_file`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from atlas_tui.looks import THEME_NAMES
from foundations.home import Home

FILE_NAME = "tui.yaml"
AUTO = "auto"
THEMES_KNOWN = (AUTO, *THEME_NAMES)


def known_theme(name: object) -> str | None:
    """Say what is wrong with the name of a theme, or None."""
    known = ", ".join(THEMES_KNOWN)
    return None if name in THEMES_KNOWN else f"is one of {known}, not {name!r}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file. What the command line asks for wins over it."""

    theme: str | None = None
    """Colours; `auto` is light or dark as the terminal says it is. None is what was picked in the
    app last, and `auto` until then."""
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
    columns: tuple[str, ...] = ()
    """Columns of the list of jobs, until others are chosen there."""
    keymap: dict[str, str] = field(default_factory=dict)
    """Other keys for actions, by the action's name; several with commas between them."""
    bell: bool = False
    """Ring when a job has ended."""
    notify: Literal["off", "osc9", "osc777"] = "off"
    """Let the terminal show a notice when a job has ended."""
    notify_jobs: Literal["mine", "marked", "all"] = "mine"
    """Whose ends are told of."""
    confirm_rerun_above: int = 5
    """Reruns of more jobs than so many at once ask first."""

    @classmethod
    def load(cls, home: Home) -> Settings:
        """Read the file of a home; a missing or empty one means the defaults.

        Raises:
            ConfigError: it is not valid; the text names file, line and the nearest known key.
        """
        path = path_of(home)
        try:
            path.stat()
        except FileNotFoundError:
            return cls()
        except OSError:
            pass  # reading it meets the same, and tells of it
        # Late: most people have no such file, and what checks it takes long to load.
        from atlas_tui.settings_file import read_settings

        return read_settings(path)


def path_of(home: Home) -> Path:
    """Where the settings of a home are."""
    return home.root / "config" / FILE_NAME
