"""What a job is and how it went, as lines of text; no widgets."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from rich.style import Style
from rich.text import Text

from atlas_tui import metric_rows, parameters
from atlas_tui.looks import Palette
from atlas_tui.row_layout import fit
from atlas_tui.stretches import Stretch, stretches
from foundations.array_text import states_text
from foundations.cli import provenance_fields
from foundations.dependency_text import after_text
from foundations.limits import limit_facts
from foundations.models import FINAL_STATES, JobDetail, JobState
from foundations.quantities import duration, size
from foundations.terminal import clean, display_width
from foundations.value_words import value as value_text

TWO_COLUMNS = 110
"""From so many cells on the history is beside the facts."""
_LABEL_WIDTH = 13
_BAR_WIDTH = 16
_MOST_VALUES = 10
"""So many metrics and parameters are on the page; all are on their tabs."""
_STRONG, _FAINT = Style(bold=True), Style(dim=True)
_WORDS = {
    JobState.QUEUED: "waits for its turn",
    JobState.STARTING: "is being started",
    JobState.RUNNING: "runs",
    JobState.STOPPING: "was asked to stop",
    JobState.COMPLETED: "completed: it ended by itself with exit code 0",
    JobState.FAILED: "failed",
    JobState.STOPPED: "was stopped by request",
    JobState.LOST: "was lost: container, engine or machine went away; its code is not to blame",
    JobState.PRUNED: "was ended early, because other trials of its sweep do better",
}

Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """Facts below a title."""

    title: str
    facts: Sequence[Fact]
    """Name and text; those without text are left out."""


def story(detail: JobDetail) -> str:
    """Say in a sentence why a job waits, or how it ended."""
    if detail.waiting is not None:
        return f"It waits: {detail.waiting.reason} (place {detail.waiting.position})."
    text = f"It {_WORDS[detail.state]}"
    if detail.state is JobState.FAILED and detail.exit_code is not None:
        text += f" with exit code {detail.exit_code}"
    if detail.reason and detail.state is not JobState.COMPLETED:
        text += f": {detail.reason}"
    return text.rstrip(".") + "."


def again(detail: JobDetail, scheduler: str) -> str:
    """The command that submits a job again."""
    return f"foundations rerun job {shlex.quote(scheduler)} {detail.job_id[:8]}"


def sections(detail: JobDetail, scheduler: str) -> list[Section]:
    """Everything that is known of a job except for its history."""
    spec = detail.spec
    return [
        Section(
            "Runs",
            (
                ("Command", shlex.join(detail.command)),
                ("Entry point", shlex.join(spec.entrypoint or ())),
                ("Directory", spec.working_dir or ""),
                ("Image", detail.image or ""),
                ("Python", spec.python or ""),
                ("Engine", detail.engine or ""),
                ("Container", detail.container or ""),
                ("Attempt", str(detail.attempt) if detail.attempt > 1 else ""),
            ),
        ),
        Section("Waits", _waits(detail)),
        Section("Resources", _resources(detail)),
        Section(
            "Kept",
            (
                ("Bundle", _bundle(detail)),
                ("Log", size(detail.log_size_bytes)),
                ("Archive", "complete" if detail.archived else "not complete yet"),
                ("Artifacts", _artifacts(detail)),
            ),
        ),
        Section(
            "About",
            (
                ("Id", detail.job_id),
                ("Project", detail.project),
                ("User", detail.user),
                ("Tags", _pairs(detail.tags)),
                ("Rerun of", f"{spec.rerun_of} (Enter)" if spec.rerun_of else ""),
                ("Array", _array(detail)),
                ("Schedule", detail.schedule_id or ""),
                ("Unique key", detail.unique_key or ""),
                ("Comes after", after_text(detail.after)),
                ("Environment", _pairs(spec.environment)),
                ("Submit again", again(detail, scheduler)),
            ),
        ),
        Section("Comes from", provenance_fields.fields(detail.provenance)),
    ]


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
    more = _facts(_values(detail), right_width, palette)
    right = [*history, Text(), *more]
    if two:
        below = [_beside(one, other, left_width) for one, other in zip_longest(facts, right)]
    else:
        below = [*history, Text(), *facts, Text(), *more]
    for line in below:
        line.truncate(width, overflow="ellipsis")
    return top + below


def _values(detail: JobDetail) -> list[Section]:
    """The first metrics and parameters."""
    series = detail.metric_series
    values = parameters.rows(detail)
    metrics = [(one.name, metric_rows.last_text(one)) for one in series[:_MOST_VALUES]]
    told = [(one.name, value_text(one.value)) for one in values[:_MOST_VALUES]]
    return [
        Section("Metrics", metrics + _more(len(series))),
        Section("Parameters", told + _more(len(values))),
    ]


def _more(count: int) -> list[Fact]:
    return [("", f"and {count - _MOST_VALUES} more")] if count > _MOST_VALUES else []


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


def _waits(detail: JobDetail) -> tuple[Fact, ...]:
    """For whom, and how long that is expected to last."""
    waiting = detail.waiting
    if waiting is None:
        return ()
    start = waiting.expected_start_at
    return (
        ("For jobs", " ".join(one[:8] for one in waiting.blockers)),
        ("May start", f"about {start.astimezone():%H:%M:%S, %d %b}" if start else ""),
    )


def _resources(detail: JobDetail) -> tuple[Fact, ...]:
    spec = detail.spec
    gpus = str(spec.num_gpus) if spec.num_gpus else ""
    if detail.gpus:
        gpus += f" ({', '.join(detail.gpus)})"
    volumes = " ".join(f"{one.host}:{one.bind}:{one.mode}" for one in spec.volumes)
    return (
        ("GPUs", gpus or "none"),
        ("CPUs", f"{spec.cpus:g}" if spec.cpus else "no limit"),
        ("Memory", f"{spec.ram_gb:g} GB" if spec.ram_gb else "no limit"),
        ("Shared memory", f"{spec.shm_gb:g} GB" if spec.shm_gb else ""),
        ("Secrets", " ".join(spec.secrets)),
        ("Volumes", volumes),
        *limit_facts(spec),
    )


def _bundle(detail: JobDetail) -> str:
    if detail.bundle is None:
        return "none: a local run"
    return f"{detail.bundle[:19]}… {size(detail.bundle_size_bytes)}"


def _artifacts(detail: JobDetail) -> str:
    if not detail.artifacts:
        return ""
    total = sum(one.size_bytes for one in detail.artifacts)
    return f"{len(detail.artifacts)}, {size(total)}"


def _array(detail: JobDetail) -> str:
    if detail.array is None or detail.whole_array is None:
        return ""
    place = f"{detail.array.array_id[:8]}_{detail.array.index}"
    key = "" if detail.spec.rerun_of else " (Enter)"
    return f"{place}: {states_text(detail.whole_array)}{key}"


def _pairs(values: dict[str, str]) -> str:
    return "  ".join(f"{key}={value}" if value else key for key, value in values.items())


def _title(text: str) -> Text:
    # As a span: what is put beside a title is not part of it.
    return Text.assemble((text, _STRONG + Style(underline=True)))


def is_moving(detail: JobDetail) -> bool:
    """Whether what stands there changes with the time alone."""
    return detail.state not in FINAL_STATES
