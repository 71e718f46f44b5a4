"""What prunes the environments that jobs share."""

from __future__ import annotations

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Selection
from atlas_tui.handlers import IDS_SHOWN, Desk, performs
from atlas_tui.messages import Question, Said
from foundations.models import EnvironmentsView
from foundations.quantities import size


@performs("prune_environments")
async def prune_environments(desk: Desk, selection: Selection) -> None:
    """Remove the environments that no job uses now, and what uv downloaded."""
    found = await desk.client.environments()
    command = BY_NAME["prune_environments"].command(scheduler=desk.board.scheduler)
    question = Question(
        "Remove the environments that no job uses?", _described(found), command=command
    )
    if await desk.confirm(question):
        pruned = await desk.client.prune_environments()
        desk.board.prunings += 1
        freed = size(pruned.freed_bytes)
        desk.say(Said(f"Removed {pruned.removed} environments, {freed}", "good", command))


def _described(found: EnvironmentsView) -> tuple[str, ...]:
    unused = [one for one in found.environments if not one.job_ids]
    lines = [
        f"{one.key[:8]}  {size(one.size_bytes):>9}  {one.base}  {' '.join(one.packages)}"
        for one in unused[:IDS_SHOWN]
    ]
    if len(unused) > len(lines):
        lines.append(f"and {len(unused) - len(lines)} more")
    return (*lines, f"and {size(found.wheels_bytes)} of downloads")
