"""What handlers of actions are made of: what they need of the app, and the same for many jobs.

Each asks the scheduler through the client, as the command line does. The handlers themselves are in
modules by what they act on; `atlas_tui.all_handlers` loads them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from atlas_tui import named_jobs
from atlas_tui.actions import Action, Selection
from atlas_tui.board import Board
from atlas_tui.messages import Choice, Listed, Prompt, Question, Said
from atlas_tui.settings import Settings
from atlas_tui.submit_draft import Draft
from atlas_tui.submitting import Sent
from foundations.client import AsyncClient
from foundations.configs import SchedulerConfig
from foundations.errors import AtlasError, Unreachable
from foundations.home import Home
from foundations.models import JobDetail, JobView

IDS_SHOWN = 5
AT_ONCE = 8
"""Most requests that are under way for one action: on a slow line so many cost one round trip."""
PROGRESS_SECONDS = 1.0


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

    def listed(self) -> Listed:
        """What the screen in front lists."""

    def list_jobs(self, filter: str) -> None:
        """Show all jobs that a filter takes."""

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


def question(action: Action, desk: Desk, jobs: Sequence[JobView]) -> Question:
    """Ask whether an action is to hit these jobs."""
    ids = named([job.job_id[:8] for job in jobs])
    command = action.command(scheduler=desk.board.scheduler, ids=ids)
    return question_about(f"{action.title} {how_many(jobs)}?", jobs, len(jobs), command)


def question_about(title: str, jobs: Sequence[JobView], count: int, command: str) -> Question:
    """Ask whether `count` jobs are to be hit, of which these are the first or all."""
    about = named_jobs.describe(jobs, count)
    lines = (about.shared,) if about.shared else ()
    return Question(title, lines, count, command, rows=about.rows)


async def each(
    desk: Desk,
    action: Action,
    jobs: Iterable[JobView],
    done: str,
    verb: Callable[[str], Awaitable[object]],
    words: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Do the same to several jobs, and tell how many it worked for. Returns their ids."""
    return await each_id(desk, action, [job.job_id for job in jobs], done, verb, words)


async def each_id(
    desk: Desk,
    action: Action,
    ids: Sequence[str],
    done: str,
    verb: Callable[[str], Awaitable[object]],
    words: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Do the same to jobs by their ids, and tell how many it worked for. Returns those ids.

    When the scheduler does not answer any more, the jobs that are left are not asked for.
    """
    outcome = await _several(desk, f"{action.title}…", ids, verb)
    tell(desk, action, outcome, done, words)
    return outcome.worked


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an action on several jobs."""

    asked: int
    """How many jobs there were."""
    worked: tuple[str, ...]
    """Ids of those it was done to."""
    problems: Sequence[str]
    """Why not to others."""


def tell(
    desk: Desk,
    action: Action,
    outcome: Outcome,
    done: str,
    words: Mapping[str, str] | None = None,
) -> None:
    """Tell how an action on several jobs went.

    Args:
        desk: where to tell it.
        action: what was done.
        outcome: what came of it.
        done: what was done, in one or two words.
        words: what was typed for words of the command.
    """
    worked = outcome.worked
    short = [job_id[:8] for job_id in worked]
    command = action.command(scheduler=desk.board.scheduler, ids=named(short), words=words)
    if outcome.problems:
        text = f"{done}: {len(worked) or 'none'} of {outcome.asked} jobs. {outcome.problems[0]}"
        if outcome.asked == 1:
            text = f"{action.title}: {outcome.problems[0]}"
        desk.say(Said(text, "bad", command))
    else:
        what = short[0] if len(short) == 1 else f"{len(short)} jobs"
        desk.say(Said(f"{done}: {what}", "good", command))


async def _several(
    desk: Desk, title: str, ids: Sequence[str], verb: Callable[[str], Awaitable[object]]
) -> Outcome:
    """Ask for several jobs at a time."""
    waiting, worked, problems = deque(ids), set[str](), list[str]()
    told = time.monotonic()

    async def ask() -> None:
        nonlocal told
        while waiting:
            job_id = waiting.popleft()
            try:
                await verb(job_id)
                worked.add(job_id)
            except AtlasError as error:
                problems.append(error.message)
                if isinstance(error, Unreachable):
                    waiting.clear()
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                desk.say(Said(f"{title} {len(ids) - len(waiting)} of {len(ids)}"))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(AT_ONCE, len(ids))):
            tasks.create_task(ask())
    return Outcome(len(ids), tuple(one for one in ids if one in worked), problems)


def named(ids: Sequence[str]) -> Sequence[str]:
    """The ids as a command in the status line has them; of many the first.

    What stands for the others no shell takes, so that half of it is never run.
    """
    if len(ids) <= IDS_SHOWN:
        return ids
    return [*ids[:IDS_SHOWN], f"<and {len(ids) - IDS_SHOWN} more>"]


def how_many(jobs: Sequence[JobView]) -> str:
    """Write `job 01234567`, or `3 jobs`."""
    return f"job {jobs[0].job_id[:8]}" if len(jobs) == 1 else f"{len(jobs)} jobs"
