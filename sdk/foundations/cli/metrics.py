"""`foundations metrics`: what a job measured, as table, JSON, CSV or chart."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, json_option, naming, scheduler_argument
from foundations.cli.groups import CommandFailed, VerbGroup
from foundations.cli.render import Column
from foundations.errors import NotFound
from foundations.tracking import SYSTEM_PREFIX

if TYPE_CHECKING:
    from pydantic import JsonValue

    from foundations.client import Client
    from foundations.models import MetricPoint, MetricSeries, MetricSummary
    from foundations.text.chart import Line

Form = Literal["table", "json", "csv", "chart"]

TABLE_STRETCHES = 25
"""Into how many stretches a table cuts a series when no number is asked for."""
FILE_WIDTH = 80
"""Cells of a chart that does not go to a terminal."""
CHART_HEIGHT = 16
_SUMMARY_FIELDS = ("last", "last_step", "min", "min_step", "max", "max_step", "count")


@click.group(cls=VerbGroup)
def metrics() -> None:
    """Print or draw what a job measured."""


@metrics.command()
@scheduler_argument
@job_argument
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--points",
    type=click.IntRange(1, 10_000),
    help="Cut each series into so many stretches, and show the lowest and highest point of each. "
    f"Default: {TABLE_STRETCHES} in a table, with --json and --csv all points.",
)
@click.option(
    "--summary",
    is_flag=True,
    help="Show each metric in a row: last value, extremes with their steps, and count.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@click.option("--chart", "as_chart", is_flag=True, help="Draw lines.")
@click.option("--log-y", is_flag=True, help="With --chart: a logarithmic y axis.")
@click.option(
    "--x",
    "x_axis",
    type=click.Choice(["step", "time"]),
    default="step",
    help="With --chart: what goes to the right.",
)
@click.option(
    "--system",
    is_flag=True,
    help="What the scheduler measured while it ran (processors, memory, …), not what it logged.",
)
@json_option
def job(
    scheduler: str,
    job_id: str,
    names: tuple[str, ...],
    *,
    points: int | None,
    summary: bool,
    as_csv: bool,
    as_chart: bool,
    log_y: bool,
    x_axis: Literal["step", "time"],
    system: bool,
    as_json: bool,
) -> None:
    """Show the metrics NAME of a job point by point; without NAME all of them."""
    form = _form(as_json=as_json, as_csv=as_csv, as_chart=as_chart)
    if form != "chart" and (log_y or x_axis != "step"):
        raise click.UsageError("--log-y and --x belong to --chart.")
    if summary and (points is not None or form == "chart"):
        raise click.UsageError("--summary excludes --points and --chart.")
    client = connect(scheduler)
    known = _choose(client, scheduler, job_id, names, system=system)
    if summary:
        _print_summaries(known, form)
        return
    chosen = [one.name for one in known]
    if form == "chart":
        _print_chart(
            [client.metric(job_id, name, points=points or 2 * _width()) for name in chosen],
            log_y=log_y,
            x_axis=x_axis,
        )
        return
    if form == "table" and points is None:
        points = TABLE_STRETCHES
    _print_series([_read(client, job_id, name, points=points) for name in chosen], form)


def _print_series(found: list[MetricSeries], form: Form) -> None:
    if form == "json":
        render.print_json([render.model_document(one) for one in found])
    elif form == "csv":
        _print_csv(found)
    else:
        _print_table(found)


def _form(*, as_json: bool, as_csv: bool, as_chart: bool) -> Form:
    forms: dict[Form, bool] = {"json": as_json, "csv": as_csv, "chart": as_chart}
    asked = [form for form, wanted in forms.items() if wanted]
    if len(asked) > 1:
        raise click.UsageError(f"Give one of {', '.join(f'--{form}' for form in asked)}.")
    return asked[0] if asked else "table"


def _choose(
    client: Client, scheduler: str, job_id: str, names: Sequence[str], *, system: bool
) -> list[MetricSummary]:
    with naming(job_id, scheduler):
        known = {one.name: one for one in client.metrics(job_id, system=system)}
    if system:
        names = [one if one.startswith(SYSTEM_PREFIX) else SYSTEM_PREFIX + one for one in names]
    elif any(name.startswith(SYSTEM_PREFIX) for name in names):
        known |= {one.name: one for one in client.metrics(job_id, system=True)}
    for name in names:
        if name not in known:
            has = ", ".join(known) or "none"
            raise NotFound(f"Job `{job_id}` has no metric `{name}`. It has: {has}")
    return [known[name] for name in dict.fromkeys(names) or known]


def _print_summaries(found: Sequence[MetricSummary], form: Form) -> None:
    if form == "json":
        render.print_json([render.model_document(one) for one in found])
    elif form == "csv":
        titles = ("metric", *_SUMMARY_FIELDS)
        rows = [
            [one.name, *(_exact(getattr(one, name)) for name in _SUMMARY_FIELDS)] for one in found
        ]
        render.print_csv(titles, rows)
    elif found:
        render.print_summaries(found)
    else:
        click.echo("No metrics.")


def _exact(value: JsonValue) -> object:
    """A value for CSV: numbers with every digit, what is missing empty."""
    return value if isinstance(value, float) or value is None else render.value(value)


def _read(client: Client, job_id: str, name: str, *, points: int | None) -> MetricSeries:
    """Read a series: all of it, or with `points` what shows its course."""
    from foundations.transport.paging import point_pages

    if points is not None:
        return client.metric(job_id, name, points=points)
    from foundations.models import MetricPoint, MetricSeries

    pages = point_pages(client, job_id, name)
    found = [MetricPoint.model_validate(point) for page in pages for point in page]
    return MetricSeries(name=name, count=len(found), points=found)


def _print_table(found: Sequence[MetricSeries]) -> None:
    if not found:
        click.echo("No metrics.")
        return
    columns = [
        Column("METRIC", narrowest=8),
        Column("STEP"),
        Column("VALUE", narrowest=10),
        Column("LOGGED"),
    ]
    rows = [
        [
            series.name,
            render.MISSING if point.step is None else render.value(point.step),
            render.value(point.value),
            render.local_time(point.at),
        ]
        for series in found
        for point in series.points
    ]
    render.print_table(columns, rows)
    if any(series.decimated for series in found):
        shown, total = sum(len(one.points) for one in found), sum(one.count for one in found)
        click.echo(
            f"{shown} of {total} points are shown, with the extremes of each stretch; "
            "--points shows more, --csv all.",
            err=True,
        )


def _print_csv(found: Iterable[MetricSeries]) -> None:
    render.print_csv(
        ("metric", "position", "step", "value", "at"),
        (
            (
                series.name,
                point.position,
                point.step,
                _exact(point.value),
                point.at.isoformat().replace("+00:00", "Z"),
            )
            for series in found
            for point in series.points
        ),
    )


def _print_chart(
    found: Sequence[MetricSeries], *, log_y: bool, x_axis: Literal["step", "time"]
) -> None:
    from foundations.text.chart import Look, draw

    if not found:
        click.echo("No metrics.")
        return
    starts = [series.points[0].at.timestamp() for series in found if series.points]
    start = min(starts, default=0.0)
    look = Look(
        width=_width(),
        height=CHART_HEIGHT,
        log_y=log_y,
        colour=True,  # click takes colours away where they are not wanted
        unicode=render.writes_unicode(),
        **({"x_text": render.duration} if x_axis == "time" else {}),
    )
    lines = draw([_line(one, x_axis=x_axis, start_seconds=start) for one in found], look)
    if not lines:
        wanted = "numbers above zero" if log_y else "finite numbers"
        raise CommandFailed(f"There is nothing to draw: the chosen metrics have no {wanted}.")
    for line in lines:
        click.echo(line)


def _line(series: MetricSeries, *, x_axis: Literal["step", "time"], start_seconds: float) -> Line:
    from foundations.decimation import is_drawable
    from foundations.text.chart import Line

    last = render.value(series.points[-1].value) if series.points else render.MISSING
    gaps = "" if all(is_drawable(one.value) for one in series.points) else ", has gaps"
    has_steps = all(one.step is not None for one in series.points)

    def place(point: MetricPoint) -> float:
        if x_axis == "time":
            return max(0.0, point.at.timestamp() - start_seconds)
        return point.step if has_steps and point.step is not None else float(point.position)

    drawn: list[tuple[float, Any]] = [(place(one), one.value) for one in series.points]
    return Line(series.name, drawn, render.clean(f"last {last}{gaps}", one_line=True))


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else FILE_WIDTH
