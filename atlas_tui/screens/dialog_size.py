"""How large dialogs are: as what they show wants, within the screen."""

from __future__ import annotations

USUAL_WIDTH = 76
WIDEST = 110
_FRAME = 6
"""What the border and the space at both sides take."""
_LEAST_ROWS = 3


def dialog_width(longest: int) -> int:
    """The width of a dialog whose longest line takes so many cells, where the screen has it."""
    return max(USUAL_WIDTH, min(longest + _FRAME, WIDEST))


def list_height(screen_height: int, *, around: int) -> int:
    """How many rows of a list fit into a dialog that has so many others around it."""
    return max(_LEAST_ROWS, screen_height * 9 // 10 - around)
