"""`atlas-server hook`: tries out who is told when a job ends."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from atlas_scheduler.operations.home_option import chosen_home, home_option
from foundations.errors import ConfigError
from foundations.text.terminal import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas_scheduler.hooks import Ended, Hook


@click.group()
def hook() -> None:
    """Try out who is told when a job ends."""


@hook.command("test")
@home_option
@click.pass_context
def test_hooks(ctx: click.Context, home_path: Path | None) -> None:
    """Tell every hook of server.yaml of a made-up job, now. Exits 1 when one fails.

    The scheduler need not run. The job says `"sample": true`.
    """
    from atlas_scheduler.hooks import make_hooks
    from atlas_scheduler.settings import ServerSettings

    home = chosen_home(home_path)
    hooks = [made for _, made in make_hooks(ServerSettings.load(home.server_config).hooks)]
    if not hooks:
        raise ConfigError(f"There are no hooks in {home.server_config}.")
    problems = asyncio.run(_tell_all(hooks))
    for one, problem in zip(hooks, problems, strict=True):
        verdict = "told" if problem is None else f"not told: {clean(problem)}"
        click.echo(f"{one.kind} {clean(one.target, one_line=True)}: {verdict}")
    if any(problem is not None for problem in problems):
        ctx.exit(1)


async def _tell_all(hooks: Sequence[Hook]) -> list[str | None]:
    sample = _sample()
    return await asyncio.gather(*[_tell(one, sample) for one in hooks])


async def _tell(one: Hook, sample: Ended) -> str | None:
    from atlas_scheduler.hooks import HookFailed

    try:
        await one.tell(sample)
    except HookFailed as error:
        return str(error)
    return None


def _sample() -> Ended:
    from atlas_scheduler.hooks import Ended
    from foundations.models import JobState, JobView

    now = datetime.now(UTC)
    job = JobView(
        job_id=str(uuid.uuid4()),
        project="sample",
        user="nobody",
        state=JobState.COMPLETED,
        exit_code=0,
        attempt=1,
        command=["main.py"],
        submitted_at=now - timedelta(minutes=2),
        started_at=now - timedelta(minutes=1),
        finished_at=now,
        duration_seconds=60.0,
        metrics={"accuracy": 0.9},
    )
    return Ended(seq=0, job=job, is_sample=True)
