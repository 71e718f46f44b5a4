"""`atlas`: the control center, in a terminal."""

from __future__ import annotations

import gc
import os
import sys

import click

from foundations import __version__

NO_TERMINAL = 2
SERVE = "serve"
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
    if not has_terminal():
        click.echo(
            "Error: atlas needs a terminal. In scripts use the command line, such as: "
            "foundations list jobs --json",
            err=True,
        )
        sys.exit(NO_TERMINAL)

    from atlas_tui import launch

    sys.exit(
        launch.run(
            launch.Wishes(
                scheduler=name or connect,
                embedded=embedded,
                keep=keep,
                demo=demo,
                **wishes,  # type: ignore[arg-type]  # the options that are left, by their names
            )
        )
    )


def has_terminal() -> bool:
    """Tell whether there is something to paint on: a terminal, or the browser's stand-in for it."""
    if os.environ.get("TEXTUAL_DRIVER", "").startswith("textual.drivers.web_driver"):
        return True
    # What is painted goes to standard error.
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(one.isatty() for one in streams) and os.environ.get("TERM") != "dumb"


def run() -> None:
    """Run `atlas`, or `atlas serve`."""
    if sys.argv[1:2] == [SERVE]:
        from atlas_tui.serve import serve

        serve(args=sys.argv[2:], prog_name="atlas serve")
    # Loading makes many objects that stay. Looking through them for garbage takes a tenth of the
    # time to the first picture; `launch` turns it on again when all is loaded.
    gc.disable()
    main(prog_name="atlas")


if __name__ == "__main__":
    run()
