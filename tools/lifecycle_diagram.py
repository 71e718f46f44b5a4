"""Draw the lifecycle from its table: the generated part of docs/lifecycle.md.

usage: lifecycle_diagram.py [--check]

Writes the diagram and the table of transitions between the markers in docs/lifecycle.md. With
--check it writes nothing, and ends with 1 when the page is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from atlas_scheduler.core.lifecycle import TRANSITIONS, Event, Exited, Rule
from foundations.models import FINAL_STATES, JobState
from tools.generated_page import run, with_part

PAGE = Path(__file__).resolve().parent.parent / "docs" / "lifecycle.md"
BEGIN = "<!-- made from TRANSITIONS by tools/lifecycle_diagram.py: begin -->"
END = "<!-- made from TRANSITIONS by tools/lifecycle_diagram.py: end -->"

Arrow = tuple[JobState, str, JobState, Rule]


def arrows() -> Iterator[Arrow]:
    """Yield every transition with its event in words, one for each target that it can have."""
    for (state, kind), rule in TRANSITIONS.items():
        for words, target in targets(kind, rule):
            yield state, words, target, rule


def targets(kind: type[Event], rule: Rule) -> list[tuple[str, JobState]]:
    """List where an event leads, with the event in words."""
    if isinstance(rule.target, JobState):
        return [(kind.__name__, rule.target)]
    return [
        ("Exited with 0", rule.target(Exited(at_ms=0, exit_code=0))),
        ("Exited with another code", rule.target(Exited(at_ms=0, exit_code=1))),
        ("Exited by Ctrl-C", rule.target(Exited(at_ms=0, exit_code=130, interrupted=True))),
    ]


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
