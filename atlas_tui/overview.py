"""What a job is and how it went, as lines of text; no widgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import zip_longest

from rich.style import Style
from rich.text import Text

from atlas_tui.looks import Palette
from atlas_tui.overview_facts import Section, sections, story, values
from atlas_tui.row_layout import fit
from atlas_tui.stretches import Stretch, stretches
from foundations.models import FINAL_STATES, JobDetail
from foundations.text.quantities import duration
from foundations.text.terminal import clean, display_width

TWO_COLUMNS = 110
"""From so many cells on the history is beside the facts."""
_LABEL_WIDTH = 13
_BAR_WIDTH = 16
_STRONG, _FAINT = Style(bold=True), Style(dim=True)


def lines(
    detail: JobDetail, *, scheduler: str, now: datetime, width: int, palette: Palette
) -> list[Text]:
    """Write a job, in one column or two.

    Args:
        detail: the job.
        scheduler: name of the scheduler config.
        now: for what still lasts.
        width: cells there are.
        palette: what the terminal can show.
    """
    _, style = palette.state(detail.state)
    sentence = clean(story(detail), one_line=True)
    top = [*_wrapped(Text.assemble((f" {sentence}", style + _STRONG)), width), Text()]
    two = width >= TWO_COLUMNS
    left_width = width * 11 // 20 if two else width
    right_width = width - left_width - 1 if two else width
    facts = _facts(sections(detail, scheduler), left_width, palette)
    history = _history(stretches(detail.history, now), right_width, palette)
    more = _facts(values(detail), right_width, palette)
    right = [*history, Text(), *more]
    if two:
        below = [_beside(one, other, left_width) for one, other in zip_longest(facts, right)]
    else:
        below = [*history, Text(), *facts, Text(), *more]
    for line in below:
        line.truncate(width, overflow="ellipsis")
    return top + below


def _beside(left: Text | None, right: Text | None, width: int) -> Text:
    line = left.copy() if left is not None else Text()
    line.pad_right(max(width - line.cell_len, 0) + 1)
    return line.append_text(right) if right is not None else line


def _facts(found: Iterable[Section], width: int, palette: Palette) -> list[Text]:
    written: list[Text] = []
    for section in found:
        facts = [(name, text) for name, text in section.facts if text]
        if not facts:
            continue
        if written:
            written.append(Text())
        written.append(_title(section.title))
        longest = max(display_width(clean(name, one_line=True)) for name, _ in facts)
        label_width = min(max(_LABEL_WIDTH, longest + 1), max(_LABEL_WIDTH, width // 2))
        for name, text in facts:
            written += _fact(name, text, width, label_width=label_width)
    return written


def _fact(name: str, text: str, width: int, *, label_width: int) -> list[Text]:
    """A name and its text, on as many lines as the text needs."""
    room = max(width - label_width - 2, 10)
    pieces = _broken(clean(text, one_line=True), room)
    return [
        Text.assemble(" ", (fit(name if place == 0 else "", label_width), _FAINT), piece)
        for place, piece in enumerate(pieces)
    ]


def _broken(text: str, width: int) -> list[str]:
    """Break a text into lines, at spaces where that is possible; four lines at most."""
    pieces: list[str] = []
    rest = text
    while rest and len(pieces) < 4:
        taken = ""
        used = 0
        for character in rest:
            used += display_width(character)
            if used > width:
                break
            taken += character
        if len(taken) < len(rest) and " " in taken:
            taken = taken[: taken.rindex(" ") + 1]
        pieces.append(taken)
        rest = rest[len(taken) :]
        if not taken:
            break
    if rest and pieces:
        pieces[-1] = pieces[-1][:-1] + "…"
    return pieces or [""]


def _wrapped(text: Text, width: int) -> list[Text]:
    if text.cell_len <= width:
        return [text]
    pieces = _broken(text.plain, max(width - 1, 10))
    first = text[: len(pieces[0])]
    return [first, *(Text(f" {piece}") for piece in pieces[1:])]


def _history(found: Sequence[Stretch], width: int, palette: Palette) -> list[Text]:
    """One line a state: since when, how long, and how long beside the others."""
    longest = max((one.seconds or 0.0 for one in found), default=0.0)
    written = [_title("History")]
    for one in found:
        word, style = palette.state(one.state)
        line = Text.assemble(
            " ",
            (_clock(one.start, found[0].start), _FAINT),
            "  ",
            (fit(word, 12), style),
        )
        if one.seconds is not None:
            line.append(fit(duration(one.seconds), 8, right=True))
            tail = " so far" if one.lasts else ""
            room = min(width - line.cell_len - len(tail) - 2, _BAR_WIDTH)
            share = one.seconds / longest if longest else 0.0
            line.append("  " + palette.text("━", "=") * max(round(share * room), 1), style)
            line.append(tail, _FAINT)
        written.append(line)
    return written


def _clock(moment: datetime, first: datetime) -> str:
    local, begin = moment.astimezone(), first.astimezone()
    same_day = local.date() == begin.date() and moment != first
    return local.strftime("%H:%M:%S" if same_day else "%d %b %H:%M:%S").rjust(15)


def _title(text: str) -> Text:
    # As a span: what is put beside a title is not part of it.
    return Text.assemble((text, _STRONG + Style(underline=True)))


def is_moving(detail: JobDetail) -> bool:
    """Whether what stands there changes with the time alone."""
    return detail.state not in FINAL_STATES
