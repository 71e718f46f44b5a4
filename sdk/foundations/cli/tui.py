"""`foundations tui`: opens the control center, which is a program of its own."""

from __future__ import annotations

import os
import sys

import click


@click.command(
    context_settings={"ignore_unknown_options": True},
    options_metavar="[OPTIONS]",
)
@click.argument("words", metavar="[SCHEDULER]", nargs=-1, type=click.UNPROCESSED)
def tui(words: tuple[str, ...]) -> None:
    """Open the control center on a scheduler, full-screen: `atlas`, with all its options."""
    # Without -P a file of the current directory could take the place of a module.
    command = [sys.executable, "-P", "-m", "atlas_tui", *words]
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted
