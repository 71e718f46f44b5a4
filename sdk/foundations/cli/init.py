"""`foundations init`: makes a sample project."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from foundations.cli.groups import CommandFailed

TEMPLATE = Path(__file__).parent.parent / "project_template"


@click.command()
@click.argument("name", type=click.Path(path_type=Path))
def init(name: Path) -> None:
    """Create a sample project in a new directory NAME.

    It logs parameters and metrics and saves an artifact; submit it with
    `foundations submit scheduler NAME`.
    """
    if name.exists() or name.is_symlink():
        raise CommandFailed(f"project directory for `{name}` already exists")
    create_project(name)
    click.echo(f"Success: New Foundations project `{name}` created!")


def create_project(directory: Path) -> None:
    """Copy the sample project to a directory that is not there yet.

    Raises:
        FileExistsError: the directory is there.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(
        TEMPLATE,
        directory,
        copy_function=shutil.copyfile,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
