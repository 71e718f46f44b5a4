"""`atlas`: the control center, in a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from foundations import autostart, configs
from foundations.errors import AtlasError
from foundations.home import Home
from foundations.terminal import clean

NO_TERMINAL = 2


@click.command()
@click.option(
    "--connect",
    "scheduler",
    default=configs.DEFAULT_NAME,
    metavar="NAME",
    show_default=True,
    help="Scheduler config to use.",
)
@click.option("--read-only", is_flag=True, help="Offer nothing that changes anything.")
@click.option("--low-bandwidth", is_flag=True, help="Send fewer bytes: for slow lines.")
@click.option("--plain", is_flag=True, help="Use ASCII characters only.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
def main(
    *, scheduler: str, read_only: bool, low_bandwidth: bool, plain: bool, no_mouse: bool
) -> None:
    """Watch and steer the jobs of a scheduler, full-screen."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(
            "Error: atlas needs a terminal. In scripts use the command line, such as: "
            "foundations list jobs --json",
            err=True,
        )
        sys.exit(NO_TERMINAL)
    home = Home.default()
    try:
        configs.ensure_default(home)
        config = configs.load(scheduler, home=home, cwd=Path.cwd())
        autostart.connect(
            config, home=home, announce=lambda text: click.echo(clean(text), err=True)
        ).close()
    except AtlasError as error:
        raise click.ClickException(clean(error.message)) from error
    # Late: a call that only fails should not wait for the screens to be loaded.
    from atlas_tui.app import AtlasApp, Options
    from foundations.client import AsyncClient

    client = AsyncClient(config.scheduler_url, token=config.token)
    options = Options(read_only=read_only, plain=plain, low_bandwidth=low_bandwidth)
    AtlasApp(client, config.name, options).run(mouse=not no_mouse)


if __name__ == "__main__":
    main()
