"""How the app is to behave, as settings and command line have decided."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How the app is to behave."""

    read_only: bool = False
    plain: bool = False
    """ASCII only."""
    low_bandwidth: bool = False
    """Fewer bytes: the terminal's own colours, fewer repaints."""
    theme: str = "atlas-dark"
    light: bool = False
    """Whether the terminal's background is light; what the theme `auto` goes by."""
    mouse: bool = True
    """Whether the mouse belongs to the app."""
