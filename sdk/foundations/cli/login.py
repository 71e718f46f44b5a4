"""`foundations login` and `logout`: a token for a scheduler, kept in its config."""

from __future__ import annotations

import click

from foundations.cli import completion, render
from foundations.cli.context import json_option
from foundations.cli.token_input import read_token, token_file_option


@click.command()
@click.argument("scheduler", required=False, shell_complete=completion.complete_scheduler)
@token_file_option
@json_option
def login(scheduler: str | None, *, token_file: str | None, as_json: bool) -> None:
    """Sign in at a scheduler by a token that its owner made with `atlas-server token create`.

    The token is asked for, or read from standard input. It is tried before it is kept, and is then
    in the scheduler config, readable by you alone.
    """
    from foundations import signing_in
    from foundations.home import Home

    config = signing_in.named(scheduler, home=Home.default())
    me = signing_in.login(read_token(token_file), config.name)
    if as_json:
        render.print_json(render.model_document(me))
        return
    click.echo(
        f"Signed in at {config.scheduler_url} as {render.clean(me.user)}, role {me.role}. "
        f"The token is in {config.path}."
    )


@click.command()
@click.argument("scheduler", required=False, shell_complete=completion.complete_scheduler)
def logout(scheduler: str | None) -> None:
    """Forget the token of a scheduler. The token itself holds on until it is revoked."""
    from foundations import signing_in
    from foundations.home import Home

    config = signing_in.named(scheduler, home=Home.default())
    if signing_in.logout(config.name):
        click.echo(f"Took the token out of {config.path}. To end it: atlas-server token revoke")
    else:
        click.echo(f"There is no token in {config.path}.")
