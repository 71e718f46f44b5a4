"""`foundations rename`: gives projects other names."""

from __future__ import annotations

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.cli.groups import VerbGroup


@click.group(cls=VerbGroup)
def rename() -> None:
    """Rename a project."""


@rename.command()
@scheduler_argument
@click.argument("name")
@click.argument("new_name")
@json_option
def project(scheduler: str, name: str, new_name: str, *, as_json: bool) -> None:
    """Give a project another name; its jobs go with it."""
    renamed = connect(scheduler).rename_project(name, new_name)
    if as_json:
        render.print_json(render.model_document(renamed))
    else:
        click.echo(render.clean(f"Project {name} is called {renamed.name} now"))
