"""Does one thing to several jobs: all are tried, and each result is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from foundations.cli import completion, confirmation, render
from foundations.cli.context import naming, several
from foundations.cli.groups import notes_of
from foundations.errors import SchedulerError
from foundations.job_states import FINAL_STATES, JobState
from foundations.text.quantities import counted

if TYPE_CHECKING:
    from foundations.client import Client

F = TypeVar("F", bound=Callable[..., Any])
Result = dict[str, Any]
"""What became of one job: at least `job_id` and `message`, and `error` when it was refused."""
WAITING = ("queued",)
_NOTES = "notes"
FINAL = tuple(state.value for state in JobState if state in FINAL_STATES)


def jobs_or_filter(function: F) -> F:
    """Take jobs by their ids or, in place of those, by a filter."""
    function = filter_options(function)
    return click.argument(
        "job_ids", metavar="JOB_ID...", nargs=-1, shell_complete=completion.complete_job
    )(function)


def filter_options(function: F) -> F:
    """Offer `--filter`, and `--yes` for where nobody can be asked."""
    function = click.option("--yes", is_flag=True, help="With --filter: do not ask.")(function)
    return click.option(
        "--filter",
        "-f",
        "filter_",
        metavar="FILTER",
        help="All jobs that it takes, in place of ids. Names them and asks first.",
    )(function)


def choose(
    client: Client,
    job_ids: Iterable[str],
    filter_: str | None,
    *,
    verb: str,
    states: Iterable[str] = (),
    is_one: Callable[[dict[str, Any]], bool] = bool,
    yes: bool,
) -> list[str]:
    """Return the ids of the jobs to act on; those of a filter are named and asked about first.

    Args:
        client: the scheduler.
        job_ids: as they were typed.
        filter_: in place of them.
        verb: what is done, for the question, such as `stops`.
        states: of the jobs that a filter may take; none is all.
        is_one: whether it can be done to one that a filter takes.
        yes: do not ask.

    Raises:
        click.UsageError: there are neither ids nor a filter, or both.
        InvalidRequest: the filter has an error.
    """
    typed = typed_ids(job_ids, filter_)
    if filter_ is None:
        return typed
    found = [job for job in matching_jobs(client, filter_, states=states) if is_one(job)]
    if found:
        what = f"{verb} {counted(len(found))} {confirmation.scope(None, filter_)}"
        confirmation.confirm_jobs(what, found, yes=yes)
    return [job["job_id"] for job in found]


def typed_ids(job_ids: Iterable[str], filter_: str | None) -> list[str]:
    """Return the ids that were typed, each once; none where there is a filter.

    Raises:
        click.UsageError: there are neither ids nor a filter, or both.
    """
    typed = list(dict.fromkeys(several(job_ids)))
    if filter_ is None and not typed:
        raise click.UsageError("Missing argument 'JOB_ID...'. Give ids, or --filter.")
    if filter_ is not None and typed:
        raise click.UsageError("Give ids or --filter, not both.")
    return typed


def confirm_count(
    client: Client, filter_: str, *, verb: str, states: Iterable[str], yes: bool
) -> int | None:
    """Name the first jobs that a filter takes, and ask whether to go on.

    Returns:
        How many jobs the user knows of; None with `yes`.

    Raises:
        InvalidRequest: the filter has an error.
    """
    if yes:
        return None
    from foundations.transport.paging import jobs_from

    first, count = jobs_from(
        client, 0, filter=filter_, states=tuple(states), limit=confirmation.SHOWN
    )
    if count:
        what = f"{verb} {counted(count)} {confirmation.scope(None, filter_)}"
        confirmation.confirm_jobs(what, first, count=count, yes=False)
    return count


def matching_jobs(
    client: Client,
    filter_: str | None,
    *,
    project: str | None = None,
    states: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """Every job that a filter takes, as the API answers them."""
    from foundations.transport.paging import job_pages

    pages = job_pages(client, project=project, states=tuple(states), filter=filter_)
    return [job for page in pages for job in page]


def act_on_each(
    job_ids: Iterable[str], act: Callable[[str], Result], *, scheduler: str, as_json: bool
) -> None:
    """Run `act` for every job, print the results, and end with exit code 1 when one was refused."""

    def act_on_one(job_id: str) -> Result:
        with naming(job_id, scheduler):
            return act(job_id)

    tell_each(job_ids, act_on_one, key="job_id", as_json=as_json, nothing="No jobs.")


def tell_each(
    refs: Iterable[str],
    act: Callable[[str], Result],
    *,
    key: str,
    as_json: bool,
    nothing: str | None = None,
) -> None:
    """Do something for each id, and end with exit code 1 when one was refused.

    Args:
        refs: ids; one that is repeated counts once.
        act: does it, and says what came of it.
        key: what an id is called in JSON.
        as_json: whether to print one document in place of a line each.
        nothing: what to print when there are none.
    """
    tell_results(_tried(refs, act, key), as_json=as_json, nothing=nothing)


def _tried(refs: Iterable[str], act: Callable[[str], Result], key: str) -> Iterator[Result]:
    for ref in dict.fromkeys(refs):
        try:
            yield act(ref)
        except SchedulerError as error:
            yield refusal(ref, error, key=key)


def refusal(ref: str, error: SchedulerError, *, key: str = "job_id") -> Result:
    """What became of a job that was refused; notes of the error are for people only."""
    return {key: ref, "error": error.code, "message": error.message, _NOTES: notes_of(error)}


def tell_results(results: Iterable[Result], *, as_json: bool, nothing: str | None = None) -> None:
    """Tell each result as it comes, and end with exit code 1 when one is a refusal."""
    told = []
    for result in results:
        notes = result.pop(_NOTES, ())
        told.append(result)
        if not as_json:
            text = render.clean("\n".join((result["message"], *notes)))
            click.echo(f"Error: {text}" if "error" in result else text, err="error" in result)
    if as_json:
        render.print_json(told)
    elif not told and nothing is not None:
        click.echo(nothing)
    if any("error" in result for result in told):
        click.get_current_context().exit(1)
