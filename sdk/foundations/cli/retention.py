"""What projects keep of their jobs, and letting go of the rest: `set project` and `gc`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.cli.queue_settings import LIMIT, tell
from foundations.cli.render import Column
from foundations.text.quantities import counted, size

if TYPE_CHECKING:
    from foundations.models import GarbageView

SHOWN = 20
"""So many jobs and files are named; `--json` names all."""


@click.command()
@scheduler_argument
@click.argument("name")
@click.option(
    "--keep-last", type=click.IntRange(min=1), help="Keep so many of the jobs that ended last."
)
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0, min_open=True, max=36_500),
    help="Keep jobs that ended so many days ago or later.",
)
@click.option("--keep-all", is_flag=True, help="Keep everything, whatever server.yaml says.")
@click.option("--default", "default_", is_flag=True, help="Do as server.yaml says.")
@click.option(
    "--max-running",
    type=LIMIT,
    help="How many jobs of the project may run at once; 0 takes its own limit away.",
)
@json_option
def project(
    scheduler: str,
    name: str,
    *,
    keep_last: int | None,
    keep_days: float | None,
    keep_all: bool,
    default_: bool,
    max_running: int | None,
    as_json: bool,
) -> None:
    """Set what a project keeps of its jobs, or how many of them run at once.

    With both --keep-last and --keep-days a job goes only when neither keeps it. Jobs that have not
    ended, that have a note, or one of the tags of the server's settings (`keep` and `promoted`)
    are always kept. What is kept no longer goes within a day, or with `gc`.
    """
    from foundations.models import RetentionRule

    limits = keep_last is not None or keep_days is not None
    if limits + keep_all + default_ + (max_running is not None) != 1:
        raise click.UsageError(
            "Give --keep-last or --keep-days or both of them, or --keep-all, or --default; "
            "or --max-running."
        )
    if max_running is not None:
        changed_queue = connect(scheduler).set_queue_settings(project_limits={name: max_running})
        return tell(changed_queue, as_json=as_json)
    rule = None if default_ else RetentionRule(keep_last=keep_last, keep_days=keep_days)
    changed = render.model_document(connect(scheduler).set_retention(name, rule))
    if as_json:
        render.print_json(changed)
    else:
        what = kept(changed["retention"])
        click.echo(render.clean(f"Project {name} keeps of its jobs now: {what}"))


def kept(rule: Mapping[str, Any] | None) -> str:
    """Say what a project keeps by the `retention` that its view has."""
    if rule is None:
        return "all"
    parts = [] if rule["keep_last"] is None else [f"last {rule['keep_last']}"]
    if rule["keep_days"] is not None:
        parts.append(f"{rule['keep_days']:g} days")
    return " and ".join(parts)


@click.command()
@scheduler_argument
@click.option("--dry-run", is_flag=True, help="Delete nothing; show what would go.")
@json_option
def gc(scheduler: str, *, dry_run: bool, as_json: bool) -> None:
    """Delete jobs that their projects keep no longer, and files that nothing needs.

    Without rules (`set project`, server.yaml) no job ever goes. Jobs can be restored for some
    seconds, as after `delete job`. The server does the same at its start and once a day.
    """
    client = connect(scheduler)
    found = client.garbage() if dry_run else client.collect_garbage()
    if as_json:
        render.print_json({**render.model_document(found), "size_bytes": found.size_bytes})
        return
    _print_parts(found)
    jobs, files = len(found.jobs), len(found.leftovers)
    if not jobs and not files:
        click.echo("There is nothing to let go of.")
        return
    verb = "would go" if dry_run else "are deleted"
    what = f"{counted(jobs)} and {counted(files, 'leftover')} {verb}"
    click.echo(f"{what}: {size(found.size_bytes)}")


def _print_parts(found: GarbageView) -> None:
    if found.jobs:
        columns = [Column("JOB"), Column("ENDED"), Column("SIZE"), Column("WHY", narrowest=20)]
        rows = [
            [
                one.job_id[:8],
                render.local_time(one.finished_at),
                size(one.archive_bytes),
                one.reason,
            ]
            for one in found.jobs[:SHOWN]
        ]
        render.print_table(columns, rows)
        if found.bundle_bytes:
            click.echo(f"With them go bundles of {size(found.bundle_bytes)}.")
    if found.leftovers:
        columns = [Column("KIND"), Column("SIZE"), Column("NAME", narrowest=20)]
        rows = [[one.kind, size(one.size_bytes), one.name] for one in found.leftovers[:SHOWN]]
        render.print_table(columns, rows)
    more = max(len(found.jobs) - SHOWN, 0) + max(len(found.leftovers) - SHOWN, 0)
    if more:
        click.echo(f"{more} more are not shown; --json names all.")
