"""What the actions do: each asks the scheduler through the client, as the command line does."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Action, Selection
from atlas_tui.board import Board
from atlas_tui.messages import Choice, Listed, Prompt, Question, Said
from atlas_tui.settings import Settings
from atlas_tui.submit_draft import Draft
from atlas_tui.submitting import Sent
from foundations.client import AsyncClient
from foundations.configs import SchedulerConfig
from foundations.errors import AtlasError
from foundations.home import Home
from foundations.models import FINAL_STATES, JobDetail, JobState, JobView, MovePlace

IDS_SHOWN = 5
_LISTED = "\n"
"""Key of a choice that no project can have as its name."""


class Desk(Protocol):
    """What a handler needs of the app."""

    client: AsyncClient
    board: Board
    settings: Settings
    home: Home

    @property
    def recent_directories(self) -> Sequence[str]:
        """Directories that jobs were made of, the latest first."""

    async def confirm(self, question: Question) -> bool:
        """Ask for a Yes."""

    async def ask(self, prompt: Prompt) -> str | None:
        """Ask for a line; None when the user gives up."""

    async def choose(self, title: str, choices: Sequence[Choice]) -> str | None:
        """Ask for one of several; its key, or None when the user gives up."""

    def copy_to_clipboard(self, text: str) -> None:
        """Give a text to the terminal's clipboard, also through SSH."""

    def say(self, said: Said) -> None:
        """Tell how it went."""

    async def fill_form(self, draft: Draft, repeats: JobDetail | None) -> Sent | None:
        """Let the user fill in a form and send it; None when the user gives up."""

    def lend_terminal(self, command: Sequence[str]) -> bool:
        """Let a program have the terminal until it ends. Returns whether there is one to lend."""

    def copy(self, text: str) -> None:
        """Put a text into the clipboard of the user's terminal."""

    def listed(self) -> Listed:
        """What the screen in front lists."""

    async def change_scheduler(self, config: SchedulerConfig) -> None:
        """Show another scheduler."""


Handler = Callable[[Desk, Selection], Awaitable[None]]
HANDLERS: dict[str, Handler] = {}


def performs(name: str) -> Callable[[Handler], Handler]:
    """Make a function the handler of an action."""

    def register(handler: Handler) -> Handler:
        HANDLERS[name] = handler
        return handler

    return register


@performs("stop")
async def stop(desk: Desk, selection: Selection) -> None:
    """Ask the chosen jobs to end."""
    jobs = [job for job in selection.jobs if job.state not in FINAL_STATES]
    if await desk.confirm(_question(BY_NAME["stop"], desk, jobs)):
        await _each(desk, BY_NAME["stop"], jobs, "Asked to stop", desk.client.stop)


@performs("delete")
async def delete(desk: Desk, selection: Selection) -> None:
    """Delete the chosen jobs that have ended."""
    jobs = [job for job in selection.jobs if job.state in FINAL_STATES]
    if not await desk.confirm(_question(BY_NAME["delete"], desk, jobs)):
        return
    done = await _each(desk, BY_NAME["delete"], jobs, "Deleted, u undoes it", desk.client.delete)
    if done:
        desk.board.deleted.append(done)
        for job_id in done:
            desk.board.marked.pop(job_id, None)


@performs("undo")
async def undo(desk: Desk, selection: Selection) -> None:
    """Bring back what was deleted last."""
    if not desk.board.deleted:
        desk.say(Said("Nothing was deleted here.", "bad"))
        return
    ids = desk.board.deleted.pop()
    await _each_id(desk, BY_NAME["undo"], ids, "Restored", desk.client.restore)


@performs("tag")
async def tag(desk: Desk, selection: Selection) -> None:
    """Give the chosen jobs a tag."""
    typed = await desk.ask(
        Prompt(f"Tag {_count(selection.jobs)}", placeholder="NAME or NAME=VALUE", problem=_no_tag)
    )
    if typed:
        name, _, value = typed.partition("=")
        tags = {name.strip(): value.strip()}
        await _each(
            *(desk, BY_NAME["tag"], selection.jobs, "Tagged"),
            lambda ref: desk.client.tag(ref, tags),
            {"NAME=VALUE": typed},
        )


@performs("untag")
async def untag(desk: Desk, selection: Selection) -> None:
    """Take a tag from the chosen jobs."""
    names = sorted({name for job in selection.jobs for name in job.tags})
    if not names:
        desk.say(Said("None of the chosen jobs has a tag.", "bad"))
        return
    name = await desk.choose("Take away the tag", [Choice(one, one) for one in names])
    if name is not None:
        jobs = [job for job in selection.jobs if name in job.tags]
        await _each(
            *(desk, BY_NAME["untag"], jobs, "Untagged"),
            lambda ref: desk.client.untag(ref, [name]),
            {"NAME": name},
        )


