"""What submits jobs: the form, the same again with changes, the same again as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Selection
from atlas_tui.directories import likely
from atlas_tui.handlers import Desk, performs, question_about
from atlas_tui.messages import Said
from atlas_tui.schedule_words import next_text
from atlas_tui.submit_draft import Draft, draft_of
from atlas_tui.submitting import Sent, submit_repeat
from foundations.errors import AtlasError
from foundations.models import ArrayView, JobView, ScheduleView
from foundations.rerun import rerun_spec
from foundations.terms import said_of
from foundations.text.quantities import counted


@performs("submit")
async def submit(desk: Desk, selection: Selection) -> None:
    """Fill in a form about a directory, and send it."""
    directory = await asyncio.to_thread(likely, desk.recent_directories)
    job = await desk.fill_form(Draft(directory=directory), None)
    _tell(desk, job)


@performs("clone")
async def clone(desk: Desk, selection: Selection) -> None:
    """Fill in a form that begins with what a job was told, and send it."""
    detail = await desk.client.job(selection.jobs[0].job_id)
    _tell(desk, await desk.fill_form(draft_of(detail), detail))


@performs("rerun")
async def rerun(desk: Desk, selection: Selection) -> None:
    """Submit the chosen jobs again as they are."""
    jobs = selection.jobs
    command = _command(desk, jobs)
    if len(jobs) > desk.settings.confirm_rerun_above:
        title = f"Submit {len(jobs)} jobs again?"
        if not await desk.confirm(question_about(title, jobs, len(jobs), command)):
            return
    submitted, problems = [], []
    for job in jobs:
        try:
            detail = await desk.client.job(job.job_id)
            new = await submit_repeat(desk.client, rerun_spec(detail), detail)
            submitted.append(new.job_id[:8])
        except AtlasError as error:
            problems.append(error.message)
    if problems:
        text = f"Submitted {len(submitted)} again. {len(problems)} refused: {problems[0]}"
        desk.say(Said(text, "bad", command))
    else:
        what = f" as {submitted[0]}" if len(submitted) == 1 else f": {len(submitted)} jobs"
        desk.say(Said(f"Submitted again{what}", "good", command))


def _tell(desk: Desk, sent: Sent | None) -> None:
    if sent is None:
        return
    scheduler = desk.board.scheduler
    if isinstance(sent, ArrayView):
        what = f"array {sent.array_id[:8]}, {counted(sent.size)}"
        command = f"foundations show array {scheduler} {sent.array_id[:8]}"
    elif isinstance(sent, ScheduleView):
        what = f"schedule {sent.schedule_id[:8]}, {next_text(sent)}"
        command = f"foundations show schedule {scheduler} {sent.schedule_id[:8]}"
    elif sent.existed:
        desk.say(Said(said_of(sent), "bad"))
        return
    else:
        what = f"job {sent.job_id[:8]}, project {sent.project}"
        command = f"foundations get logs {scheduler} {sent.job_id[:8]} --follow"
    desk.say(Said(f"Submitted {what}", "good", command))


def _command(desk: Desk, jobs: Sequence[JobView]) -> str:
    """One job a command, as the command line has it; for many what no shell takes."""
    one = jobs[0].job_id[:8] if len(jobs) == 1 else f"<each of {len(jobs)} jobs>"
    return BY_NAME["rerun"].command(scheduler=desk.board.scheduler, ids=[one])
