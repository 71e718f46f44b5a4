"""What is wrong with a filter, and where: told with a mark under the place."""

from __future__ import annotations

from foundations.text.terminal import clean, display_width

_BEFORE = 60
_AFTER = 30


class FilterError(ValueError):
    """A filter that cannot be understood."""

    def __init__(self, message: str, *, text: str, column: int) -> None:
        super().__init__(message)
        self.message = message
        """What is wrong and what to do, in a sentence."""
        self.text = text
        """The whole filter."""
        self.column = column
        """Where, in characters: 1 is the first, one more than there are is the end."""

    def __str__(self) -> str:
        """The message, then the part of the filter around the place, with a caret under it."""
        begin = max(0, self.column - 1 - _BEFORE)
        end = self.column - 1 + _AFTER
        ahead = ("…" if begin else "") + _shown(self.text[begin : self.column - 1])
        behind = _shown(self.text[self.column - 1 : end]) + ("…" if end < len(self.text) else "")
        message = clean(self.message, one_line=True)
        return (
            f"The filter is not valid at column {self.column}: {message}\n"
            f"  {ahead}{behind}\n"
            f"  {' ' * display_width(ahead)}^"
        )


def _shown(text: str) -> str:
    return clean("".join(" " if one.isspace() else one for one in text), one_line=True)
