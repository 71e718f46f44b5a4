"""What the actions do: each asks the scheduler through the client, as the command line does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Action, Selection
from atlas_tui.board import Board
from atlas_tui.messages import Choice, Listed, Prompt, Question, Said
from atlas_tui.settings import Settings
from atlas_tui.submit_form import Draft
from foundations.client import AsyncClient
from foundations.configs import SchedulerConfig
from foundations.errors import AtlasError
from foundations.home import Home
from foundations.models import FINAL_STATES, JobDetail, JobState, JobView

IDS_SHOWN = 5


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

    def say(self, said: Said) -> None:
        """Tell how it went."""

    async def fill_form(self, draft: Draft, repeats: JobDetail | None) -> JobView | None:
        """Let the user fill in a form and send it; the new job, or None when the user gives up."""

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
    if await desk.confirm(_question(BY_NAME["delete"], desk, jobs)):
        await _each(desk, BY_NAME["delete"], jobs, "Deleted (u undoes it)", desk.client.delete)


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
            desk, BY_NAME["tag"], selection.jobs, "Tagged", lambda ref: desk.client.tag(ref, tags)
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
            desk, BY_NAME["untag"], jobs, "Untagged", lambda ref: desk.client.untag(ref, [name])
        )


@performs("note")
async def note(desk: Desk, selection: Selection) -> None:
    """Write a note about the first chosen job."""
    (job, *_) = selection.jobs
    text = await desk.ask(Prompt(f"Note about {job.job_id[:8]}", placeholder="Markdown"))
    if text and text.strip():
        await _each(desk, BY_NAME["note"], [job], "Noted", lambda ref: desk.client.note(ref, text))


@performs("max_running")
async def max_running(desk: Desk, selection: Selection) -> None:
    """Set how many jobs may run at once."""
    settings = await desk.client.queue_settings()
    now = str(settings.max_running_jobs)
    typed = await desk.ask(Prompt("Jobs that may run at once", value=now, problem=_no_count))
    if typed:
        await desk.client.set_queue_settings(int(typed))
        command = BY_NAME["max_running"].command(scheduler=desk.board.scheduler)
        desk.say(Said(f"Up to {typed} jobs at once", "good", command.replace("NUMBER", typed)))


@performs("clear_queue")
async def clear_queue(desk: Desk, selection: Selection) -> None:
    """Stop what waits, in all projects or in that of the chosen job."""
    waiting = desk.board.counts.get(JobState.QUEUED, 0)
    choices = [Choice("", "All projects", f"{waiting} wait")]
    choices += [
        Choice(name, f"Project {name}", "of the chosen job")
        for name in dict.fromkeys(job.project for job in selection.jobs)
    ]
    project = await desk.choose("Clear the queue of", choices)
    if project is None:
        return
    queued = await desk.client.jobs(
        project=project or None, states=[JobState.QUEUED], offset=0, limit=IDS_SHOWN
    )
    action, count = BY_NAME["clear_queue"], queued.total or 0
    command = action.command(scheduler=desk.board.scheduler)
    command += f" --project {project}" if project else ""
    scope = f"project {project}" if project else "all projects"
    question = Question(
        f"Stop {count} waiting job{'s' if count != 1 else ''} of {scope}?",
        _described(queued.jobs, count),
        count,
        command,
    )
    if await desk.confirm(question):
        cleared = await desk.client.clear_queue(project or None)
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
) -> None:
    """Do the same to several jobs, and tell how many it worked for."""
    ids, problems = [], []
    for job in jobs:
        try:
            await verb(job.job_id)
            ids.append(job.job_id[:8])
        except AtlasError as error:
            problems.append(error.message)
    command = action.command(scheduler=desk.board.scheduler, ids=ids[:IDS_SHOWN])
    if problems:
        text = f"{done}: {len(ids)}. {len(problems)} refused: {problems[0]}"
        desk.say(Said(text, "bad", command))
    else:
        what = ids[0] if len(ids) == 1 else f"{len(ids)} jobs"
        desk.say(Said(f"{done}: {what}", "good", command))


def _count(jobs: Sequence[JobView]) -> str:
    return f"job {jobs[0].job_id[:8]}" if len(jobs) == 1 else f"{len(jobs)} jobs"


def _no_tag(text: str) -> str | None:
    return None if text.partition("=")[0].strip() else "a tag needs a name"


def _no_count(text: str) -> str | None:
    return None if text.isdecimal() and 0 < int(text) <= 10_000 else "a number from 1 to 10000"
