"""Reads tokens from where others cannot see them: a prompt, standard input or a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from foundations.cli.groups import CommandFailed

F = TypeVar("F", bound=Callable[..., Any])
LONGEST_TOKEN = 1_000
STANDARD_INPUT = "-"


def token_file_option(function: F) -> F:
    """Offer `--token-file`. There is none for the token itself: command lines are no secret."""
    return click.option(
        "--token-file",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        help="Read the token from this file, or with - from standard input.",
    )(function)


def read_token(token_file: str | None) -> str:
    """Read a token; without a file it is asked for, or read from what is piped in.

    Raises:
        CommandFailed: there is none.
    """
    if token_file is None and sys.stdin.isatty():
        text = click.prompt("Token", hide_input=True, err=True)
    elif token_file in (None, STANDARD_INPUT):
        text = sys.stdin.read(LONGEST_TOKEN + 1)
    else:
        with Path(token_file).open(encoding="utf-8", errors="replace") as file:
            text = file.read(LONGEST_TOKEN + 1)
    token = text.strip()
    if not token or len(token) > LONGEST_TOKEN:
        raise CommandFailed("No token was given. `atlas-server token create NAME` makes one.")
    return token
