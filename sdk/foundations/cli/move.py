"""`foundations move`: changes the order of the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from foundations.cli import completion, render
from foundations.cli.batch import WAITING, confirm_count, filter_options, typed_ids
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.cli.groups import VerbGroup

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from foundations.models import JobView, MovePlace

ENDS = ("first", "last", "up", "down")
NEXT_TO = ("before", "after")


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    places = [word for word in (*ENDS, *NEXT_TO) if word.startswith(incomplete)]
    known = ctx.params.get(param.name or "") or ()
    offered = [CompletionItem(word) for word in places] if known else []
    return [*completion.complete_job(ctx, param, incomplete), *offered]


@click.group(cls=VerbGroup)
def move() -> None:
    """Change the order of the queue."""


@move.command("job")
@scheduler_argument
@click.argument(
    "words",
    metavar="JOB_ID... first|last|up|down|before OTHER|after OTHER",
    nargs=-1,
    shell_complete=_complete,
)
@filter_options
@json_option
def move_job(
    scheduler: str, words: tuple[str, ...], *, filter_: str | None, yes: bool, as_json: bool
) -> None:
    """Move jobs that wait, among those of the same priority.

    Several jobs are moved together, and keep their order among themselves. All are moved, or none.
    With --filter there are no ids, only the place.
    """
    typed, place, other = _read(words)
    client = connect(scheduler)
    job_ids = typed_ids(typed, filter_)
    if filter_ is not None:
        confirm_count(client, filter_, verb="moves", states=WAITING, yes=yes)
    moved = client.move(job_ids, place, other=other, filter=filter_)
    if as_json:
        render.print_json([render.model_document(job) for job in moved])
        return
    if not moved:
        click.echo("No jobs.")
    for job in moved:
        click.echo(f"Moved job {job.job_id}{_place_now(job)}")


def _place_now(job: JobView) -> str:
    if job.waiting is None:
        return ""
    if job.waiting.position is None:
        why = render.clean(job.waiting.reason, one_line=True)
        return f", which has no place as long as it cannot start: {why}"
    return f" to place {job.waiting.position}"


def _read(words: tuple[str, ...]) -> tuple[tuple[str, ...], MovePlace, str | None]:
    if words[-1:] and words[-1] in ENDS:
        return words[:-1], cast("MovePlace", words[-1]), None
    if words[:-1] and words[-2] in NEXT_TO:
        return words[:-2], cast("MovePlace", words[-2]), words[-1]
    raise click.UsageError(
        "Say which jobs to move and then where: first, last, up, down, before OTHER or after OTHER."
    )
