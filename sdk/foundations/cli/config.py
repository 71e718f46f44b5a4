"""`foundations config`: the scheduler configs, made and changed by commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from foundations.cli import completion, render
from foundations.cli.context import json_option
from foundations.cli.groups import CommandFailed, VerbGroup
from foundations.cli.info import show_environments
from foundations.cli.token_input import read_token, token_file_option

if TYPE_CHECKING:
    from foundations.transport.trust import Trust

LONGEST_WAIT_SECONDS = 10.0
"""For the answer of the one scheduler that is tested."""


@click.group(cls=VerbGroup)
def config() -> None:
    """Say which schedulers there are, and which is meant where none is named."""


@config.command()
@click.argument("name")
@click.argument("url")
@click.option(
    "--fingerprint",
    metavar="SHA256",
    help="Believe this certificate alone, which `atlas-server tls-init` prints.",
)
@click.option(
    "--ca",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Believe the authorities in this file alone.",
)
@token_file_option
@click.option("--default", "is_default", is_flag=True, help="Mean it where none is named.")
@click.option("--force", is_flag=True, help="Replace the one of that name.")
def add(
    name: str,
    url: str,
    *,
    fingerprint: str | None,
    ca: Path | None,
    token_file: str | None,
    is_default: bool,
    force: bool,
) -> None:
    """Add the scheduler at URL under a NAME.

    \b
    foundations config add lab ssh://ada@gpu-box
    foundations config add lab https://gpu-box:5000 --fingerprint 9E:B8:E2:…
    """
    from foundations import config_files, default_config
    from foundations.home import Home

    home = Home.default()
    token = None if token_file is None else read_token(token_file)
    trust = _trust(url, fingerprint, ca)
    made = config_files.add(name, url, home=home, token=token, trust=trust, replace=force)
    click.echo(f"Added {name}: {made.path}")
    if is_default:
        default_config.choose(name, home=home)
        click.echo(f"Where no scheduler is named, {name} is meant.")
    if token is None and url.startswith(("http://", "https://")):
        click.echo(f"Sign in with: foundations login {name}", err=True)


@config.command()
@click.argument("name", shell_complete=completion.complete_scheduler)
def remove(name: str) -> None:
    """Remove a scheduler config, with the token in it. Jobs and tokens of the scheduler stay."""
    from foundations import config_files
    from foundations.home import Home

    click.echo(f"Removed {config_files.remove(name, home=Home.default())}")


@config.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List all scheduler configs, and which of their schedulers answer."""
    show_environments(as_json=as_json)


@config.command()
@click.argument("name", required=False, shell_complete=completion.complete_scheduler)
@click.option("--unset", is_flag=True, help="Mean this machine's own scheduler again.")
def default(name: str | None, *, unset: bool) -> None:
    """Mean NAME where no scheduler is named; without NAME, tell which it is."""
    from foundations import default_config
    from foundations.home import Home

    home = Home.default()
    if name is not None and unset:
        raise click.UsageError("Give a name or --unset, not both.")
    if name is not None:
        default_config.choose(name, home=home, cwd=Path.cwd())
    elif unset:
        default_config.forget(home)
    click.echo(default_config.default_name(home))


@config.command()
@click.argument("name", required=False, shell_complete=completion.complete_scheduler)
@json_option
def test(name: str | None, *, as_json: bool) -> None:
    """Tell whether a scheduler answers, and as whom it knows you; exit code 1 when it does not.

    It asks for the default one when NAME is left out. None is started.
    """
    from foundations.home import Home
    from foundations.scheduler_status import look_at
    from foundations.signing_in import named

    config = named(name, home=Home.default())
    status = look_at(config, timeout_seconds=LONGEST_WAIT_SECONDS)
    if as_json:
        document = {
            "env_name": status.name,
            "url": status.url,
            "reachable": status.reachable,
            "version": status.version,
            "user": status.me and status.me.user,
            "role": status.me and str(status.me.role),
            "problem": status.problem,
        }
        render.print_json(document)
    elif status.problem is None and status.me is not None:
        click.echo(f"{config.name} answers at {config.scheduler_url}, version {status.version}.")
        click.echo(f"It knows you as {render.clean(status.me.user)}, role {status.me.role}.")
    if status.problem is not None:
        raise CommandFailed(status.problem)


def _trust(url: str, fingerprint: str | None, ca: Path | None) -> Trust:
    from foundations.transport.trust import Trust, read_fingerprint

    if fingerprint is not None and ca is not None:
        raise click.UsageError("Of --fingerprint and --ca one is enough.")
    if (fingerprint or ca) and not url.startswith("https://"):
        raise click.UsageError("--fingerprint and --ca are for URLs that begin with https://.")
    digits = None if fingerprint is None else read_fingerprint(fingerprint)
    if fingerprint is not None and digits is None:
        raise click.UsageError(
            "--fingerprint takes 64 hexadecimal digits, as `atlas-server tls-init` prints them."
        )
    return Trust(fingerprint=digits, ca=None if ca is None else ca.resolve())