@performs("note")
async def note(desk: Desk, selection: Selection) -> None:
    """Write a note about the first chosen job."""
    (job, *_) = selection.jobs
    text = await desk.ask(Prompt(f"Note about {job.job_id[:8]}", placeholder="Markdown"))
    if text and text.strip():
        await _each(
            *(desk, BY_NAME["note"], [job], "Noted"),
            lambda ref: desk.client.note(ref, text),
            {"TEXT": text},
        )


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
            f"Priority of {_count(jobs)}, -100 to 100",
            value=str(jobs[0].priority),
            hint="Larger goes first.",
            problem=_no_priority,
        )
    )
    if typed:
        await _each(
            *(desk, BY_NAME["priority"], jobs, f"Priority {int(typed)}"),
            lambda ref: desk.client.set_priority(ref, int(typed)),
            {"NUMBER": typed},
        )


@performs("hold")
async def hold(desk: Desk, selection: Selection) -> None:
    """Keep waiting jobs from starting."""
    await _each(desk, BY_NAME["hold"], _waiting(selection), "Held", desk.client.hold)


@performs("release")
async def release(desk: Desk, selection: Selection) -> None:
    """Let held jobs start again."""
    await _each(desk, BY_NAME["release"], _waiting(selection), "Released", desk.client.release)


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
        desk.say(Said(f"Up to {typed} jobs at once", "good", command))


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
        project=project, states=[JobState.QUEUED], filter=filter, offset=0, limit=IDS_SHOWN
    )
    command = BY_NAME["clear_queue"].command(scheduler=desk.board.scheduler)
    command += f" --project {shlex.quote(project)}" if project else ""
    command += f" --filter {shlex.quote(filter)}" if filter else ""
    scope = f"project {project}" if project else "all projects"
    scope += f" with `{filter}`" if filter else ""
    count = queued.total or 0
    title = f"Stop {count} waiting job{'s' if count != 1 else ''} of {scope}?"
    if await desk.confirm(Question(title, _described(queued.jobs, count), count, command)):
        cleared = await desk.client.clear_queue(project, filter=filter)
        desk.say(Said(f"Removed {cleared.removed} jobs from the queue", "good", command))


def _question(action: Action, desk: Desk, jobs: Sequence[JobView]) -> Question:
    command = action.command(scheduler=desk.board.scheduler, ids=[job.job_id[:8] for job in jobs])
    return Question(
        f"{action.title} {_count(jobs)}?", _described(jobs, len(jobs)), len(jobs), command
    )


def _described(jobs: Sequence[JobView], count: int) -> tuple[str, ...]:
    lines = [
        f"{job.job_id[:8]}  {job.state:9}  {job.project}  {' '.join(job.command)}"
        for job in jobs[:IDS_SHOWN]
    ]
    if count > len(lines):
        lines.append(f"and {count - len(lines)} more")
    return tuple(lines)


async def _each(
    desk: Desk,
    action: Action,
    jobs: Iterable[JobView],
    done: str,
    verb: Callable[[str], Awaitable[object]],
    words: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Do the same to several jobs, and tell how many it worked for. Returns their ids."""
    return await _each_id(desk, action, [job.job_id for job in jobs], done, verb, words)


async def _each_id(
    desk: Desk,
    action: Action,
    ids: Iterable[str],
    done: str,
    verb: Callable[[str], Awaitable[object]],
    words: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    worked, problems = [], []
    for job_id in ids:
        try:
            await verb(job_id)
            worked.append(job_id)
        except AtlasError as error:
            problems.append(error.message)
    short = [job_id[:8] for job_id in worked]
    command = action.command(scheduler=desk.board.scheduler, ids=named(short), words=words)
    if problems:
        text = f"{done}: {len(worked)}. {len(problems)} refused: {problems[0]}"
        desk.say(Said(text, "bad", command))
    else:
        what = short[0] if len(short) == 1 else f"{len(short)} jobs"
        desk.say(Said(f"{done}: {what}", "good", command))
    return tuple(worked)


def named(ids: Sequence[str]) -> Sequence[str]:
    """The ids as a command in the status line has them; of many the first.

    What stands for the others no shell takes, so that half of it is never run.
    """
    if len(ids) <= IDS_SHOWN:
        return ids
    return [*ids[:IDS_SHOWN], f"<and {len(ids) - IDS_SHOWN} more>"]


def _waiting(selection: Selection) -> list[JobView]:
    return [job for job in selection.jobs if job.state is JobState.QUEUED]


def _count(jobs: Sequence[JobView]) -> str:
    return f"job {jobs[0].job_id[:8]}" if len(jobs) == 1 else f"{len(jobs)} jobs"


def _no_tag(text: str) -> str | None:
    return None if text.partition("=")[0].strip() else "a tag needs a name"


def _no_count(text: str) -> str | None:
    return None if text.isdecimal() and 0 < int(text) <= 10_000 else "a number from 1 to 10000"


def _no_priority(text: str) -> str | None:
    digits = text.strip().removeprefix("-")
    if digits.isdecimal() and abs(int(text)) <= 100:
        return None
    return "a number from -100 to 100"
