"""What most commands share: their arguments, and the way to the scheduler."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from foundations.cli import completion
from foundations.cli.groups import SCHEDULER_ASKED
from foundations.cli.scheduler_argument import SchedulerArgument, default_scheduler

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.configs import SchedulerConfig
    from foundations.errors import NotFound, TooMany
    from foundations.models import ArrayView

F = TypeVar("F", bound=Callable[..., Any])
SILENT_WAIT_SECONDS = 2.0
"""A wait for a limit that is no longer than that is not worth a word."""
_CLIENT = "foundations.client"
_BEGIN_OF_AN_ID = re.compile("[0-9a-f]{4}")
_ARRAY = re.compile("(?P<array>[0-9a-f-]{4,36})(_[0-9]+)?")
_MOST_NEAR = 3


def scheduler_argument(function: F) -> F:
    """Take a scheduler config by name; before other arguments it may be left out."""
    return click.argument(
        "scheduler", cls=SchedulerArgument, shell_complete=completion.complete_scheduler
    )(function)


def optional_scheduler_argument(function: F) -> F:
    """Take a scheduler config by name; the default one when it is left out."""
    return click.argument(
        "scheduler",
        default=default_scheduler,
        shell_complete=completion.complete_scheduler,
    )(function)


def job_argument(function: F) -> F:
    """Take one job by its id or a unique beginning of it."""
    return click.argument("job_id", callback=one_job, shell_complete=completion.complete_job)(
        function
    )


def jobs_argument(function: F) -> F:
    """Take one or more jobs."""
    return click.argument(
        "job_ids",
        metavar="JOB_ID...",
        nargs=-1,
        required=True,
        callback=lambda ctx, parameter, words: several(words),
        shell_complete=completion.complete_job,
    )(function)


def one_job(ctx: click.Context, parameter: click.Parameter, word: str | None) -> str | None:
    """Refuse several ids where one job is meant, as the callback of an argument."""
    if word is not None and "," in word:
        raise click.BadParameter("only one job can be meant here.", ctx=ctx, param=parameter)
    return word


def several(words: Iterable[str]) -> tuple[str, ...]:
    """Return the ids in words of which each may have several, with commas between them."""
    return tuple(one for word in words for one in word.split(",") if one)


def json_option(function: F) -> F:
    """Offer `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(
        function
    )


def connect(scheduler: str) -> Client:
    """Return a client for a scheduler config; this machine's own scheduler is started if needed.

    Raises:
        ConfigError: there is no such config.
        Unreachable: the scheduler cannot be started.
    """
    return reach(load_config(scheduler))


def load_config(scheduler: str, *, job_dir: Path | None = None) -> SchedulerConfig:
    """Read a scheduler config.

    Raises:
        ConfigError: there is none of that name, or it is not valid.
    """
    from foundations import configs
    from foundations.home import Home

    home = Home.default()
    configs.ensure_default(home)
    return configs.load(scheduler, home=home, cwd=Path.cwd(), job_dir=job_dir)


def reach(config: SchedulerConfig) -> Client:
    """Return a client for a config that was read; it is closed when the command ends.

    Raises:
        Unreachable: the scheduler cannot be started.
    """
    from foundations import autostart
    from foundations.home import Home

    client = autostart.connect(config, home=Home.default(), announce=_announce)
    client.deferred = _tell_wait
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(client.close)
        context.meta[_CLIENT] = client
        context.meta[SCHEDULER_ASKED] = config.name
    return client


@contextmanager
def naming(job_id: str, scheduler: str) -> Iterator[None]:
    """Say `does not exist for environment` where the scheduler knows no such job.

    What to do about it is a note of the error: a further line for people, and not in JSON.
    """
    from foundations.errors import NotFound

    try:
        yield
    except NotFound as error:
        raise unknown(job_id, scheduler) from error


def unknown(job_id: str, scheduler: str) -> NotFound:
    """Say that a scheduler knows no such job, and in a note what to do."""
    from foundations.errors import NotFound

    error = NotFound(f"Job `{job_id}` does not exist for environment `{scheduler}`")
    error.add_note(_way_to_the_job(job_id, scheduler))
    return error


def _way_to_the_job(job_id: str, scheduler: str) -> str:
    listing = f"`foundations list jobs {shlex.quote(scheduler)}`"
    array = _array_meant(job_id)
    if array is not None:
        begin = array.array_id[:8]
        return (
            f"`{begin}` is an array with the indices {array.indices}: `{begin}_INDEX` is one of "
            f"its jobs, and {listing[:-1]} --filter array:{begin}` shows those there are."
        )
    near = _ids_that_begin_alike(job_id)
    if not near:
        return f"{listing} shows the jobs there are."
    named = " or ".join(f"`{one}`" for one in near)
    return f"Did you mean {named}? {listing} shows all jobs."


def _array_meant(job_id: str) -> ArrayView | None:
    """The array whose id, or a place in which, was typed."""
    from foundations.errors import AtlasError

    client = _client_at_hand()
    typed = _ARRAY.fullmatch(job_id.strip().lower())
    if client is None or typed is None:
        return None
    try:
        return client.array(typed["array"])
    except AtlasError:
        return None  # what was asked for is answered already


def _client_at_hand() -> Client | None:
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_CLIENT)


def _ids_that_begin_alike(job_id: str) -> list[str]:
    """The newest jobs whose ids share their first characters with what was typed."""
    from foundations.errors import AtlasError

    client = _client_at_hand()
    begin = _BEGIN_OF_AN_ID.match(job_id.strip().lower())
    if client is None or begin is None:
        return []
    try:
        found = client.jobs(filter=f'id ~ "^{begin[0]}"', limit=_MOST_NEAR).jobs
    except AtlasError:
        return []  # what was asked for is answered already
    return [one.job_id for one in found]


def _tell_wait(error: TooMany, seconds: float) -> None:
    if seconds > SILENT_WAIT_SECONDS:
        click.echo(f"{error.message} Waiting for {seconds:.0f} s…", err=True)


def _announce(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(text, err=True)
