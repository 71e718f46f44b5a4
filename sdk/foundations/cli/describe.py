"""`foundations describe`: says what projects are about."""

from __future__ import annotations

import sys

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, scheduler_argument
from foundations.cli.groups import VerbGroup


@click.group(cls=VerbGroup)
def describe() -> None:
    """Say what a project is about."""


@describe.command()
@scheduler_argument
@click.argument("name")
@click.argument("text")
@json_option
def project(scheduler: str, name: str, text: str, *, as_json: bool) -> None:
    """Replace the description of a project by TEXT (Markdown).

    `-` reads it from standard input. An empty TEXT removes it. `list projects` shows its first
    line.
    """
    if text == "-":
        text = sys.stdin.read()
    described = connect(scheduler).describe_project(name, text.strip())
    if as_json:
        render.print_json(render.model_document(described))
    elif described.description:
        click.echo(render.clean(f"Project {name} is described now"))
    else:
        click.echo(render.clean(f"Project {name} has no description now"))
