"""`foundations secret`: values that jobs get and nobody is shown."""

from __future__ import annotations

import sys
from typing import IO

import click

from foundations.cli import render
from foundations.cli.context import (
    connect,
    json_option,
    optional_scheduler_argument,
    scheduler_argument,
)
from foundations.cli.groups import VerbGroup
from foundations.cli.render import Column

_COLUMNS = (Column("SECRET", narrowest=10), Column("WHOSE"), Column("SET"))
_shared = click.option("--shared", is_flag=True, help="The one of all users; for admins.")


@click.group(cls=VerbGroup)
def secret() -> None:
    """Keep values that jobs get and nobody is shown, such as tokens of other services."""


@secret.command("set")
@scheduler_argument
@click.argument("name")
@click.option(
    "--from-file", "file", type=click.File("rb"), help="Where the value is; `-` is standard input."
)
@_shared
def set_secret(scheduler: str, name: str, *, file: IO[bytes] | None, shared: bool) -> None:
    """Set a secret. Its value is asked for, or read from standard input or a file.

    It is no argument: those are seen by everybody on the machine, and kept by shells.
    """
    value = _value(name, file)
    connect(scheduler).set_secret(name, value, shared=shared)
    click.echo(f"Set secret `{name}`. Jobs that ask for it get it from now on.")


@secret.command("list")
@optional_scheduler_argument
@json_option
def list_secrets(scheduler: str, *, as_json: bool) -> None:
    """List the secrets that your jobs may have, without their values."""
    found = connect(scheduler).secrets()
    if as_json:
        render.print_json([render.model_document(one) for one in found])
    elif not found:
        click.echo("No secrets.")
    else:
        rows = [
            [one.name, "all users" if one.shared else "yours", render.local_time(one.set_at)]
            for one in found
        ]
        render.print_table(_COLUMNS, rows)


@secret.command("delete")
@scheduler_argument
@click.argument("name")
@_shared
def delete_secret(scheduler: str, name: str, *, shared: bool) -> None:
    """Forget a secret. Jobs that have it keep it until they end."""
    connect(scheduler).delete_secret(name, shared=shared)
    click.echo(f"Deleted secret `{name}`.")


def _value(name: str, file: IO[bytes] | None) -> str:
    """Read the value from where it is; one line break at its end does not belong to it."""
    if file is None and sys.stdin.isatty():
        asked: str = click.prompt(f"Value of {name}", hide_input=True, err=True)
        return asked
    content = (file or sys.stdin.buffer).read()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"The value is not text in UTF-8 ({error.reason}).") from error
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise click.UsageError("The value is empty.")
    return text
