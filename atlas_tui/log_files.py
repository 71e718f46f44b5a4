"""What becomes of a log outside of the screen: a file, or a report on the clipboard."""

from __future__ import annotations

import asyncio
import shlex
import time
from contextlib import suppress
from pathlib import Path

from atlas_tui.actions import Selection
from atlas_tui.handlers import Desk, performs
from atlas_tui.job_report import LAST_BYTES, report
from atlas_tui.messages import Prompt, Said
from foundations.quantities import size

MOST_REPORTS = 10
_PROGRESS_SECONDS = 1.0


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
        count = await _write(desk, job_id, path)
    except OSError as error:
        desk.say(Said(f"{path} cannot be written: {error.strerror}.", "bad"))
        return
    desk.say(Said(f"Saved {size(count)} to {path}", "good", command + shlex.quote(str(path))))


async def _write(desk: Desk, job_id: str, path: Path) -> int:
    part = path.with_name(f".{path.name}.part")
    count, told = 0, time.monotonic()
    try:
        with await asyncio.to_thread(part.open, "wb") as file:
            async for piece in desk.client.logs(job_id):
                await asyncio.to_thread(file.write, piece)
                count += len(piece)
                if time.monotonic() - told > _PROGRESS_SECONDS:
                    told = time.monotonic()
                    desk.say(Said(f"Saving: {size(count)} so far"))
        await asyncio.to_thread(part.replace, path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return count


def _path(typed: str) -> Path:
    return Path(typed.strip()).expanduser()


def _no_file(text: str) -> str | None:
    path = _path(text)
    if not text.strip() or path.is_dir():
        return "the name of a file"
    if path.exists():
        return "there is such a file already"
    return None if path.parent.is_dir() else f"there is no directory {path.parent}"
