"""What is done to chosen jobs: stop, delete and undo that, tag, untag, note."""

from __future__ import annotations

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Selection
from atlas_tui.handlers import Desk, Outcome, each, each_id, how_many, performs, question, tell
from atlas_tui.messages import Choice, Prompt, Said
from foundations.models import FINAL_STATES


@performs("stop")
async def stop(desk: Desk, selection: Selection) -> None:
    """Ask the chosen jobs to end."""
    jobs = [job for job in selection.jobs if job.state not in FINAL_STATES]
    if await desk.confirm(question(BY_NAME["stop"], desk, jobs)):
        ids = [job.job_id for job in jobs]
        desk.board.stopped_here.update(ids)
        if len(ids) == 1:
            await each_id(desk, BY_NAME["stop"], ids, "Asked to stop", desk.client.stop)
        else:
            answer = await desk.client.stop_jobs(ids)
            refused = {one.job: one.message for one in answer.refused}
            worked = tuple(job_id for job_id in ids if job_id not in refused)
            outcome = Outcome(len(ids), worked, list(refused.values()))
            tell(desk, BY_NAME["stop"], outcome, "Asked to stop")


@performs("delete")
async def delete(desk: Desk, selection: Selection) -> None:
    """Delete the chosen jobs that have ended."""
    jobs = [job for job in selection.jobs if job.state in FINAL_STATES]
    if not await desk.confirm(question(BY_NAME["delete"], desk, jobs)):
        return
    done = await each(desk, BY_NAME["delete"], jobs, "Deleted, u undoes it", desk.client.delete)
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
    await each_id(desk, BY_NAME["undo"], ids, "Restored", desk.client.restore)


@performs("tag")
async def tag(desk: Desk, selection: Selection) -> None:
    """Give the chosen jobs a tag."""
    typed = await desk.ask(
        Prompt(f"Tag {how_many(selection.jobs)}", placeholder="NAME or NAME=VALUE", problem=_no_tag)
    )
    if typed:
        name, _, value = typed.partition("=")
        tags = {name.strip(): value.strip()}
        await each(
            desk,
            BY_NAME["tag"],
            selection.jobs,
            "Tagged",
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
        await each(
            desk,
            BY_NAME["untag"],
            jobs,
            "Untagged",
            lambda ref: desk.client.untag(ref, [name]),
            {"NAME": name},
        )


@performs("note")
async def note(desk: Desk, selection: Selection) -> None:
    """Write a note about the first chosen job."""
    (job, *_) = selection.jobs
    text = await desk.ask(Prompt(f"Note about {job.job_id[:8]}", placeholder="Markdown"))
    if text and text.strip():
        await each(
            desk,
            BY_NAME["note"],
            [job],
            "Noted",
            lambda ref: desk.client.note(ref, text),
            {"TEXT": text},
        )


def _no_tag(text: str) -> str | None:
    return None if text.partition("=")[0].strip() else "a tag needs a name"
