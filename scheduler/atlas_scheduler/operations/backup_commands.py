"""`atlas-server backup` and `restore`: all that a server must not lose, in one file."""

from __future__ import annotations

from pathlib import Path

import click

from atlas_scheduler.operations.home_option import chosen_home, home_option
from foundations.errors import ConfigError
from foundations.text.quantities import counted, size


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@home_option
@click.option("--with-files", is_flag=True, help="Also bundles and archives of jobs.")
@click.option(
    "--with-secrets", is_flag=True, help="Also secrets of jobs, and all that lies below `config`."
)
def backup(file: Path, home_path: Path | None, *, with_files: bool, with_secrets: bool) -> None:
    """Write a backup to FILE, also while the scheduler runs.

    It has the database and the settings of the server. Compressed where FILE ends in .gz or .tgz.
    """
    from atlas_scheduler.operations.backup import back_up

    home = chosen_home(home_path)
    try:
        done = back_up(home, file, with_files=with_files, with_secrets=with_secrets)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror or error}.") from error
    click.echo(
        f"Backed up {home.root} to {file}: {counted(done.files, 'file')}, {size(done.size_bytes)}."
    )
    if done.skipped:
        click.echo(
            f"{counted(done.skipped, 'file')} went or became shorter meanwhile: their jobs were "
            "deleted, or were being archived.",
            err=True,
        )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@home_option
@click.option("--replace", is_flag=True, help="Put what is there now aside.")
def restore(file: Path, home_path: Path | None, *, replace: bool) -> None:
    """Put the backup FILE into a home whose scheduler is stopped.

    The backup is checked before anything is touched. Jobs that ran when it was made are compared
    with the engine when the scheduler starts.
    """
    from atlas_scheduler import process
    from atlas_scheduler.operations import restore as restoring

    home = chosen_home(home_path)
    process.take_lock(home)
    restoring.finish(home)
    try:
        done = restoring.restore(home, file, replace=replace)
    except OSError as error:
        raise ConfigError(f"{file} cannot be restored: {error.strerror or error}.") from error
    click.echo(f"Restored {home.root} from {file}.")
    if done.kept is not None:
        click.echo(f"What was there before is in {done.kept}.")
    if done.is_elsewhere:
        click.echo(
            f"The backup is of {done.manifest.home} on {done.manifest.host}: jobs that ran there "
            "will be `lost` here."
        )
    click.echo("Start the scheduler with `atlas-server start --detach`.")
