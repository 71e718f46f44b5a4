"""Does one thing to several jobs: all are tried, and each result is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from foundations.cli import render
from foundations.cli.context import naming
from foundations.errors import SchedulerError

Result = dict[str, Any]
"""What became of one job: at least `job_id` and `message`, and `error` when it was refused."""


def act_on_each(
    job_ids: Iterable[str], act: Callable[[str], Result], *, scheduler: str, as_json: bool
) -> None:
    """Run `act` for every job, print the results, and end with exit code 1 when one was refused."""
    results = []
    for job_id in dict.fromkeys(job_ids):
        result = _attempt(job_id, act, scheduler=scheduler)
        results.append(result)
        if not as_json:
            text = render.clean(result["message"])
            click.echo(f"Error: {text}" if "error" in result else text, err="error" in result)
    if as_json:
        render.print_json(results)
    if any("error" in result for result in results):
        click.get_current_context().exit(1)


def _attempt(job_id: str, act: Callable[[str], Result], *, scheduler: str) -> Result:
    try:
        with naming(job_id, scheduler):
            return act(job_id)
    except SchedulerError as error:
        return {"job_id": job_id, "error": error.code, "message": error.message}
