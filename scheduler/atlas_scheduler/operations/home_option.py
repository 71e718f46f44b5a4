"""The option by which every command of the server finds its home."""

from __future__ import annotations

from pathlib import Path

import click

from foundations.home import Home

HOME_HELP = "Where everything is kept. Default: $FOUNDATIONS_HOME, else ~/.foundations."
home_option = click.option("--home", "home_path", type=click.Path(path_type=Path), help=HOME_HELP)


def chosen_home(path: Path | None) -> Home:
    """Return the home that the option names, or the default."""
    return Home.default() if path is None else Home(path)
