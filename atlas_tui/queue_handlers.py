"""What is done to the queue: order, priorities, holds, pauses, its limit, clearing it."""

from __future__ import annotations

import shlex
from functools import partial

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Selection
from atlas_tui.handlers import (
    HANDLERS,
    Desk,
    each,
    how_many,
    named,
    performs,
    question_about,
)
from atlas_tui.messages import Choice, Prompt, Said
from foundations.models import JobState, JobView, MovePlace
from foundations.text.quantities import counted

_LISTED = "\n"
"""Key of a choice that no project can have as its name."""
_COMPARED = 100
"""Most jobs that are asked for to find what tells them apart."""


async def _move(desk: Desk, selection: Selection, place: MovePlace) -> None:
    ids = [job.job_id for job in _waiting(selection)]
    await desk.client.move(ids, place)
    short = [job_id[:8] for job_id in ids]
    command = BY_NAME[f"move_{place}"].command(scheduler=desk.board.scheduler, ids=named(short))
    what = short[0] if len(short) == 1 else f"{len(short)} jobs"
    desk.say(Said(f"Moved {place}: {what}", "good", command))


HANDLERS["move_up"] = partial(_move, place="up")
HANDLERS["move_down"] = partial(_move, place="down")
HANDLERS["move_first"] = partial(_move, place="first")
HANDLERS["move_last"] = partial(_move, place="last")


@performs("priority")
async def priority(desk: Desk, selection: Selection) -> None:
    """Set the priority of waiting jobs."""
    jobs = _waiting(selection)
    typed = await desk.ask(
        Prompt(
            f"Priority of {how_many(jobs)}, -100 to 100",
            value=str(jobs[0].priority),
            hint="Larger goes first.",
            problem=_no_priority,
        )
    )
    if typed:
        await each(
            desk,
            BY_NAME["priority"],
            jobs,
            f"Priority {int(typed)}",
            lambda ref: desk.client.set_priority(ref, int(typed)),
            {"NUMBER": typed},
        )


@performs("hold")
async def hold(desk: Desk, selection: Selection) -> None:
    """Keep waiting jobs from starting."""
    await each(desk, BY_NAME["hold"], _waiting(selection), "Held", desk.client.hold)


@performs("release")
async def release(desk: Desk, selection: Selection) -> None:
    """Let held jobs start again."""
    await each(desk, BY_NAME["release"], _waiting(selection), "Released", desk.client.release)


@performs("pause_queue")
async def pause_queue(desk: Desk, selection: Selection) -> None:
    """Start no more jobs or, when that is so already, start jobs again."""
    info = desk.board.info
    if info is not None and info.queue.paused is not None:
        await resume_queue(desk, selection)
        return
    await desk.client.pause_queue()
    command = BY_NAME["pause_queue"].command(scheduler=desk.board.scheduler)
    desk.say(Said("The queue is paused: nothing starts. p resumes it.", "good", command))


@performs("resume_queue")
async def resume_queue(desk: Desk, selection: Selection) -> None:
    """Start jobs again."""
    await desk.client.resume_queue()
    command = BY_NAME["resume_queue"].command(scheduler=desk.board.scheduler)
    desk.say(Said("The queue goes on.", "good", command))


@performs("max_running")
async def max_running(desk: Desk, selection: Selection) -> None:
    """Set how many jobs may run at once."""
    settings = await desk.client.queue_settings()
    now = str(settings.max_running_jobs)
    typed = await desk.ask(Prompt("Jobs that may run at once", value=now, problem=_no_count))
    if typed:
        await desk.client.set_queue_settings(int(typed))
        command = BY_NAME["max_running"].command(
            scheduler=desk.board.scheduler, words={"NUMBER": typed}
        )
        desk.say(Said(f"Up to {counted(int(typed))} at once", "good", command))


@performs("clear_queue")
async def clear_queue(desk: Desk, selection: Selection) -> None:
    """Stop what waits: everywhere, in the project of the chosen job, or what the list shows."""
    waiting = desk.board.counts.get(JobState.QUEUED, 0)
    choices = [Choice("", "All projects", f"{waiting} wait")]
    projects = list(dict.fromkeys(job.project for job in selection.jobs))
    choices += [Choice(name, f"Project {name}") for name in projects]
    if selection.filter:
        choices.append(Choice(_LISTED, "What the list shows", selection.filter))
    picked = await desk.choose("Clear the queue of", choices)
    if picked is None:
        return
    project = selection.project if picked == _LISTED else picked or None
    filter = selection.filter if picked == _LISTED else None
    queued = await desk.client.jobs(
        project=project, states=[JobState.QUEUED], filter=filter, offset=0, limit=_COMPARED
    )
    command = BY_NAME["clear_queue"].command(scheduler=desk.board.scheduler)
    command += f" --project {shlex.quote(project)}" if project else ""
    command += f" --filter {shlex.quote(filter)}" if filter else ""
    scope = f"project {project}" if project else "all projects"
    scope += f" with `{filter}`" if filter else ""
    count = queued.total or 0
    title = f"Stop {counted(count, 'waiting job')} of {scope}?"
    if count == 0:
        desk.say(Said(f"No job waits in {scope}."))
    elif await desk.confirm(question_about(title, queued.jobs, count, command)):
        cleared = await desk.client.clear_queue(project, filter=filter)
        desk.board.stopped_here.update(cleared.job_ids)
        desk.say(Said(f"Removed {counted(cleared.removed)} from the queue", "good", command))


def _waiting(selection: Selection) -> list[JobView]:
    return [job for job in selection.jobs if job.state is JobState.QUEUED]


def _no_count(text: str) -> str | None:
    return None if text.isdecimal() and 0 < int(text) <= 10_000 else "a number from 1 to 10000"


def _no_priority(text: str) -> str | None:
    digits = text.strip().removeprefix("-")
    if digits.isdecimal() and abs(int(text)) <= 100:
        return None
    return "a number from -100 to 100"
