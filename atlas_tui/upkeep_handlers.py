"""What makes room on the scheduler: environments that no job uses, what projects keep no longer."""

from __future__ import annotations

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Selection
from atlas_tui.handlers import IDS_SHOWN, Desk, performs
from atlas_tui.messages import Question, Said
from foundations.models import EnvironmentsView, GarbageView
from foundations.text.quantities import counted, size


@performs("prune_environments")
async def prune_environments(desk: Desk, selection: Selection) -> None:
    """Remove the environments that no job uses now, and what uv downloaded."""
    found = await desk.client.environments()
    command = BY_NAME["prune_environments"].command(scheduler=desk.board.scheduler)
    if not found.wheels_bytes and all(one.job_ids for one in found.environments):
        desk.say(Said("There is nothing to remove: jobs use every environment there is."))
        return
    unused = sum(not one.job_ids for one in found.environments)
    title = f"Remove {counted(unused, 'environment')} that no job uses?"
    question = Question(title, _unused(found), command=command)
    if await desk.confirm(question):
        pruned = await desk.client.prune_environments()
        desk.board.upkeeps += 1
        freed = size(pruned.freed_bytes)
        desk.say(
            Said(f"Removed {counted(pruned.removed, 'environment')}, {freed}", "good", command)
        )


@performs("collect_garbage")
async def collect_garbage(desk: Desk, selection: Selection) -> None:
    """Show what projects keep no longer and what nothing needs, and delete it when told to."""
    desk.say(Said("Looking for what may go…"))
    found = await desk.client.garbage()
    desk.say(Said(""))
    if not found.jobs and not found.leftovers:
        desk.say(Said("There is nothing to let go of: every job is kept, every file needed."))
        return
    command = BY_NAME["collect_garbage"].command(scheduler=desk.board.scheduler)
    title = f"Delete {_counted(found)}, {size(found.size_bytes)}?"
    if not await desk.confirm(Question(title, _garbage(found), len(found.jobs), command)):
        return
    gone = await desk.client.collect_garbage()
    desk.board.upkeeps += 1
    if gone.jobs:
        desk.board.deleted.append(tuple(one.job_id for one in gone.jobs))
    undo = ", u brings the jobs back" if gone.jobs else ""
    desk.say(Said(f"Deleted {_counted(gone)}, {size(gone.size_bytes)}{undo}", "good", command))


def _counted(found: GarbageView) -> str:
    parts = []
    if found.jobs:
        parts.append(counted(len(found.jobs)))
    if found.leftovers:
        parts.append(counted(len(found.leftovers), "leftover"))
    return " and ".join(parts) or "nothing"


def _garbage(found: GarbageView) -> tuple[str, ...]:
    lines = [
        f"{one.job_id[:8]}  {size(one.archive_bytes):>9}  {one.project}  {one.reason}"
        for one in found.jobs[:IDS_SHOWN]
    ]
    lines += [
        f"{one.kind:8}  {size(one.size_bytes):>9}  {one.name}"
        for one in found.leftovers[:IDS_SHOWN]
    ]
    more = len(found.jobs) + len(found.leftovers) - len(lines)
    return (*lines, f"and {more} more") if more else tuple(lines)


def _unused(found: EnvironmentsView) -> tuple[str, ...]:
    unused = [one for one in found.environments if not one.job_ids]
    lines = [
        f"{one.key[:8]}  {size(one.size_bytes):>9}  {one.base}  {' '.join(one.packages)}"
        for one in unused[:IDS_SHOWN]
    ]
    if len(unused) > len(lines):
        lines.append(f"and {len(unused) - len(lines)} more")
    return (*lines, f"and {size(found.wheels_bytes)} of downloads")
