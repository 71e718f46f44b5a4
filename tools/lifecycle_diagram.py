"""Draw the lifecycle from its table: the generated part of docs/lifecycle.md.

usage: lifecycle_diagram.py [--check]

Writes the diagram and the table of transitions between the markers in docs/lifecycle.md. With
--check it writes nothing, and ends with 1 when the page is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from atlas_scheduler.core.events import Event, Exited, Gone, NotStarted, StartRefused
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.lifecycle import TRANSITIONS, Choice, Rule
from atlas_scheduler.core.limits import Limits
from foundations.models import FINAL_STATES, JobState
from tools.generated_page import run, with_part

PAGE = Path(__file__).resolve().parent.parent / "docs" / "lifecycle.md"
BEGIN = "<!-- made from TRANSITIONS by tools/lifecycle_diagram.py: begin -->"
END = "<!-- made from TRANSITIONS by tools/lifecycle_diagram.py: end -->"

Arrow = tuple[JobState, str, JobState, Rule]


def arrows() -> Iterator[Arrow]:
    """Yield every transition with its event in words, one for each target that it can have."""
    for (state, kind), entry in TRANSITIONS.items():
        for words, rule in outcomes(state, kind, entry):
            yield state, words, rule.target, rule


def outcomes(state: JobState, kind: type[Event], entry: Rule | Choice) -> list[tuple[str, Rule]]:
    """List where an event leads, with the event in words."""
    if isinstance(entry, Rule):
        return [(kind.__name__, entry)]
    cases = _RUNNING_CASES if state is JobState.RUNNING else _STOPPING_CASES
    return [(words, entry(job, event)) for words, job, event in cases if isinstance(event, kind)]


Case = tuple[str, Job, Event]
_ONCE = Job("", "", JobState.RUNNING, 0, started_at_ms=0)
_MORE = replace(_ONCE, limits=Limits(exit=1, oom=1, lost=1))
_STOPPED = replace(_ONCE, state=JobState.STOPPING)
_OVER = replace(_STOPPED, timed_out=True, limits=Limits(time_ms=10))
_RUNNING_CASES: tuple[Case, ...] = (
    ("Exited with 0", _ONCE, Exited(at_ms=1, exit_code=0)),
    ("Exited with another code", _ONCE, Exited(at_ms=1, exit_code=1)),
    ("Exited by Ctrl-C", _ONCE, Exited(at_ms=1, exit_code=130, interrupted=True)),
    ("Exited, with a retry left", _MORE, Exited(at_ms=1, exit_code=1)),
    ("Gone", _ONCE, Gone(1, "")),
    ("Gone, with a retry left", _MORE, Gone(1, "")),
    ("NotStarted", _ONCE, NotStarted(1)),
    ("NotStarted, with a retry left", _MORE, NotStarted(1)),
)
_STOPPING_CASES: tuple[Case, ...] = (
    ("Exited", _STOPPED, Exited(at_ms=1, exit_code=1)),
    ("Exited after TimedOut", _OVER, Exited(at_ms=11, exit_code=1)),
    ("Exited with 0 before its time was over", _OVER, Exited(at_ms=9, exit_code=0)),
    ("Exited with another code before its time was over", _OVER, Exited(at_ms=9, exit_code=1)),
    ("Gone", _STOPPED, Gone(1, "")),
    ("Gone after TimedOut", _OVER, Gone(1, "")),
    ("NotStarted", _STOPPED, NotStarted(1)),
    ("NotStarted after TimedOut", _OVER, NotStarted(1)),
    ("StartRefused", _STOPPED, StartRefused(1, "")),
)
"""Every way that an event can lead which leads to several places, by an example."""


def draw_diagram() -> str:
    """Draw the states as a Mermaid diagram; transitions between the same two share an arrow."""
    events: dict[tuple[JobState, JobState], list[str]] = {}
    for state, words, target, _ in arrows():
        events.setdefault((state, target), []).append(words)
    reached = [state for state in JobState if any(state is target for _, target in events)]
    lines = ["stateDiagram-v2", f"    [*] --> {JobState.QUEUED}: Submitted"]
    lines += [
        f"    {state} --> {target}: {' / '.join(words)}"
        for (state, target), words in events.items()
    ]
    lines += [f"    {state} --> [*]" for state in reached if state in FINAL_STATES]
    return "\n".join(["```mermaid", *lines, "```"])


def draw_table() -> str:
    """Write the same as a table, with the effects."""
    lines = ["| state | event | next state | effects |", "|---|---|---|---|"]
    for state, words, target, rule in arrows():
        effects = ", then ".join(effect.value for effect in rule.effects)
        lines.append(f"| {state} | {words} | {target} | {effects} |")
    return "\n".join(lines)


def renew(page: str) -> str:
    """Replace what stands between the markers.

    Raises:
        ValueError: a marker is missing.
    """
    return with_part(page, f"{draw_diagram()}\n\n{draw_table()}", begin=BEGIN, end=END)


if __name__ == "__main__":
    raise SystemExit(run("lifecycle_diagram.py", PAGE, renew, sys.argv[1:]))
