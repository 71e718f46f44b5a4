"""What is done about schedules: look at one, pause it, resume it, delete it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Selection
from atlas_tui.handlers import Desk, performs
from atlas_tui.messages import Choice, Question, Said
from atlas_tui.schedule_words import last_text, next_text
from foundations.models import ScheduleView


@performs("schedules")
async def schedules(desk: Desk, selection: Selection) -> None:
    """Show every schedule, and what can be done about the one that is picked."""
    one = await _pick(desk, "Schedules", lambda schedule: True)
    if one is None:
        return
    turn = "pause_schedule" if one.paused_by is None else "resume_schedule"
    acts = [Choice("jobs", "Its jobs", f"list those that schedule {one.schedule_id[:8]} submitted")]
    for name in (turn, "delete_schedule"):
        action = BY_NAME[name]
        acts.append(Choice(name, action.title, action.help, action.refusal(selection)))
    picked = await desk.choose(f"Schedule {one.schedule_id[:8]}, {one.cron}", acts)
    if picked == "jobs":
        desk.list_jobs(f"schedule:{one.schedule_id[:8]}")
    elif picked is not None:
        await _ACTS[picked](desk, one)


@performs("pause_schedule")
async def pause_schedule(desk: Desk, selection: Selection) -> None:
    """Let a schedule submit nothing until it is resumed."""
    one = await _pick(desk, "Pause the schedule", lambda schedule: schedule.paused_by is None)
    if one is not None:
        await _pause(desk, one)


@performs("resume_schedule")
async def resume_schedule(desk: Desk, selection: Selection) -> None:
    """Let a schedule submit again."""
    one = await _pick(desk, "Resume the schedule", lambda schedule: schedule.paused_by is not None)
    if one is not None:
        await _resume(desk, one)


@performs("delete_schedule")
async def delete_schedule(desk: Desk, selection: Selection) -> None:
    """Delete a schedule; what it submitted stays."""
    one = await _pick(desk, "Delete the schedule", lambda schedule: True)
    if one is not None:
        await _delete(desk, one)


async def _pause(desk: Desk, one: ScheduleView) -> None:
    await desk.client.pause_schedule(one.schedule_id)
    _tell(desk, "pause_schedule", one, "Paused")


async def _resume(desk: Desk, one: ScheduleView) -> None:
    resumed = await desk.client.resume_schedule(one.schedule_id)
    _tell(desk, "resume_schedule", resumed, f"Resumed, {next_text(resumed)}")


async def _delete(desk: Desk, one: ScheduleView) -> None:
    command = _command(desk, "delete_schedule", one)
    lines = (*_described(one), "The jobs that it submitted stay.")
    question = Question(f"Delete schedule {one.schedule_id[:8]}?", lines, command=command)
    if await desk.confirm(question):
        await desk.client.delete_schedule(one.schedule_id)
        _tell(desk, "delete_schedule", one, "Deleted")


_ACTS = {"pause_schedule": _pause, "resume_schedule": _resume, "delete_schedule": _delete}


async def _pick(
    desk: Desk, title: str, takes: Callable[[ScheduleView], bool]
) -> ScheduleView | None:
    """Ask for one of the schedules; None when there is none, or the user gives up."""
    found = [one for one in await desk.client.schedules() if takes(one)]
    if not found:
        desk.say(Said("There is no such schedule; the submit form makes one.", "bad"))
        return None
    picked = await desk.choose(title, _choices(found))
    return next((one for one in found if one.schedule_id == picked), None)


def _choices(found: Sequence[ScheduleView]) -> list[Choice]:
    wide = max(len(one.cron) for one in found)
    return [
        Choice(
            one.schedule_id,
            f"{one.schedule_id[:8]}  {one.cron:{wide}}  {one.project}",
            f"{next_text(one)}, {last_text(one)}",
        )
        for one in found
    ]


def _described(one: ScheduleView) -> tuple[str, ...]:
    return (
        f"{one.cron} ({one.time_zone}), {next_text(one)}",
        f"{one.project}  {' '.join(one.spec.command)}",
    )


def _tell(desk: Desk, name: str, one: ScheduleView, what: str) -> None:
    desk.board.upkeeps += 1
    desk.say(Said(f"{what}: schedule {one.schedule_id[:8]}", "good", _command(desk, name, one)))


def _command(desk: Desk, name: str, one: ScheduleView) -> str:
    words = {"SCHEDULE": one.schedule_id[:8]}
    return BY_NAME[name].command(scheduler=desk.board.scheduler, words=words)
