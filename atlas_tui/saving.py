"""Saves what the scheduler has to this machine: archives of jobs, lists of jobs."""

from __future__ import annotations

import asyncio
import shlex
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from atlas_tui.action_table import BY_NAME
from atlas_tui.actions import Selection
from atlas_tui.directories import absolute
from atlas_tui.downloads import write
from atlas_tui.handlers import Desk, how_many, performs
from atlas_tui.messages import Listed, Prompt, Question, Said
from foundations.calls import Call
from foundations.cli.export import FORMATS, write_jobs
from foundations.client import AsyncClient
from foundations.errors import AtlasError
from foundations.models import JobView
from foundations.retrieval import store_archive, unpack_archive
from foundations.text.quantities import size
from foundations.transport.paging import job_pages
from foundations.verbs import Verbs

T = TypeVar("T")

PACKED_SUFFIXES = (".tgz", ".tar.gz")
_PIECE_BYTES = 1024 * 1024


@performs("archive")
async def archive(desk: Desk, selection: Selection) -> None:
    """Save the archives of the chosen jobs, unpacked or as one file each."""
    jobs = selection.jobs
    one = jobs[0].job_id
    typed = await desk.ask(
        Prompt(
            f"Save the archive of {how_many(jobs)}",
            value=f"./{one}" if len(jobs) == 1 else ".",
            hint="a directory, or a file that ends in .tgz"
            if len(jobs) == 1
            else "each job gets a directory of its own in this one",
            problem=_no_path,
        )
    )
    if not typed:
        return
    path = absolute(typed)
    targets = [path] if len(jobs) == 1 else [path / job.job_id for job in jobs]
    if not await _may_replace(desk, targets):
        return
    for job, target in zip(jobs, targets, strict=True):
        if not await _save_archive(desk, job, target):
            return
    command = BY_NAME["archive"].command(scheduler=desk.board.scheduler, ids=[one[:8]])
    what = str(targets[0]) if len(jobs) == 1 else f"{len(jobs)} archives in {path}"
    desk.say(Said(f"Saved {what}", "good", command))


@performs("export")
async def export(desk: Desk, selection: Selection) -> None:
    """Save what is listed; the end of the name says in which form."""
    typed = await desk.ask(
        Prompt(
            "Export what is listed to",
            value="jobs.csv",
            hint="a name that ends in .csv, .json or .parquet",
            problem=_no_format,
        )
    )
    if not typed:
        return
    path, listed = absolute(typed), desk.listed()
    if not await _may_replace(desk, [path]):
        return
    desk.say(Said(f"Exporting to {path}…"))
    client = _FromThreads(desk.client, asyncio.get_running_loop())
    try:
        await asyncio.to_thread(
            write_jobs, path, _pages(client, listed), form=path.suffix.lstrip(".").lower()
        )
    except OSError as error:
        desk.say(Said(f"Cannot write {path}: {error.strerror}", "bad"))
    else:
        desk.say(Said(f"Exported to {path}", "good", _export_command(desk, listed, path)))


def _export_command(desk: Desk, listed: Listed, path: Path) -> str:
    if listed.jobs is not None:
        return ""
    form = path.suffix.lstrip(".").lower()
    words = ["foundations", "export", "jobs", desk.board.scheduler, "--format", form]
    words += ["--project", listed.project] if listed.project else []
    words += ["--filter", listed.filter] if listed.filter else []
    return shlex.join([*words, "-o", str(path)])


def _pages(client: Verbs, listed: Listed) -> Iterable[list[dict[str, Any]]]:
    if listed.jobs is None:
        return job_pages(client, project=listed.project, filter=listed.filter)
    return [[job.model_dump(mode="json") for job in listed.jobs]] if listed.jobs else []


class _FromThreads(Verbs):
    """The app's client for code that blocks, in a thread beside the event loop."""

    def __init__(self, client: AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    @property
    def url(self) -> str:
        """Where the scheduler is."""
        return self._client.url

    def send(self, call: Call[T]) -> T:
        """Send a call, and wait for its answer."""
        return asyncio.run_coroutine_threadsafe(self._client.send(call), self._loop).result()


async def _save_archive(desk: Desk, job: JobView, target: Path) -> bool:
    """Save one archive. Returns whether that went well."""
    short = job.job_id[:8]
    with tempfile.TemporaryFile() as packed:
        try:
            await write(desk.client.archive(job.job_id), packed, progress=_reporter(desk, short))
            packed.seek(0)
            if target.name.endswith(PACKED_SUFFIXES):
                await asyncio.to_thread(store_archive, _pieces(packed), target)
            else:
                desk.say(Said(f"Unpacking {short}…"))
                await asyncio.to_thread(unpack_archive, _pieces(packed), target, job_id=job.job_id)
        except OSError as error:
            desk.say(Said(f"Cannot save {target}: {error.strerror}", "bad"))
            return False
        except AtlasError as error:
            desk.say(Said(error.message, "bad"))
            return False
    return True


def _reporter(desk: Desk, short: str) -> Callable[[int], None]:
    desk.say(Said(f"Getting the archive of {short}…"))
    return lambda done: desk.say(Said(f"Getting the archive of {short}… {size(done)}"))


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


async def _may_replace(desk: Desk, targets: list[Path]) -> bool:
    """Ask before anything that is there is replaced."""
    there = await asyncio.to_thread(
        lambda: [path for path in targets if path.exists() or path.is_symlink()]
    )
    if not there:
        return True
    title = f"Replace {there[0]}?" if len(there) == 1 else f"Replace {len(there)} of these?"
    return await desk.confirm(Question(title, tuple(str(path) for path in there[:5]), len(there)))


def _no_path(text: str) -> str | None:
    return None if text.strip() else "a path is needed"


def _no_format(text: str) -> str | None:
    known = ", ".join(f".{form}" for form in FORMATS)
    suffix = Path(text.strip()).suffix.lstrip(".").lower()
    return None if suffix in FORMATS else f"the name must end in one of {known}"
