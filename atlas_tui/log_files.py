"""What becomes of a log outside of the screen: a file, or a report on the clipboard."""

from __future__ import annotations

import shlex
from pathlib import Path

from atlas_tui.actions import Selection
from atlas_tui.downloads import save
from atlas_tui.handlers import Desk, performs
from atlas_tui.job_report import LAST_BYTES, report
from atlas_tui.messages import Prompt, Said
from foundations.text.quantities import size

MOST_REPORTS = 10


@performs("copy_report")
async def copy_report(desk: Desk, selection: Selection) -> None:
    """Copy how the chosen jobs ended, each with the end of its log."""
    reports = []
    for job in selection.jobs[:MOST_REPORTS]:
        detail = await desk.client.job(job.job_id)
        log = b"".join([piece async for piece in desk.client.logs(job.job_id, offset=-LAST_BYTES)])
        reports.append(report(detail, log, scheduler=desk.board.scheduler))
    desk.copy_to_clipboard("\n".join(reports))
    what = f"job {selection.jobs[0].job_id[:8]}" if len(reports) == 1 else f"{len(reports)} jobs"
    left_out = len(selection.jobs) - len(reports)
    more = f"; {left_out} left out" if left_out else ""
    desk.say(Said(f"Copied the report of {what}{more}", "good"))


async def save_log(desk: Desk, job_id: str) -> None:
    """Ask for a path, and write the log there.

    Raises:
        AtlasError: the scheduler does not answer; nothing is left behind.
    """
    typed = await desk.ask(Prompt("Save the log to", value=f"{job_id[:8]}.log", problem=_no_file))
    if not typed:
        return
    path = _path(typed)
    command = f"foundations get logs {shlex.quote(desk.board.scheduler)} {job_id[:8]} > "
    try:
        count = await save(
            desk.client.logs(job_id),
            path,
            progress=lambda saved: desk.say(Said(f"Saving: {size(saved)} so far")),
        )
    except OSError as error:
        desk.say(Said(f"{path} cannot be written: {error.strerror}.", "bad"))
        return
    desk.say(Said(f"Saved {size(count)} to {path}", "good", command + shlex.quote(str(path))))


def _path(typed: str) -> Path:
    return Path(typed.strip()).expanduser()


def _no_file(text: str) -> str | None:
    path = _path(text)
    if not text.strip() or path.is_dir():
        return "the name of a file"
    if path.exists():
        return "there is such a file already"
    return None if path.parent.is_dir() else f"there is no directory {path.parent}"
