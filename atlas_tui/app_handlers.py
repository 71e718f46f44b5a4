"""What the app itself does when asked: copy, go to another scheduler."""

from __future__ import annotations

import sys

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Selection
from atlas_tui.board import Link
from atlas_tui.handlers import Desk, performs
from atlas_tui.messages import Choice, Said
from atlas_tui.schedulers import ensure_running, probe_all
from foundations.models import JobState


@performs("copy_id")
async def copy_id(desk: Desk, selection: Selection) -> None:
    """Copy the ids of the chosen jobs."""
    ids = [job.job_id for job in selection.jobs]
    desk.copy_to_clipboard(" ".join(ids))
    desk.say(Said(f"Copied {ids[0]}" if len(ids) == 1 else f"Copied {len(ids)} ids", "good"))


@performs("copy_command")
async def copy_command(desk: Desk, selection: Selection) -> None:
    """Copy the commands that submit the chosen jobs again."""
    action, scheduler = BY_NAME["rerun"], desk.board.scheduler
    commands = [action.command(scheduler=scheduler, ids=[job.job_id]) for job in selection.jobs]
    desk.copy_to_clipboard("\n".join(commands))
    desk.say(
        Said(f"Copied: {commands[0]}" if len(commands) == 1 else "Copied the commands", "good")
    )


@performs("shell")
async def shell(desk: Desk, selection: Selection) -> None:
    """Give the terminal to a shell beside the first of the chosen jobs that runs."""
    job = next(one for one in selection.jobs if one.state is JobState.RUNNING)
    _lend(desk, ["shell", "job", desk.board.scheduler, job.job_id])


@performs("open_notebook")
async def open_notebook(desk: Desk, selection: Selection) -> None:
    """Give the terminal to what forwards a port to the first of the chosen jobs that runs."""
    job = next(one for one in selection.jobs if one.state is JobState.RUNNING)
    _lend(desk, ["notebook", desk.board.scheduler, "--job", job.job_id])


def _lend(desk: Desk, command: list[str]) -> None:
    # Without -P a file of the current directory could take the place of a module.
    if not desk.lend_terminal([sys.executable, "-P", "-m", "foundations.cli", *command]):
        desk.say(Said(f"No terminal to lend here: foundations {' '.join(command)}", "bad"))


@performs("schedulers")
async def schedulers(desk: Desk, selection: Selection) -> None:
    """Ask all configured schedulers, and go to the one that is picked."""
    desk.say(Said("Asking all schedulers…"))
    probes = await probe_all(desk.home)
    desk.say(Said(""))
    choices = [
        Choice(
            one.name,
            f"{one.name}{'  (here)' if one.name == desk.board.scheduler else ''}",
            one.note,
            None if one.answers or one.can_start else one.note,
        )
        for one in probes
    ]
    picked = await desk.choose("Schedulers", choices)
    is_here = picked == desk.board.scheduler and desk.board.link is Link.LIVE
    if picked is None or is_here:
        return
    config = next(one.config for one in probes if one.name == picked)
    if config is not None:
        desk.say(Said(f"Going to {picked}…"))
        await ensure_running(config, desk.home)
        await desk.change_scheduler(config)
