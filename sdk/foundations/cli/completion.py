"""Shell completion: the script for a shell, and candidates for config names and job ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from foundations.configs import SchedulerConfig

ANSWER_SECONDS = 1.0
"""Longest that a press of the Tab key may wait for a scheduler."""
JOBS_OFFERED = 100
_VARIABLE = "_FOUNDATIONS_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash: foundations completion bash > ~/.local/share/bash-completion/completions/foundations
    zsh:  foundations completion zsh > "${fpath[1]}/_foundations"
    fish: foundations completion fish > ~/.config/fish/completions/foundations.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = ctx.find_root()
    click.echo(kind(root.command, {}, "foundations", _VARIABLE).source())


def complete_scheduler(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the scheduler configs."""
    from click.shell_completion import CompletionItem

    from foundations import configs
    from foundations.home import Home

    found = configs.list_configs(home=Home.default(), cwd=Path.cwd())
    names = {configs.DEFAULT_NAME, *(file.name for file in found)}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def complete_job(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the newest jobs, with their project and state where the shell can show it."""
    from click.shell_completion import CompletionItem

    chosen = ctx.params.get(param.name or "") or ()
    return [
        CompletionItem(job["job_id"], help=f"{job['project']} {job['state']}")
        for job in _newest_jobs(ctx.params.get("scheduler"))
        if job["job_id"].startswith(incomplete) and job["job_id"] not in chosen
    ]


def _newest_jobs(scheduler: str | None) -> list[Any]:
    """Ask a scheduler for its newest jobs; none when it cannot be asked, and none is started."""
    from foundations import configs, default_config
    from foundations.errors import AtlasError
    from foundations.home import Home

    home = Home.default()
    try:
        name = scheduler or default_config.default_name(home)
        config = configs.load(name, home=home, cwd=Path.cwd())
        return _ask(config)
    except (AtlasError, OSError):
        return []


def _ask(config: SchedulerConfig) -> list[Any]:
    from foundations import autostart, calls
    from foundations.client import Client
    from foundations.home import Home

    autostart.look_for(config)
    if config.is_by_ssh and not autostart.has_tunnel(config, home=Home.default()):
        return []  # nobody waits for a log-in after pressing Tab
    with Client(
        config.scheduler_url,
        token=config.token,
        trust=config.trust,
        timeout_seconds=ANSWER_SECONDS,
    ) as client:
        jobs: list[Any] = client.json(calls.jobs.jobs(limit=JOBS_OFFERED))["jobs"]
        return jobs
