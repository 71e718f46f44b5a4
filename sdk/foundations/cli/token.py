"""`foundations token` and `atlas-server token`: who may use a scheduler over a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from foundations.cli import render
from foundations.cli.context import connect, json_option, optional_scheduler_argument
from foundations.cli.groups import VerbGroup
from foundations.cli.limit_options import DURATION
from foundations.cli.render import Column

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import MadeToken, TokenView

ROLES = ("read", "submit", "admin")

_Command = Callable[..., Any]
_LIMITS: tuple[Callable[[_Command], _Command], ...] = (
    click.option("--requests-per-minute", type=click.IntRange(min=1), help="Most requests."),
    click.option("--submits-per-minute", type=click.IntRange(min=1), help="Most submissions."),
    click.option("--queued-jobs", type=click.IntRange(min=1), help="Most jobs that wait at once."),
    click.option(
        "--stored-gb",
        type=click.FloatRange(min=0, min_open=True),
        help="Most that the bundles of its user's jobs may take, in units of 10^9 bytes.",
    ),
    click.option(
        "--followers", type=click.IntRange(min=1), help="Most logs and feeds followed at once."
    ),
)


_Where = Callable[[_Command], _Command]
"""Adds the parameter `place`, which says whose tokens."""
_Reach = Callable[[Any], "Client"]
"""Makes a client of what that parameter was given."""


def token_group(where: _Where, reach: _Reach) -> click.Group:
    """Make the commands about tokens.

    Args:
        where: adds the parameter `place`, which says whose tokens.
        reach: makes a client of what that parameter was given.
    """
    made = (_create(where, reach), _list(where, reach), _rotate(where, reach))
    return VerbGroup(
        "token",
        commands=[*made, _revoke(where, reach)],
        help="Say who may use a scheduler over a network: make, list, rotate and revoke tokens.",
    )


def _create(where: _Where, reach: _Reach) -> click.Command:
    @click.command()
    @where
    @click.argument("name")
    @click.option("--user", help="Who owns what is done with it. Default: you.")
    @click.option(
        "--role",
        type=click.Choice(ROLES),
        default="submit",
        show_default=True,
        help="`read` looks; `submit` also runs jobs in containers; `admin` may everything.",
    )
    @click.option(
        "--expires",
        "expires_seconds",
        type=_Life(),
        default="365d",
        show_default=True,
        metavar="DURATION|never",
        help="For how long it holds.",
    )
    @_limit_options
    @json_option
    def create(
        place: Any,
        name: str,
        *,
        user: str | None,
        role: str,
        expires_seconds: float | None,
        as_json: bool,
        **limits: float | None,
    ) -> None:
        """Make a token, and print it: the only time that it is shown.

        NAME says what it is for, such as `laptop`. Without limits of its own those of the server's
        settings hold.
        """
        from foundations.models import NewToken, Role, TokenLimits

        wanted = NewToken(
            name=name,
            user=user,
            role=Role(role),
            expires_seconds=expires_seconds,
            limits=TokenLimits.model_validate(limits),
        )
        _tell_secret(reach(place).create_token(wanted), as_json=as_json)

    return create


def _list(where: _Where, reach: _Reach) -> click.Command:
    @click.command("list")
    @where
    @click.option("--all", "all_", is_flag=True, help="Also those that were revoked or expired.")
    @json_option
    def list_(place: Any, *, all_: bool, as_json: bool) -> None:
        """List tokens: who has one, and when and from where it was last used."""
        found = [one for one in reach(place).tokens() if all_ or one.holds]
        if as_json:
            render.print_json([render.model_document(one) for one in found])
            return
        _print_table(found)

    return list_


def _revoke(where: _Where, reach: _Reach) -> click.Command:
    @click.command()
    @where
    @click.argument("ref", metavar="TOKEN")
    @json_option
    def revoke(place: Any, ref: str, *, as_json: bool) -> None:
        """Let a token hold no longer. TOKEN is its id, or a name: then all of that name."""
        revoked = reach(place).revoke_token(ref)
        if as_json:
            render.print_json([render.model_document(one) for one in revoked])
            return
        for one in revoked:
            click.echo(f"Token {one.token_id} (`{render.clean(one.name)}`) is revoked")

    return revoke


def _rotate(where: _Where, reach: _Reach) -> click.Command:
    @click.command()
    @where
    @click.argument("ref", metavar="TOKEN")
    @click.option(
        "--overlap",
        "overlap_seconds",
        type=DURATION,
        default="1d",
        show_default=True,
        metavar="DURATION",
        help="For how long the old one still holds.",
    )
    @json_option
    def rotate(place: Any, ref: str, *, overlap_seconds: float, as_json: bool) -> None:
        """Make a token in place of another one, and print it.

        It has the same user, role, limits and length of life.
        """
        made = reach(place).rotate_token(ref, overlap_seconds=overlap_seconds)
        _tell_secret(made, as_json=as_json)

    return rotate


@click.command()
@optional_scheduler_argument
@json_option
def whoami(scheduler: str, *, as_json: bool) -> None:
    """Show as whom a scheduler knows you, and what you may do there."""
    me = connect(scheduler).whoami()
    if as_json:
        render.print_json(render.model_document(me))
        return
    known_by = f"token {me.token_id}" if me.token_id else "the socket that only you can open"
    click.echo(f"{render.clean(me.user)}, role {me.role}, by {known_by}")


def _limit_options(command: _Command) -> _Command:
    for option in reversed(_LIMITS):
        command = option(command)
    return command


class _Life(click.ParamType[Any]):
    """A duration in seconds, or None for `never`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it, or tell what it should look like."""
        return None if value in (None, "never") else DURATION.convert(value, param, ctx)


def _tell_secret(made: MadeToken, *, as_json: bool) -> None:
    if as_json:
        render.print_json(render.model_document(made))
        return
    # Alone on standard output, so that a script can take it.
    click.echo(made.secret)
    until = f"until {render.local_time(made.expires_at)}" if made.expires_at else "for ever"
    click.echo(
        f"Token {made.token_id} of {render.clean(made.user)}, role {made.role}, holds {until}. "
        "This is the only time that it is shown.",
        err=True,
    )


def _print_table(tokens: list[TokenView]) -> None:
    if not tokens:
        click.echo("No tokens.")
        return
    columns = [
        Column("TOKEN"),
        Column("NAME", narrowest=8),
        Column("USER", narrowest=6),
        Column("ROLE"),
        Column("HOLDS UNTIL"),
        Column("LAST USED"),
        Column("FROM", droppable=True),
    ]
    rows = [
        [
            one.token_id,
            one.name,
            one.user,
            str(one.role),
            _until(one),
            render.local_time(one.last_used_at) if one.last_used_at else "never",
            one.last_used_from or render.MISSING,
        ]
        for one in tokens
    ]
    render.print_table(columns, rows)


def _until(one: TokenView) -> str:
    if one.revoked_by is not None:
        return f"revoked by {one.revoked_by}"
    if one.expires_at is None:
        return "for ever"
    return render.local_time(one.expires_at) if one.holds else "expired"


token = token_group(
    click.argument("place", metavar="SCHEDULER"), lambda scheduler: connect(str(scheduler))
)
