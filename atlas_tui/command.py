"""The command line of `atlas`."""

from __future__ import annotations

import sys

import click

from atlas_tui import launch
from atlas_tui.__main__ import need_terminal
from atlas_tui.settings import known_theme
from foundations import __version__
from foundations.errors import AtlasError
from foundations.text.terminal import clean

_NAMES = "auto, atlas-dark, atlas-light, ansi-dark or ansi-light"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", required=False)
@click.option("--connect", metavar="NAME", help="The same as NAME.")
@click.option(
    "--embedded",
    is_flag=True,
    help="Start this home's scheduler with the app and, unless it is busy, stop it at the end.",
)
@click.option("--keep", is_flag=True, help="With --embedded: leave the scheduler running.")
@click.option("--demo", is_flag=True, help="Show a made-up scheduler of 2,000 jobs.")
@click.option("--read-only", is_flag=True, help="Offer nothing that changes anything.")
@click.option("--low-bandwidth", is_flag=True, help="Send fewer bytes: for slow lines.")
@click.option("--plain", is_flag=True, help="Use ASCII characters only.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.option("--theme", metavar="THEME", help=f"Colours: {_NAMES}.")
@click.version_option(__version__, message="Atlas %(version)s")
def main(
    name: str | None,
    *,
    connect: str | None,
    embedded: bool,
    keep: bool,
    demo: bool,
    **wishes: bool | str | None,
) -> None:
    """Watch and steer the jobs of a scheduler, full-screen.

    NAME is a scheduler config, by default `scheduler`. `atlas serve` shows the same in a browser.
    """
    if name is not None and connect is not None and name != connect:
        raise click.UsageError(f"{name} and --connect {connect} name two schedulers.")
    if keep and not embedded:
        raise click.UsageError(
            "--keep goes with --embedded; without it the scheduler stays anyway."
        )
    if demo and (name or connect or embedded):
        raise click.UsageError("--demo brings its own scheduler.")
    theme = wishes["theme"]
    if theme is not None and (problem := known_theme(theme)):
        raise click.UsageError(f"--theme {problem}")
    need_terminal()
    asked = launch.Wishes(
        scheduler=name or connect,
        embedded=embedded,
        keep=keep,
        demo=demo,
        **wishes,  # type: ignore[arg-type]  # the options that are left, by their names
    )
    try:
        sys.exit(launch.run(asked))
    except launch.NotOwn as error:
        raise click.UsageError(clean(error.message)) from error
    except AtlasError as error:
        raise click.ClickException(clean(error.message)) from error
