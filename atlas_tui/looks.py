"""How things look: a glyph, a word and a colour for each state, and the themes.

No state is told by colour alone. The colours are Okabe and Ito's, which people who see colours
differently can tell apart (https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rich.style import Style
from textual.theme import Theme

from foundations.job_states import JobState

SKY, GREEN, VERMILLION = "#56b4e9", "#1fae86", "#e8743b"
YELLOW, ORANGE, PURPLE, GREY = "#e3d44a", "#e69f00", "#cc79a7", "#8a8f98"
SERIES = (SKY, ORANGE, GREEN, PURPLE, YELLOW, VERMILLION)
"""Colours of the lines of a chart, in order; later lines begin again with the first."""
SERIES_ON_LIGHT = ("#00629b", "#a05f00", "#00714f", "#8f3f6f", "#7a6c00", "#b34700")
"""The same on a light background."""


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state is shown."""

    glyph: str
    ascii: str
    """In place of the glyph where the terminal knows no more."""
    colour: str
    on_light: str
    """The colour on a light background."""
    ansi: str
    """One of the terminal's own sixteen colours."""


STATES: dict[JobState, StateLook] = {
    JobState.QUEUED: StateLook("○", "o", GREY, "#5c6570", "bright_black"),
    JobState.STARTING: StateLook("◔", ".", YELLOW, "#7a6c00", "yellow"),
    JobState.RUNNING: StateLook("●", "*", SKY, "#00629b", "bright_cyan"),
    JobState.STOPPING: StateLook("◑", "~", YELLOW, "#7a6c00", "yellow"),
    JobState.COMPLETED: StateLook("✓", "+", GREEN, "#00714f", "green"),
    JobState.FAILED: StateLook("✗", "x", VERMILLION, "#b34700", "bright_red"),
    JobState.STOPPED: StateLook("■", "#", PURPLE, "#8f3f6f", "magenta"),
    JobState.LOST: StateLook("?", "?", ORANGE, "#a05f00", "bright_yellow"),
    JobState.PRUNED: StateLook("✂", "-", PURPLE, "#8f3f6f", "magenta"),
}


Tone = Literal["good", "high", "bad", "neutral"]
_TONES: dict[Tone, tuple[str, str, str]] = {
    "good": (GREEN, "#00714f", "green"),
    "high": (YELLOW, "#7a6c00", "yellow"),
    "bad": (VERMILLION, "#b34700", "bright_red"),
    "neutral": (SKY, "#00629b", "bright_cyan"),
}
"""Colour on dark, on light, and of the terminal's own."""


@dataclass(slots=True)
class Palette:
    """What the terminal can show; changes with the theme, and everyone looks at the same one."""

    unicode: bool = True
    ansi: bool = False
    """Only the terminal's own sixteen colours."""
    dark: bool = True

    def state(self, state: JobState) -> tuple[str, Style]:
        """The text of a state, with its glyph, and its style."""
        look = STATES[state]
        colour = self._colour(look.colour, look.on_light, look.ansi)
        return f"{self.glyph(state)} {state}", Style(color=colour)

    def tone(self, name: Tone) -> Style:
        """The style of what is good, high, bad, or only compared."""
        return Style(color=self._colour(*_TONES[name]))

    def _colour(self, on_dark: str, on_light: str, ansi: str) -> str:
        if not self.ansi:
            return on_dark if self.dark else on_light
        # Bright colours are hard to read on a light background; grey is the bright one of black.
        return ansi if self.dark or ansi == "bright_black" else ansi.removeprefix("bright_")

    def glyph(self, state: JobState) -> str:
        """The sign of a state alone."""
        look = STATES[state]
        return look.glyph if self.unicode else look.ascii

    def text(self, wanted: str, plain: str) -> str:
        """`wanted`, or `plain` where the terminal knows only ASCII."""
        return wanted if self.unicode else plain


DARK = Theme(
    name="atlas-dark",
    primary="#56b4e9",
    secondary="#1fae86",
    accent="#e69f00",
    foreground="#d6dae0",
    background="#12151a",
    surface="#181c22",
    panel="#222831",
    success=GREEN,
    warning=YELLOW,
    error=VERMILLION,
    dark=True,
    # Textual's own depend on a background, which a part of a line does not have.
    variables={"text-muted": "#9aa3ad", "text-disabled": "#66707c"},
)
LIGHT = Theme(
    name="atlas-light",
    primary="#00629b",
    secondary="#00714f",
    accent="#a05f00",
    foreground="#1c2026",
    background="#fafafa",
    surface="#ffffff",
    panel="#e8ebef",
    success="#00714f",
    warning="#7a6c00",
    error="#b34700",
    dark=False,
    variables={"text-muted": "#5c6570", "text-disabled": "#929aa4"},
)
THEMES = (DARK, LIGHT)
ANSI_DARK, ANSI_LIGHT = "ansi-dark", "ansi-light"
"""Textual's themes of the terminal's own colours: half the bytes on a slow line."""
THEME_NAMES = (DARK.name, LIGHT.name, ANSI_DARK, ANSI_LIGHT)


def theme_for(wanted: str, *, light: bool, own_colours: bool) -> str:
    """Choose a theme.

    Args:
        wanted: a name, or `auto`.
        light: whether the terminal's background is light.
        own_colours: whether the terminal, or the line to it, is better off with its own sixteen.
    """
    if wanted != "auto":
        if not own_colours:
            return wanted
        return ANSI_LIGHT if wanted.endswith("light") else ANSI_DARK
    if own_colours:
        return ANSI_LIGHT if light else ANSI_DARK
    return LIGHT.name if light else DARK.name
